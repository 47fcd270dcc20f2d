//! Types that cost nothing by themselves, with the reason.

/// Why a type costs nothing; `None` if konta does not know that.
///
/// Source: the services' pricing pages; most are settings of something that is priced separately.
#[must_use]
pub fn reason(resource_type: &str) -> Option<&'static str> {
    let exact = EXACT.iter().find(|(name, _)| *name == resource_type).map(|(_, reason)| *reason);
    exact.or_else(|| PREFIXES.iter().find(|(name, _)| resource_type.starts_with(name)).map(|(_, reason)| *reason))
}

const NETWORK: &str = "a part of the network that costs nothing; gateways, addresses and traffic are priced separately";
const ACCESS: &str = "identity and access cost nothing";
const ROUTING: &str = "billed through the capacity units of its load balancer";
const SETTING: &str = "a setting of a resource that is priced separately";

const PREFIXES: &[(&str, &str)] = &[
    ("AWS::IAM::", ACCESS),
    (
        "AWS::CloudFormation::",
        "CloudFormation's own types cost nothing; a nested stack has its own template, which is not read here",
    ),
];

const EXACT: &[(&str, &str)] = &[
    ("AWS::EC2::VPC", NETWORK),
    ("AWS::EC2::Subnet", NETWORK),
    ("AWS::EC2::SubnetCidrBlock", NETWORK),
    ("AWS::EC2::VPCCidrBlock", NETWORK),
    ("AWS::EC2::InternetGateway", NETWORK),
    ("AWS::EC2::EgressOnlyInternetGateway", NETWORK),
    ("AWS::EC2::VPCGatewayAttachment", NETWORK),
    ("AWS::EC2::RouteTable", NETWORK),
    ("AWS::EC2::Route", NETWORK),
    ("AWS::EC2::SubnetRouteTableAssociation", NETWORK),
    ("AWS::EC2::SecurityGroup", NETWORK),
    ("AWS::EC2::SecurityGroupIngress", NETWORK),
    ("AWS::EC2::SecurityGroupEgress", NETWORK),
    ("AWS::EC2::NetworkAcl", NETWORK),
    ("AWS::EC2::NetworkAclEntry", NETWORK),
    ("AWS::EC2::SubnetNetworkAclAssociation", NETWORK),
    ("AWS::EC2::DHCPOptions", NETWORK),
    ("AWS::EC2::VPCDHCPOptionsAssociation", NETWORK),
    ("AWS::EC2::EIPAssociation", "the address is priced where it is allocated"),
    ("AWS::EC2::LaunchTemplate", "a description; what is launched from it is priced where it runs"),
    ("AWS::EC2::KeyPair", ACCESS),
    ("AWS::ElasticLoadBalancingV2::Listener", ROUTING),
    ("AWS::ElasticLoadBalancingV2::ListenerRule", ROUTING),
    ("AWS::ElasticLoadBalancingV2::ListenerCertificate", ROUTING),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", ROUTING),
    ("AWS::ECS::TaskDefinition", "a description; tasks are priced with the service that runs them"),
    ("AWS::ECS::ClusterCapacityProviderAssociations", SETTING),
    ("AWS::ECS::CapacityProvider", SETTING),
    ("AWS::ApplicationAutoScaling::ScalableTarget", "its bounds and hours are priced with the service that it scales"),
    ("AWS::RDS::DBSubnetGroup", SETTING),
    ("AWS::RDS::DBParameterGroup", SETTING),
    ("AWS::RDS::DBClusterParameterGroup", SETTING),
    ("AWS::RDS::OptionGroup", SETTING),
    ("AWS::RDS::EventSubscription", SETTING),
    ("AWS::EFS::AccessPoint", SETTING),
    ("AWS::EFS::MountTarget", "mount targets cost nothing; traffic between zones does"),
    ("AWS::S3::BucketPolicy", SETTING),
    ("AWS::Backup::BackupPlan", "a plan; what is stored is priced with the vault"),
    ("AWS::Backup::BackupSelection", "a plan; what is stored is priced with the vault"),
    ("AWS::Logs::LogStream", "billed through its log group"),
    ("AWS::Logs::SubscriptionFilter", "the service that receives the logs is priced separately"),
    ("AWS::Logs::ResourcePolicy", ACCESS),
    ("AWS::KMS::Alias", "an alias costs nothing; the key does"),
    ("AWS::SecretsManager::SecretTargetAttachment", SETTING),
    ("AWS::SecretsManager::ResourcePolicy", ACCESS),
    ("AWS::SecretsManager::RotationSchedule", "the function that rotates is priced separately"),
    ("AWS::Route53::RecordSet", "records cost nothing; queries are priced with their zone"),
    ("AWS::Route53::RecordSetGroup", "records cost nothing; queries are priced with their zone"),
    ("AWS::Lambda::Permission", ACCESS),
    ("AWS::Lambda::EventSourceMapping", SETTING),
    ("AWS::Lambda::LayerVersion", SETTING),
    ("AWS::ApiGatewayV2::Integration", SETTING),
    ("AWS::ApiGatewayV2::Route", SETTING),
    ("AWS::ApiGatewayV2::Stage", SETTING),
    ("AWS::WAFv2::WebACLAssociation", SETTING),
    ("AWS::WAFv2::IPSet", "address sets cost nothing; rules do"),
    ("AWS::SES::ConfigurationSetEventDestination", SETTING),
    ("AWS::SES::Template", SETTING),
    ("AWS::SNS::TopicPolicy", ACCESS),
    ("AWS::SQS::QueuePolicy", ACCESS),
    ("AWS::Budgets::Budget", "budgets without actions cost nothing"),
];
