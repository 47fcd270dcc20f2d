//! What is left of a creation that failed, removed so that the stack can be made anew.

use crate::aws::cloudformation::Event;
use crate::operation::context::Context;
use crate::operation::error::OperationError;
use crate::stack::{DesiredStack, ObservedStack, StackKind};

use super::deletion_protection;

impl Context<'_> {
    /// Removes a stack whose creation failed, or the shell of a change set. Its cluster and load balancer were made with deletion
    /// protection, which would keep CloudFormation from removing them; nothing of value can be in them, as the stack never stood.
    ///
    /// Refuses a stack that is protected, or that stood once and whose deletion failed: what it still holds is the operator's to judge.
    pub(super) async fn clear_away(
        &self,
        desired: &DesiredStack,
        standing: &ObservedStack,
    ) -> Result<(), OperationError> {
        let name = &desired.name;
        if standing.protected {
            // A protected stack held something once; konta does not remove it unasked.
            return Err(stuck(
                standing,
                "it is protected from deletion: look at its resources, then turn the protection off and deploy again"
                    .to_owned(),
            ));
        }
        if standing.status == "DELETE_FAILED" && !never_stood(name, &self.aws.events(name, None).await?) {
            return Err(stuck(standing, finish_deletion(desired)));
        }
        if !standing.is_shell() {
            self.events
                .note(format!("{name} is {}, its creation failed: removing what is left of it", standing.status));
            let work = deletion_protection::take_off(self.aws, self.polling, name);
            self.step(name, deletion_protection::TAKE_OFF, work).await?;
        }
        self.remove(name, &desired.document).await
    }
}

fn stuck(standing: &ObservedStack, help: String) -> OperationError {
    OperationError::Stuck { stack: standing.name.clone(), status: standing.status.clone(), help }
}

/// How the deletion of a stack that once stood is brought to its end.
fn finish_deletion(desired: &DesiredStack) -> String {
    let finish = match &desired.kind {
        StackKind::Tenant(tenant) => format!("finish it with `konta delete tenant {tenant}`"),
        StackKind::Addon(tenant, _) => format!(
            "finish it with `konta delete tenant {tenant} --purge`, which takes the tenant's data, or delete the stack alone in CloudFormation"
        ),
        StackKind::Dns | StackKind::Environment | StackKind::Cell(_) => {
            "see in its events what could not be deleted, and delete the stack in CloudFormation, or all with `konta delete env`".to_owned()
        }
    };
    format!("its deletion stopped half-way, and it may still hold data: {finish}; then deploy again")
}

/// Whether the events of a stack tell of a creation that failed, and of none that succeeded. CloudFormation keeps events for 90 days:
/// where they no longer tell, the stack is taken for one that stood.
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
