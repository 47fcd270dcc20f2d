//! Restoring a backup: a task fills a second database and counts it there, and one statement swaps it in.
//!
//! At every moment one complete database has the tenant's name, so wherever a restore is interrupted, the tenant serves
//! the old data or the new. The comment of each database says what it is; the same call resumes from there.

use crate::model::TenantName;
use crate::odoo::backup::{BackupId, Manifest, Outcome};
use crate::odoo::database;
use crate::odoo::{database_swap, first_setup, password};
use crate::operation::context::Context;
use crate::operation::event::StepResult;
use crate::operation::step::Step;
use crate::operation::{OperationError, StepOutcome};
use crate::stack::names::POOL_USER;
use crate::stack::tags::CELL_TAG;

use super::backup;
use super::backup_store::BackupStore;
use super::backup_task::{self, Work};
use super::former_database;

const DATABASE: Step = Step::harmless("database", "make a new database for the restored data");
const FILL: Step = Step::harmless("restore", "restore the backup into it, and count rows and files");
const PASSWORD: Step = Step::new("password", "give the copy's administrator its own password");
const SWAP: Step = Step::harmless("swap", "put the restored database in the tenant's place");
const FILL_SCRATCH: Step = Step::harmless("check", "restore the backup into it, and count rows and files");
const DROP_SCRATCH: Step = Step::new("drop", "drop the restored database again");
/// The steps of a restore; `is_copy` if the tenant becomes a neutralised copy of another.
#[must_use]
pub fn restore_steps(is_copy: bool) -> Vec<Step> {
    let mut steps = restore_into_steps();
    if is_copy {
        steps.insert(2, PASSWORD);
    }
    steps.push(former_database::PIN_STEP);
    steps
}

/// The steps that bring data to a tenant that moves.
pub(super) fn restore_into_steps() -> Vec<Step> {
    vec![DATABASE, FILL, SWAP]
}

/// The steps that test whether a backup can be restored.
#[must_use]
pub fn check_steps() -> Vec<Step> {
    vec![DATABASE, FILL_SCRATCH, DROP_SCRATCH]
}

/// What konta must restore, and how.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The tenant whose backup it is.
    pub source: &'a str,
    /// The backup.
    pub id: &'a BackupId,
    /// The address of the copy if the data must be neutralised.
    pub neutralized_at: Option<&'a str>,
    /// Whether to restore the backup again even if it is already in place.
    pub again: bool,
}

impl Wanted<'_> {
    fn mark(&self, state: &str) -> String {
        let copy = if self.neutralized_at.is_some() { ", neutralised" } else { "" };
        format!("konta: {state} from {}/{}{copy}", self.source, self.id)
    }
}

/// How a restore ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Restored {
    /// The backup is in place; the task's result, if it ran in this call.
    Stands(Option<Outcome>),
    /// An earlier call had put it in place.
    StoodAlready,
}

/// Restores a backup into a tenant's database and filestore. The former database is kept.
///
/// # Errors
/// When a step fails; the tenant serves what it served, and the same call resumes the restore.
pub async fn restore(
    context: &Context<'_>,
    tenant: &TenantName,
    wanted: &Wanted<'_>,
) -> Result<Restored, OperationError> {
    let store = BackupStore::of(context, tenant)?;
    let restored = restore_into(context, &store, wanted).await?;
    // Also if an earlier call was interrupted right after the swap.
    if store.data.comment(&database_swap::before(&tenant.database())).await?.as_deref()
        == Some(database_swap::SET_ASIDE)
    {
        former_database::pin_files(context, &store).await;
    }
    Ok(restored)
}

/// The same for the location that `store` describes, without pinning the files of the former database.
///
/// # Errors
/// When a step fails; the same call resumes the restore.
pub(super) async fn restore_into(
    context: &Context<'_>,
    store: &BackupStore<'_>,
    wanted: &Wanted<'_>,
) -> Result<Restored, OperationError> {
    let own = store.runtime.tenant.database();
    let stands = store.data.comment(&own).await?;
    if stands.as_deref() == Some(&wanted.mark("restored"))
        && !wanted.again
        && store.data.comment(&database_swap::before(&own)).await?.is_some()
    {
        return Ok(Restored::StoodAlready);
    }
    let fresh = database_swap::fresh(&own);
    let outcome = fill(context, store, wanted, "restore", &fresh).await?;
    if wanted.neutralized_at.is_some() {
        let work = own_password(context, store, &fresh);
        context.step(&store.stack, PASSWORD, work).await?;
    }
    let work = put_in_place(context, store);
    context.step(&store.stack, SWAP, work).await?;
    Ok(Restored::Stands(outcome))
}

