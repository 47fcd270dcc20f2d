//! `konta tenant backup`: backs up database and files together to the environment's bucket.

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::commands::{CommandError, Context, context};
use crate::odoo::backup::BackupId;
use crate::operation::error::OperationError;
use crate::operation::step::Operation;
use crate::report::{message, output, text};
use crate::tenant::backup::{self, FinishedBackup};
use crate::tenant::backup_store;

use super::target::{self, TenantTarget};

/// Back up a tenant's database and files together to the environment's bucket.
///
/// Both are of one moment, and people can keep working. The backup's manifest records the number of rows and files. Then
/// konta deletes the backups that `backups` in the environment's manifest no longer keeps. But if more attachments have
/// lost their files than before the last backup, konta deletes none and exits with 1: the older backups have what is
/// missing. If a backup of the tenant is already under way, konta waits for that one.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// Names of the tenants; their manifests may already be deleted
    #[arg(required_unless_present = "all")]
    names: Vec<String>,
    /// Back up every deployed tenant of the environment
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Keep all older backups
    #[arg(long)]
    no_prune: bool,
    /// Show the steps and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    event: &'static str,
    ok: bool,
    sandbox: bool,
    tenant: String,
    id: BackupId,
    bytes: u64,
    rows: u64,
    files: u64,
    files_lost: u64,
    /// As the previous backup reports; `null` if there is none.
    files_lost_before: Option<u64>,
    seconds: f64,
    deleted: Vec<BackupId>,
}

/// Backs up one tenant after the other; a failure does not stop the rest.
pub(super) async fn run(context: &Context, args: &BackupArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let names = if args.all {
        let environment = context.environment(&loaded.workspace, None)?;
        let tenants = context::tenants(&loaded.workspace, environment, &[], true)?;
        tenants.into_iter().map(|tenant| tenant.name.to_string()).collect()
    } else {
        args.names.clone()
    };
    let (mut failed, mut lost) = (Vec::new(), false);
    for name in &names {
        if context.interruption().has_come() {
            failed.push(OperationError::Cancelled { what: format!("the backup of {name} was not begun") });
            break;
        }
        let tenant = match target::find(context, &loaded, name).await {
            Err(CommandError::Unknown { .. }) if args.all => {
                message::note(context.palette(), &format!("{name} is not deployed, skipped"));
                continue;
            }
            found => found?,
        };
        match one(context, args, tenant).await {
            Err(CommandError::Deploy(error)) if names.len() > 1 => {
                message::warning(context.palette(), &format!("{name} was not backed up: {error}"));
                failed.push(error);
            }
            done => lost |= done?,
        }
    }
    if failed.is_empty() { Ok(u8::from(lost)) } else { Err(failed.into()) }
}

/// Backs up one tenant; returns whether more of its files are lost than before.
async fn one(context: &Context, args: &BackupArgs, mut tenant: TenantTarget<'_>) -> Result<bool, CommandError> {
    let operation = Operation::new("backup", vec![backup::BACK_UP]).shared();
    if args.dry_run {
        return tenant.show(context, &operation).map(|_| false);
    }
    context.outlast(&mut tenant.session, SignedDuration::from_mins(30)).await?;
    let name = tenant.name.clone();
    let made = tenant
        .operate(context, &operation, async |context| backup::back_up(context, &name, Timestamp::now()).await)
        .await?;
    let bucket = backup_store::bucket(&tenant.observed, &tenant.names().environment())?;
    let (aws, files) = (&tenant.session.aws, &made.manifest.files);
    let before = backup::lost_before(aws, &bucket, name.as_str(), &made.manifest.id).await?;
    let has_lost = before.is_some_and(|before| files.lost() > before);
    let mut deleted = Vec::new();
    if !args.no_prune && !has_lost {
        deleted = backup::thin_out(aws, &bucket, name.as_str(), tenant.environment.backups, Timestamp::now()).await?;
    }
    show(context, &tenant, &made, before, deleted)?;
    if has_lost && !context.format().is_json() {
        let said = format!(
            "{} files are lost, {} before the last backup: konta deleted no older backup, because they have what is missing",
            files.lost(),
            before.unwrap_or_default()
        );
        message::warning(context.palette(), &said);
    }
    Ok(has_lost)
}

fn show(
    context: &Context,
    tenant: &TenantTarget<'_>,
    made: &FinishedBackup,
    before: Option<u64>,
    deleted: Vec<BackupId>,
) -> Result<(), CommandError> {
    let manifest = &made.manifest;
    let report = Report {
        event: "result",
        ok: before.is_none_or(|before| manifest.files.lost() <= before),
        sandbox: tenant.session.aws.is_sandbox(),
        tenant: tenant.name.to_string(),
        id: manifest.id.clone(),
        bytes: manifest.bytes(),
        rows: manifest.rows.values().sum(),
        files: manifest.files.count,
        files_lost: manifest.files.lost(),
        files_lost_before: before,
        seconds: made.outcome.seconds,
        deleted,
    };
    if context.format().is_json() {
        output::print_json_line(&report)?;
        return Ok(());
    }
    output::print_text(&format!(
        "{} backed up as {}: {}, {} rows, {} files, in {:.0} s",
        report.tenant,
        report.id,
        text::bytes(report.bytes),
        report.rows,
        report.files,
        report.seconds
    ))?;
    for (what, names) in [("missing", &manifest.files.missing), ("damaged", &manifest.files.damaged)] {
        if let Some(first) = names.first() {
            let count = names.len();
            let said = format!("{count} attachments are {what} in the tenant's filestore, the first: {first}");
            message::warning(context.palette(), &said);
        }
    }
    if !report.deleted.is_empty() {
        message::note(context.palette(), &format!("{} older backups deleted", report.deleted.len()));
    }
    Ok(())
}
