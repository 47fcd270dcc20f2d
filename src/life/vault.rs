//! Where a tenant's one-off tasks run, and where its backups are.

use crate::aws::data::DataTarget;
use crate::deploy::{DeployError, Deployer, steps};
use crate::model::TenantName;
use crate::stack::{Observed, ObservedStack};

/// Where a tenant's one-off tasks run, and where its backups are.
#[derive(Debug, Clone)]
pub struct Vault {
    /// The tenant's stack, for messages.
    pub stack: String,
    /// The tenant.
    pub tenant: TenantName,
    /// The bucket of backups.
    pub bucket: String,
    /// The database cluster.
    pub data: DataTarget,
    /// Whether the pool serves the tenant.
    pub is_pooled: bool,
    /// The image of its tasks.
    pub image: Option<String>,
    pub(super) cluster: String,
    pub(super) task_definition: String,
    pub(super) task_role: String,
    pub(super) subnets: Vec<String>,
    pub(super) security_group: String,
    pub(super) public_ip: bool,
    pub(super) tags: Vec<(String, String)>,
}

impl Vault {
    /// Of a tenant that stands.
    ///
    /// # Errors
    /// When the tenant is not deployed, or its environment and cell were last deployed before there were backups.
    pub fn of(deployer: &Deployer<'_>, tenant: &TenantName) -> Result<Self, DeployError> {
        let observed = deployer.observed();
        let name = deployer.names.tenant(tenant);
        let standing = observed.get(&name).ok_or_else(|| DeployError::Preflight {
            problem: format!("the tenant {tenant} is not deployed"),
            help: format!("deploy it with `konta deploy tenant {tenant}`"),
        })?;
        let environment = deployer.names.environment();
        let cell = standing.cell().map(|cell| deployer.names.cell(cell)).unwrap_or_default();
        let find = |output: &str| {
            [&name, &cell, &environment]
                .into_iter()
                .find_map(|stack| observed.output(stack, output))
                .map(ToOwned::to_owned)
                .ok_or_else(|| missing(&name, output))
        };
        let is_pooled = standing.is_pooled();
        let image = if is_pooled { parameter(&observed, &cell, "PoolImage") } else { own(standing, "Image") };
        Ok(Self {
            bucket: bucket(&observed, &environment)?,
            data: database(&observed, standing, &cell).ok_or_else(|| missing(&name, "DatabaseClusterArn"))?,
            is_pooled,
            image,
            cluster: find("ClusterName")?,
            task_definition: find(if is_pooled { "PoolTaskDefinitionArn" } else { "TaskDefinitionArn" })?,
            task_role: find("OperationsRoleArn")?,
            subnets: find("TaskSubnetIds")?.split(',').map(ToOwned::to_owned).collect(),
            security_group: find("TaskSecurityGroupId")?,
            public_ip: find("AssignPublicIp")? == "ENABLED",
            tags: standing.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            stack: name,
            tenant: tenant.clone(),
        })
    }
}

/// The bucket of an environment's backups.
///
/// # Errors
/// When the environment was last deployed before there were backups.
pub fn bucket(observed: &Observed, environment: &str) -> Result<String, DeployError> {
    let found = observed.output(environment, "BackupBucketName").map(ToOwned::to_owned);
    found.ok_or_else(|| missing(environment, "BackupBucketName"))
}

/// A tenant's own cluster, an addon's, comes before the cell's.
fn database(observed: &Observed, standing: &ObservedStack, cell: &str) -> Option<DataTarget> {
    let endpoint = standing.parameters.get("DatabaseEndpoint");
    let own = observed
        .iter()
        .find(|stack| endpoint.is_some() && stack.name != cell && stack.outputs.get("DatabaseEndpoint") == endpoint);
    let stacks: Vec<String> = own.map(|stack| stack.name.clone()).into_iter().chain([cell.to_owned()]).collect();
    steps::data_target(observed, &stacks)
}

fn own(stack: &ObservedStack, parameter: &str) -> Option<String> {
    stack.parameters.get(parameter).cloned()
}

fn parameter(observed: &Observed, stack: &str, name: &str) -> Option<String> {
    observed.get(stack).and_then(|stack| own(stack, name))
}

fn missing(stack: &str, output: &str) -> DeployError {
    DeployError::MissingOutput { stack: stack.to_owned(), missing: output.to_owned() }
}
