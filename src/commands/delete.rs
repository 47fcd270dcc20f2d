//! `konta delete`: deletes a tenant or an environment; keeps the data unless it is purged.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::commands::{operation_view, runner};
use crate::deploy::delete::{self, BACKUP_BUCKET, Deleter, Kept};
use crate::deploy::observe;
use crate::model::TenantName;
use crate::operation::step::Operation;
use crate::operation::{self, OperationError};
use crate::report::{message, output, prompt};
use crate::stack::tags::TENANT_TAG;
use crate::stack::{Observed, ObservedStack};
use crate::tenant::relocation;

use super::session::Session;
use super::{CommandError, Context};

/// Delete a tenant or an environment.
///
/// Asks you to type the name; `--confirm NAME` answers beforehand. konta keeps databases, files and passwords unless you
/// give `--purge`, and backups even then unless you also give `--backups`. If a deletion is interrupted, run the same
/// command again to continue.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    #[command(subcommand)]
    what: What,
    /// Name of the tenant or environment, to confirm without a question
    #[arg(long, global = true, value_name = "NAME")]
    confirm: Option<String>,
    /// Delete the data, too: a tenant's database, role and password; an environment's zone
    #[arg(long, global = true)]
    purge: bool,
    /// Show the steps and change nothing
    #[arg(long, global = true)]
    dry_run: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Delete a tenant
    Tenant {
        /// Name of the tenant; its manifest may already be deleted
        name: String,
        /// With `--purge`: delete its backups, too, for ever; needs rights that no deploy role has
        #[arg(long)]
        backups: bool,
    },
    /// Delete an environment without tenants; a snapshot of each cell's database and the files remain
    Env {
        /// Name of the environment
        name: String,
    },
}

/// Runs `konta delete`.
pub async fn run(context: &Context, args: &DeleteArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let environment = match &args.what {
        What::Env { name } => context.environment(&loaded.workspace, Some(name))?,
        What::Tenant { name, backups } => {
            if *backups && !args.purge {
                return Err(CommandError::Usage {
                    message: "`--backups` needs `--purge`".to_owned(),
                    help: "add `--purge` to delete the data and the backups".to_owned(),
                });
            }
            let own =
                loaded.workspace.tenants.values().find(|t| t.name.as_str() == name).map(|t| t.environment.as_str());
            // `--env` comes first: a tenant whose manifest names another environment may still be deployed in the old one.
            context.environment(&loaded.workspace, context.global().environment.as_deref().or(own))?
        }
    };
    let session = context.session(&loaded, environment).await?;
    let names = loaded.names(environment);
    let observed =
        observe::sweep(&session.aws, loaded.workspace.application.as_str(), environment.name.as_str()).await?;
    let tenant = match &args.what {
        What::Tenant { name, .. } => Some(
            TenantName::new(name)
                .map_err(|error| CommandError::Unknown { message: error.to_string(), help: error.help })?,
        ),
        What::Env { .. } => None,
    };
    match &tenant {
        None => refuse_with_tenants(&observed)?,
        Some(tenant) => {
            relocation::refuse(&observed, tenant)?;
            let known = loaded.workspace.tenants.contains_key(tenant)
                || observed.get_with_shells(&names.tenant(tenant)).is_some();
            // Without a manifest and a stack, only a purge of what an earlier deletion kept makes sense.
            if !known && !args.purge {
                return Err(CommandError::Unknown {
                    message: format!("the tenant `{tenant}` has neither a manifest nor a stack"),
                    help: "run `konta ls` to list the tenants; add `--purge` to drop a database that an earlier deletion kept".to_owned(),
                });
            }
        }
    }
    let name = match &args.what {
        What::Tenant { name, .. } | What::Env { name } => name,
    };
    let keeps = match (args.purge, &args.what) {
        (false, _) => Kept::Data,
        (true, What::Tenant { backups: true, .. }) => Kept::Files,
        (true, _) => Kept::Backups,
    };
    let steps = match &tenant {
        Some(tenant) => delete::tenant_steps(keeps, has_addons(&observed, tenant, &names.tenant(tenant))),
        None => delete::environment_steps(args.purge),
    };
    if args.dry_run {
        operation_view::show(context, name, &Operation::new("delete", steps), session.aws.is_sandbox())?;
        return Ok(0);
    }
    confirm(args, name, environment.name.as_str(), tenant.is_some().then_some(keeps), &session)?;
    let bucket = observed.output(&names.environment(), BACKUP_BUCKET).map(ToOwned::to_owned);
    let work = async |operation: &operation::Context<'_>| {
        let deleter = Deleter::new(operation);
        match &tenant {
            Some(tenant) => operation.leased(tenant, ("delete", &[]), deleter.tenant(tenant, keeps)).await,
            None => deleter.environment(args.purge).await,
        }
    };
    runner::run(context, &session, environment, names, observed, steps, work).await?;
    finish(context, args, name, tenant.as_ref())?;
    if let (Kept::Backups, Some(tenant), Some(bucket)) = (keeps, &tenant, bucket) {
        say_kept(context, &session, &bucket, tenant).await;
    }
    Ok(0)
}

