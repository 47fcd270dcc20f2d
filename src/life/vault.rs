//! Where a tenant's backups are, and the tasks that make and read them.

use crate::aws::data::DataTarget;
use crate::deploy::delete::BACKUP_BUCKET;
use crate::deploy::{DeployError, Deployer, steps};
use crate::model::TenantName;
use crate::stack::{Observed, ObservedStack};

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
