"""The templates that the sandbox's tests deploy: every type that konta uses, with the attributes its templates read."""
import json

ACCOUNT, REGION = "123456789012", "eu-west-1"


def ref(name):
    return {"Ref": name}


def att(name, attribute):
    return {"Fn::GetAtt": [name, attribute]}


def resource(kind, depends=None, policy=None, **properties):
    out = {"Type": f"AWS::{kind}", "Properties": properties}
    if depends:
        out["DependsOn"] = depends
    if policy:
        out["DeletionPolicy"] = out["UpdateReplacePolicy"] = policy
    return out


def network():
    elb = "ElasticLoadBalancingV2"
    forward = [{"Type": "forward", "TargetGroupArn": ref("Group")}]
    return {
        "Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16", EnableDnsHostnames=True),
        "A": resource("EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.0.1.0/24", AvailabilityZone=f"{REGION}a"),
        "B": resource("EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.0.2.0/24", AvailabilityZone=f"{REGION}b"),
        "Gateway": resource("EC2::InternetGateway"),
        "Attached": resource("EC2::VPCGatewayAttachment", VpcId=ref("Vpc"), InternetGatewayId=ref("Gateway")),
        "Table": resource("EC2::RouteTable", VpcId=ref("Vpc")),
        "Route": resource("EC2::Route", "Attached", RouteTableId=ref("Table"), DestinationCidrBlock="0.0.0.0/0",
                          GatewayId=ref("Gateway")),
        "TableA": resource("EC2::SubnetRouteTableAssociation", SubnetId=ref("A"), RouteTableId=ref("Table")),
        "Address": resource("EC2::EIP", Domain="vpc"),
        "Nat": resource("EC2::NatGateway", SubnetId=ref("A"), AllocationId=att("Address", "AllocationId")),
        "Endpoint": resource("EC2::VPCEndpoint", VpcId=ref("Vpc"), ServiceName=f"com.amazonaws.{REGION}.s3",
                             RouteTableIds=[ref("Table")]),
        "Guard": resource("EC2::SecurityGroup", GroupDescription="guard", VpcId=ref("Vpc")),
        "Ingress": resource("EC2::SecurityGroupIngress", GroupId=att("Guard", "GroupId"), IpProtocol="tcp", FromPort=443,
                            ToPort=443, CidrIp="0.0.0.0/0"),
        "Balancer": resource(f"{elb}::LoadBalancer", Subnets=[ref("A"), ref("B")], SecurityGroups=[ref("Guard")],
                             Scheme="internet-facing"),
        "Group": resource(f"{elb}::TargetGroup", VpcId=ref("Vpc"), Port=8069, Protocol="HTTP", TargetType="ip"),
        "Listener": resource(f"{elb}::Listener", LoadBalancerArn=ref("Balancer"), Port=443, Protocol="HTTPS",
                             Certificates=[{"CertificateArn": ref("Certificate")}], DefaultActions=[{
                                 "Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]),
        "More": resource(f"{elb}::ListenerCertificate", ListenerArn=ref("Listener"),
                         Certificates=[{"CertificateArn": ref("Certificate")}]),
        "Rule": resource(f"{elb}::ListenerRule", ListenerArn=ref("Listener"), Priority=ref("Priority"), Actions=forward,
                         Conditions=[{"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example.com"]}}]),
        "Certificate": resource("CertificateManager::Certificate", DomainName="*.example.com", ValidationMethod="DNS"),
        "Zone": resource("Route53::HostedZone", Name="example.com"),
        "Name": resource("Route53::RecordSet", HostedZoneId=ref("Zone"), Name="a.example.com", Type="A", AliasTarget={
            "DNSName": att("Balancer", "DNSName"), "HostedZoneId": att("Balancer", "CanonicalHostedZoneID")}),
    }


