//! `konta cost diff`: compares the cost of the workspace with what is deployed, or with a git revision.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::commands::{CommandError, Context, context};
use crate::cost::PriceTable;
use crate::cost::usage::UsageFile;
use crate::cost::workspace::{AgainstDeployed, Basis, between};
use crate::deploy::observe;
use crate::model::Environment;
use crate::report::cost::difference::{self, Base, DifferenceReport};
use crate::stack::LoadedWorkspace;

use super::show::Shown;
use super::{revision, usage_file};

/// Show how much more or less the workspace costs a month than what is deployed
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct DiffArgs {
    #[command(subcommand)]
    what: Option<What>,
    /// Environment [default: the only one]
    #[arg(value_name = "ENV")]
    environment: Option<String>,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Compare only a tenant's stacks
    Tenant {
        /// Tenant
        name: String,
        #[command(flatten)]
        form: Form,
    },
}

#[derive(Debug, Clone, Args)]
struct Form {
    /// Compare with the workspace at this git revision instead of what is deployed; does not call AWS
    #[arg(long, value_name = "REF")]
    base: Option<String>,
    /// YAML file that says how much is used, the same on both sides
    #[arg(long, value_name = "FILE")]
    usage: Option<PathBuf>,
    #[command(flatten)]
    shown: Shown,
}

impl DiffArgs {
    fn base(&self) -> Option<&str> {
        match &self.what {
            Some(What::Tenant { form, .. }) => form.base.as_deref(),
            None => self.form.base.as_deref(),
        }
    }
}

/// Gathers both sides, compares, shows.
pub(super) async fn run(context: &Context, loaded: &LoadedWorkspace, args: &DiffArgs) -> Result<u8, CommandError> {
    let (tenant, form) = match &args.what {
        Some(What::Tenant { name, form }) => (Some(name.as_str()), form),
        None => (None, &args.form),
    };
    let usage = usage_file(form.usage.as_deref())?;
    let table = context.prices()?;
    let report = if form.base.is_some() {
        against_revision(context, loaded, args, tenant, &usage, &table)?
    } else {
        let environment = match tenant {
            Some(name) => context.environment_of(&loaded.workspace, &[name.to_owned()])?,
            None => context.environment(&loaded.workspace, args.environment.as_deref())?,
        };
        let tenant = tenant.map(|name| context::tenant(&loaded.workspace, name)).transpose()?;
        let session = context.session(loaded, environment).await?;
        let (app, env) = (loaded.workspace.application.as_str(), environment.name.as_str());
        let observed = observe::sweep(&session.aws, app, env).await?;
        let basis = Basis { loaded, environment, usage: &usage, prices: &table };
        let sides = AgainstDeployed::new(basis, tenant, &observed)?;
        let templates = observe::templates(&session.aws, session.polling, sides.templates()).await;
        let changes = sides.difference(templates)?;
        DifferenceReport::new(Base::Deployed, environment.region.as_str(), usage.usage.hours(), changes)
    };
    form.shown.show_with(context, &report, |width| difference::text(&report, width), || report.page())?;
    Ok(0)
}

/// Compares the workspace with itself at a revision, each with its own tenants.
fn against_revision(
    context: &Context,
    loaded: &LoadedWorkspace,
    args: &DiffArgs,
    tenant: Option<&str>,
    usage: &UsageFile,
    table: &PriceTable,
) -> Result<DifferenceReport, CommandError> {
    let base = args.base().unwrap_or_default();
    let past = revision::read(&loaded.root, base)?;
    let environment = match tenant {
        // A tenant that is new, or no longer exists, has only one side.
        Some(name) if loaded.workspace.tenants.keys().any(|known| known.as_str() == name) => {
            context.environment_of(&loaded.workspace, &[name.to_owned()])?
        }
        Some(name) => context.environment_of(&past.loaded.workspace, &[name.to_owned()])?,
        None => context.environment(&loaded.workspace, args.environment.as_deref())?,
    };
    let name = environment.name.as_str();
    let side = |loaded| {
        let environment = environment_called(loaded, name)?;
        Some(Basis { loaded, environment, usage, prices: table })
    };
    let difference = between(side(&past.loaded), side(loaded), tenant)?;
    let base = Base::Revision { revision: base.to_owned(), commit: past.commit };
    Ok(DifferenceReport::new(base, environment.region.as_str(), usage.usage.hours(), difference))
}

fn environment_called<'a>(loaded: &'a LoadedWorkspace, name: &str) -> Option<&'a Environment> {
    loaded.workspace.environments.values().find(|environment| environment.name.as_str() == name)
}
