//! Drops what a tenant that has moved leaves behind.

use crate::deploy::steps::{self, REGISTRY};
use crate::model::TenantName;
use crate::odoo::{database, database_swap};
use crate::operation::context::Context;
use crate::operation::database::Database;
use crate::operation::event::StepResult;
use crate::operation::{OperationError, StepOutcome};
use crate::stack::location::Location;
use crate::stack::names::POOL_USER;

fn data_of<'a>(context: &Context<'a>, tenant: &TenantName, home: Location) -> Option<Database<'a>> {
    Database::of_stacks(context.aws, &context.observed(), &[home.database_stack(&context.names, tenant)])
}

pub(super) async fn forget_hosts(context: &Context<'_>, left: Location, own: &str) -> StepResult {
    let cell = context.names.cell(left.cell());
    let Some(data) = Database::of_stacks(context.aws, &context.observed(), &[cell]) else {
        return Ok((StepOutcome::AlreadyDone, None));
    };
    let question = database::database_exists(REGISTRY);
    if !data.holds(&question).await? {
        return Ok((StepOutcome::AlreadyDone, None));
    }
    data.run(&[database::forget_hosts(REGISTRY, own)]).await?;
    Ok((StepOutcome::Done, None))
}

/// Drops the database in the cluster that the tenant left. If one cluster holds both databases, this drops the one that
/// the restored database replaced. A tenant's own cluster is deleted as a whole.
pub(super) async fn drop_data(
    context: &Context<'_>,
    tenant: &TenantName,
    left: Location,
    goal: Location,
) -> StepResult {
    let (Some(old), Some(new)) = (data_of(context, tenant, left), data_of(context, tenant, goal)) else {
        return Ok((StepOutcome::AlreadyDone, None));
    };
    if old.cluster() == new.cluster() {
        return steps::drop_beside(&old, tenant).await;
    }
    drop_empty(&new, tenant).await?;
    if left.own_cluster {
        return Ok((StepOutcome::AlreadyDone, Some("it is deleted with its cluster".to_owned())));
    }
    steps::drop_tenant(&old, tenant).await
}

/// Drops the empty database that the restored one took the place of: an undone restore would put it back.
async fn drop_empty(data: &Database<'_>, tenant: &TenantName) -> Result<(), OperationError> {
    let before = database_swap::before(&tenant.database());
    let is_there = data.comment(&before).await?.is_some();
    if is_there && !data.holds(&database::is_initialised(&before)).await? {
        data.run(&[database_swap::drop(&before)]).await?;
    }
    Ok(())
}

pub(super) async fn leave_pool(context: &Context<'_>, tenant: &TenantName, goal: Location) -> StepResult {
    let own = tenant.database();
    let Some(data) = data_of(context, tenant, goal) else { return Ok((StepOutcome::AlreadyDone, None)) };
    let question = database::role_exists(POOL_USER);
    if !data.holds(&question).await? {
        return Ok((StepOutcome::AlreadyDone, None));
    }
    data.run(&database::leave_pool(&own, &own, POOL_USER)).await?;
    Ok((StepOutcome::Done, None))
}
