//! A plan with its cost, for every verb that shows one before it acts.

use serde::Serialize;

use crate::cost::Difference;
use crate::cost::workspace::PlanCost;
use crate::deploy::observe;
use crate::deploy::plan::Online;
use crate::model::Environment;
use crate::report::{self, output};
use crate::stack::{LoadedWorkspace, Plan};

use super::session::Session;
use super::{CommandError, Context};

/// A plan with the cost of its changes, for programs.
#[derive(Debug, Serialize)]
pub struct PlanView<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    changes_anything: bool,
    cost: &'a Difference,
}

impl<'a> PlanView<'a> {
    /// A plan and its cost.
    #[must_use]
    pub fn new(plan: &'a Plan, cost: &'a Difference) -> Self {
        Self { changes_anything: plan.changes_anything(), plan, cost }
    }
}

/// What the changes of a plan cost a month; reads only those stacks from AWS.
pub async fn cost(
    context: &Context,
    loaded: &LoadedWorkspace,
    environment: &Environment,
    session: &Session,
    online: &Online,
) -> Result<Difference, CommandError> {
    let prices = context.prices()?;
    let stacks = online.planned.stacks.iter().map(|stack| (&stack.desired, &stack.plan));
    let cost = PlanCost::new(loaded, environment, stacks, &online.observed);
    let templates = observe::templates(&session.aws, session.polling, cost.templates()).await;
    Ok(cost.difference(templates, &prices))
}

/// Writes a plan and its cost to standard output.
pub fn show(context: &Context, plan: &Plan, cost: &Difference) -> Result<(), CommandError> {
    if context.format().is_json() {
        // Through a value, so that the keys are sorted.
        output::print_json(&serde_json::to_value(PlanView::new(plan, cost)).map_err(std::io::Error::from)?)?;
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
