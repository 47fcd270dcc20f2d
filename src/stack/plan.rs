//! What konta will change: the structure that `konta plan` shows and `konta deploy` executes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::stack::change::{PropertyChange, Replacement, ResourceAction, ResourceChange, ValueChange};
use crate::template::condition::{self, Known};

use super::change::Risk;
use super::desired::{DesiredStack, ParameterValue};
use super::observed::{Observed, ObservedStack};
use super::risk;
use super::tags::HASH_TAG;

/// Where the changes of a plan were learned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanSource {
    /// AWS computed them: a change set.
    ChangeSet,
    /// konta compared the deployed template with the new one; replacements are a guess.
    Template,
    /// Nothing is deployed yet, or nothing could be asked: the template alone.
    New,
}

/// What happens to a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is made.
    Create,
    /// It is updated in place.
    Update,
    /// Its failed creation is deleted, then it is made.
    Recreate,
    /// It is deleted.
    Delete,
    /// It is as wanted.
    Nothing,
    /// Something is under way; konta attaches to it first.
    Attach,
    /// It is as wanted so far, but takes outputs of a stack that changes: it is looked at again when its turn comes.
    Follow,
    /// It is as wanted, but nobody has seen yet that its tasks answer: they are asked again, and nothing is changed.
    Verify,
}

/// One stack's change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StackPlan {
    /// The stack.
    pub stack: String,
    /// What it is, for people.
    pub title: String,
    /// What happens to it.
    pub action: Action,
    /// Where the changes were learned from.
    pub source: PlanSource,
    /// Parameters that change.
    pub parameters: Vec<ValueChange>,
    /// Tags that change.
    pub tags: Vec<ValueChange>,
    /// Resources that change.
    pub resources: Vec<ResourceChange>,
    /// The worst of the resources' risks.
    pub risk: Risk,
    /// What konta itself does around the stack, in order.
    pub steps: Vec<String>,
    /// What the reader should know, such as values known only later.
    pub notes: Vec<String>,
}

impl StackPlan {
    /// Whether anything would be changed, or may be once what comes before it has changed.
    #[must_use]
    pub fn changes_anything(&self) -> bool {
        !matches!(self.action, Action::Nothing | Action::Verify)
    }
}

/// What konta will change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The environment.
    pub environment: String,
    /// The account; absent when nothing was asked of AWS.
    pub account: Option<String>,
    /// The region.
    pub region: String,
    /// Whether AWS was asked.
    pub online: bool,
    /// Stack by stack, in the order of deployment.
    pub stacks: Vec<StackPlan>,
    /// What the reader should know about the whole.
    pub notes: Vec<String>,
}

impl Plan {
    /// Adds steps before and after those of a stack.
    pub fn add_steps(&mut self, stack: &str, before: Vec<String>, after: Vec<String>) {
        if let Some(plan) = self.stacks.iter_mut().find(|plan| plan.stack == stack) {
            plan.steps = [before, std::mem::take(&mut plan.steps), after].concat();
        }
    }

    /// Whether anything would be changed.
    #[must_use]
    pub fn changes_anything(&self) -> bool {
        self.stacks.iter().any(StackPlan::changes_anything)
    }

    /// Whether there is nothing to do at all, not even to ask again.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.stacks.iter().all(|stack| stack.action == Action::Nothing)
    }

    /// The worst risk.
    #[must_use]
    pub fn risk(&self) -> Risk {
        self.stacks.iter().map(|stack| stack.risk).max().unwrap_or_default()
    }
}

/// What must happen to a stack, from its hash alone: costs no API call.
#[must_use]
pub fn action(desired: &DesiredStack, observed: &Observed) -> Action {
    let Some(standing) = observed.get(&desired.name) else { return Action::Create };
    if standing.in_progress() {
        return Action::Attach;
    }
    if standing.must_be_remade() {
        return Action::Recreate;
    }
    let same = desired
        .resolved_parameters(observed)
        .is_some_and(|parameters| standing.tags.get(HASH_TAG) == Some(&desired.hash(&parameters)));
    // After a rolled-back update the tags are the old ones again, but what became of the resources only AWS can tell. And an
    // interruption between the change set and the protection leaves the one done and the other not.
    let settled = standing.status != "UPDATE_ROLLBACK_COMPLETE" && standing.protected == desired.protected;
    if same && settled { Action::Nothing } else { Action::Update }
}

