//! `konta tenant upgrade`: upgrades modules and Odoo, with a way back.

mod tenant_upgrade;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::commands::context;
use crate::commands::{CommandError, Context};
use crate::deploy::observe;
use crate::model::Environment;
use crate::odoo::database;
use crate::operation::OperationError;
use crate::operation::step::Operation;
use crate::report::{message, output, prompt};
use crate::stack::LoadedWorkspace;
use crate::stack::runtime::TenantRuntime;
use crate::tenant::upgrade::{self, Done, Wanted};

use self::tenant_upgrade::TenantUpgrade;
use super::target;

/// Upgrade a tenant's modules, and its image to the manifest's or another one.
///
/// While Odoo upgrades, visitors see a maintenance page and nobody can work. Odoo works in a copy of the database, which
/// takes the original's place if the upgrade succeeds; otherwise the former release serves the former data again. After an
/// interruption the page remains; run the same command again to continue. A pooled tenant keeps the image of its pool,
/// which `konta deploy` changes for the whole pool.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct UpgradeArgs {
    /// Name of the tenant
    #[arg(required_unless_present = "all")]
    name: Option<String>,
    /// Upgrade every tenant in the environment, one at a time; a failure does not stop the rest
    #[arg(long, conflicts_with = "name")]
    all: bool,
    /// New image, by digest; konta writes it into the tenant's manifest [default: the manifest's]
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Keep the running image, even if the manifest names another
    #[arg(long, conflicts_with = "image")]
    keep_image: bool,
    /// Modules to upgrade, separated by commas; `base` means all installed modules
    #[arg(long, value_name = "MODULES", value_delimiter = ',', default_value = "base")]
    modules: Vec<String>,
    /// Skip the backup
    #[arg(long)]
    no_backup: bool,
    /// Show the steps and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `konta tenant upgrade`.
pub(super) async fn run(context: &Context, args: &UpgradeArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let (environment, names) = asked(context, &loaded, args)?;
    let session = context.session(&loaded, environment).await?;
    let application = loaded.workspace.application.as_str();
    let observed = observe::sweep(&session.aws, application, environment.name.as_str()).await?;
    let of_stacks = loaded.names(environment);
    let (mut requests, mut failed) = (Vec::new(), Vec::new());
    for name in &names {
        match TenantUpgrade::of(context, &loaded, &observed, &of_stacks, name, args) {
            Ok(request) => requests.push(request),
            Err(reason) if args.all => pass_over(context, name, reason, &mut failed),
            Err(reason) => return Err(reason.into()),
        }
    }
    if !args.dry_run
        && !context.global().yes
        && !requests.is_empty()
        && !prompt::confirm(&tenant_upgrade::question(&requests))?
    {
        return Err(CommandError::Declined("the upgrade was not confirmed".to_owned()));
    }
    for (number, request) in requests.iter().enumerate() {
        if context.interruption().has_come() {
            failed.push(OperationError::Cancelled { what: format!("{} was not begun", request.name) }.into());
            break;
        }
        let error = match one(context, &loaded, request, args).await {
            Ok(()) => continue,
            Err(error) if !args.all => return Err(error),
            Err(error) => error,
        };
        message::warning(context.palette(), &format!("{} was not upgraded: {error}", request.name));
        // A problem that would end every upgrade is reported once.
        let is_everybodys = error.exit_code() == 5 || error.is_out_of_reach();
        failed.push(error);
        if is_everybodys && number + 1 < requests.len() {
            let left: Vec<&str> = requests[number + 1..].iter().map(|request| request.name.as_str()).collect();
            message::warning(context.palette(), &format!("not started: {}", left.join(", ")));
            break;
        }
    }
    if failed.is_empty() { Ok(0) } else { Err(CommandError::Tenants { count: failed.len(), errors: failed }) }
}

fn asked<'a>(
    context: &Context,
    loaded: &'a LoadedWorkspace,
    args: &UpgradeArgs,
) -> Result<(&'a Environment, Vec<String>), CommandError> {
    if let Some(name) = &args.name {
        let own = context::tenant(&loaded.workspace, name)?.environment.as_str();
        let environment =
            context.environment(&loaded.workspace, context.global().environment.as_deref().or(Some(own)))?;
        return Ok((environment, vec![name.clone()]));
    }
    let environment = context.environment(&loaded.workspace, None)?;
    let names = loaded.workspace.tenants_of(&environment.name).map(|tenant| tenant.name.to_string()).collect();
    Ok((environment, names))
}

