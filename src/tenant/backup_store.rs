//! Where a tenant's backups are, and the tasks that make and read them.

use crate::deploy::data_source::NewTenant;
use crate::deploy::delete::BACKUP_BUCKET;
use crate::model::TenantName;
use crate::operation::OperationError;
use crate::operation::context::Context;
use crate::operation::database::Database;
use crate::stack::Observed;
use crate::stack::runtime::{RuntimeError, TenantRuntime};

/// Where a tenant's backups are, and the tasks that make and read them.
#[derive(Debug, Clone)]
pub struct BackupStore<'a> {
    /// The tenant's stack, for messages.
    pub stack: String,
    /// Where the tenant runs.
    pub runtime: TenantRuntime,
    /// The bucket of backups.
    pub bucket: String,
    /// The database cluster.
    pub data: Database<'a>,
    /// The image of the tenant's tasks.
    pub image: Option<String>,
    /// The role that reaches the bucket.
    pub task_role: String,
}

impl<'a> BackupStore<'a> {
    /// The store of a deployed tenant.
    ///
    /// # Errors
    /// When the tenant is not deployed, and when its environment or cell was last deployed by a konta without backups.
    pub fn of(context: &Context<'a>, tenant: &TenantName) -> Result<Self, OperationError> {
        let observed = context.observed();
        let runtime = TenantRuntime::of(&observed, &context.names, tenant).map_err(unknown)?;
        let name = context.names.tenant(tenant);
        let not_deployed = || unknown(RuntimeError::NotDeployed { tenant: tenant.clone() });
        let standing = observed.get(&name).ok_or_else(not_deployed)?;
        let cell = standing.cell().map(|cell| context.names.cell(cell)).unwrap_or_default();
        let holder = if runtime.is_pooled { observed.get(&cell) } else { Some(standing) };
        let image = if runtime.is_pooled { "PoolImage" } else { "Image" };
        Ok(Self {
            bucket: bucket(&observed, &context.names.environment())?,
            data: Database::of_tenant(context.aws, &observed, &context.names, standing)?,
            image: holder.and_then(|stack| stack.parameters.get(image).cloned()),
            task_role: observed
                .output(&cell, "OperationsRoleArn")
                .map(ToOwned::to_owned)
                .ok_or_else(|| missing(&cell, "OperationsRoleArn"))?,
            stack: name,
            runtime,
        })
    }

    /// The store of a tenant in a new location, while its stack is being made.
    ///
    /// # Errors
    /// When the environment was last deployed by a konta without backups.
    pub fn at(context: &Context<'a>, new: &NewTenant<'a>) -> Result<Self, OperationError> {
        let image = if new.runtime.is_pooled { &context.environment.pool.image } else { &new.tenant.image };
        Ok(Self {
            stack: new.stack.to_owned(),
            runtime: new.runtime.clone(),
            bucket: bucket(&context.observed(), &context.names.environment())?,
            data: new.data.clone(),
            image: Some(image.clone()),
            task_role: new.operations_role.clone(),
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
/// When the environment was last deployed by a konta without backups.
pub fn bucket(observed: &Observed, environment: &str) -> Result<String, OperationError> {
    let found = observed.output(environment, BACKUP_BUCKET).map(ToOwned::to_owned);
    found.ok_or_else(|| missing(environment, BACKUP_BUCKET))
}

fn missing(stack: &str, output: &str) -> OperationError {
    OperationError::MissingOutput { stack: stack.to_owned(), missing: output.to_owned() }
}
