//! `konta plan`: shows what would change.

use clap::Args;

use crate::auth::session::SessionError;
use crate::cost::workspace::of_creations;
use crate::cost::{Difference, PriceTable};
use crate::deploy::plan;
use crate::model::Environment;
use crate::report::message;
use crate::stack::scope::Scope;
use crate::stack::{DesiredStack, LoadedWorkspace, Plan};

use super::exit_code::ExitCode;
use super::plan_view::{cost, show};
use super::scope_args::ScopeArgs;
use super::{CommandError, Context};

/// Show what would change: per stack, property by property, with risks
///
/// With credentials, AWS computes the changes of existing stacks in change sets, which konta deletes afterwards.
/// Without, konta makes the plan from the templates alone, and says so.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(subcommand)]
    what: ScopeArgs,
    /// Exit with 2 if something would change
    #[arg(long, global = true)]
    exit_code: bool,
    /// Plan without AWS
    #[arg(long, global = true, conflicts_with = "sandbox")]
    offline: bool,
}

/// The plan from the templates alone, and what everything in it costs.
fn offline(
    loaded: &LoadedWorkspace,
    environment: &Environment,
    scope: &Scope<'_>,
    why: &str,
    prices: &PriceTable,
) -> Result<(Plan, Difference), CommandError> {
    let (planned, plan) = plan::offline(loaded, environment, scope, why)?;
    let stacks: Vec<DesiredStack> = planned.stacks.into_iter().map(|stack| stack.desired).collect();
    Ok((plan, of_creations(loaded, environment, &stacks, prices)))
}

/// Shows a plan.
pub async fn run(context: &Context, args: &PlanArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let (environment, scope) = args.what.resolve(context, &loaded)?;
    let (plan, cost) = if args.offline {
        offline(&loaded, environment, &scope, "--offline", &context.prices()?)?
    } else {
        match context.session(&loaded, environment).await {
            Ok(session) => {
                let online = plan::online(&session.aws, session.polling, &loaded, environment, &scope, None).await?;
                // The change sets are deleted before an error of the pricing is returned.
                let cost = cost(context, &loaded, environment, &session, &online).await;
                plan::discard(&session.aws, session.polling, &online.planned).await?;
                (online.plan, cost?)
            }
            Err(error) if lacks_credentials(&error) => {
                message::warning(context.palette(), "no credentials were found, so AWS was not asked");
                offline(&loaded, environment, &scope, "there are no credentials", &context.prices()?)?
            }
            Err(error) => return Err(error),
        }
    };
    show(context, &plan, &cost)?;
    let would_change = args.exit_code && plan.changes_anything();
    Ok(if would_change { ExitCode::WouldChange } else { ExitCode::Success }.code())
}

/// Whether there are no credentials at all; wrong ones are an error.
fn lacks_credentials(error: &CommandError) -> bool {
    matches!(error, CommandError::Session(SessionError::NothingFound))
}