/// The stacks that change, and those that take outputs of one of them, directly or by way of others; costs no API call.
///
/// `stacks` are in the order of deployment. What an output will be is mostly known only when its stack has changed.
#[must_use]
pub fn touched(stacks: &[DesiredStack], observed: &Observed) -> BTreeSet<String> {
    let mut touched = BTreeSet::new();
    for stack in stacks {
        if action(stack, observed) != Action::Nothing || takes_from(stack, &touched).is_some() {
            touched.insert(stack.name.clone());
        }
    }
    touched
}

/// The first of some stacks whose outputs a stack takes.
#[must_use]
pub fn takes_from<'a>(stack: &DesiredStack, others: &'a BTreeSet<String>) -> Option<&'a str> {
    stack.parameters.values().find_map(|value| match value {
        ParameterValue::Output { stack, .. } => others.get(stack).map(String::as_str),
        ParameterValue::Literal(_) => None,
    })
}

/// The plan for a stack that does not exist: everything is added that its conditions allow.
#[must_use]
pub fn creation(desired: &DesiredStack, observed: &Observed, action: Action) -> StackPlan {
    let document = &desired.document;
    let known: Known = desired
        .parameters
        .iter()
        .map(|(name, value)| (name.clone(), value.resolve(observed).map(ToOwned::to_owned)))
        .collect();
    let resources = document
        .resources()
        .iter()
        .filter(|(_, resource)| condition::is_made(document, resource, &known) != Some(false))
        .map(|(id, _)| ResourceChange {
            logical_id: id.clone(),
            resource_type: document.resource_type(id).to_owned(),
            description: document.description(id),
            action: ResourceAction::Add,
            replacement: Replacement::Never,
            properties: Vec::new(),
            risk: Risk::None,
        })
        .collect();
    let parameters = desired
        .parameters
        .iter()
        .map(|(name, value)| ValueChange {
            name: name.clone(),
            before: None,
            after: Some(value.resolve(observed).map_or_else(|| value.to_string(), ToOwned::to_owned)),
            known_later: value.resolve(observed).is_none(),
        })
        .collect();
    let tags = desired
        .tags
        .iter()
        .map(|(name, value)| ValueChange {
            name: name.clone(),
            before: None,
            after: Some(value.clone()),
            known_later: false,
        })
        .collect();
    finish(desired, action, PlanSource::New, parameters, tags, resources)
}

/// The plan for a stack that stands, without asking for a change set: the deployed template against the new one.
#[must_use]
pub fn comparison(
    desired: &DesiredStack,
    standing: &ObservedStack,
    deployed: &Value,
    observed: &Observed,
) -> StackPlan {
    let none = serde_json::Map::new();
    let before = deployed.get("Resources").and_then(Value::as_object).unwrap_or(&none);
    let after = desired.document.resources();
    let ids: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut resources = Vec::new();
    for id in ids {
        let (old, new) = (before.get(id), after.get(id));
        if old == new {
            continue;
        }
        let action = match (old, new) {
            (None, _) => ResourceAction::Add,
            (_, None) => ResourceAction::Remove,
            _ => ResourceAction::Modify,
        };
        let resource_type = new.or(old).and_then(|r| r.get("Type")).and_then(Value::as_str).unwrap_or_default();
        // Without a change set nobody can say whether a property replaces: the careful answer is "it may".
        let replacement = if action == ResourceAction::Modify { Replacement::Conditional } else { Replacement::Never };
        let properties = match (old, new) {
            (Some(old), Some(new)) => property_changes(old, new),
            _ => Vec::new(),
        };
        let description = if new.is_some() { desired.document.description(id) } else { id.clone() };
        resources.push(ResourceChange {
            logical_id: id.clone(),
            resource_type: resource_type.to_owned(),
            description,
            action,
            replacement,
            properties,
            risk: risk::of(resource_type, new.or(old).and_then(|r| r.get("Properties")), action, replacement),
        });
    }
    let parameters = parameter_changes(desired, standing, observed);
    let tags = tag_changes(desired, standing);
    finish(desired, Action::Update, PlanSource::Template, parameters, tags, resources)
}

