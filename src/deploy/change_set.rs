//! Creates, reads and deletes change sets.

use std::collections::BTreeMap;

use crate::aws::Aws;
use crate::aws::change_set::{Change, ChangeSet, ChangeSetRequest};
use crate::operation::error::OperationError;
use crate::operation::event::Events;
use crate::operation::polling::Polling;
use crate::operation::retry::Retry;
use crate::stack::tags::HASH_TAG;
use crate::stack::{DesiredStack, PropertyChange, Replacement, ResourceAction, ResourceChange, risk};

/// A change set that AWS has computed.
#[derive(Debug, Clone)]
pub struct Computed {
    /// Its name.
    pub name: String,
    /// Its changes; `None` if there is nothing to change (the set is already deleted then).
    pub changes: Option<Vec<ResourceChange>>,
}

/// Creates a change set and waits until AWS has computed it. Deletes an empty one immediately. Notes in `events` if AWS
/// does not answer.
pub async fn compute(
    aws: &Aws,
    polling: Polling,
    events: Option<&Events>,
    desired: &DesiredStack,
    parameters: &BTreeMap<String, String>,
    create: bool,
) -> Result<Computed, OperationError> {
    let hash = desired.hash(parameters);
    let mut tags = desired.tags.clone();
    // A stack that is taken as it was deployed has its own hash.
    tags.entry(HASH_TAG.to_owned()).or_insert_with(|| hash.clone());
    let name = format!("konta-{}-{}", &hash[..12], jiff::Timestamp::now().as_millisecond());
    let request = ChangeSetRequest {
        stack: &desired.name,
        name: &name,
        create,
        body: desired.document.body(),
        parameters,
        tags: &tags,
        makes_iam: desired.document.makes_iam(),
        description: &desired.title,
    };
    aws.create_change_set(&request).await.map_err(|error| refused(&desired.name, error))?;
    let begun = tokio::time::Instant::now();
    let mut retry = Retry::new(polling, events, format!("the change set of {}", desired.name));
    let set = loop {
        let set = retry.ask(async || aws.change_set(&desired.name, &name).await).await?;
        if !set.is_pending() {
            break set;
        }
        if begun.elapsed() > polling.stack {
            return Err(OperationError::Timeout {
                what: format!("the change set of {}", desired.name),
                minutes: polling.stack.as_secs() / 60,
            });
        }
        tokio::time::sleep(polling.poll.min(std::time::Duration::from_secs(2))).await;
    };
    if set.is_empty() {
        discard(aws, desired, &name, create).await?;
        return Ok(Computed { name, changes: None });
    }
    if set.status == "FAILED" {
        // A change set that fails CloudFormation's early validation also ends here, with its own reasons.
        discard(aws, desired, &name, create).await?;
        return Err(OperationError::ChangeRefused { stack: desired.name.clone(), reason: set.reason });
    }
    let changes = resource_changes(desired, &set);
    Ok(Computed { name, changes: Some(changes) })
}

/// Deletes a change set, and the empty shell that a change set for a new stack leaves.
pub async fn discard(aws: &Aws, desired: &DesiredStack, name: &str, create: bool) -> Result<(), OperationError> {
    aws.delete_change_set(&desired.name, name).await?;
    if create && aws.stack(&desired.name).await?.is_some_and(|stack| stack.status == "REVIEW_IN_PROGRESS") {
        aws.delete_stack(&desired.name, name).await?;
    }
    Ok(())
}

fn refused(stack: &str, error: crate::aws::AwsError) -> OperationError {
    if error.code == "ValidationError" || error.is("InsufficientCapabilities") || error.is("LimitExceeded") {
        OperationError::ChangeRefused { stack: stack.to_owned(), reason: error.message }
    } else {
        error.into()
    }
}

/// Converts AWS's changes into konta's.
#[must_use]
pub fn resource_changes(desired: &DesiredStack, set: &ChangeSet) -> Vec<ResourceChange> {
    set.changes.iter().map(|change| resource_change(desired, change)).collect()
}

fn resource_change(desired: &DesiredStack, change: &Change) -> ResourceChange {
    let action = match change.action.as_str() {
        "Add" | "Import" => ResourceAction::Add,
        "Remove" => ResourceAction::Remove,
        "Modify" => ResourceAction::Modify,
        _ => ResourceAction::Dynamic,
    };
    let replacement = match change.replacement.as_str() {
        "True" => Replacement::Always,
        "Conditional" => Replacement::Conditional,
        _ => Replacement::Never,
    };
    let mut properties: Vec<PropertyChange> = change
        .details
        .iter()
        .map(|detail| PropertyChange {
            path: if detail.path.is_empty() {
                detail.attribute.clone()
            } else {
                detail.path.trim_start_matches('/').replace('/', ".")
            },
            before: detail.before.clone(),
            after: detail.after.clone(),
            replacement: match detail.recreation.as_str() {
                "Always" => Replacement::Always,
                "Conditionally" => Replacement::Conditional,
                _ => Replacement::Never,
            },
        })
        .collect();
    // AWS names a property once for each reason it changes.
    properties.sort_by(|a, b| a.path.cmp(&b.path));
    properties.dedup();
    // AWS says "conditional" even if the values leave no doubt.
    let replaced = action == ResourceAction::Modify
        && replacement == Replacement::Conditional
        && risk::replaces(&change.resource_type, &properties);
    let replacement = if replaced { Replacement::Always } else { replacement };
    let resource = desired.document.resources().get(&change.logical_id);
    let known = resource.is_some();
    let template = resource.and_then(|resource| resource.get("Properties"));
    ResourceChange {
        logical_id: change.logical_id.clone(),
        resource_type: change.resource_type.clone(),
        description: if known { desired.document.description(&change.logical_id) } else { change.logical_id.clone() },
        action,
        replacement,
        properties,
        risk: risk::of(&change.resource_type, template, action, replacement),
    }
}