/// Reports a tenant that `--all` does not upgrade: as a note if that is as intended, otherwise as an error of the run.
fn pass_over(context: &Context, name: &str, reason: tenant_upgrade::Refusal, failed: &mut Vec<CommandError>) {
    match reason {
        tenant_upgrade::Refusal::Passed(reason) => {
            message::note(context.palette(), &format!("{name} skipped: {reason}"));
        }
        tenant_upgrade::Refusal::Error(error) => {
            message::warning(context.palette(), &format!("{name} was not upgraded: {error}"));
            failed.push(error);
        }
    }
}

async fn one(
    context: &Context,
    loaded: &LoadedWorkspace,
    request: &TenantUpgrade<'_>,
    args: &UpgradeArgs,
) -> Result<(), CommandError> {
    let (modules, tenant) = (&args.modules, request.tenant);
    // Look the tenant up again: an earlier upgrade may have taken an hour.
    let mut standing = target::find(context, loaded, &request.name).await?;
    context.outlast(&mut standing.session, SignedDuration::from_mins(45)).await?;
    if !standing.session.aws.runs_tasks() {
        return Err(OperationError::NoTasks { what: "nothing can be upgraded" }.into());
    }
    let names = standing.names();
    let runtime = TenantRuntime::of(&standing.observed, &names, &standing.name)?;
    let data = standing.database(&names)?;
    let now =
        tenant_upgrade::image(&standing.observed, &standing.stack, &names).unwrap_or_else(|| tenant.image.clone());
    let question = database::installed_modules(&tenant.name.database());
    let there = data.values(&question).await?;
    let missing = crate::odoo::modules::missing(&tenant.modules, &there);
    let unknown = crate::odoo::modules::missing(modules, &there);
    if !unknown.is_empty() {
        let name = &request.name;
        return Err(CommandError::Unknown {
            message: format!("{name} has no module {}", unknown.join(", ")),
            help: format!(
                "run `konta tenant modules {name}` to list its modules; an upgrade installs those that its manifest asks for"
            ),
        });
    }
    let wanted = Wanted {
        tenant: &tenant.name,
        runtime: &runtime,
        data: &data,
        image: &now,
        new_image: request.new_image.as_deref(),
        upgraded: modules,
        installed: &missing,
        backup: !args.no_backup,
        now: Timestamp::now(),
    };
    let releases = wanted.new_image.is_some_and(|new| new != now);
    let steps = upgrade::steps(runtime.is_pooled, wanted.backup, releases);
    let operation = Operation::new("upgrade", steps).with(&[wanted.new_image.unwrap_or(&now), &modules.join(",")]);
    if args.dry_run {
        return standing.show(context, &operation).map(|_| ());
    }
    let done = standing
        .operate(context, &operation, async |context| {
            // With the lease: a command that is refused must not leave an image in the manifest that nobody upgraded to.
            if let Some(edit) = &request.edit {
                edit.write()?;
            }
            Ok::<_, CommandError>(upgrade::run(context, &wanted).await)
        })
        .await?;
    let done = match done {
        Ok(done) => done,
        Err(broken) => {
            // The next deployment would run the former data with an image that does not fit it.
            if let Some(edit) = request.edit.as_ref().filter(|_| broken.is_back) {
                edit.take_back()?;
                message::note(context.palette(), &format!("{} names the former image again", edit.path));
            } else if broken.is_back && request.new_image.as_ref().is_some_and(|new| *new != now) {
                let text = format!(
                    "the manifest of {} names another image than the one that serves it, {now}: correct it, because a deployment \
                     would release that image without an upgrade",
                    request.name
                );
                message::warning(context.palette(), &text);
            }
            return Err(broken.error.into());
        }
    };
    show(context, request, args, &missing, &done, standing.session.aws.is_sandbox())?;
    if runtime.is_pooled && tenant.image != now {
        message::note(
            context.palette(),
            "its pool still runs another image than its manifest names: run `konta deploy env` to update the pool",
        );
    }
    Ok(())
}

fn show(
    context: &Context,
    request: &TenantUpgrade<'_>,
    args: &UpgradeArgs,
    installed: &[String],
    done: &Done,
    sandbox: bool,
) -> Result<(), CommandError> {
    let (name, seconds) = (&request.name, done.off.as_secs());
    if context.format().is_json() {
        output::print_json_line(&json!({
            "event": "result",
            "ok": true,
            "sandbox": sandbox,
            "tenant": name,
            "image": done.image,
            "upgraded": args.modules,
            "installed": installed,
            "seconds_off_the_net": seconds,
        }))?;
        return Ok(());
    }
    output::print_text(&format!("{name} upgraded; downtime {seconds} s"))?;
    Ok(())
}
