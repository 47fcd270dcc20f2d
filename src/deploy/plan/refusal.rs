//! What no plan may do to a deployed stack.

use crate::operation::error::OperationError;
use crate::stack::tags::{APPLICATION_TAG, DATABASE_TAG, ENVIRONMENT_TAG};
use crate::stack::{DesiredStack, Observed, StackKind};

/// Refuses a plan that would touch someone else's stack, or leave a tenant's data behind.
pub(super) fn refuse(desired: &DesiredStack, observed: &Observed) -> Result<(), OperationError> {
    refuse_foreign(desired, observed)?;
    refuse_another_database(desired, observed)?;
    refuse_another_home(desired, observed)
}

/// Refuses a stack that someone else made under a name that konta would use.
fn refuse_foreign(desired: &DesiredStack, observed: &Observed) -> Result<(), OperationError> {
    let Some(standing) = observed.get(&desired.name) else { return Ok(()) };
    let ours = [APPLICATION_TAG, ENVIRONMENT_TAG].iter().all(|tag| standing.tags.get(*tag) == desired.tags.get(*tag));
    if ours {
        return Ok(());
    }
    Err(OperationError::Preflight {
        problem: format!("the stack {} already exists, but konta did not make it: it lacks konta's tags", desired.name),
        help: "delete it, or choose another `application` in konta.yml, the first part of every stack's name"
            .to_owned(),
    })
}

/// Refuses to give a tenant another, empty database: its data would stay behind in the old one.
fn refuse_another_database(desired: &DesiredStack, observed: &Observed) -> Result<(), OperationError> {
    let before = observed.get(&desired.name).and_then(|standing| standing.tags.get(DATABASE_TAG));
    if is_bound(desired, observed) {
        return Ok(());
    }
    let after = desired.tags.get(DATABASE_TAG);
    match (before, after) {
        (Some(before), Some(after)) if before != after => Err(OperationError::Preflight {
            problem: format!("{} is in a {before} database; a {after} one would be empty", desired.title),
            help: format!("run {}, which brings its data along, or set `database: {before}` again", mover(desired)),
        }),
        _ => Ok(()),
    }
}

/// Refuses to move a tenant into or out of the pool: its attachments would stay behind in the other folder.
fn refuse_another_home(desired: &DesiredStack, observed: &Observed) -> Result<(), OperationError> {
    const OF_THE_POOL: &str = "PoolTargetGroupArn";
    let Some(standing) = observed.get(&desired.name) else { return Ok(()) };
    let (before, after) = (standing.parameters.contains_key(OF_THE_POOL), desired.parameters.contains_key(OF_THE_POOL));
    let moves = is_bound(desired, observed) || standing.must_be_remade();
    if !matches!(desired.kind, StackKind::Tenant(_)) || before == after || moves {
        return Ok(());
    }
    let word = |pooled| if pooled { "pooled" } else { "dedicated" };
    Err(OperationError::Preflight {
        problem: format!(
            "{} is {}; as a {} one it would lose its attachments",
            desired.title,
            word(before),
            word(after)
        ),
        help: format!("run {}, which brings them along, or choose a tier of the same isolation", mover(desired)),
    })
}

/// Whether the tenant moves: by this command, or by one that has not ended. Every other command leaves such a tenant
/// alone ([`crate::deploy::blocked`]).
fn is_bound(desired: &DesiredStack, observed: &Observed) -> bool {
    matches!(&desired.kind, StackKind::Tenant(tenant) if observed.bound(tenant).is_some() || observed.moving(tenant).is_some())
}

/// The command that moves the tenant.
fn mover(desired: &DesiredStack) -> String {
    match &desired.kind {
        StackKind::Tenant(tenant) => format!("`konta tenant move {tenant}`"),
        _ => "`konta tenant move NAME`".to_owned(),
    }
}
