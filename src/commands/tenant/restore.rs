//! `konta tenant restore`: restores a backup into a second database, counts it, and swaps it in.

use clap::Args;
use jiff::SignedDuration;
use serde_json::json;

use crate::commands::{CommandError, Context};
use crate::odoo::backup::{Manifest, Outcome};
use crate::operation::step::Operation;
use crate::report::{message, output, prompt, text};
use crate::tenant::former_database;
use crate::tenant::restore::{self, Restored, Wanted};
use crate::tenant::{backup, backup_store};

use super::target::{self, TenantTarget};

/// Restore a backup into a second database, count it, and put it in the tenant's place.
///
/// konta restores the backup into a new database and adds its files. Only if every row and file is there, one statement
/// puts the new database in the tenant's place. Until then visitors see the old data. The former database is kept until
/// the next restore. If the restore is interrupted, run the same command again to continue.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct RestoreArgs {
    /// Name of the tenant
    name: String,
    /// Name of the backup, or `latest`
    #[arg(long, value_name = "BACKUP", default_value = "latest")]
    from: String,
    /// Restore the backup of another tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Test whether the backup can be restored: restore it into a database that is dropped afterwards
    #[arg(long)]
    check: bool,
    /// Restore the backup again even if it is already in place; changes made since are lost
    #[arg(long, conflicts_with = "check")]
    again: bool,
    /// Put back the database from before the last restore
    #[arg(long, conflicts_with_all = ["check", "again", "tenant", "from"])]
    undo: bool,
    /// With `--undo`: put it back even if attachments of that database are lost
    #[arg(long, requires = "undo")]
    anyway: bool,
    /// Drop the database from before the last restore, which then cannot be undone
    #[arg(long, conflicts_with_all = ["check", "again", "tenant", "from", "undo"])]
    drop_before: bool,
    /// Show the steps and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `konta tenant restore`.
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
        "Restore the backup {}{whose} ({}, {}) to the tenant {} of {} in {}? The current data is set aside",
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
        output::print_text(&format!("{name} was already restored from {}", manifest.id))?;
        message::note(
            context.palette(),
            "changes made since are kept; `--again` restores the backup again and loses them",
        );
        return Ok(());
    }
    output::print_text(&format!("{name} restored from {}{}", manifest.id, words(outcome)))?;
    message::note(
        context.palette(),
        &format!(
            "the former database is kept: `konta tenant restore {name} --undo` puts it back, `--drop-before` drops it"
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
    let operation = Operation::new("restore", former_database::undo_steps(args.anyway)).with(&["--undo"]);
    if args.dry_run {
        return tenant.show(context, &operation);
    }
    let question = format!(
        "Put back the database of the tenant {name} of {} from before the last restore? Changes made since are set aside",
        tenant.environment.name
    );
    if !context.global().yes && !prompt::confirm(&question)? {
        return Err(CommandError::Declined("undoing the restore was not confirmed".to_owned()));
    }
    context.outlast(&mut tenant.session, SignedDuration::from_mins(15)).await?;
    let done = tenant
        .operate(context, &operation, async |context| former_database::undo(context, &name, args.anyway).await)
        .await?;
    finish(context, tenant, if done { "is back as it was before the restore" } else { "was already put back" })
}

async fn drop_before(context: &Context, tenant: &TenantTarget<'_>, args: &RestoreArgs) -> Result<u8, CommandError> {
    let name = tenant.name.clone();
    let operation = Operation::new("restore", former_database::forget_steps()).with(&["--drop-before"]);
    if args.dry_run {
        return tenant.show(context, &operation);
    }
    let question =
        format!("Drop the database of {name} from before the last restore? The restore can then no longer be undone");
    if !context.global().yes && !prompt::confirm(&question)? {
        return Err(CommandError::Declined("dropping the former database was not confirmed".to_owned()));
    }
    tenant.operate(context, &operation, async |context| former_database::forget(context, &name).await).await?;
    finish(context, tenant, "no longer has a database from before a restore")
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
