//! Restoring a backup: into a database beside the tenant's, counted there, and put in its place at one stroke.
//!
//! At every moment one whole database bears the tenant's name, so whatever ends a restore, the tenant serves the old or the new. What
//! each database is, is kept as its comment; the same call goes on from there.

use crate::deploy::steps::StepResult;
use crate::deploy::{DeployError, Deployer, StepOutcome};
use crate::model::TenantName;
use crate::odoo::backup::{BackupId, Manifest, Outcome};
use crate::odoo::database::{self, Statement};
use crate::odoo::swap;
use crate::stack::build::POOL_USER;

use super::backup;
use super::task::{self, Work};
use super::vault::Vault;

/// How often a swap is tried: a connection that slips in between makes it fail.
const SWAPS: usize = 20;

/// What is to be restored, and how.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The tenant whose backup it is.
    pub source: &'a str,
    /// The backup.
    pub id: &'a BackupId,
    /// The address of a copy that is to be neutralised.
    pub neutralized_at: Option<&'a str>,
    /// Restore also what stands there as restored already.
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
    /// It stands; what the task said, when it ran in this call.
    Stands(Option<Outcome>),
    /// It stood already, by an earlier call.
    StoodAlready,
}

/// Restores a backup into a tenant's database and filestore. What was there is kept as the database before.
///
/// # Errors
/// When a step fails; the tenant serves what it served, and the same call goes on.
pub async fn restore(
    deployer: &Deployer<'_>,
    tenant: &TenantName,
    wanted: &Wanted<'_>,
) -> Result<Restored, DeployError> {
    restore_into(deployer, &Vault::of(deployer, tenant)?, wanted).await
}

/// The same, into the place that a vault describes.
///
/// # Errors
/// When a step fails; the same call goes on.
pub(super) async fn restore_into(
    deployer: &Deployer<'_>,
    vault: &Vault,
    wanted: &Wanted<'_>,
) -> Result<Restored, DeployError> {
    let own = vault.place.tenant.database();
    let stands = state(deployer, vault, &own).await?;
    if stands.as_deref() == Some(&wanted.mark("restored"))
        && !wanted.again
        && state(deployer, vault, &swap::before(&own)).await?.is_some()
    {
        return Ok(Restored::StoodAlready);
    }
    let fresh = swap::fresh(&own);
    let outcome = fill(deployer, vault, wanted, "restore", &fresh).await?;
    let work = put_in_place(deployer, vault);
    deployer.events.step(&vault.stack, "swap", "the restored database, in the tenant's place", work).await?;
    Ok(Restored::Stands(outcome))
}

/// Restores a backup into a database that is dropped afterwards: what can be restored today is known, and nobody notices.
///
/// # Errors
/// When the backup cannot be restored whole.
pub async fn check(
    deployer: &Deployer<'_>,
    tenant: &TenantName,
    manifest: &Manifest,
) -> Result<Option<Outcome>, DeployError> {
    let vault = Vault::of(deployer, tenant)?;
    let wanted = Wanted { source: &manifest.tenant, id: &manifest.id, neutralized_at: None, again: true };
    let scratch = swap::scratch(&tenant.database());
    let done = fill(deployer, &vault, &wanted, "check", &scratch).await;
    let work = async {
        run(deployer, &vault, &[swap::drop(&scratch)]).await?;
        Ok((StepOutcome::Done, None))
    };
    deployer.events.step(&vault.stack, "drop", "the database of the test, dropped", work).await?;
    let outcome = done?;
    backup::note_check(deployer.aws, &vault.bucket, wanted.source, wanted.id).await?;
    Ok(outcome)
}

/// Puts the database before back in the tenant's place; whether that was still to be done.
///
/// # Errors
/// When there is none.
pub async fn undo(deployer: &Deployer<'_>, tenant: &TenantName) -> Result<bool, DeployError> {
    let vault = Vault::of(deployer, tenant)?;
    let own = tenant.database();
    match state(deployer, &vault, &swap::before(&own)).await?.as_deref() {
        None => return Err(nothing_before(tenant)),
        Some(swap::TAKEN_BACK) => return Ok(false),
        Some(_) => {}
    }
    let statement = swap::swap_back(&own);
    let work = swapped(deployer, &vault, &statement);
    deployer.events.step(&vault.stack, "swap", "the database before, back in the tenant's place", work).await?;
    Ok(true)
}

