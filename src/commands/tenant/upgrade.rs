//! `konta tenant upgrade`: new versions of modules and of Odoo, with a way back.

use clap::Args;
use jiff::SignedDuration;
use serde_json::json;

use crate::commands::gather::Loaded;
use crate::commands::{CommandError, Context};
use crate::deploy::DeployError;
use crate::life::place::Place;
use crate::life::upgrade::{self, Wanted};
use crate::model::Tenant;
use crate::odoo::database;
use crate::report::{message, output, prompt};
use crate::stack::build::Builder;
use crate::stack::names::Names;

use super::standing::{self, StandingTenant};

/// Upgrade a tenant's modules, and take it to the image of its manifest.
///
/// While Odoo works nobody else can: visitors see a page of maintenance. The work is done in a copy of the database, which takes the
/// tenant's place when all went well; else the former release serves the former data again. After an interruption the page stays, and
/// the same command goes on. A pooled tenant keeps the image of its pool, which `konta deploy` changes for all of it.
#[derive(Debug, Args)]
pub(super) struct UpgradeArgs {
    /// Its name
    #[arg(required_unless_present = "all")]
    name: Option<String>,
    /// All tenants of the environment, one after the other; one that fails keeps no other
    #[arg(long, conflicts_with = "name")]
    all: bool,
    /// The modules to upgrade; base means all that are installed
    #[arg(long, value_name = "MODULES", value_delimiter = ',', default_value = "base")]
    modules: Vec<String>,
    /// Make no backup before
    #[arg(long)]
    no_backup: bool,
}

/// Upgrades.
pub(super) async fn run(context: &Context, args: &UpgradeArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let names: Vec<String> = if let Some(name) = &args.name {
        vec![name.clone()]
    } else {
        let environment = context.environment(&loaded.workspace, context.global().environment.as_deref())?;
        loaded.workspace.tenants_of(&environment.name).map(|tenant| tenant.name.to_string()).collect()
    };
    if !context.global().yes {
        let question = format!(
            "Upgrade {}? Its visitors see a page of maintenance meanwhile, usually for about a minute",
            names.join(", ")
        );
        if !prompt::confirm(&question)? {
            return Err(CommandError::Declined("the upgrade was not confirmed".to_owned()));
        }
    }
    let mut errors = Vec::new();
    for name in &names {
        match one(context, &loaded, name, args).await {
            Ok(()) => {}
            // One tenant's failure keeps no other.
            Err(CommandError::Deploy(error)) => errors.push(error),
            Err(error) => return Err(error),
        }
    }
    if errors.is_empty() { Ok(0) } else { Err(errors.into()) }
}

async fn one(context: &Context, loaded: &Loaded, name: &str, args: &UpgradeArgs) -> Result<(), CommandError> {
    let modules = &args.modules;
    let mut standing = standing::find(context, loaded, name).await?;
    let tenant = crate::commands::gather::tenant(&loaded.workspace, name)?;
    context.outlast(&mut standing.session, SignedDuration::from_mins(45)).await?;
    if !standing.session.aws.runs_tasks() {
        return Err(DeployError::Preflight {
            problem: "the sandbox runs no tasks, so nothing can be upgraded".to_owned(),
            help: "start it with `konta sandbox start --with-odoo`".to_owned(),
        }
        .into());
    }
    let names = Builder::new(&loaded.workspace, &loaded.composer).names(standing.environment);
    let place = Place::of(&standing.observed, &names, &standing.name)?;
    let data = standing.database(&names)?;
    let now = image(&standing, &names, tenant, place.is_pooled);
    let new = if place.is_pooled { now.clone() } else { tenant.image.clone() };
    let question = database::installed_modules(&tenant.name.database());
    let rows = standing.session.aws.sql(&data, &question.database, &question.sql, &[]).await?;
    let there: Vec<String> = rows.into_iter().flatten().flatten().collect();
    let missing = crate::odoo::modules::missing(&tenant.modules, &there);
    let unknown = crate::odoo::modules::missing(modules, &there);
    if !unknown.is_empty() {
        return Err(CommandError::Unknown {
            message: format!("{name} has no module {}", unknown.join(", ")),
            help: format!(
                "`konta tenant modules {name}` lists those it has; the manifest's missing ones are installed by an upgrade"
            ),
        });
    }
    let wanted = Wanted {
        tenant: &tenant.name,
        place: &place,
        data: &data,
        image: &now,
        new_image: &new,
        upgraded: modules,
        installed: &missing,
        backup: !args.no_backup,
    };
    let down = standing.carry_out(context, async |deployer| upgrade::run(deployer, &wanted).await).await?;
    if context.format().is_json() {
        output::print_json_line(&json!({
            "event": "result",
            "ok": true,
            "sandbox": standing.session.aws.is_sandbox(),
            "tenant": name,
            "image": new,
            "upgraded": modules,
            "installed": missing,
            "seconds_off_the_net": down.as_secs(),
        }))?;
        return Ok(());
    }
    output::print_text(&format!("{name} is upgraded; it was off the net for {} s", down.as_secs()))?;
    if place.is_pooled && tenant.image != now {
        message::note(
            context.palette(),
            "its pool still runs another image than its manifest says: `konta deploy env`",
        );
    }
    Ok(())
}

/// The image that serves now.
fn image(standing: &StandingTenant<'_>, names: &Names, tenant: &Tenant, pooled: bool) -> String {
    let cell = standing.stack.cell().map(|cell| names.cell(cell)).unwrap_or_default();
    let stack = if pooled { standing.observed.get(&cell) } else { Some(&standing.stack) };
    let parameter = if pooled { "PoolImage" } else { "Image" };
    stack.and_then(|stack| stack.parameters.get(parameter)).cloned().unwrap_or_else(|| tenant.image.clone())
}
