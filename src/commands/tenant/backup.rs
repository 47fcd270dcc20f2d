//! `konta tenant backup`: database and files together, to the environment's bucket.

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::commands::{CommandError, Context, gather};
use crate::life::backup::{self, Made};
use crate::life::vault;
use crate::odoo::backup::BackupId;
use crate::report::{message, output, text};

use super::standing::{self, StandingTenant};

/// Back up database and files together, to the environment's bucket.
///
/// Both are of one moment, nobody is kept from working, and every row and file is counted into the backup's manifest. Then those
/// backups are deleted that `backups` of the environment's manifest no longer keeps.
/// Whoever asks while a backup of the tenant is under way waits for that one.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// Their names; they may have no manifest any more
    #[arg(required_unless_present = "all")]
    names: Vec<String>,
    /// All tenants of the environment that are deployed
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Delete no other backup
    #[arg(long)]
    no_prune: bool,
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
    seconds: f64,
    deleted: Vec<BackupId>,
}

/// Backs up, one tenant after the other: a failure does not keep the others from theirs.
pub(super) async fn run(context: &Context, args: &BackupArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let names = if args.all {
        let environment = context.environment(&loaded.workspace, None)?;
        let tenants = gather::tenants(&loaded.workspace, environment, &[], true)?;
        tenants.into_iter().map(|tenant| tenant.name.to_string()).collect()
    } else {
        args.names.clone()
    };
    let mut failed = Vec::new();
    for name in &names {
        let tenant = match standing::find(context, &loaded, name).await {
            Err(CommandError::Unknown { .. }) if args.all => {
                message::note(context.palette(), &format!("{name} is not deployed"));
                continue;
            }
            found => found?,
        };
        match one(context, args, tenant).await {
            Err(CommandError::Deploy(error)) if names.len() > 1 => {
                message::warning(context.palette(), &format!("{name} was not backed up: {error}"));
                failed.push(error);
            }
            done => done?,
        }
    }
    if failed.is_empty() { Ok(0) } else { Err(failed.into()) }
}

async fn one(context: &Context, args: &BackupArgs, mut tenant: StandingTenant<'_>) -> Result<(), CommandError> {
    context.outlast(&mut tenant.session, SignedDuration::from_mins(30)).await?;
    let name = tenant.name.clone();
    let made =
        tenant.carry_out(context, async |deployer| backup::back_up(deployer, &name, Timestamp::now()).await).await?;
    let mut deleted = Vec::new();
    if !args.no_prune {
        let bucket = vault::bucket(&tenant.observed, &tenant.names().environment())?;
        let kept = tenant.environment.backups;
        deleted = backup::thin_out(&tenant.session.aws, &bucket, name.as_str(), kept, Timestamp::now()).await?;
    }
    show(context, &tenant, &made, deleted)
}

fn show(
    context: &Context,
    tenant: &StandingTenant<'_>,
    made: &Made,
    deleted: Vec<BackupId>,
) -> Result<(), CommandError> {
    let manifest = &made.manifest;
    let report = Report {
        event: "result",
        ok: true,
        sandbox: tenant.session.aws.is_sandbox(),
        tenant: tenant.name.to_string(),
        id: manifest.id.clone(),
        bytes: manifest.bytes(),
        rows: manifest.rows.values().sum(),
        files: manifest.files.count,
        files_lost: (manifest.files.missing.len() + manifest.files.damaged.len()) as u64,
        seconds: made.outcome.seconds,
        deleted,
    };
    if context.format().is_json() {
        output::print_json_line(&report)?;
        return Ok(());
    }
    output::print_text(&format!(
        "{} is backed up as {}: {}, {} rows, {} files, in {:.0} s",
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
            let said = format!("{count} attachments were {what} in the filestore itself, the first: {first}");
            message::warning(context.palette(), &said);
        }
    }
    if !report.deleted.is_empty() {
        message::note(context.palette(), &format!("{} older backups are deleted", report.deleted.len()));
    }
    Ok(())
}