/// Gives the copy's administrator the password that is kept for this tenant: the data brings the original's.
async fn own_password(context: &Context<'_>, store: &BackupStore<'_>, database: &str) -> StepResult {
    let name = context.names.administrator_password(&store.runtime.tenant);
    let tags = store.runtime.tags.iter().filter(|(key, _)| key != CELL_TAG).cloned().collect();
    context.aws.create_secret(&name, &password::generate(&mut rand::rng()), &tags).await?;
    let Some(kept) = context.aws.secret(&name).await? else {
        return Err(OperationError::Preflight {
            problem: format!("the password {name} no longer exists"),
            help: "run the command again: it makes a new one".to_owned(),
        });
    };
    let bound = first_setup::password(database, &kept);
    if !store.data.run_bound(&bound).await? {
        let detail = format!(
            "the copy has no user `{}`: its users and passwords are the original's",
            first_setup::ADMINISTRATOR
        );
        return Ok((StepOutcome::NotRun, Some(detail)));
    }
    Ok((StepOutcome::Done, Some(name)))
}

/// Restores a backup into a database that is dropped afterwards, to prove that the backup can be restored; the tenant
/// notices nothing.
///
/// # Errors
/// When the backup cannot be restored completely.
pub async fn check(
    context: &Context<'_>,
    tenant: &TenantName,
    manifest: &Manifest,
) -> Result<Option<Outcome>, OperationError> {
    let store = BackupStore::of(context, tenant)?;
    let wanted = Wanted { source: &manifest.tenant, id: &manifest.id, neutralized_at: None, again: true };
    let scratch = database_swap::scratch(&tenant.database());
    let done = fill(context, &store, &wanted, "check", &scratch).await;
    let work = async {
        store.data.run(&[database_swap::drop(&scratch)]).await?;
        Ok((StepOutcome::Done, None))
    };
    context.step(&store.stack, DROP_SCRATCH, work).await?;
    let outcome = done?;
    backup::note_check(context.aws, &store.bucket, wanted.source, wanted.id).await?;
    Ok(outcome)
}

/// Makes a database, and runs a task that fills it from a backup. Nothing is done twice: konta waits for a running task,
/// and takes a finished database as it is.
async fn fill(
    context: &Context<'_>,
    store: &BackupStore<'_>,
    wanted: &Wanted<'_>,
    verb: &str,
    database: &str,
) -> Result<Option<Outcome>, OperationError> {
    let finished = wanted.mark("restored");
    if store.data.comment(database).await?.as_deref() == Some(&finished) {
        return Ok(None);
    }
    let work = Work { verb, source: wanted.source, id: wanted.id, database, neutralized_at: wanted.neutralized_at };
    if !backup_task::is_running(context, store, &work).await? {
        let unfinished = wanted.mark("being restored");
        let making = make(store, database, &unfinished);
        context.step(&store.stack, DATABASE, making).await?;
    }
    let mut outcome = None;
    let filling = async {
        let done = backup_task::run(context, store, &work).await?;
        let detail =
            format!("{} rows, {} files, as backed up", done.rows.unwrap_or_default(), done.files.unwrap_or_default());
        outcome = Some(done);
        Ok((StepOutcome::Done, Some(detail)))
    };
    context.step(&store.stack, if verb == "check" { FILL_SCRATCH } else { FILL }, filling).await?;
    let role = store.runtime.tenant.database();
    let mut statements = database::secure_database(database, &role);
    statements.push(database_swap::mark(database, &finished));
    store.data.run(&statements).await?;
    Ok(outcome)
}

/// Makes an empty database like the tenant's own, and first drops what an earlier try left of it. The extensions come
/// from the backup, and the role makes them.
async fn make(store: &BackupStore<'_>, database: &str, mark: &str) -> StepResult {
    let role = store.runtime.tenant.database();
    store.data.run(&[database_swap::drop(database)]).await?;
    store.data.make(&database::create_database(database, &role)).await?;
    let mut statements = vec![database_swap::mark(database, mark)];
    statements.extend(database::connect_rights(database, &role));
    if store.runtime.is_pooled {
        statements.extend(database::join_pool(database, &role, POOL_USER));
    }
    store.data.run(&statements).await?;
    Ok((StepOutcome::Done, Some(database.to_owned())))
}

async fn put_in_place(context: &Context<'_>, store: &BackupStore<'_>) -> StepResult {
    let own = store.runtime.tenant.database();
    store.data.run(&[database_swap::drop(&database_swap::before(&own))]).await?;
    former_database::swapped(context, store, &database_swap::swap(&own)).await
}