/// Drops the database before.
///
/// # Errors
/// When there is none.
pub async fn forget(deployer: &Deployer<'_>, tenant: &TenantName) -> Result<(), DeployError> {
    let vault = Vault::of(deployer, tenant)?;
    let before = swap::before(&tenant.database());
    if state(deployer, &vault, &before).await?.is_none() {
        return Err(nothing_before(tenant));
    }
    let work = async {
        run(deployer, &vault, &[swap::drop(&before)]).await?;
        Ok((StepOutcome::Done, Some(before.clone())))
    };
    deployer.events.step(&vault.stack, "drop", "the database before the last restore, dropped", work).await?;
    Ok(())
}

fn nothing_before(tenant: &TenantName) -> DeployError {
    DeployError::Preflight {
        problem: format!("no database of {tenant} is kept from before a restore"),
        help: format!("`konta tenant restore {tenant}` takes a backup; `konta tenant backups {tenant}` lists them"),
    }
}

/// Makes a database, and fills it by a task from a backup. Nothing of it is done twice: a task that runs is waited for, and a database
/// that is finished is taken as it is.
async fn fill(
    deployer: &Deployer<'_>,
    vault: &Vault,
    wanted: &Wanted<'_>,
    verb: &str,
    database: &str,
) -> Result<Option<Outcome>, DeployError> {
    let finished = wanted.mark("restored");
    if state(deployer, vault, database).await?.as_deref() == Some(&finished) {
        return Ok(None);
    }
    let work = Work { verb, source: wanted.source, id: wanted.id, database, neutralized_at: wanted.neutralized_at };
    if !task::is_running(deployer, vault, &work).await? {
        let unfinished = wanted.mark("being restored");
        let making = make(deployer, vault, database, &unfinished);
        deployer.events.step(&vault.stack, "database", "a new database beside the tenant's", making).await?;
    }
    let mut outcome = None;
    let filling = async {
        let done = task::run(deployer, vault, &work).await?;
        let detail =
            format!("{} rows, {} files, as backed up", done.rows.unwrap_or_default(), done.files.unwrap_or_default());
        outcome = Some(done);
        Ok((StepOutcome::Done, Some(detail)))
    };
    deployer.events.step(&vault.stack, verb, "the backup, restored and counted", filling).await?;
    let role = vault.place.tenant.database();
    let mut statements = database::secure_database(database, &role);
    statements.push(swap::mark(database, &finished));
    run(deployer, vault, &statements).await?;
    Ok(outcome)
}

/// An empty database as the tenant's own is: what a former try has left of it goes. Extensions are the backup's, made by the role.
async fn make(deployer: &Deployer<'_>, vault: &Vault, database: &str, mark: &str) -> StepResult {
    let role = vault.place.tenant.database();
    let mut statements =
        vec![swap::drop(database), database::create_database(database, &role), swap::mark(database, mark)];
    statements.extend(database::connect_rights(database, &role));
    if vault.place.is_pooled {
        statements.extend(database::join_pool(database, &role, POOL_USER));
    }
    run(deployer, vault, &statements).await?;
    Ok((StepOutcome::Done, Some(database.to_owned())))
}

async fn put_in_place(deployer: &Deployer<'_>, vault: &Vault) -> StepResult {
    let own = vault.place.tenant.database();
    run(deployer, vault, &[swap::drop(&swap::before(&own))]).await?;
    swapped(deployer, vault, &swap::swap(&own)).await
}

/// Runs a swap until no connection slips in between.
async fn swapped(deployer: &Deployer<'_>, vault: &Vault, statement: &Statement) -> StepResult {
    for attempt in 1.. {
        match run(deployer, vault, std::slice::from_ref(statement)).await {
            Err(DeployError::Aws(error)) if error.says_it_is_in_use() && attempt < SWAPS => {
                tokio::time::sleep(deployer.pace.poll.min(std::time::Duration::from_millis(200))).await;
            }
            done => {
                done?;
                break;
            }
        }
    }
    Ok((StepOutcome::Done, None))
}

/// What konta keeps beside a database; `None` where there is no such database.
async fn state(deployer: &Deployer<'_>, vault: &Vault, database: &str) -> Result<Option<String>, DeployError> {
    let question = swap::marked(database);
    let rows = deployer.aws.sql(&vault.data, &question.database, &question.sql, &[]).await?;
    Ok(rows.into_iter().next().map(|row| row.into_iter().next().flatten().unwrap_or_default()))
}

async fn run(deployer: &Deployer<'_>, vault: &Vault, statements: &[Statement]) -> Result<(), DeployError> {
    for statement in statements {
        deployer.aws.sql(&vault.data, &statement.database, &statement.sql, &[]).await?;
    }
    Ok(())
}
