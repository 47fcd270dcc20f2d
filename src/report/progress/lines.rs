//! One line per event, for logs: no line is ever changed.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;

use crate::operation::{OperationEvent, StepOutcome};
use crate::report::style::Palette;
use crate::report::text::{self, one_line};
use crate::stack::Action;

use super::resource::{Standing, standing};

/// An event on one line: time (UTC), environment, stack, status, what it is, why.
#[must_use]
pub fn event_line(environment: &str, event: &OperationEvent, palette: Palette) -> String {
    match event {
        OperationEvent::StackStarted { stack, title, action, at } => {
            line(environment, at, stack, "STARTED", &format!("{title}: {}", action_word(*action)), palette)
        }
        OperationEvent::Resource { stack, logical_id, description, status, reason, at, .. } => {
            let mut what = description.clone();
            if !what.contains(logical_id.as_str()) && logical_id != stack {
                let _ = write!(what, " ({logical_id})");
            }
            if let Some(reason) = reason {
                let _ = write!(what, ": {reason}");
            }
            line(environment, at, stack, status, &what, palette)
        }
        OperationEvent::Service { stack, service, desired, running, pending, failed, rollout, stopped_reason, at } => {
            let counts = text::rollout(*desired, *running, *pending, *failed, stopped_reason.as_deref());
            let status = format!("ROLLOUT_{rollout}");
            line(environment, at, stack, &status, &format!("{service}: {counts}"), palette)
        }
        OperationEvent::StepStarted { stack, title, at, .. } => {
            line(environment, at, stack, "STEP_STARTED", title, palette)
        }
        OperationEvent::StepFinished { stack, step, outcome, detail, at } => {
            let mut what = step.clone();
            if let Some(detail) = detail {
                let _ = write!(what, ": {detail}");
            }
            line(environment, at, stack, step_status(*outcome), &what, palette)
        }
        OperationEvent::StackFinished { stack, title, status, ok, elapsed_ms, at } => {
            let elapsed = text::duration(Duration::from_millis(*elapsed_ms));
            let end = if *ok { "done" } else { "FAILED" };
            line(environment, at, stack, status, &format!("{title} {end} in {elapsed}"), palette)
        }
        OperationEvent::Note { text, at } => {
            format!("{} {}  note: {}", clock(at), one_line(environment), one_line(text))
        }
    }
}

fn line(environment: &str, at: &str, stack: &str, status: &str, what: &str, palette: Palette) -> String {
    let coloured = match standing(status) {
        Standing::Bad => palette.bad(one_line(status)),
        Standing::Good if status.ends_with("_COMPLETE") => palette.good(one_line(status)),
        Standing::Good | Standing::UnderWay => one_line(status).into_owned(),
    };
    format!("{} {}  {}  {coloured}  {}", clock(at), one_line(environment), one_line(stack), one_line(what))
}

/// The time of day, marked as UTC: CloudFormation and CI use UTC, too; the operator's zone may differ.
fn clock(at: &str) -> String {
    at.parse::<Timestamp>().map_or_else(|_| one_line(at).into_owned(), |time| time.strftime("%H:%M:%SZ").to_string())
}

fn action_word(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Recreate => "delete and create",
        Action::Delete => "delete",
        Action::Nothing => "nothing to do",
        Action::Follow => "check it again",
        Action::Attach => "wait for the operation under way",
        Action::Verify => "check whether its tasks answer",
    }
}

fn step_status(outcome: StepOutcome) -> &'static str {
    match outcome {
        StepOutcome::Done => "STEP_COMPLETE",
        StepOutcome::AlreadyDone => "STEP_ALREADY_DONE",
        StepOutcome::NotRun => "STEP_NOT_RUN",
        StepOutcome::Failed => "STEP_FAILED",
    }
}
