//! What an operation reports while it runs. `report` draws the events; `--output json` writes one line for each.

use serde::Serialize;
use tokio::sync::mpsc::UnboundedSender;

use crate::stack::Action;

use super::error::OperationError;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// It did something.
    Done,
    /// It was already done; nothing was changed.
    AlreadyDone,
    /// It was not run, and the detail says why (the sandbox runs no containers).
    NotRun,
    /// It failed; the detail says why.
    Failed,
}

/// Something that happened. Times are RFC 3339, UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum OperationEvent {
    /// A stack's operation begins.
    StackStarted {
        /// The stack.
        stack: String,
        /// What it is, for people.
        title: String,
        /// What happens to it.
        action: Action,
        /// Now.
        at: String,
    },
    /// A resource of a stack changed its status.
    Resource {
        /// The stack.
        stack: String,
        /// The logical id.
        logical_id: String,
        /// The type.
        resource_type: String,
        /// What it is, for people.
        description: String,
        /// CloudFormation's status.
        status: String,
        /// CloudFormation's reason, if any.
        reason: Option<String>,
        /// CloudFormation's time.
        at: String,
    },
    /// The state of an ECS service's rollout.
    Service {
        /// The stack.
        stack: String,
        /// The service's name.
        service: String,
        /// Tasks wanted.
        desired: i32,
        /// Tasks running.
        running: i32,
        /// Tasks starting.
        pending: i32,
        /// Tasks of the new revision that failed.
        failed: i32,
        /// ECS's state of the rollout (`IN_PROGRESS`, `COMPLETED`, `FAILED`).
        rollout: String,
        /// Why the last task stopped, if one did.
        stopped_reason: Option<String>,
        /// Now.
        at: String,
    },
    /// A step begins.
    StepStarted {
        /// The stack it belongs to.
        stack: String,
        /// A short, stable name ("database").
        step: String,
        /// What it does, for people.
        title: String,
        /// Now.
        at: String,
    },
    /// A step ended.
    StepFinished {
        /// The stack it belongs to.
        stack: String,
        /// The name given at its start.
        step: String,
        /// How it ended.
        outcome: StepOutcome,
        /// More, for people.
        detail: Option<String>,
        /// Now.
        at: String,
    },
    /// A stack's operation ended.
    StackFinished {
        /// The stack.
        stack: String,
        /// What it is, for people.
        title: String,
        /// CloudFormation's last status; `UNCHANGED` when nothing was done.
        status: String,
        /// Whether all is well.
        ok: bool,
        /// How long it took, milliseconds.
        elapsed_ms: u64,
        /// Now.
        at: String,
    },
    /// Something the operator should know.
    Note {
        /// The text.
        text: String,
        /// Now.
        at: String,
    },
}

/// Where events go.
#[derive(Debug, Clone)]
pub struct Events(pub UnboundedSender<OperationEvent>);

impl Events {
    /// Sends an event. If nobody listens, the operation continues all the same.
    pub fn send(&self, event: OperationEvent) {
        let _ = self.0.send(event);
    }

    /// Sends a note.
    pub fn note(&self, text: String) {
        self.send(OperationEvent::Note { text, at: Self::now() });
    }

    /// Runs a step between its two events.
    pub async fn step(
        &self,
        stack: &str,
        step: &str,
        title: &str,
        work: impl Future<Output = StepResult>,
    ) -> StepResult {
        self.send(OperationEvent::StepStarted {
            stack: stack.into(),
            step: step.into(),
            title: title.into(),
            at: Self::now(),
        });
        let done = work.await;
        let (outcome, detail) = match &done {
            Ok((outcome, detail)) => (*outcome, detail.clone()),
            Err(error) => (StepOutcome::Failed, Some(error.to_string())),
        };
        self.send(OperationEvent::StepFinished {
            stack: stack.into(),
            step: step.into(),
            outcome,
            detail,
            at: Self::now(),
        });
        done
    }

    /// Now, RFC 3339, UTC, to the second.
    #[must_use]
    pub fn now() -> String {
        jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

/// How a step ended, with a detail for people.
pub type StepResult = Result<(StepOutcome, Option<String>), OperationError>;
