//! `konta tenant backups`: lists what can be restored.

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use crate::commands::{CommandError, Context};
use crate::deploy::observe;
use crate::odoo::backup::BackupId;
use crate::report::{message, output, table, text};
use crate::tenant::backup::{self, StoredBackup};
use crate::tenant::backup_store;

/// List a tenant's backups, even if the tenant is no longer deployed.
///
/// The column "tested" says when `konta tenant restore NAME --check` last restored the backup completely.
#[derive(Debug, Args)]
pub(super) struct BackupsArgs {
    /// Name of the tenant
    name: String,
    /// Delete the backups that `backups` in the environment's manifest no longer keeps
    #[arg(long)]
    prune: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    tenant: String,
    bucket: String,
    backups: Vec<StoredBackup>,
    deleted: Vec<BackupId>,
}

/// Lists the backups, newest first.
pub(super) async fn run(context: &Context, args: &BackupsArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let known = loaded.workspace.tenants.values().find(|tenant| tenant.name.as_str() == args.name);
    let own = known.map(|tenant| tenant.environment.as_str());
    let environment = context.environment(&loaded.workspace, context.global().environment.as_deref().or(own))?;
    let session = context.session(&loaded, environment).await?;
    let observed =
        observe::sweep(&session.aws, loaded.workspace.application.as_str(), environment.name.as_str()).await?;
    let names = loaded.names(environment);
    let bucket = backup_store::bucket(&observed, &names.environment())?;
    let mut deleted = Vec::new();
    if args.prune {
        deleted = backup::thin_out(&session.aws, &bucket, &args.name, environment.backups, Timestamp::now()).await?;
    }
    let mut backups = backup::list(&session.aws, &bucket, &args.name).await?;
    backups.reverse();
    if context.format().is_json() {
        output::print_json(&Report { tenant: args.name.clone(), bucket, backups, deleted })?;
        return Ok(0);
    }
    for problem in backups.iter().filter_map(|kept| kept.unreadable.as_ref()) {
        message::warning(context.palette(), problem);
    }
    if backups.is_empty() {
        output::print_text(&format!("{} has no backup; make one with `konta tenant backup {0}`", args.name))?;
    } else {
        let rows = backups.into_iter().map(row).collect();
        output::print_text(&table::table(&["backup", "begun", "size", "Odoo", "tested", "state"], rows))?;
    }
    if !deleted.is_empty() {
        message::note(context.palette(), &format!("{} older backups deleted", deleted.len()));
    }
    Ok(0)
}

fn row(kept: StoredBackup) -> Vec<String> {
    let state = match (kept.complete, kept.files_lost) {
        (false, _) => "not finished".to_owned(),
        _ if kept.unreadable.is_some() => "unreadable".to_owned(),
        (true, Some(lost)) if lost > 0 => format!("{lost} files were lost before it"),
        (true, _) => "whole".to_owned(),
    };
    vec![
        kept.id.to_string(),
        kept.begun_at,
        text::bytes(kept.bytes),
        kept.odoo.unwrap_or_default(),
        kept.checked_at.unwrap_or_else(|| "never".to_owned()),
        state,
    ]
}
