//! The plan of each stack: what happens to it, from its change set if AWS can compute one.

use std::collections::BTreeSet;

use futures::StreamExt as _;

use crate::aws::Aws;
use crate::deploy::health::HEALTH;
use crate::deploy::{change_set, steps};
use crate::operation::error::OperationError;
use crate::operation::polling::Polling;
use crate::operation::step::Step;
use crate::stack::plan::{self, Action, StackPlan};
use crate::stack::{DesiredStack, Observed, StackKind};
use crate::template::Document;

use super::refusal::refuse;
use super::{Planned, PlannedStack, ReviewedChangeSet, discard};

/// Plans each stack: creations from the template, updates from change sets, the rest from the hash alone. `unverified`
/// names the stacks whose health is checked again although they are as wanted.
///
/// Several change sets are computed side by side. The problems of all stacks are returned together; no change set
/// remains then.
pub(super) async fn each(
    aws: &Aws,
    polling: Polling,
    desired: Vec<DesiredStack>,
    observed: &Observed,
    unverified: &BTreeSet<String>,
) -> Result<Planned, Vec<OperationError>> {
    let touched = plan::touched(&desired, observed);
    let planning = desired.into_iter().map(|stack| one(aws, polling, stack, observed, (unverified, &touched)));
    let results: Vec<_> = futures::stream::iter(planning).buffered(polling.side_by_side).collect().await;
    let mut planned = Planned::default();
    let mut errors = Vec::new();
    for result in results {
        match result {
            Ok(stack) => planned.stacks.push(stack),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        return Ok(planned);
    }
    errors.extend(discard(aws, polling, &planned).await.err());
    Err(errors)
}

async fn one(
    aws: &Aws,
    polling: Polling,
    desired: DesiredStack,
    observed: &Observed,
    (unverified, touched): (&BTreeSet<String>, &BTreeSet<String>),
) -> Result<PlannedStack, OperationError> {
    refuse(&desired, observed)?;
    let action = plan::action(&desired, observed);
    let mut change_set = None;
    let mut stack_plan = match action {
        Action::Nothing | Action::Verify | Action::Follow => plan::without_changes(&desired, Action::Nothing),
        Action::Create | Action::Recreate => plan::creation(&desired, observed, action),
        Action::Update | Action::Attach | Action::Delete => {
            let standing = observed.get(&desired.name).cloned().unwrap_or_default();
            let parameters = desired
                .resolved_parameters(observed)
                .filter(|_| action == Action::Update && !standing.rollback_is_stuck());
            if let Some(parameters) = parameters {
                let computed = change_set::compute(aws, polling, None, &desired, &parameters, false).await?;
                match computed.changes {
                    Some(changes) => {
                        change_set = Some(ReviewedChangeSet { name: computed.name, parameters });
                        plan::from_change_set(&desired, &standing, observed, changes)
                    }
                    None => plan::unchanged(&desired, &standing),
                }
            } else {
                // A change set cannot be computed while the stack changes or a parameter is unknown.
                let deployed = aws.template(&desired.name).await?;
                let deployed = Document::parse(&desired.name, &deployed)?;
                let mut stack_plan = plan::comparison(&desired, &standing, deployed.value(), observed);
                stack_plan.action = action;
                stack_plan
            }
        }
    };
    if stack_plan.action == Action::Nothing && unverified.contains(&desired.name) {
        stack_plan = plan::without_changes(&desired, Action::Verify);
    }
    if let Some(before) = plan::takes_from(&desired, touched) {
        follow(before, &mut stack_plan);
    }
    annotate(&desired, observed, &mut stack_plan);
    Ok(PlannedStack { desired, plan: stack_plan, change_set })
}

/// Marks a stack that takes outputs of a changing stack, because it may change too.
fn follow(before: &str, stack_plan: &mut StackPlan) {
    match stack_plan.action {
        Action::Nothing => {
            stack_plan.action = Action::Follow;
            stack_plan
                .notes
                .push(format!("takes outputs of {before}, which changes: konta checks it again when its turn comes"));
        }
        Action::Update => {
            stack_plan.notes.push(format!("takes outputs of {before}, which changes: more may change than is shown"));
        }
        _ => {}
    }
}

/// Plans without calling AWS, as if nothing was deployed, so everything is new.
#[must_use]
pub fn creations(desired: Vec<DesiredStack>) -> Planned {
    let observed = Observed::default();
    let stacks = desired
        .into_iter()
        .map(|desired| {
            let mut stack_plan = plan::creation(&desired, &observed, Action::Create);
            annotate(&desired, &observed, &mut stack_plan);
            PlannedStack { desired, plan: stack_plan, change_set: None }
        })
        .collect();
    Planned { stacks }
}

/// The titles of steps, for a plan.
fn titles(steps: &[Step]) -> Vec<String> {
    steps.iter().map(|step| step.title.to_owned()).collect()
}

/// Adds the steps of konta's own, and what is not known yet.
fn annotate(desired: &DesiredStack, observed: &Observed, stack_plan: &mut StackPlan) {
    match stack_plan.action {
        Action::Nothing | Action::Follow => return,
        Action::Verify => {
            stack_plan.steps = titles(&[HEALTH]);
            stack_plan
                .notes
                .push("its tasks were not seen to answer after its last deployment: konta asks them again".to_owned());
            return;
        }
        _ => {}
    }
    stack_plan.steps = titles(&steps::of(desired));
    let unresolved = desired.unresolved(observed);
    if !unresolved.is_empty() {
        stack_plan.notes.push(format!(
            "not known until earlier stacks are deployed: {} of its {} parameters",
            unresolved.len(),
            desired.parameters.len()
        ));
    }
    if observed.get(&desired.name).is_some_and(|standing| standing.status == "DELETE_FAILED") {
        stack_plan.notes.push(
            "its deletion failed: konta recreates it only if it never existed; else finish the deletion first"
                .to_owned(),
        );
    }
    if desired.wait_condition.is_some_and(|condition| observed.output(&desired.name, condition.passed).is_none()) {
        stack_plan.notes.push("the service is created last, once konta has prepared its database".to_owned());
    }
    if let (Some(standing), StackKind::Cell(_)) = (observed.get(&desired.name), &desired.kind) {
        let before = standing.parameters.get("MaxCapacity");
        let after = desired.parameters.get("MaxCapacity").map(ToString::to_string);
        if before.is_some() && before != after.as_ref() {
            stack_plan
                .notes
                .push("PostgreSQL applies the new max_connections only after its instances restart".to_owned());
        }
    }
}
