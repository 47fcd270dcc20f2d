//! Removes what is left of a failed creation, so that the stack can be made again.

use crate::aws::cloudformation::Event;
use crate::operation::context::Context;
use crate::operation::error::OperationError;
use crate::stack::{DesiredStack, ObservedStack, StackKind};

use super::deletion_protection;

impl Context<'_> {
    /// Removes a stack whose creation failed, or the empty shell that a change set leaves. Its cluster and load
    /// balancer were made with deletion protection, which would stop CloudFormation from removing them. Nothing of
    /// value can be in them, because the stack was never complete.
    ///
    /// Refuses a stack that is protected, or that was complete once and whose deletion failed: the operator must decide
    /// about what it still holds.
    pub(super) async fn clear_away(
        &self,
        desired: &DesiredStack,
        standing: &ObservedStack,
    ) -> Result<(), OperationError> {
        let name = &desired.name;
        if standing.protected {
            // A protected stack was complete once; konta does not remove it unasked.
            return Err(stuck(
                standing,
                "it is protected from deletion: check its resources, then turn the protection off and deploy again"
                    .to_owned(),
            ));
        }
        if standing.status == "DELETE_FAILED" && !never_stood(name, &self.aws.events(name, None).await?) {
            return Err(stuck(standing, finish_deletion(desired)));
        }
        if !standing.is_shell() {
            self.events
                .note(format!("{name} is {}: its creation failed, removing what is left of it", standing.status));
            let work = deletion_protection::take_off(self.aws, self.polling, name);
            self.step(name, deletion_protection::TAKE_OFF, work).await?;
        }
        self.remove(name, &desired.document).await
    }
}

fn stuck(standing: &ObservedStack, help: String) -> OperationError {
    OperationError::Stuck { stack: standing.name.clone(), status: standing.status.clone(), help }
}

/// How to finish the deletion of a stack that was complete once.
fn finish_deletion(desired: &DesiredStack) -> String {
    let finish = match &desired.kind {
        StackKind::Tenant(tenant) => format!("finish it with `konta delete tenant {tenant}`"),
        StackKind::Addon(tenant, _) => format!(
            "finish it with `konta delete tenant {tenant} --purge`, which deletes the tenant's data, or delete only the stack in CloudFormation"
        ),
        StackKind::Dns | StackKind::Environment | StackKind::Cell(_) => {
            "see in its events what could not be deleted, and delete the stack in CloudFormation, or everything with `konta delete env`".to_owned()
        }
    };
    format!("its deletion stopped half-way, and it may still hold data: {finish}; then deploy again")
}

/// Whether a stack's events show a creation that failed, and none that succeeded. CloudFormation keeps events for 90
/// days: if they no longer show it, konta assumes that the stack was complete.
fn never_stood(stack: &str, events: &[Event]) -> bool {
    let own = |wanted: fn(&str) -> bool| {
        events.iter().any(|event| {
            event.logical_id == stack && event.resource_type == "AWS::CloudFormation::Stack" && wanted(&event.status)
        })
    };
    own(|status| status.starts_with("ROLLBACK_") || status == "CREATE_FAILED")
        && !own(|status| status == "CREATE_COMPLETE" || status.starts_with("UPDATE_") || status.starts_with("IMPORT_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(states: &[&str]) -> Vec<Event> {
        let one = |state: &&str| Event {
            logical_id: "s".into(),
            resource_type: "AWS::CloudFormation::Stack".into(),
            status: (*state).to_owned(),
            ..Event::default()
        };
        states.iter().map(one).collect()
    }

    #[test]
    fn only_a_creation_seen_to_fail_counts_as_never_stood() {
        let failed = ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_FAILED", "DELETE_FAILED"];
        assert!(never_stood("s", &events(&failed)));
        assert!(!never_stood("s", &events(&["CREATE_IN_PROGRESS", "CREATE_COMPLETE", "DELETE_FAILED"])));
        assert!(!never_stood("s", &events(&["CREATE_COMPLETE", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED"])));
        assert!(!never_stood("s", &events(&["DELETE_IN_PROGRESS", "DELETE_FAILED"])), "too old to tell");
    }

    #[test]
    fn a_resources_own_events_say_nothing_about_the_stack() {
        let mut all = events(&["ROLLBACK_FAILED"]);
        all.push(Event { logical_id: "Zone".into(), status: "CREATE_COMPLETE".into(), ..Event::default() });
        assert!(never_stood("s", &all));
    }
}
