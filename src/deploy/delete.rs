//! Deletes tenants and environments. Keeps data unless it is purged, and resumes an interrupted deletion.

mod environment;
mod tenant;

use crate::aws::AwsError;
use crate::model::TenantName;
use crate::operation::context::Context;
use crate::operation::error::OperationError;
use crate::operation::event::{Events, OperationEvent};
use crate::operation::step::Step;
use crate::stack::{Action, Observed, ObservedStack};
use crate::template::Document;

use super::{deletion_protection, failure, wait};

pub use environment::environment_steps;
pub use tenant::{Kept, tenant_steps};

/// The environment's output that names the backup bucket.
pub const BACKUP_BUCKET: &str = "BackupBucketName";

/// The deletion of a stack, with everything in it that is not kept.
const STACK: Step = Step::new("stack", "delete its stack");

/// What a move that gives up a cluster of its own does with its stack.
pub const OWN_CLUSTER: Step =
    Step::new("cluster", "delete the stack of its own database cluster, which leaves a snapshot");

/// Deletes tenants and stacks of one environment.
#[derive(Debug)]
pub struct Deleter<'a> {
    context: &'a Context<'a>,
    /// What was deployed when the command began.
    observed: Observed,
}

impl<'a> Deleter<'a> {
    /// Deletes from what is deployed now.
    #[must_use]
    pub fn new(context: &'a Context<'a>) -> Self {
        Self { context, observed: context.observed() }
    }

    /// Deletes a tenant's addon. What its deletion policies retain remains; a cluster leaves a snapshot.
    ///
    /// # Errors
    /// When AWS refuses, and when the deletion fails; the same call resumes it.
    pub async fn addon(&self, addon: &ObservedStack, tenant: &TenantName) -> Result<(), OperationError> {
        self.unprotect_data(&addon.name).await?;
        self.protected_stack(addon, &format!("addon of {tenant}")).await
    }

    /// Turns off the deletion protection of a stack's database and load balancer, so that the stack can be deleted.
    async fn unprotect_data(&self, stack: &str) -> Result<(), OperationError> {
        let work = deletion_protection::take_off(self.context.aws, self.context.polling, stack);
        self.context.step(stack, deletion_protection::TAKE_OFF, work).await.map(|_| ())
    }

    async fn protected_stack(&self, stack: &ObservedStack, title: &str) -> Result<(), OperationError> {
        if stack.protected {
            self.context.aws.protect_stack(&stack.name, false).await?;
        }
        self.stack(&stack.name, title).await
    }

    /// Deletes one stack and follows it; a stack that no longer exists counts as deleted.
    async fn stack(&self, name: &str, title: &str) -> Result<(), OperationError> {
        let begun = tokio::time::Instant::now();
        self.context.events.send(OperationEvent::StackStarted {
            stack: name.to_owned(),
            title: title.to_owned(),
            action: Action::Delete,
            at: Events::now(),
        });
        let done = self.delete_and_follow(name).await;
        self.context.events.send(OperationEvent::StackFinished {
            stack: name.to_owned(),
            title: title.to_owned(),
            status: match &done {
                Ok(status) => status.clone(),
                Err(_) => "DELETE_FAILED".to_owned(),
            },
            ok: done.is_ok(),
            elapsed_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            at: Events::now(),
        });
        done.map(|_| ())
    }

    async fn delete_and_follow(&self, name: &str) -> Result<String, OperationError> {
        let Some(stack) = self.context.aws.stack(name).await? else { return Ok("ABSENT".to_owned()) };
        let document = match self.context.aws.template(name).await {
            Ok(text) => Document::parse(name, &text)?,
            // A stack that was never made has no template.
            Err(error) if error.code == "ValidationError" => Document::from_value(serde_json::json!({})),
            Err(error) => return Err(error.into()),
        };
        let last = self.context.aws.newest_event(&stack.id).await?.map(|event| event.id);
        if stack.status != "DELETE_IN_PROGRESS" {
            let token = format!("konta-delete-{}", jiff::Timestamp::now().as_millisecond());
            self.context.aws.delete_stack(name, &token).await.map_err(|error| refused(name, error))?;
        }
        let rest = wait::follow(self.context, &stack.id, &document, last, None).await?;
        match rest.stack {
            Some(stack) if stack.status != "DELETE_COMPLETE" => {
                Err(failure::error(name, &stack.status, &document, &rest.events))
            }
            _ => Ok("DELETE_COMPLETE".to_owned()),
        }
    }
}

fn refused(stack: &str, error: AwsError) -> OperationError {
    if error.message.contains("use by") || error.message.contains("imported") {
        return OperationError::Stuck {
            stack: stack.to_owned(),
            status: "in use".to_owned(),
            help: format!("another stack uses its outputs: {}", error.message),
        };
    }
    error.into()
}
