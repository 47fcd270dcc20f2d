//! Whether the tasks of a service answer, and the note kept in AWS until konta has seen that they do.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::operation::context::Context;
use crate::operation::error::OperationError;
use crate::operation::event::{Events, StepOutcome, StepResult};
use crate::operation::step::Step;
use crate::stack::tags::HASH_TAG;
use crate::stack::{DesiredStack, StackKind};

use super::wait;

/// How long running tasks may not answer the load balancer: the grace period of the templates' services.
const BEGINNING: Duration = Duration::from_mins(2);

/// Asks a service's tasks whether they answer.
pub const HEALTH: Step = Step::new("health", "check that the tasks answer");

impl Context<'_> {
    pub(super) async fn verify_health(
        &self,
        desired: &DesiredStack,
        service: &str,
        group: &str,
        not_run: &mut Vec<String>,
    ) -> Result<(), OperationError> {
        let found = {
            let standing = self.standing();
            let get = |key: &str| standing.output(&desired.name, key).map(ToOwned::to_owned);
            (get(service), get(group))
        };
        let (Some(service), Some(group)) = found else { return self.seen_healthy(&desired.name).await };
        let cluster = self.output(desired, "ClusterName")?;
        let work = self.answers(&desired.name, &cluster, &service, &group);
        self.deployment_step(desired, HEALTH, not_run, work).await?;
        self.seen_healthy(&desired.name).await
    }

    /// Waits until all tasks of a service run and one of them answers.
    pub async fn answers(&self, stack: &str, cluster: &str, service: &str, group: &str) -> StepResult {
        let (running, wanted) = wait::steady(self.aws, self.polling, &self.events, stack, cluster, service).await?;
        if !self.aws.runs_tasks() {
            let detail = "the sandbox runs no containers, so no task was checked";
            return Ok((StepOutcome::NotRun, Some(detail.to_owned())));
        }
        let (healthy, all, reason) = self.answering(group, wanted).await?;
        if running < wanted || (wanted > 0 && healthy == 0) {
            return Err(OperationError::Unhealthy {
                stack: stack.to_owned(),
                reason: format!(
                    "{running} of {wanted} tasks run, {healthy} of {all} answer{}",
                    reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
                ),
            });
        }
        Ok((StepOutcome::Done, Some(format!("{healthy} of {all} tasks answer"))))
    }

    /// A target group's healthy targets, the number of targets, and a reason. Returns when one answers, at the latest
    /// after the time that a task may take to start.
    async fn answering(&self, group: &str, wanted: i32) -> Result<(usize, usize, Option<String>), OperationError> {
        let begun = tokio::time::Instant::now();
        loop {
            let found = self.aws.target_health(group).await?;
            if found.0 > 0 || wanted == 0 || begun.elapsed() > BEGINNING {
                return Ok(found);
            }
            tokio::time::sleep(self.polling.poll).await;
        }
    }

    /// Notes in AWS that konta has not seen a stack's tasks answer since its last change. By the stack's hash alone the
    /// next run would take it for healthy, even if this run is interrupted or its health check fails.
    pub async fn not_seen_healthy(&self, stack: &str, tags: &BTreeMap<String, String>) -> Result<(), OperationError> {
        let tags = tags.iter().filter(|(key, _)| *key != HASH_TAG).map(|(key, value)| (key.clone(), value.clone()));
        self.aws.create_parameter(&self.names.unverified_stack(stack), &Events::now(), &tags.collect()).await?;
        Ok(())
    }

    /// Deletes that note.
    pub async fn seen_healthy(&self, stack: &str) -> Result<(), OperationError> {
        Ok(self.aws.delete_parameter(&self.names.unverified_stack(stack)).await?)
    }

    /// Checks a stack's tasks again, and changes nothing.
    pub(super) async fn verify(&self, desired: &DesiredStack, not_run: &mut Vec<String>) -> Result<(), OperationError> {
        match desired.kind {
            StackKind::Cell(_) => self.verify_health(desired, "PoolServiceName", "PoolTargetGroupArn", not_run).await,
            _ => self.verify_health(desired, "ServiceName", "TargetGroupArn", not_run).await,
        }
    }
}
