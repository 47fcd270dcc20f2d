//! One stack: waits for what is under way, changes it by a change set, follows it to its end, removes it.

use std::collections::BTreeMap;

use crate::operation::context::Context;
use crate::operation::error::OperationError;
use crate::operation::interrupt::Interrupt;
use crate::stack::{DesiredStack, Risk};
use crate::template::Document;

use super::observe::observed;
use super::plan::PlannedStack;
use super::wait::{self, Rest};
use super::wait_point::WaitPoint;
use super::{change_set, failure};

impl Context<'_> {
    /// Makes the stack as desired: executes the plan's change set if it still fits, otherwise a new one.
    pub(super) async fn apply(
        &self,
        desired: &DesiredStack,
        planned: &PlannedStack,
        wait_point: Option<WaitPoint<'_>>,
    ) -> Result<(), OperationError> {
        let parameters = self.parameters(desired)?;
        let Some(reviewed) = &planned.change_set else {
            return self.change(desired, &parameters, None, wait_point).await;
        };
        // An output of an earlier stack may have changed meanwhile, and someone may have deleted the change set.
        let fits = reviewed.parameters == parameters
            && self
                .aws
                .change_set(&desired.name, &reviewed.name)
                .await
                .is_ok_and(|set| set.status == "CREATE_COMPLETE");
        if fits {
            return self.change(desired, &parameters, Some(&reviewed.name), wait_point).await;
        }
        if let Err(error) = self.aws.delete_change_set(&desired.name, &reviewed.name).await
            && !error.is("ChangeSetNotFound")
        {
            return Err(error.into());
        }
        self.change(desired, &parameters, None, wait_point).await
    }

    pub(super) fn parameters(&self, desired: &DesiredStack) -> Result<BTreeMap<String, String>, OperationError> {
        let standing = self.standing();
        desired.resolved_parameters(&standing).ok_or_else(|| {
            let missing: Vec<String> =
                desired.unresolved(&standing).iter().map(|(name, value)| format!("{name} {value}")).collect();
            OperationError::MissingOutput { stack: desired.name.clone(), missing: missing.join(", ") }
        })
    }

    /// Creates a change set or takes the reviewed one, executes it, follows it, and records what is deployed then.
    pub(super) async fn change(
        &self,
        desired: &DesiredStack,
        parameters: &BTreeMap<String, String>,
        reviewed: Option<&str>,
        mut wait_point: Option<WaitPoint<'_>>,
    ) -> Result<(), OperationError> {
        let name = &desired.name;
        let create = self.standing().get(name).is_none();
        let change_set = if let Some(reviewed) = reviewed {
            reviewed.to_owned()
        } else {
            let computed =
                change_set::compute(self.aws, self.polling, Some(&self.events), desired, parameters, create).await?;
            let Some(changes) = computed.changes else {
                self.look(name).await?;
                return self.protect(desired).await;
            };
            // The same rule as for the plan, for a change that the plan could not show yet.
            if let Some(change) = changes.iter().find(|change| change.risk == Risk::DataLoss) {
                change_set::discard(self.aws, desired, &computed.name, create).await?;
                return Err(OperationError::DataAtRisk { stack: name.clone(), resource: change.description.clone() });
            }
            computed.name
        };
        let last = if create { None } else { self.aws.newest_event(name).await?.map(|event| event.id) };
        self.aws.execute_change_set(name, &change_set, &change_set).await?;
        let rest = self.follow(name, &desired.document, last, wait_point.as_mut()).await?;
        let Some(stack) = rest.stack else {
            return Err(OperationError::Stuck {
                stack: name.clone(),
                status: "gone".into(),
                help: "someone deleted it meanwhile; run the command again".into(),
            });
        };
        let status = stack.status.clone();
        self.standing().put(observed(stack));
        let stands = matches!(status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE");
        if let Some(wait_point) = wait_point {
            wait_point.close(stands).await?;
        }
        if !stands {
            if *self.interrupts.borrow() == Interrupt::Cancel {
                return Err(OperationError::Cancelled { what: format!("{name} is {status}") });
            }
            return Err(failure::error(name, &status, &desired.document, &rest.events));
        }
        self.protect(desired).await
    }

    /// Turns termination protection on or off, as desired: no change set does that.
    async fn protect(&self, desired: &DesiredStack) -> Result<(), OperationError> {
        let protected = self.standing().get(&desired.name).map(|standing| standing.protected);
        if protected.is_some_and(|protected| protected != desired.protected) {
            self.aws.protect_stack(&desired.name, desired.protected).await?;
            self.look(&desired.name).await?;
        }
        Ok(())
    }

    pub(super) async fn follow(
        &self,
        id: &str,
        document: &Document,
        last: Option<String>,
        wait_point: Option<&mut WaitPoint<'_>>,
    ) -> Result<Rest, OperationError> {
        wait::follow(self, id, document, last, wait_point).await
    }

    pub(super) async fn look(&self, name: &str) -> Result<bool, OperationError> {
        let stack = self.aws.stack(name).await?;
        let there = stack.is_some();
        match stack {
            Some(stack) => self.standing().put(observed(stack)),
            None => self.standing().remove(name),
        }
        Ok(there)
    }

    /// Brings a stack to a final status before anything is done to it: attaches to what is under way, removes what
    /// failed, continues a stuck rollback.
    pub(super) async fn settle(
        &self,
        desired: &DesiredStack,
        mut wait_point: Option<WaitPoint<'_>>,
    ) -> Result<(), OperationError> {
        let name = &desired.name;
        let Some(standing) = self.standing().get_with_shells(name).cloned() else { return Ok(()) };
        if standing.in_progress() {
            self.events.note(format!("{name} is {}: attaching to it", standing.status));
            let rest = self.follow(name, &desired.document, None, wait_point.as_mut()).await?;
            match rest.stack {
                Some(stack) => self.standing().put(observed(stack)),
                None => self.standing().remove(name),
            }
        }
        let Some(standing) = self.standing().get_with_shells(name).cloned() else { return Ok(()) };
        if standing.rollback_is_stuck() {
            self.events.note(format!("{name}: continuing the rollback that got stuck"));
            let last = self.aws.newest_event(name).await?.map(|event| event.id);
            self.aws.continue_rollback(name).await?;
            let rest = self.follow(name, &desired.document, last, None).await?;
            if let Some(stack) = rest.stack {
                let status = stack.status.clone();
                self.standing().put(observed(stack));
                if status == "UPDATE_ROLLBACK_FAILED" {
                    return Err(failure::error(name, &status, &desired.document, &rest.events));
                }
            }
        } else if standing.is_shell() || standing.must_be_remade() {
            self.clear_away(desired, &standing).await?;
        }
        Ok(())
    }

    /// Deletes a stack by its id, so that its last events can still be read.
    pub(super) async fn remove(&self, name: &str, document: &Document) -> Result<(), OperationError> {
        let Some(stack) = self.aws.stack(name).await? else { return Ok(()) };
        let last = self.aws.newest_event(&stack.id).await?.map(|event| event.id);
        self.aws.delete_stack(name, &format!("konta-delete-{}", jiff::Timestamp::now().as_millisecond())).await?;
        let rest = self.follow(&stack.id, document, last, None).await?;
        match rest.stack {
            Some(stack) if stack.status != "DELETE_COMPLETE" => {
                Err(failure::error(name, &stack.status, document, &rest.events))
            }
            _ => {
                self.standing().remove(name);
                Ok(())
            }
        }
    }
}
