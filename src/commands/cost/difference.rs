//! What the changes of a plan cost: the wanted documents against the deployed ones.

use std::collections::HashMap;

use futures::StreamExt as _;

use crate::commands::context::{Loaded, Session};
use crate::cost::usage::Profile;
use crate::cost::{Difference, PriceTable, Usage};
use crate::deploy::plan::{Planned, PlannedStack};
use crate::model::Environment;
use crate::stack::plan::touched;
use crate::stack::{Action, DesiredStack, Observed};

use super::stacks::{Body, StackPricer};

/// What a plan's changes cost a month. Asks AWS for the templates of the stacks that change, and of no other.
///
/// Usage is the same before and after, so the difference is what the change itself does. A template that AWS does not give is told,
/// and is no reason to have no plan.
pub async fn of_plan(
    loaded: &Loaded,
    environment: &Environment,
    session: &Session,
    planned: &Planned,
    observed: &Observed,
    table: PriceTable,
) -> Difference {
    let mut difference = Difference::default();
    if !planned.stacks.iter().any(|stack| stack.plan.changes_anything()) {
        return difference;
    }
    // What a failed creation left costs nothing that stays.
    let standing =
        |stack: &PlannedStack| observed.get(&stack.desired.name).filter(|_| stack.plan.action != Action::Recreate);
    // Of what only follows the deployed template is the wanted one.
    let asked = planned.stacks.iter().filter(|s| s.plan.changes_anything() && s.plan.action != Action::Follow);
    let asked = asked.filter_map(standing).map(|stack| stack.name.as_str());
    let mut bodies = templates(session, asked).await;
    let desired: Vec<DesiredStack> = planned.stacks.iter().map(|stack| stack.desired.clone()).collect();
    let mut now = pricer(loaded, environment, table.clone()).given(observed).once_changed(touched(&desired, observed));
    let mut then = pricer(loaded, environment, table).given(observed);
    for stack in &planned.stacks {
        let desired = &stack.desired;
        if !stack.plan.changes_anything() {
            now.stand(desired);
            continue;
        }
        let after = now.desired(desired).estimate;
        let before = match (standing(stack), bodies.remove(&desired.name)) {
            (Some(_), _) if stack.plan.action == Action::Follow => Ok(Some(then.desired(desired).estimate)),
            (Some(standing), Some(body)) => then.deployed(standing, &desired.kind, body).map(Some),
            _ => Ok(None),
        };
        match before {
            Ok(Some(before)) if stack.plan.action == Action::Follow && before.total_usd == after.total_usd => {}
            Ok(before) => difference.add(&desired.name, &desired.title, before.as_deref(), Some(&after)),
            Err(reason) => difference.add_unread(&desired.name, &desired.title, reason),
        }
    }
    difference
}

/// Everything is new: what a plan made from the templates alone costs.
#[must_use]
pub fn of_nothing(
    loaded: &Loaded,
    environment: &Environment,
    stacks: &[DesiredStack],
    table: PriceTable,
) -> Difference {
    let mut pricer = pricer(loaded, environment, table);
    let mut difference = Difference::default();
    for stack in stacks {
        difference.add(&stack.name, &stack.title, None, Some(&pricer.desired(stack).estimate));
    }
    difference
}

fn pricer<'a>(loaded: &'a Loaded, environment: &'a Environment, table: PriceTable) -> StackPricer<'a> {
    StackPricer::new(&loaded.workspace, &loaded.composer, environment, Usage::of(Profile::none()), table)
}

/// Deployed templates by stack, fetched several side by side.
pub(super) async fn templates(session: &Session, stacks: impl Iterator<Item = &str>) -> HashMap<String, Body> {
    let each = stacks.map(async |stack| (stack.to_owned(), session.aws.template(stack).await));
    futures::stream::iter(each).buffered(session.polling.side_by_side).collect().await
}