def application():
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {
        "Service": "ecs-tasks.amazonaws.com"}}]}
    container = {
        "Name": "odoo", "Image": "odoo:19", "Essential": "true", "StopTimeout": "120",
        "PortMappings": [{"Name": "http", "ContainerPort": "8069"}],
        "Environment": [{"Name": "PGHOST", "Value": "db"}],
        "Secrets": [{"Name": "PGPASSWORD", "ValueFrom": att("Secret", "Id")}],
        "MountPoints": [{"SourceVolume": "data", "ContainerPath": "/var/lib/odoo", "ReadOnly": "false"}],
        "LogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": ref("Logs"), "mode": "non-blocking"}},
        "HealthCheck": {"Command": ["CMD", "true"], "Interval": "30"}}
    return {
        "Cluster": resource("ECS::Cluster", ClusterName="konta"),
        "Providers": resource("ECS::ClusterCapacityProviderAssociations", Cluster=ref("Cluster"),
                              CapacityProviders=["FARGATE", "FARGATE_SPOT"], DefaultCapacityProviderStrategy=[
                                  {"CapacityProvider": "FARGATE_SPOT", "Weight": 1}]),
        "Role": resource("IAM::Role", AssumeRolePolicyDocument=trust),
        "Policy": resource("IAM::ManagedPolicy", PolicyDocument={"Version": "2012-10-17", "Statement": []}),
        "Trust": resource("IAM::OIDCProvider", Url="https://token.actions.githubusercontent.com",
                          ClientIdList=["sts.amazonaws.com"]),
        "Secret": resource("SecretsManager::Secret", GenerateSecretString={"PasswordLength": 30}),
        "Logs": resource("Logs::LogGroup", RetentionInDays=30),
        "Files": resource("EFS::FileSystem", Encrypted=True),
        "Mount": resource("EFS::MountTarget", FileSystemId=ref("Files"), SubnetId=ref("A"), SecurityGroups=[ref("Guard")]),
        "Access": resource("EFS::AccessPoint", FileSystemId=ref("Files"), PosixUser={"Uid": "100", "Gid": "101"},
                           RootDirectory={"Path": "/t", "CreationInfo": {"OwnerUid": "100", "OwnerGid": "101",
                                                                         "Permissions": "0750"}}),
        "Task": resource("ECS::TaskDefinition", Family="odoo", Cpu="512", Memory="1024", NetworkMode="awsvpc",
                         RequiresCompatibilities=["FARGATE"], ExecutionRoleArn=att("Role", "Arn"),
                         RuntimePlatform={"CpuArchitecture": "ARM64"}, ContainerDefinitions=[container],
                         Volumes=[{"Name": "data", "EFSVolumeConfiguration": {
                             "FilesystemId": ref("Files"), "TransitEncryption": "ENABLED", "AuthorizationConfig": {
                                 "AccessPointId": ref("Access"), "IAM": "ENABLED"}}}]),
        "Service": resource("ECS::Service", ["Rule", "Providers"], ServiceName="odoo", Cluster=ref("Cluster"),
                            TaskDefinition=ref("Task"), DesiredCount=ref("Count"), EnableExecuteCommand="true",
                            HealthCheckGracePeriodSeconds="120",
                            CapacityProviderStrategy=[{"CapacityProvider": "FARGATE_SPOT", "Weight": "1"}],
                            DeploymentConfiguration={"MaximumPercent": "200", "MinimumHealthyPercent": "100",
                                                     "DeploymentCircuitBreaker": {"Enable": "true", "Rollback": "true"}},
                            LoadBalancers=[{"ContainerName": "odoo", "ContainerPort": "8069",
                                            "TargetGroupArn": ref("Group")}],
                            NetworkConfiguration={"AwsvpcConfiguration": {"Subnets": [ref("A")], "SecurityGroups": [
                                ref("Guard")], "AssignPublicIp": "ENABLED"}}),
        "Scaled": resource("ApplicationAutoScaling::ScalableTarget", MinCapacity=1, MaxCapacity=2, ServiceNamespace="ecs",
                           ScalableDimension="ecs:service:DesiredCount",
                           ResourceId={"Fn::Sub": "service/${Cluster}/${Service.Name}"}),
        "Scaling": resource("ApplicationAutoScaling::ScalingPolicy", PolicyName="cpu", ScalingTargetId=ref("Scaled"),
                            PolicyType="TargetTrackingScaling"),
        "Alarm": resource("CloudWatch::Alarm", MetricName="HTTPCode_ELB_5XX_Count", Namespace="AWS/ApplicationELB",
                          Statistic="Sum", Period=60, EvaluationPeriods=5, Threshold=10,
                          ComparisonOperator="GreaterThanThreshold", Dimensions=[
                              {"Name": "LoadBalancer", "Value": att("Balancer", "LoadBalancerFullName")},
                              {"Name": "TargetGroup", "Value": att("Group", "TargetGroupFullName")}]),
        "Vault": resource("Backup::BackupVault", BackupVaultName="konta"),
        "Plan": resource("Backup::BackupPlan", BackupPlan={"BackupPlanName": "konta", "BackupPlanRule": [
            {"RuleName": "daily", "TargetBackupVault": ref("Vault"), "ScheduleExpression": "cron(0 3 * * ? *)"}]}),
        "Selected": resource("Backup::BackupSelection", BackupPlanId=ref("Plan"), BackupSelection={
            "SelectionName": "files", "IamRoleArn": att("Role", "Arn"), "Resources": [att("Files", "Arn")]}),
        "Budget": resource("Budgets::Budget", Budget={"BudgetType": "COST", "TimeUnit": "MONTHLY",
                                                      "BudgetLimit": {"Amount": 100, "Unit": "USD"}}),
    }


