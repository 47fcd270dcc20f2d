//! What the manifests say, under the names of the templates' parameters.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{CellNumber, Certificate, Environment, Tenant, Vpc};

use super::names::{Names, POOL_USER};
use super::placement::Placement;
use super::tags::PAGE;

/// Outputs that exist only if the environment makes its own network.
const WITH_OWN_NETWORK: &[&str] = &["DataZones"];

/// The conditional outputs that an environment's settings fulfil.
pub(super) fn fulfilled(environment: &Environment) -> &'static [&'static str] {
    match environment.network.vpc {
        Vpc::Create { .. } => WITH_OWN_NETWORK,
        Vpc::Import { .. } => &[],
    }
}

/// Values that only the environment's own stack asks for.
pub(super) fn network_values(environment: &Environment) -> BTreeMap<&'static str, String> {
    let mut own = BTreeMap::from([
        ("Egress", environment.network.egress.as_str().to_owned()),
        ("LogRetentionDays", environment.log_retention_days.to_string()),
        (
            "CertificateArn",
            match &environment.certificate {
                Certificate::Create => String::new(),
                Certificate::Import(arn) => arn.clone(),
            },
        ),
    ]);
    match &environment.network.vpc {
        Vpc::Create { cidr } => {
            own.insert("VpcId", String::new());
            own.insert("VpcCidr", cidr.clone());
        }
        Vpc::Import { id, public_subnets, private_subnets } => {
            own.insert("VpcId", id.clone());
            own.insert("PublicSubnetIds", public_subnets.join(","));
            own.insert("PrivateSubnetIds", private_subnets.join(","));
        }
    }
    if let Some(role) = &environment.deploy_role {
        own.insert("OidcProviderArn", role.provider.clone());
        let issuer = if role.issuer == "github" { "token.actions.githubusercontent.com" } else { "gitlab.com" };
        own.insert("OidcIssuer", issuer.to_owned());
        own.insert("OidcSubjects", role.subjects.join(","));
    }
    own
}

/// The ARNs of the zones that hold tenants' hosts, besides the environment's own zone, separated by commas.
pub(super) fn host_zones<'a>(environment: &Environment, tenants: impl Iterator<Item = &'a Tenant>) -> String {
    let region = environment.region.as_str();
    let partitions = [("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")];
    let partition = partitions.iter().find(|(start, _)| region.starts_with(start)).map_or("aws", |(_, name)| name);
    let zones: BTreeSet<&str> =
        tenants.flat_map(|tenant| &tenant.hosts).filter_map(|host| host.hosted_zone.as_deref()).collect();
    zones.into_iter().map(|zone| format!("arn:{partition}:route53:::hostedzone/{zone}")).collect::<Vec<_>>().join(",")
}

/// Values that the stacks of a cell and of its tenants ask for.
pub(super) fn cell_values(
    environment: &Environment,
    cell: CellNumber,
    has_pool: bool,
    names: &Names,
) -> BTreeMap<&'static str, String> {
    let database = &environment.database;
    let pool = &environment.pool;
    BTreeMap::from([
        ("Cell", cell.to_string()),
        ("EngineVersion", database.engine_version.clone()),
        ("MinCapacity", database.capacity.min()),
        ("MaxCapacity", database.capacity.max()),
        ("SecondsUntilAutoPause", database.auto_pause_seconds.map(|s| s.to_string()).unwrap_or_default()),
        ("DatabaseInstances", database.instances.to_string()),
        ("BackupRetentionDays", database.backup_retention_days.to_string()),
        ("DeletionProtection", environment.termination_protection.to_string()),
        // One wildcard record leads to the first cell; tenants elsewhere have their own records, which take precedence.
        ("CellAlias", (cell == CellNumber::FIRST).to_string()),
        ("PoolEnabled", has_pool.to_string()),
        ("PoolImage", pool.image.clone()),
        ("PoolCpu", pool.size.cpu().to_string()),
        ("PoolMemory", pool.size.memory().to_string()),
        ("PoolTasks", pool.tasks.to_string()),
        ("PoolUser", POOL_USER.to_owned()),
        ("PoolPasswordParameter", names.pool_password(cell)),
    ])
}

/// Values that a tenant's stack asks for.
pub(super) fn tenant_values(
    environment: &Environment,
    tenant: &Tenant,
    placement: Placement,
    names: &Names,
) -> BTreeMap<&'static str, String> {
    let hosts: Vec<&str> = tenant.hosts.iter().map(|h| h.host.as_str()).collect();
    // The wildcard record leads to the first cell, and does not cover the domain itself.
    let beside_wildcard =
        placement.cell != CellNumber::FIRST || tenant.hosts.iter().any(|host| host.host == environment.domain);
    BTreeMap::from([
        ("Tenant", tenant.name.to_string()),
        ("Database", tenant.name.database()),
        ("DatabaseUser", tenant.name.database()),
        ("PasswordParameter", names.tenant_password(&tenant.name)),
        ("Image", tenant.image.clone()),
        ("Cpu", tenant.size.cpu().to_string()),
        ("Memory", tenant.size.memory().to_string()),
        ("MinTasks", tenant.tasks.min().to_string()),
        ("MaxTasks", tenant.tasks.max().to_string()),
        ("OnDemandBase", if tenant.spot { tenant.on_demand.to_string() } else { "0".to_owned() }),
        ("OnDemandWeight", if tenant.spot { "0" } else { "1" }.to_owned()),
        ("SpotWeight", if tenant.spot { "1" } else { "0" }.to_owned()),
        ("Hosts", hosts.join(",")),
        ("ListenerRulePriority", placement.priority.to_string()),
        ("OwnAlias", beside_wildcard.to_string()),
        (PAGE, placement.page.to_string()),
    ])
}
