//! Pricers: for a resource type, what it uses and under which usage types that is billed.

pub mod account;
pub mod api_gateway;
pub mod aurora;
pub mod certificate_manager;
pub mod cloudwatch;
pub mod ecs;
pub mod free;
pub mod lambda;
pub mod load_balancer;
pub mod network;
mod price_tiers;
pub mod rds_instance;
pub mod route53;
pub mod schedule;
pub mod secrets;
pub mod ses;
mod sheet;
pub mod storage;
pub mod waf;

pub use sheet::{Focus, Missing, Sheet};

/// Prices one resource, by its logical id; an error is what could not be known, and becomes an entry under `unknown`.
pub type Pricer = fn(&mut Sheet<'_, '_>, &str) -> Result<(), Missing>;

/// The pricer of a type; `None` when konta has none.
#[must_use]
pub fn pricer(resource_type: &str) -> Option<Pricer> {
    Some(match resource_type {
        "AWS::ECS::Service" => ecs::service,
        "AWS::ECS::Cluster" => ecs::cluster,
        "AWS::RDS::DBCluster" => aurora::cluster,
        "AWS::RDS::DBInstance" => rds_instance::instance,
        "AWS::ElasticLoadBalancingV2::LoadBalancer" => load_balancer::load_balancer,
        "AWS::EC2::NatGateway" => network::nat_gateway,
        "AWS::EC2::EIP" => network::elastic_ip,
        "AWS::EC2::VPCEndpoint" => network::endpoint,
        "AWS::EFS::FileSystem" => storage::file_system,
        "AWS::S3::Bucket" => storage::bucket,
        "AWS::ECR::Repository" => storage::repository,
        "AWS::Backup::BackupVault" => storage::vault,
        "AWS::Logs::LogGroup" => cloudwatch::log_group,
        "AWS::CloudWatch::Alarm" => cloudwatch::alarm,
        "AWS::ApplicationAutoScaling::ScalingPolicy" => cloudwatch::scaling_policy,
        "AWS::SecretsManager::Secret" => secrets::secret,
        "AWS::SSM::Parameter" => secrets::parameter,
        "AWS::KMS::Key" | "AWS::KMS::ReplicaKey" => secrets::key,
        "AWS::Route53::HostedZone" => route53::hosted_zone,
        "AWS::WAFv2::WebACL" => waf::web_acl,
        "AWS::SES::EmailIdentity" | "AWS::SES::ConfigurationSet" => ses::email,
        "AWS::ApiGatewayV2::Api" => api_gateway::http_api,
        "AWS::Lambda::Function" => lambda::function,
        "AWS::Lambda::Version" | "AWS::Lambda::Alias" => lambda::provisioned,
        "AWS::CertificateManager::Certificate" => certificate_manager::certificate,
        _ => return None,
    })
}

/// Why a resource that costs by use has no cost: nobody said how much.
fn unused(resource_type: &str) -> String {
    let fields = crate::cost::usage::fields_of(resource_type).join("`, `");
    format!("it costs by use, and nobody says how much: give `{fields}` in a usage file")
}

/// Prices every resource that the template makes.
pub fn price_resources(sheet: &mut Sheet<'_, '_>) {
    let document = sheet.document();
    for (id, resource) in document.resources() {
        if id.starts_with("Fn::") {
            sheet.unknown(id, "it is expanded by a transform inside AWS");
            continue;
        }
        if document.resource_type(id).is_empty() {
            sheet.unknown(id, "it is no resource: a map with a `Type` is wanted");
            continue;
        }
        match sheet.is_made(resource) {
            Ok(false) => continue,
            Ok(true) => {}
            Err(reason) => {
                sheet.unknown(id, &reason);
                continue;
            }
        }
        let kind = document.resource_type(id);
        if let Some(price) = pricer(kind) {
            let before = sheet.entries();
            if let Err(missing) = price(sheet, id) {
                sheet.unknown(id, &missing.0);
            }
            // Nothing may vanish: what costs by use costs an unknown amount while nobody says how much is used.
            if sheet.entries() == before {
                if sheet.is_mentioned(id) {
                    sheet.free(id, "it costs by use, and the usage file says none");
                } else {
                    sheet.unknown(id, &unused(kind));
                }
            }
        } else if let Some(reason) = free::reason(kind) {
            sheet.free(id, reason);
        } else {
            sheet.unpriced(id);
        }
    }
}
