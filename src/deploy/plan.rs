//! From desired and observed stacks to a plan whose updates AWS has computed.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;

use crate::aws::Aws;
use crate::operation::error::OperationError;
use crate::operation::polling::Polling;
use crate::stack::plan::{self, Action, StackPlan};
use crate::stack::tags::{APPLICATION_TAG, DATABASE_TAG, ENVIRONMENT_TAG};
use crate::stack::{DesiredStack, Observed, StackKind};

use super::change_set;

/// A stack with its plan and, for an update, the change set that the plan was read from.
#[derive(Debug, Clone)]
pub struct PlannedStack {
    /// The stack as wanted.
    pub desired: DesiredStack,
    /// What happens to it.
    pub plan: StackPlan,
    /// The change set to execute.
    pub change_set: Option<ReviewedChangeSet>,
}

/// A change set that the reader of the plan has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewedChangeSet {
    /// Its name.
    pub name: String,
    /// The parameters it was made with: with others it is another change.
    pub parameters: BTreeMap<String, String>,
}

/// Stacks in the order of deployment.
#[derive(Debug, Clone, Default)]
pub struct Planned {
    /// Each stack.
    pub stacks: Vec<PlannedStack>,
}

/// Plans each stack: creations from the template, updates from change sets, the rest from the hash alone. `unverified` names the
/// stacks whose health is to be asked again although they are as wanted.
///
/// Several change sets are computed side by side. What stands in the way is told of every stack at once; no change set is left then.
pub async fn online(
    aws: &Aws,
    polling: Polling,
    desired: Vec<DesiredStack>,
    observed: &Observed,
    unverified: &BTreeSet<String>,
) -> Result<Planned, Vec<OperationError>> {
    let touched = plan::touched(&desired, observed);
    let each = desired.into_iter().map(|stack| one(aws, polling, stack, observed, (unverified, &touched)));
    let results: Vec<_> = futures::stream::iter(each).buffered(polling.side_by_side).collect().await;
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

/// Refuses a stack that somebody else made under the name that konta's would have.
fn refuse_foreign(desired: &DesiredStack, observed: &Observed) -> Result<(), OperationError> {
    let Some(standing) = observed.get(&desired.name) else { return Ok(()) };
    let ours = [APPLICATION_TAG, ENVIRONMENT_TAG].iter().all(|tag| standing.tags.get(*tag) == desired.tags.get(*tag));
    if ours {
        return Ok(());
    }
    Err(OperationError::Preflight {
        problem: format!("a stack {} stands already, and konta did not make it: it lacks konta's tags", desired.name),
        help: "delete it, or choose another `application` in konta.yml, the first part of every stack's name"
            .to_owned(),
    })
}

/// Refuses to send a tenant to another, empty database: its data would stay behind in the old one.
fn refuse_another_database(desired: &DesiredStack, observed: &Observed) -> Result<(), OperationError> {
    let before = observed.get(&desired.name).and_then(|standing| standing.tags.get(DATABASE_TAG));
    if is_bound(desired, observed) {
        return Ok(());
    }
    let after = desired.tags.get(DATABASE_TAG);
    match (before, after) {
        (Some(before), Some(after)) if before != after => Err(OperationError::Preflight {
            problem: format!("{} lives in a {before} database; a {after} one would be empty", desired.title),
            help: format!("{} brings its data along; or set `database: {before}` again", mover(desired)),
        }),
        _ => Ok(()),
    }
}

/// Refuses to move a tenant into or out of the pool: its attachments would stay behind in the other folder.
fn refuse_another_home(desired: &DesiredStack, observed: &Observed) -> Result<(), OperationError> {
    const OF_THE_POOL: &str = "PoolTargetGroupArn";
    let Some(standing) = observed.get(&desired.name) else { return Ok(()) };
    let (before, after) = (standing.parameters.contains_key(OF_THE_POOL), desired.parameters.contains_key(OF_THE_POOL));
    let moves = is_bound(desired, observed) || standing.must_be_remade();
    if !matches!(desired.kind, StackKind::Tenant(_)) || before == after || moves {
        return Ok(());
    }
    let word = |pooled| if pooled { "pooled" } else { "dedicated" };
    Err(OperationError::Preflight {
        problem: format!(
            "{} is {}; as a {} one it would lose its attachments",
            desired.title,
            word(before),
            word(after)
        ),
        help: format!("{} brings them along; or choose a tier of the same isolation", mover(desired)),
    })
}

/// Whether the tenant moves: by the command at hand, or by one that has not come to its end, whose tenant every other leaves alone
/// ([`super::blocked`]).
fn is_bound(desired: &DesiredStack, observed: &Observed) -> bool {
    matches!(&desired.kind, StackKind::Tenant(tenant) if observed.bound(tenant).is_some() || observed.moving(tenant).is_some())
}

/// The command that moves the tenant.
fn mover(desired: &DesiredStack) -> String {
    match &desired.kind {
        StackKind::Tenant(tenant) => format!("`konta tenant move {tenant}`"),
        _ => "`konta tenant move NAME`".to_owned(),
    }
}

async fn one(
    aws: &Aws,
    polling: Polling,
    desired: DesiredStack,
    observed: &Observed,
    (unverified, touched): (&BTreeSet<String>, &BTreeSet<String>),
) -> Result<PlannedStack, OperationError> {
    refuse_foreign(&desired, observed)?;
    refuse_another_database(&desired, observed)?;
    refuse_another_home(&desired, observed)?;
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
                // What is under way, or not known yet, cannot be computed now.
                let deployed = aws.template(&desired.name).await?;
                let deployed = crate::template::Document::parse(&desired.name, &deployed)?;
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

/// A stack that takes outputs of another which changes is not known to stay as it is.
fn follow(before: &str, stack_plan: &mut StackPlan) {
    match stack_plan.action {
        Action::Nothing => {
            stack_plan.action = Action::Follow;
            stack_plan
                .notes
                .push(format!("takes outputs of {before}, which changes: looked at again when its turn comes"));
        }
        Action::Update => stack_plan
            .notes
            .push(format!("takes outputs of {before}, which changes: more of it may change than is shown")),
        _ => {}
    }
}

/// Plans without asking AWS for anything: against nothing, so everything is new.
#[must_use]
pub fn offline(desired: Vec<DesiredStack>) -> Planned {
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

/// Adds the steps of konta's own, and what is not known yet.
fn annotate(desired: &DesiredStack, observed: &Observed, stack_plan: &mut StackPlan) {
    match stack_plan.action {
        Action::Nothing | Action::Follow => return,
        Action::Verify => {
            stack_plan.notes.push("its last deployment did not see its tasks answer: they are asked again".to_owned());
            return;
        }
        _ => {}
    }
    stack_plan.steps = super::steps::titles(desired);
    let unresolved = desired.unresolved(observed);
    if !unresolved.is_empty() {
        stack_plan.notes.push(format!(
            "{} of its {} parameters are known only once the stacks before it stand",
            unresolved.len(),
            desired.parameters.len()
        ));
    }
    if observed.get(&desired.name).is_some_and(|standing| standing.status == "DELETE_FAILED") {
        stack_plan.notes.push(
            "its deletion failed: it is made anew only if it never stood, else finish the deletion first".to_owned(),
        );
    }
    if desired.wait_condition.is_some_and(|condition| observed.output(&desired.name, condition.passed).is_none()) {
        stack_plan.notes.push("the service is made last, when konta has prepared its database".to_owned());
    }
    if let (Some(standing), StackKind::Cell(_)) = (observed.get(&desired.name), &desired.kind) {
        let before = standing.parameters.get("MaxCapacity");
        let after = desired.parameters.get("MaxCapacity").map(ToString::to_string);
        if before.is_some() && before != after.as_ref() {
            stack_plan
                .notes
                .push("PostgreSQL takes the new max_connections only when its instances are restarted".to_owned());
        }
    }
}

/// Deletes the change sets of a plan that will not be carried out. One that cannot be deleted keeps none of the others; the first
/// such error is returned.
pub async fn discard(aws: &Aws, polling: Polling, planned: &Planned) -> Result<(), OperationError> {
    let sets = planned.stacks.iter().filter_map(|stack| Some((&stack.desired, stack.change_set.as_ref()?)));
    let each = sets.map(async |(desired, set)| match change_set::discard(aws, desired, &set.name, false).await {
        Err(OperationError::Aws(error)) if error.is("ChangeSetNotFound") => Ok(()),
        done => done,
    });
    let results: Vec<_> = futures::stream::iter(each).buffered(polling.side_by_side).collect().await;
    results.into_iter().collect()
}