def imported(certificate, zone, vpc, public, private, host="artista.es", with_application=True):
    """A stack in an imported network, with every type that can refer to an imported resource."""
    own, app = network(), application()
    out = {name: own[name] for name in ("Guard", "Balancer", "Group", "Listener", "More", "Rule", "Name")}
    for name in ("Guard", "Group"):
        out[name]["Properties"]["VpcId"] = vpc
    out["Balancer"]["Properties"]["Subnets"] = public
    for name in ("Listener", "More"):
        out[name]["Properties"]["Certificates"] = [{"CertificateArn": certificate}]
    out["Name"]["Properties"].update(HostedZoneId=zone, Name=host)
    out["Text"] = resource("Route53::RecordSet", HostedZoneId=zone, Name="_konta." + host, Type="TXT", TTL="300",
                           ResourceRecords=['"konta"'])
    out["Own"] = resource("CertificateManager::Certificate", DomainName=host, ValidationMethod="DNS",
                          DomainValidationOptions=[{"DomainName": host, "HostedZoneId": zone}])
    out["OwnMore"] = {**own["More"], "Properties": {"ListenerArn": ref("Listener"), "Certificates": [
        {"CertificateArn": ref("Own")}]}}
    out["Places"] = resource("RDS::DBSubnetGroup", DBSubnetGroupDescription="d", SubnetIds=private)
    if with_application:
        out.update({name: app[name] for name in ("Cluster", "Providers", "Role", "Secret", "Logs", "Files", "Access", "Task",
                                                 "Service")})
        for number, subnet in enumerate(private):
            out[f"Mount{number}"] = resource("EFS::MountTarget", FileSystemId=ref("Files"), SubnetId=subnet,
                                             SecurityGroups=[ref("Guard")])
        out["Service"]["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"] = public
    return out


def database(protected=False, http=True, version="16.9", scaling=None, policy="Delete", **more):
    return {
        "Places": resource("RDS::DBSubnetGroup", DBSubnetGroupDescription="d", SubnetIds=[ref("A"), ref("B")]),
        "Data": resource("RDS::DBCluster", policy=policy, Engine="aurora-postgresql", EngineVersion=version,
                         MasterUsername="konta", ManageMasterUserPassword=True, EnableHttpEndpoint=http,
                         StorageEncrypted=True, DeletionProtection=protected, DBSubnetGroupName=ref("Places"),
                         ServerlessV2ScalingConfiguration=scaling or {"MinCapacity": 0.5, "MaxCapacity": 4}, **more),
        "Writer": resource("RDS::DBInstance", policy=policy, DBClusterIdentifier=ref("Data"), Engine="aurora-postgresql",
                           DBInstanceClass="db.serverless"),
    }


def template(resources, outputs=None, parameters=None):
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources, "Outputs": outputs or {},
                       "Parameters": parameters or {}})


PARAMETERS = {"Count": {"Type": "Number", "Default": 1}, "Priority": {"Type": "Number", "Default": 10}}
SMALL = {k: v for k, v in network().items() if k in ("Vpc", "A", "B")}
