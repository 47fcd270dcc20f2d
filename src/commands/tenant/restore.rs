//! `konta tenant restore`: beside the tenant, counted, then in its place.

use clap::Args;
use jiff::SignedDuration;
use serde_json::json;

use crate::commands::{CommandError, Context};
use crate::odoo::backup::{Manifest, Outcome};
use crate::operation::step::Operation;
use crate::report::{message, output, prompt, text};
use crate::tenant::restore::{self, Restored, Wanted};
use crate::tenant::{backup, backup_store};

use super::target::{self, TenantTarget};

/// Restore a backup beside the tenant, count it, and put it in the tenant's place.
///
/// The backup is restored into a new database and its files are added; only when every row and file is there does it take the
/// tenant's place, at one stroke. Until then visitors see what they saw. What stood there is kept as it was until the next restore.
/// Whatever ends it on the way, the same command goes on.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct RestoreArgs {
    /// The tenant
    name: String,
    /// The backup, by its name, or `latest`
    #[arg(long, value_name = "BACKUP", default_value = "latest")]
    from: String,
    /// Take the backup of another tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Restore into a database that is dropped afterwards, to know that the backup can be restored; the tenant notices nothing
    #[arg(long)]
    check: bool,
    /// Restore also a backup that stands there as restored already, which loses what was done since
    #[arg(long, conflicts_with = "check")]
    again: bool,
    /// Put back the database that stood there before the last restore
    #[arg(long, conflicts_with_all = ["check", "again", "tenant", "from"])]
    undo: bool,
    /// With --undo: also when attachments of that database are lost
    #[arg(long, requires = "undo")]
    anyway: bool,
    /// Drop the database that stood there before the last restore; it can no longer be undone then
    #[arg(long, conflicts_with_all = ["check", "again", "tenant", "from", "undo"])]
    drop_before: bool,
    /// Show the steps, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Restores.
pub(super) async fn run(context: &Context, args: &RestoreArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let mut tenant = target::find(context, &loaded, &args.name).await?;
    if args.undo {
        return undo(context, &mut tenant, args).await;
    }
    if args.drop_before {
        return drop_before(context, &tenant, args).await;
    }
    let source = args.tenant.as_deref().unwrap_or(tenant.name.as_str()).to_owned();
    let bucket = backup_store::bucket(&tenant.observed, &tenant.names().environment())?;
    let manifest = backup::find(&tenant.session.aws, &bucket, &source, Some(&args.from)).await?;
    let operation = if args.check {
        Operation::new("restore", restore::check_steps()).with(&["--check", manifest.id.as_str()]).shared()
    } else {
        Operation::new("restore", restore::restore_steps(false)).with(&[&source, manifest.id.as_str()])
    };
    if args.dry_run {
        return tenant.show(context, &operation);
    }
    if !args.check {
        confirm(context, &tenant, &manifest)?;
    }
    context.outlast(&mut tenant.session, SignedDuration::from_hours(1)).await?;
    if args.check {
        return check(context, &tenant, &operation, &manifest).await;
    }
    let name = tenant.name.clone();
    let wanted = Wanted { source: &source, id: &manifest.id, neutralized_at: None, again: args.again };
    let done =
        tenant.operate(context, &operation, async |context| restore::restore(context, &name, &wanted).await).await?;
    show(context, &tenant, &manifest, &done)?;
    Ok(0)
}

fn confirm(context: &Context, tenant: &TenantTarget<'_>, manifest: &Manifest) -> Result<(), CommandError> {
    if context.global().yes {
        return Ok(());
    }
    let whose =
        if manifest.tenant == tenant.name.as_str() { String::new() } else { format!(" of {}", manifest.tenant) };
    let question = format!(
        "Put the backup {}{whose} ({}, {}) in the place of the tenant {} of {} in {}? What was done there since is set aside",
        manifest.id,
        manifest.id.moment(),
        text::bytes(manifest.bytes()),
        tenant.name,
        tenant.environment.name,
        tenant.place()
    );
    if prompt::confirm(&question)? {
        Ok(())
    } else {
        Err(CommandError::Declined("the restore was not confirmed".to_owned()))
    }
}

