//! The database that a restore set aside: it protects its files, and puts it back or drops it.

use crate::model::TenantName;
use crate::odoo::backup::{BackupId, Outcome, PIN_FILES, RELINK_FILES, UNPIN_FILES};
use crate::odoo::database::Statement;
use crate::odoo::database_swap;
use crate::operation::context::Context;
use crate::operation::event::StepResult;
use crate::operation::step::Step;
use crate::operation::{OperationError, StepOutcome};

use super::backup_store::BackupStore;
use super::backup_task::{self, Work};

/// How often a swap is tried: it fails if a connection slips in between.
const SWAPS: usize = 20;

/// What a restore does for the former database at its end.
pub(super) const PIN_STEP: Step =
    Step::new("files", "protect the files of the former database from garbage collection");
const RELINK_STEP: Step = Step::harmless("files", "check that every file of the former database exists");
const SWAP_BACK: Step = Step::harmless("swap", "put the former database back in the tenant's place");
const DROP: Step = Step::harmless("drop", "drop the former database and its files");

/// The steps that undo a restore; `anyway` if lost files do not matter.
#[must_use]
pub fn undo_steps(anyway: bool) -> Vec<Step> {
    if anyway { vec![SWAP_BACK] } else { vec![RELINK_STEP, SWAP_BACK] }
}

/// The steps that drop the database that a restore keeps.
#[must_use]
pub fn forget_steps() -> Vec<Step> {
    vec![DROP]
}

/// Protects the files that the former database names from Odoo's garbage collection, so that the database can be put back
/// whole. If that fails, the restored database serves nevertheless: a note says so, and the same call tries again.
pub(super) async fn pin_files(context: &Context<'_>, store: &BackupStore<'_>) {
    let before = database_swap::before(&store.runtime.tenant.database());
    let work = async {
        let done = beside(context, store, PIN_FILES).await?;
        store.data.run(&[database_swap::mark(&before, database_swap::HELD)]).await?;
        Ok((StepOutcome::Done, Some(format!("{} files", done.files.unwrap_or_default()))))
    };
    if let Err(error) = context.step(&store.stack, PIN_STEP, work).await {
        context.events.note(format!(
            "the restored database serves, but Odoo may delete files of the former one within hours: run the same command \
             again ({error})"
        ));
    }
}

/// Runs a task that works on the files of the former database.
async fn beside(context: &Context<'_>, store: &BackupStore<'_>, verb: &'static str) -> Result<Outcome, OperationError> {
    let (tenant, id) = (&store.runtime.tenant, BackupId::at(jiff::Timestamp::now()));
    let before = database_swap::before(&tenant.database());
    let work = Work { verb, source: tenant.as_str(), id: &id, database: &before, neutralized_at: None };
    backup_task::run(context, store, &work).await
}

/// Puts the former database back in the tenant's place; returns false if that was done already. `anyway` does so even if
/// files that it names are lost or cannot be checked.
///
/// # Errors
/// When there is no former database, and when files of it are lost.
pub async fn undo(context: &Context<'_>, tenant: &TenantName, anyway: bool) -> Result<bool, OperationError> {
    let store = BackupStore::of(context, tenant)?;
    let own = tenant.database();
    match store.data.comment(&database_swap::before(&own)).await?.as_deref() {
        None => return Err(nothing_before(tenant)),
        Some(database_swap::TAKEN_BACK) => return Ok(false),
        Some(_) => {}
    }
    if !anyway {
        let work = relink_files(context, &store);
        context.step(&store.stack, RELINK_STEP, work).await?;
    }
    let statement = database_swap::swap_back(&own);
    let work = swapped(context, &store, &statement);
    context.step(&store.stack, SWAP_BACK, work).await?;
    Ok(true)
}

/// Gives the former database the files that were kept for it, and refuses if some are lost nevertheless.
async fn relink_files(context: &Context<'_>, store: &BackupStore<'_>) -> StepResult {
    let done = beside(context, store, RELINK_FILES).await?;
    let (files, tenant) = (done.files.unwrap_or_default(), &store.runtime.tenant);
    match (done.missing.unwrap_or_default(), done.first_missing) {
        (0, _) => Ok((StepOutcome::Done, Some(format!("{files} files")))),
        (missing, first) => Err(OperationError::Preflight {
            problem: format!(
                "{missing} of {files} files that the former database names are lost, the first: {}",
                first.unwrap_or_default()
            ),
            help: format!(
                "restore a backup of that time, which has them, with `konta tenant restore {tenant} --from BACKUP`; or go back without \
                 them with `--undo --anyway`"
            ),
        }),
    }
}

/// Drops the former database.
///
/// # Errors
/// When there is no former database.
pub async fn forget(context: &Context<'_>, tenant: &TenantName) -> Result<(), OperationError> {
    let store = BackupStore::of(context, tenant)?;
    let before = database_swap::before(&tenant.database());
    if store.data.comment(&before).await?.is_none() {
        return Err(nothing_before(tenant));
    }
    let work = async {
        beside(context, &store, UNPIN_FILES).await?;
        store.data.run(&[database_swap::drop(&before)]).await?;
        Ok((StepOutcome::Done, Some(before.clone())))
    };
    context.step(&store.stack, DROP, work).await?;
    Ok(())
}

fn nothing_before(tenant: &TenantName) -> OperationError {
    OperationError::Preflight {
        problem: format!("no database of {tenant} is kept from before a restore"),
        help: format!(
            "run `konta tenant backups {tenant}` to list its backups, and `konta tenant restore {tenant}` to restore one"
        ),
    }
}

/// Retries a swap until no connection slips in between.
pub(super) async fn swapped(context: &Context<'_>, store: &BackupStore<'_>, statement: &Statement) -> StepResult {
    let pause = context.polling.poll.min(std::time::Duration::from_millis(200));
    store.data.run_when_free(statement, SWAPS, pause).await?;
    Ok((StepOutcome::Done, None))
}
