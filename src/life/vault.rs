//! Where a tenant's backups are, and the tasks that make and read them.

use crate::aws::data::DataTarget;
use crate::deploy::arrival::NewPlace;
use crate::deploy::delete::BACKUP_BUCKET;
use crate::deploy::{DeployError, Deployer, steps};
use crate::model::{Isolation, TenantName};
use crate::stack::{Observed, ObservedStack};

use super::logs::Source;
use super::place::{Place, PlaceError};

/// Where a tenant's backups are, and the tasks that make and read them.
#[derive(Debug, Clone)]
pub struct Vault {
    /// The tenant's stack, for messages.
    pub stack: String,
    /// Where the tenant runs.
    pub place: Place,
    /// The bucket of backups.
    pub bucket: String,
    /// The database cluster.
    pub data: DataTarget,
    /// The image of the tenant's tasks.
    pub image: Option<String>,
    /// The role that reaches the bucket.
    pub task_role: String,
}

impl Vault {
    /// Of a tenant that stands.
    ///
    /// # Errors
    /// When the tenant is not deployed, or its environment and cell were last deployed before there were backups.
    pub fn of(deployer: &Deployer<'_>, tenant: &TenantName) -> Result<Self, DeployError> {
        let observed = deployer.observed();
        let place = Place::of(&observed, &deployer.names, tenant).map_err(unknown)?;
        let name = deployer.names.tenant(tenant);
        let not_deployed = || unknown(PlaceError::NotDeployed { tenant: tenant.clone() });
        let standing = observed.get(&name).ok_or_else(not_deployed)?;
        let cell = standing.cell().map(|cell| deployer.names.cell(cell)).unwrap_or_default();
        let holder = if place.is_pooled { observed.get(&cell) } else { Some(standing) };
        let image = if place.is_pooled { "PoolImage" } else { "Image" };
        Ok(Self {
            bucket: bucket(&observed, &deployer.names.environment())?,
            data: database(&observed, standing, &cell).ok_or_else(|| missing(&name, "DatabaseClusterArn"))?,
            image: holder.and_then(|stack| stack.parameters.get(image).cloned()),
            task_role: observed
                .output(&cell, "OperationsRoleArn")
                .map(ToOwned::to_owned)
                .ok_or_else(|| missing(&cell, "OperationsRoleArn"))?,
            stack: name,
            place,
        })
    }
}

impl Vault {
    /// Of a place that a tenant comes to, whose stack is being made.
    ///
    /// # Errors
    /// When the environment was last deployed before there were backups.
    pub fn at(deployer: &Deployer<'_>, place: &NewPlace<'_>) -> Result<Self, DeployError> {
        let observed = deployer.observed();
        let tenant = &place.tenant.name;
        let is_pooled = place.tenant.isolation == Isolation::Pooled;
        Ok(Self {
            stack: place.stack.to_owned(),
            place: Place {
                tenant: tenant.clone(),
                database: tenant.database(),
                is_pooled,
                cluster: place.cluster.to_owned(),
                service: None,
                task_definition: place.task_definition.to_owned(),
                log: Source { group: place.log_group.clone(), streams: String::new() },
                subnets: place.subnets.clone(),
                security_group: place.security_group.to_owned(),
                public_ip: place.public_ip,
                tags: place.tags.clone(),
            },
            bucket: bucket(&observed, &deployer.names.environment())?,
            data: place.data.clone(),
            image: Some(if is_pooled { &deployer.environment.pool.image } else { &place.tenant.image }.clone()),
            task_role: place.operations_role.clone(),
        })
    }
}

fn unknown(error: PlaceError) -> DeployError {
    match error {
        PlaceError::NotDeployed { tenant } => DeployError::Preflight {
            problem: format!("the tenant {tenant} is not deployed"),
            help: format!("deploy it with `konta deploy tenant {tenant}`"),
        },
        PlaceError::MissingOutput { stack, output } => missing(&stack, output),
    }
}

/// The bucket of an environment's backups.
///
/// # Errors
/// When the environment was last deployed before there were backups.
pub fn bucket(observed: &Observed, environment: &str) -> Result<String, DeployError> {
    let found = observed.output(environment, BACKUP_BUCKET).map(ToOwned::to_owned);
    found.ok_or_else(|| missing(environment, BACKUP_BUCKET))
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

fn missing(stack: &str, output: &str) -> DeployError {
    DeployError::MissingOutput { stack: stack.to_owned(), missing: output.to_owned() }
}
