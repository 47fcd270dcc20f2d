//! Where a tenant's backups are, and the tasks that make and read them.

use crate::aws::rds_data::DataTarget;
use crate::deploy::data_source::NewPlace;
use crate::deploy::delete::BACKUP_BUCKET;
use crate::deploy::{Deployer, steps};
use crate::model::{Isolation, TenantName};
use crate::operation::OperationError;
use crate::stack::runtime::{LogSource, RuntimeError, TenantRuntime};
use crate::stack::{Observed, ObservedStack};

/// Where a tenant's backups are, and the tasks that make and read them.
#[derive(Debug, Clone)]
pub struct BackupStore {
    /// The tenant's stack, for messages.
    pub stack: String,
    /// Where the tenant runs.
    pub runtime: TenantRuntime,
    /// The bucket of backups.
    pub bucket: String,
    /// The database cluster.
    pub data: DataTarget,
    /// The image of the tenant's tasks.
    pub image: Option<String>,
    /// The role that reaches the bucket.
    pub task_role: String,
}

impl BackupStore {
    /// Of a tenant that stands.
    ///
    /// # Errors
    /// When the tenant is not deployed, or its environment and cell were last deployed before there were backups.
    pub fn of(deployer: &Deployer<'_>, tenant: &TenantName) -> Result<Self, OperationError> {
        let observed = deployer.observed();
        let runtime = TenantRuntime::of(&observed, &deployer.names, tenant).map_err(unknown)?;
        let name = deployer.names.tenant(tenant);
        let not_deployed = || unknown(RuntimeError::NotDeployed { tenant: tenant.clone() });
        let standing = observed.get(&name).ok_or_else(not_deployed)?;
        let cell = standing.cell().map(|cell| deployer.names.cell(cell)).unwrap_or_default();
        let holder = if runtime.is_pooled { observed.get(&cell) } else { Some(standing) };
        let image = if runtime.is_pooled { "PoolImage" } else { "Image" };
        Ok(Self {
            bucket: bucket(&observed, &deployer.names.environment())?,
            data: database(&observed, standing, &cell).ok_or_else(|| missing(&name, "DatabaseClusterArn"))?,
            image: holder.and_then(|stack| stack.parameters.get(image).cloned()),
            task_role: observed
                .output(&cell, "OperationsRoleArn")
                .map(ToOwned::to_owned)
                .ok_or_else(|| missing(&cell, "OperationsRoleArn"))?,
            stack: name,
            runtime,
        })
    }
}

impl BackupStore {
    /// Of a place that a tenant comes to, whose stack is being made.
    ///
    /// # Errors
    /// When the environment was last deployed before there were backups.
    pub fn at(deployer: &Deployer<'_>, runtime: &NewPlace<'_>) -> Result<Self, OperationError> {
        let observed = deployer.observed();
        let tenant = &runtime.tenant.name;
        let is_pooled = runtime.tenant.isolation == Isolation::Pooled;
        Ok(Self {
            stack: runtime.stack.to_owned(),
            runtime: TenantRuntime {
                tenant: tenant.clone(),
                database: tenant.database(),
                is_pooled,
                cluster: runtime.cluster.to_owned(),
                service: None,
                task_definition: runtime.task_definition.to_owned(),
                log: LogSource { group: runtime.log_group.clone(), streams: String::new() },
                subnets: runtime.subnets.clone(),
                security_group: runtime.security_group.to_owned(),
                public_ip: runtime.public_ip,
                tags: runtime.tags.clone(),
            },
            bucket: bucket(&observed, &deployer.names.environment())?,
            data: runtime.data.clone(),
            image: Some(if is_pooled { &deployer.environment.pool.image } else { &runtime.tenant.image }.clone()),
            task_role: runtime.operations_role.clone(),
        })
    }
}

fn unknown(error: RuntimeError) -> OperationError {
    match error {
        RuntimeError::NotDeployed { tenant } => OperationError::Preflight {
            problem: format!("the tenant {tenant} is not deployed"),
            help: format!("deploy it with `konta deploy tenant {tenant}`"),
        },
        RuntimeError::MissingOutput { stack, output } => missing(&stack, output),
    }
}

/// The bucket of an environment's backups.
///
/// # Errors
/// When the environment was last deployed before there were backups.
pub fn bucket(observed: &Observed, environment: &str) -> Result<String, OperationError> {
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

fn missing(stack: &str, output: &str) -> OperationError {
    OperationError::MissingOutput { stack: stack.to_owned(), missing: output.to_owned() }
}