/// Whether a tenant has stacks in addition to its own.
fn has_addons(observed: &Observed, tenant: &TenantName, own: &str) -> bool {
    let is_of = |stack: &ObservedStack| stack.tags.get(TENANT_TAG).is_some_and(|tag| tag == tenant.as_str());
    observed.iter().any(|stack| is_of(stack) && stack.name != own)
}

/// Says that a purged tenant still has backups: people who must delete personal data need to know.
async fn say_kept(context: &Context, session: &Session, bucket: &str, tenant: &TenantName) {
    let found = session.aws.objects(bucket, &format!("{tenant}/")).await;
    if found.is_ok_and(|found| !found.is_empty()) {
        let said =
            format!("its backups are kept; `konta delete tenant {tenant} --purge --backups` deletes them for ever");
        message::note(context.palette(), &said);
    }
}

fn refuse_with_tenants(observed: &Observed) -> Result<(), CommandError> {
    let tenants: Vec<&str> = observed.iter().filter_map(ObservedStack::tenant).collect();
    if !tenants.is_empty() {
        return Err(OperationError::Preflight {
            problem: format!("the environment still has tenants: {}", tenants.join(", ")),
            help: "delete them first with `konta delete tenant NAME`".to_owned(),
        }
        .into());
    }
    // An addon may have a cluster in the environment's network, and AWS then refuses to delete the network.
    let addons: Vec<&str> = observed
        .iter()
        .filter(|stack| stack.tags.contains_key(TENANT_TAG) && stack.tenant().is_none())
        .map(|stack| stack.name.as_str())
        .collect();
    if addons.is_empty() {
        return Ok(());
    }
    Err(OperationError::Preflight {
        problem: format!("the environment still has addons of deleted tenants: {}", addons.join(", ")),
        help: "delete them and their data with `konta delete tenant NAME --purge`".to_owned(),
    }
    .into())
}

fn confirm(
    args: &DeleteArgs,
    name: &str,
    environment: &str,
    keeps: Option<Kept>,
    session: &Session,
) -> Result<(), CommandError> {
    if let Some(typed) = &args.confirm {
        return if typed == name {
            Ok(())
        } else {
            Err(CommandError::Declined(format!("`--confirm` says `{typed}`, but the name is `{name}`")))
        };
    }
    let what = if keeps.is_some() { "tenant" } else { "environment" };
    let data = match keeps {
        Some(Kept::Files) => {
            "with its database, role and backups, for ever; its files remain in the cell's file system"
        }
        Some(Kept::Backups) => "with its database and role, for ever; its backups remain",
        Some(Kept::Data) => "and keep its database",
        None if args.purge => {
            "with its zone, for ever; a snapshot of each cell's database, the files and the backups remain"
        }
        None => "and keep its zone, a snapshot of each cell's database, the files and the backups",
    };
    let place =
        if session.aws.is_sandbox() { "the sandbox".to_owned() } else { format!("account {}", session.account) };
    // `--yes` does not answer this: the name must be typed, here or in `--confirm`.
    if prompt::typed_name(&format!("Delete the {what} {name} of {environment} in {place} {data}?"), name)? {
        return Ok(());
    }
    Err(CommandError::Declined("the name was not typed".to_owned()))
}

fn finish(context: &Context, args: &DeleteArgs, name: &str, tenant: Option<&TenantName>) -> Result<(), CommandError> {
    if context.format().is_json() {
        output::print_json_line(&json!({"event": "result", "ok": true, "deleted": name, "purged": args.purge}))?;
        return Ok(());
    }
    output::print_text(&format!("{name} deleted"))?;
    if let (Some(tenant), false) = (tenant, args.purge) {
        message::note(
            context.palette(),
            &format!(
                "its database {} is kept; a new deployment of {tenant} uses it again, `--purge` drops it",
                tenant.database()
            ),
        );
    }
    Ok(())
}