pub(super) fn show(
    context: &Context,
    tenant: &TenantTarget<'_>,
    manifest: &Manifest,
    done: &Restored,
) -> Result<(), CommandError> {
    let outcome = match done {
        Restored::Stands(outcome) => outcome.as_ref(),
        Restored::StoodAlready => None,
    };
    if context.format().is_json() {
        output::print_json_line(&json!({
            "event": "result",
            "ok": true,
            "sandbox": tenant.session.aws.is_sandbox(),
            "tenant": tenant.name.as_str(),
            "source": manifest.tenant,
            "id": manifest.id,
            "stood_already": *done == Restored::StoodAlready,
            "outcome": outcome,
        }))?;
        return Ok(());
    }
    let name = &tenant.name;
    if *done == Restored::StoodAlready {
        output::print_text(&format!("{name} has been restored from {} already", manifest.id))?;
        message::note(context.palette(), "what was done since stays; --again restores it once more and loses that");
        return Ok(());
    }
    output::print_text(&format!("{name} is restored from {}{}", manifest.id, words(outcome)))?;
    message::note(
        context.palette(),
        &format!(
            "what stood there before is kept: `konta tenant restore {name} --undo` puts it back, --drop-before drops it"
        ),
    );
    Ok(())
}

fn words(outcome: Option<&Outcome>) -> String {
    outcome.map_or_else(String::new, |outcome| {
        format!(
            ": {} rows and {} files, as backed up, in {:.0} s",
            outcome.rows.unwrap_or_default(),
            outcome.files.unwrap_or_default(),
            outcome.seconds
        )
    })
}

async fn check(
    context: &Context,
    tenant: &TenantTarget<'_>,
    operation: &Operation,
    manifest: &Manifest,
) -> Result<u8, CommandError> {
    let name = tenant.name.clone();
    let outcome =
        tenant.operate(context, operation, async |context| restore::check(context, &name, manifest).await).await?;
    if context.format().is_json() {
        output::print_json_line(&json!({
            "event": "result",
            "ok": true,
            "sandbox": tenant.session.aws.is_sandbox(),
            "tenant": manifest.tenant,
            "id": manifest.id,
            "outcome": outcome,
        }))?;
    } else {
        let said = words(outcome.as_ref());
        output::print_text(&format!("the backup {} of {} can be restored{said}", manifest.id, manifest.tenant))?;
    }
    Ok(0)
}

async fn undo(context: &Context, tenant: &mut TenantTarget<'_>, args: &RestoreArgs) -> Result<u8, CommandError> {
    let name = tenant.name.clone();
    let operation = Operation::new("restore", restore::undo_steps(args.anyway)).with(&["--undo"]);
    if args.dry_run {
        return tenant.show(context, &operation);
    }
    let question = format!(
        "Put back what stood in the place of the tenant {name} of {} before the last restore? What was done since is set aside",
        tenant.environment.name
    );
    if !context.global().yes && !prompt::confirm(&question)? {
        return Err(CommandError::Declined("the undoing was not confirmed".to_owned()));
    }
    context.outlast(&mut tenant.session, SignedDuration::from_mins(15)).await?;
    let done =
        tenant.operate(context, &operation, async |context| restore::undo(context, &name, args.anyway).await).await?;
    finish(context, tenant, if done { "has back what stood there before the restore" } else { "had it back already" })
}

async fn drop_before(context: &Context, tenant: &TenantTarget<'_>, args: &RestoreArgs) -> Result<u8, CommandError> {
    let name = tenant.name.clone();
    let operation = Operation::new("restore", restore::forget_steps()).with(&["--drop-before"]);
    if args.dry_run {
        return tenant.show(context, &operation);
    }
    let question = format!("Drop the database of {name} that was set aside by the last restore?");
    if !context.global().yes && !prompt::confirm(&question)? {
        return Err(CommandError::Declined("the dropping was not confirmed".to_owned()));
    }
    tenant.operate(context, &operation, async |context| restore::forget(context, &name).await).await?;
    finish(context, tenant, "keeps no database from before a restore")
}

fn finish(context: &Context, tenant: &TenantTarget<'_>, what: &str) -> Result<u8, CommandError> {
    if context.format().is_json() {
        let sandbox = tenant.session.aws.is_sandbox();
        output::print_json_line(
            &json!({"event": "result", "ok": true, "sandbox": sandbox, "tenant": tenant.name.as_str()}),
        )?;
    } else {
        output::print_text(&format!("{} {what}", tenant.name))?;
    }
    Ok(0)
}
