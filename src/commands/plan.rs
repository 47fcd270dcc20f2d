//! `konta plan`: what would change.

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::auth::session::SessionError;
use crate::cost::{Difference, PriceTable};
use crate::deploy::plan::{self, Online};
use crate::model::{Environment, Tenant};
use crate::report::{self, message, output};
use crate::stack::scope::{Scope, Shared};
use crate::stack::{DesiredStack, LoadedWorkspace, Plan};

use super::context::{self, Session};
use super::cost::difference;
use super::{CommandError, Context, prices};

/// Show what would change: per stack, property by property, with risks.
///
/// With credentials AWS computes the changes of existing stacks (a change set, deleted afterwards); without, the plan is made from the
/// templates alone, and says so.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(subcommand)]
    what: What,
    /// Exit with 2 when something would change
    #[arg(long, global = true)]
    exit_code: bool,
    /// Ask nothing of AWS
    #[arg(long, global = true, conflicts_with = "sandbox")]
    offline: bool,
}

/// What a plan or a deployment is about.
#[derive(Debug, Clone, Subcommand)]
pub enum What {
    /// An environment with its cells
    Env {
        /// Its name [default: the only one]
        name: Option<String>,
    },
    /// Tenants, with what must stand before them
    Tenant {
        /// Their names
        #[arg(required_unless_present = "all")]
        names: Vec<String>,
        /// All tenants of the environment
        #[arg(long, conflicts_with = "names")]
        all: bool,
    },
}

impl What {
    /// Whether all tenants are meant, rather than the named ones.
    #[must_use]
    pub fn is_all(&self) -> bool {
        matches!(self, Self::Tenant { all: true, .. })
    }

    /// The environment and the scope.
    pub fn resolve<'a>(
        &self,
        context: &Context,
        loaded: &'a LoadedWorkspace,
    ) -> Result<(&'a Environment, Scope<'a>), CommandError> {
        match self {
            Self::Env { name } => {
                let environment = context.environment(&loaded.workspace, name.as_deref())?;
                Ok((environment, Scope { shared: Shared::All, tenants: Vec::new() }))
            }
            Self::Tenant { names, all } => {
                let environment = context.environment_of(&loaded.workspace, names)?;
                let tenants: Vec<&Tenant> = context::tenants(&loaded.workspace, environment, names, *all)?;
                Ok((environment, Scope { shared: Shared::Needed, tenants }))
            }
        }
    }
}

/// A plan with what its changes cost, for programs.
#[derive(Debug, Serialize)]
pub struct Shown<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    changes_anything: bool,
    cost: &'a Difference,
}

impl<'a> Shown<'a> {
    /// A plan and its cost.
    #[must_use]
    pub fn new(plan: &'a Plan, cost: &'a Difference) -> Self {
        Self { changes_anything: plan.changes_anything(), plan, cost }
    }
}

/// What the changes of a plan cost a month; asks AWS about those stacks alone.
pub async fn cost(
    context: &Context,
    loaded: &LoadedWorkspace,
    environment: &Environment,
    session: &Session,
    online: &Online,
) -> Result<Difference, CommandError> {
    let prices = prices::table(context)?;
    Ok(difference::of_plan(loaded, environment, session, &online.planned, &online.observed, prices).await)
}

/// The plan from the templates alone, and what everything in it costs.
fn offline(
    loaded: &LoadedWorkspace,
    environment: &Environment,
    scope: &Scope<'_>,
    why: &str,
    prices: PriceTable,
) -> Result<(Plan, Difference), CommandError> {
    let (planned, plan) = plan::offline(loaded, environment, scope, why)?;
    let stacks: Vec<DesiredStack> = planned.stacks.into_iter().map(|stack| stack.desired).collect();
    Ok((plan, difference::of_nothing(loaded, environment, &stacks, prices)))
}

/// Shows a plan.
pub async fn run(context: &Context, args: &PlanArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let (environment, scope) = args.what.resolve(context, &loaded)?;
    let (plan, cost) = if args.offline {
        offline(&loaded, environment, &scope, "--offline", prices::table(context)?)?
    } else {
        match context.session(&loaded, environment).await {
            Ok(session) => {
                let online = plan::online(&session.aws, session.polling, &loaded, environment, &scope, None).await?;
                // Whatever the prices are, no change set is left behind.
                let cost = cost(context, &loaded, environment, &session, &online).await;
                plan::discard(&session.aws, session.polling, &online.planned).await?;
                (online.plan, cost?)
            }
            Err(error) if lacks_credentials(&error) => {
                message::warning(context.palette(), "no credentials were found, so AWS was not asked");
                offline(&loaded, environment, &scope, "there are no credentials", prices::table(context)?)?
            }
            Err(error) => return Err(error),
        }
    };
    show(context, &plan, &cost)?;
    Ok(if args.exit_code && plan.changes_anything() { 2 } else { 0 })
}

/// Writes a plan, with what it costs, to standard output.
pub fn show(context: &Context, plan: &Plan, cost: &Difference) -> Result<(), CommandError> {
    if context.format().is_json() {
        // Through a value, so that the keys are in order.
        output::print_json(&serde_json::to_value(Shown::new(plan, cost)).map_err(std::io::Error::from)?)?;
        return Ok(());
    }
    let palette = report::Palette::for_stdout(context.global().no_color);
    let (verbose, width) = (context.global().verbose, report::text::stdout_width());
    output::print_text(&report::plan_text(plan, verbose, width, palette))?;
    let costs = report::cost::difference::of_plan(cost, verbose, width);
    if !costs.is_empty() {
        output::print_text(&format!("\n{costs}"))?;
    }
    Ok(())
}

/// Whether there are no credentials at all; wrong ones are an error.
fn lacks_credentials(error: &CommandError) -> bool {
    matches!(error, CommandError::Session(SessionError::NothingFound))
}
