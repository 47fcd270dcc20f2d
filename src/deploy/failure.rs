//! Which failure came first: CloudFormation reports a cascade, and one line of it is the cause.

use crate::aws::cloudformation::Event;
use crate::operation::error::OperationError;
use crate::template::Document;

/// Reasons that are consequences of another failure.
const CONSEQUENCES: &[&str] =
    &["Resource creation cancelled", "Resource update cancelled", "Resource deletion cancelled"];

/// The first failure in events in order of time, without consequences; the stack's own reason if no resource failed.
#[must_use]
pub fn first(events: &[Event], stack: &str) -> Option<Event> {
    let failed = |event: &&Event| event.status.ends_with("_FAILED");
    let cause = |event: &&Event| {
        let reason = event.reason.as_deref().unwrap_or_default();
        event.logical_id != stack && !CONSEQUENCES.iter().any(|text| reason.starts_with(text))
    };
    events
        .iter()
        .filter(failed)
        .find(cause)
        .or_else(|| events.iter().find(failed))
        .or_else(|| events.iter().find(|e| e.status.contains("ROLLBACK") && e.reason.is_some()))
        .cloned()
}

/// The error for a stack that failed: the first cause, for people, and what to do.
#[must_use]
pub fn error(stack: &str, status: &str, document: &Document, events: &[Event]) -> OperationError {
    let Some(event) = first(events, stack) else {
        return OperationError::Stuck {
            stack: stack.to_owned(),
            status: status.to_owned(),
            help: "no event says why: check the stack's events in the CloudFormation console".to_owned(),
        };
    };
    let sentence = document.description(&event.logical_id);
    let resource = if event.logical_id == stack {
        "the stack itself".to_owned()
    } else if sentence.starts_with(&event.logical_id) {
        sentence
    } else {
        format!("{sentence} ({}, {})", event.logical_id, event.resource_type)
    };
    let reason = event.reason.clone().unwrap_or_else(|| "AWS gives no reason".to_owned());
    let became = match status {
        "ROLLBACK_COMPLETE" | "CREATE_FAILED" | "ROLLBACK_FAILED" => {
            "the stack was not made; the next deployment removes what is left of it and makes it again"
        }
        "UPDATE_ROLLBACK_COMPLETE" => "the stack is as it was before; databases were not touched",
        "UPDATE_ROLLBACK_FAILED" => "the rollback got stuck; the next deployment continues it first",
        _ => "`konta status` shows the current state",
    };
    let help = format!("{}\n{became}", advice(&event.resource_type, &reason));
    OperationError::ResourceFailed { stack: stack.to_owned(), resource, status: event.status, reason, help }
}

/// What to do about well-known reasons.
fn advice(resource_type: &str, reason: &str) -> &'static str {
    let says = |text: &str| reason.to_ascii_lowercase().contains(&text.to_ascii_lowercase());
    if says("service linked role") || says("service-linked role") {
        "a fresh account makes the role while the first stack already needs it: wait 15 seconds and run the command again"
    } else if resource_type == "AWS::CloudFormation::WaitCondition" {
        "the stack waited for konta to prepare the database, and konta did not come back in time: run the command again"
    } else if says("Circuit Breaker") || says("failed to stabilize") && resource_type == "AWS::ECS::Service" {
        "the new tasks did not stay up: see why the last one stopped (shown above, and in the log group), then correct the image, size or variables"
    } else if says("Priority") && says("in use") {
        "another rule has this priority: run the command again, and konta takes the next free one"
    } else if says("Cannot find version") {
        "this engine version is no longer offered: set `database.engine_version` to a current one"
    } else if says("certificate") && says("not found") {
        "the certificate must be issued in the same region and account"
    } else if says("already exists") {
        "something with this name exists outside the stack: remove it, or choose another name in the manifest"
    } else if says("quota") || says("limit exceeded") || says("LimitExceeded") || says("TooMany") {
        "a quota is used up: ask for more in Service Quotas, or open another cell"
    } else if says("AccessDenied") || says("not authorized") {
        "the identity that deploys lacks a permission: give it the one that the reason names"
    } else if says("Cpu") || says("memory") {
        "choose a CPU and memory pair that Fargate offers (`konta validate` lists them)"
    } else {
        "correct what the reason names in the manifest, override or addon, and run the command again"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, status: &str, reason: &str) -> Event {
        Event { logical_id: id.into(), status: status.into(), reason: Some(reason.into()), ..Event::default() }
    }

    #[test]
    fn the_first_cause_is_named_and_not_its_consequences() {
        let events = [
            event("A", "CREATE_IN_PROGRESS", ""),
            event("B", "CREATE_FAILED", "Resource creation cancelled"),
            event("C", "CREATE_FAILED", "Priority '7' is currently in use"),
            event("D", "CREATE_FAILED", "later"),
        ];
        assert_eq!(first(&events, "s").unwrap().logical_id, "C");
    }

    #[test]
    fn without_a_failed_resource_the_stacks_own_reason_is_taken() {
        let events = [event("s", "ROLLBACK_IN_PROGRESS", "Parameter validation failed")];
        assert_eq!(first(&events, "s").unwrap().reason.as_deref(), Some("Parameter validation failed"));
    }
}