/// The plan for a stack that stands, from the changes of a change set.
#[must_use]
pub fn from_change_set(
    desired: &DesiredStack,
    standing: &ObservedStack,
    observed: &Observed,
    resources: Vec<ResourceChange>,
) -> StackPlan {
    let parameters = parameter_changes(desired, standing, observed);
    let tags = tag_changes(desired, standing);
    finish(desired, Action::Update, PlanSource::ChangeSet, parameters, tags, resources)
}

/// The plan for a stack that AWS finds unchanged. Its termination protection is no part of a change set, and may still differ.
#[must_use]
pub fn unchanged(desired: &DesiredStack, standing: &ObservedStack) -> StackPlan {
    if standing.protected == desired.protected {
        return without_changes(desired, Action::Nothing);
    }
    let mut plan = without_changes(desired, Action::Update);
    plan.notes
        .push(format!("only its termination protection is turned {}", if desired.protected { "on" } else { "off" }));
    plan
}

/// The plan for a stack of which no resource changes.
#[must_use]
pub fn without_changes(desired: &DesiredStack, action: Action) -> StackPlan {
    finish(desired, action, PlanSource::New, Vec::new(), Vec::new(), Vec::new())
}

fn finish(
    desired: &DesiredStack,
    action: Action,
    source: PlanSource,
    parameters: Vec<ValueChange>,
    tags: Vec<ValueChange>,
    resources: Vec<ResourceChange>,
) -> StackPlan {
    let risk = resources.iter().map(|resource| resource.risk).max().unwrap_or_default();
    StackPlan {
        stack: desired.name.clone(),
        title: desired.title.clone(),
        action,
        source,
        parameters,
        tags,
        resources,
        risk,
        steps: Vec::new(),
        notes: Vec::new(),
    }
}

fn parameter_changes(desired: &DesiredStack, standing: &ObservedStack, observed: &Observed) -> Vec<ValueChange> {
    let after: BTreeMap<String, Option<String>> = desired
        .parameters
        .iter()
        .map(|(name, value)| (name.clone(), value.resolve(observed).map(ToOwned::to_owned)))
        .collect();
    // A parameter that konta leaves to the template's default is not konta's to report.
    let before: BTreeMap<String, String> = standing
        .parameters
        .iter()
        .filter(|(name, _)| after.contains_key(*name) || !desired.document.section("Parameters").contains_key(*name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    changes(&before, &after)
}

fn tag_changes(desired: &DesiredStack, standing: &ObservedStack) -> Vec<ValueChange> {
    let before: BTreeMap<String, String> =
        standing.tags.iter().filter(|(name, _)| *name != HASH_TAG).map(|(n, v)| (n.clone(), v.clone())).collect();
    let after: BTreeMap<String, Option<String>> =
        desired.tags.iter().map(|(n, v)| (n.clone(), Some(v.clone()))).collect();
    changes(&before, &after)
}

fn changes(before: &BTreeMap<String, String>, after: &BTreeMap<String, Option<String>>) -> Vec<ValueChange> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter_map(|name| {
            let old = before.get(name).cloned();
            let new = after.get(name).cloned().flatten();
            let known_later = after.contains_key(name) && new.is_none();
            (old != new || known_later).then(|| ValueChange {
                name: name.clone(),
                before: old,
                after: new,
                known_later,
            })
        })
        .collect()
}

/// The properties in which two resources differ, leaf by leaf.
fn property_changes(old: &Value, new: &Value) -> Vec<PropertyChange> {
    let mut found = Vec::new();
    compare("", old, new, &mut found);
    found
}

fn compare(path: &str, old: &Value, new: &Value, found: &mut Vec<PropertyChange>) {
    if old == new {
        return;
    }
    if let (Value::Object(a), Value::Object(b)) = (old, new) {
        let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for key in keys {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            compare(&path, a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), found);
        }
        return;
    }
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    found.push(PropertyChange {
        path: path.to_owned(),
        before: text(old),
        after: text(new),
        replacement: Replacement::Conditional,
    });
}
