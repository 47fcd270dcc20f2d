//! What the changes of a plan cost: the wanted documents against the deployed ones.

use futures::StreamExt as _;

use crate::aws::AwsError;
use crate::commands::gather::{Loaded, Session};
use crate::cost::usage::Profile;
use crate::cost::{Difference, PriceTable, Usage};
use crate::deploy::prepare::Planned;
use crate::model::Environment;
use crate::stack::{Action, DesiredStack, Observed, ObservedStack};

use super::stacks::StackPricer;

/// A stack that changes, and the template it was deployed with, where it stands.
pub(crate) struct Changing<'a> {
    pub(crate) desired: &'a DesiredStack,
    pub(crate) deployed: Option<(&'a ObservedStack, Result<String, AwsError>)>,
}

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
    prices: PriceTable,
) -> Difference {
    let changed = planned.stacks.iter().filter(|stack| stack.plan.changes_anything());
    let each = changed.map(|stack| {
        // What a failed creation left costs nothing that stays.
        let standing = observed.get(&stack.desired.name).filter(|_| stack.plan.action != Action::Recreate);
        (&stack.desired, standing)
    });
    let changing = templates(session, each).await;
    if changing.is_empty() {
        return Difference::default();
    }
    of_stacks(loaded, environment, changing, observed, prices)
}

/// Everything is new: what a plan made from the templates alone costs.
pub fn of_nothing(
    loaded: &Loaded,
    environment: &Environment,
    stacks: &[DesiredStack],
    prices: PriceTable,
) -> Difference {
    let changing = stacks.iter().map(|desired| Changing { desired, deployed: None }).collect();
    of_stacks(loaded, environment, changing, &Observed::default(), prices)
}

/// Fetches the deployed templates, several side by side.
pub(crate) async fn templates<'a>(
    session: &Session,
    stacks: impl Iterator<Item = (&'a DesiredStack, Option<&'a ObservedStack>)>,
) -> Vec<Changing<'a>> {
    let each = stacks.map(async |(desired, standing)| {
        let deployed = match standing {
            Some(standing) => Some((standing, session.aws.template(&standing.name).await)),
            None => None,
        };
        Changing { desired, deployed }
    });
    futures::stream::iter(each).buffered(session.pace.side_by_side).collect().await
}

fn of_stacks(
    loaded: &Loaded,
    environment: &Environment,
    changing: Vec<Changing<'_>>,
    observed: &Observed,
    table: PriceTable,
) -> Difference {
    let usage = Usage::of(Profile::none());
    let mut pricer = StackPricer::new(&loaded.workspace, &loaded.composer, environment, usage, table).given(observed);
    let mut difference = Difference::default();
    for stack in changing {
        add(&mut pricer, &mut difference, stack);
    }
    difference
}

/// Prices a stack before and after.
pub(crate) fn add(pricer: &mut StackPricer<'_>, difference: &mut Difference, stack: Changing<'_>) {
    let Changing { desired, deployed } = stack;
    let after = pricer.desired(desired).estimate;
    let before = match deployed {
        None => Ok(None),
        Some((standing, Ok(body))) => match pricer.deployed(standing, &desired.kind, body) {
            Ok(estimate) => Ok(Some(estimate)),
            Err(error) => Err(format!("its deployed template cannot be read: {error}")),
        },
        Some((_, Err(error))) => Err(format!("its deployed template could not be had: {error}")),
    };
    match before {
        Ok(before) => difference.add(&desired.name, &desired.title, before.as_deref(), Some(&after)),
        Err(reason) => difference.add_unread(&desired.name, &desired.title, reason),
    }
}
