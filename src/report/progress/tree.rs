//! The live tree as a model: events go in, lines come out. No terminal, no clock.

mod entry;
mod layout;

use std::collections::BTreeMap;
use std::time::Duration;

use entry::{Entry, Rollout, StepState};
use jiff::Timestamp;

use crate::operation::{OperationEvent, StepOutcome};
use crate::report::style::{self, Palette};
use crate::report::text::{self, one_line};

use super::resource::{Standing, is_cascade, standing, word};

/// What a running deployment looks like.
///
/// A stack that ends leaves the tree and becomes one line above it, which stays. So the tree holds only what is under
/// way, and fits a terminal even with hundreds of tenants.
pub struct Tree {
    palette: Palette,
    stacks: BTreeMap<String, Entry>,
    /// Stacks under way, in the order in which they began.
    under_way: Vec<String>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    done: usize,
    failed: usize,
    unchanged: usize,
}

impl Tree {
    /// An empty tree: nothing has happened yet.
    #[must_use]
    pub fn new(palette: Palette) -> Self {
        Self {
            palette,
            stacks: BTreeMap::new(),
            under_way: Vec::new(),
            first: None,
            last: None,
            done: 0,
            failed: 0,
            unchanged: 0,
        }
    }

    /// Takes in an event, and returns the lines that go above the tree and stay there.
    pub fn apply(&mut self, event: &OperationEvent) -> Vec<String> {
        match event {
            OperationEvent::StackStarted { stack, title, action, at } => {
                let at = self.time(at);
                let entry = self.entry(stack);
                entry.begin(&one_line(title), *action, at);
                self.begin(stack);
                Vec::new()
            }
            OperationEvent::Resource { at, .. } => {
                let at = self.time(at);
                self.resource(event, at)
            }
            OperationEvent::Service { at, .. } => {
                self.time(at);
                self.service(event)
            }
            OperationEvent::StepStarted { stack, step, title, at } => {
                let at = self.time(at);
                self.entry(stack).step(step).begin(&one_line(title), at);
                self.begin(stack);
                Vec::new()
            }
            OperationEvent::StepFinished { stack, step, outcome, detail, at } => {
                let at = self.time(at);
                self.step_finished(stack, step, *outcome, detail.as_deref(), at)
            }
            OperationEvent::StackFinished { stack, title, status, ok, elapsed_ms, at } => {
                self.time(at);
                self.stack_finished(stack, title, status, *ok, Duration::from_millis(*elapsed_ms))
            }
            OperationEvent::Note { text, at } => {
                self.time(at);
                vec![format!("{} {}", self.palette.dim("note:"), one_line(text))]
            }
        }
    }

    /// The sentence that remains at the end; `None` if nothing happened.
    #[must_use]
    pub fn closing(&self) -> Option<String> {
        let counts = self.counts();
        (!counts.is_empty()).then(|| {
            let elapsed = self.first.zip(self.last).map(|(first, last)| between(first, last)).unwrap_or_default();
            self.palette.bold(format!("{} in {}", counts.join(", "), text::duration(elapsed)))
        })
    }

    fn counts(&self) -> Vec<String> {
        let counts = [
            (self.under_way.len(), "in progress"),
            (self.done, "done"),
            (self.failed, "failed"),
            (self.unchanged, "unchanged"),
        ];
        counts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}")).collect()
    }

    fn time(&mut self, at: &str) -> Option<Timestamp> {
        let at: Timestamp = at.parse().ok()?;
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
        Some(at)
    }

    fn entry(&mut self, stack: &str) -> &mut Entry {
        self.stacks.entry(stack.to_owned()).or_insert_with(|| Entry::new(&one_line(stack)))
    }

    fn begin(&mut self, stack: &str) {
        if !self.under_way.iter().any(|name| name == stack) {
            self.under_way.push(stack.to_owned());
        }
    }

    fn resource(&mut self, event: &OperationEvent, at: Option<Timestamp>) -> Vec<String> {
        let OperationEvent::Resource { stack, logical_id, resource_type, description, status, reason, .. } = event
        else {
            return Vec::new();
        };
        let palette = self.palette;
        let entry = self.entry(stack);
        // CloudFormation reports the stack itself like a resource.
        let is_stack = resource_type == "AWS::CloudFormation::Stack" && logical_id == stack;
        if is_stack {
            entry.status = Some(status.clone());
        } else {
            entry.resource(logical_id).becomes(&one_line(description), resource_type, status, at);
        }
        if standing(status) != Standing::Bad || is_stack || is_cascade(reason.as_deref()) {
            return Vec::new();
        }
        let what = if description.contains(logical_id.as_str()) {
            one_line(description).into_owned()
        } else {
            format!("{} ({})", one_line(description), one_line(logical_id))
        };
        let because = reason.as_deref().map(|reason| format!(": {}", one_line(reason))).unwrap_or_default();
        let lead = palette.bad(format!("{} {}", style::BAD, one_line(status)));
        vec![format!("{lead}  {}  {what}{because}", palette.accent(one_line(stack)))]
    }

    fn service(&mut self, event: &OperationEvent) -> Vec<String> {
        let OperationEvent::Service { stack, service, desired, running, pending, failed, stopped_reason, .. } = event
        else {
            return Vec::new();
        };
        let palette = self.palette;
        let reason = stopped_reason.as_deref().map(|reason| one_line(reason).into_owned());
        let line = text::rollout(*desired, *running, *pending, *failed, reason.as_deref());
        let entry = self.entry(stack);
        entry.rollouts.insert(service.clone(), Rollout { line, failing: *failed > 0 });
        // Each reason is shown once above the tree: in the tree, the next task's reason may replace
        // it before anyone reads it.
        let news = (*failed > 0).then_some(reason).flatten().filter(|reason| entry.told.insert(reason.clone()));
        news.map(|reason| {
            let lead = palette.bad(format!("{} task stopped", style::BAD));
            format!("{lead}  {}  {}: {reason}", palette.accent(one_line(stack)), one_line(service))
        })
        .into_iter()
        .collect()
    }

    fn step_finished(
        &mut self,
        stack: &str,
        step: &str,
        outcome: StepOutcome,
        detail: Option<&str>,
        at: Option<Timestamp>,
    ) -> Vec<String> {
        let palette = self.palette;
        let detail = detail.map(|detail| one_line(detail).into_owned());
        let entry = self.entry(stack);
        entry.step(step).end(outcome, detail.clone(), at);
        let title = entry.step(step).title.clone();
        let because = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        // A step may come after its stack has ended; then the stack leaves the tree again after its last step.
        if entry.ended && !entry.steps.iter().any(|step| matches!(step.state, StepState::Running)) {
            self.under_way.retain(|name| name != stack);
        }
        let (symbol, say): (&str, fn(Palette, String) -> String) = match outcome {
            StepOutcome::Failed => (style::BAD, Palette::bad),
            StepOutcome::NotRun => (style::ATTENTION, Palette::warn),
            StepOutcome::Done | StepOutcome::AlreadyDone => return Vec::new(),
        };
        let word = if outcome == StepOutcome::Failed { "failed" } else { "not run" };
        let lead = say(palette, format!("{symbol} {word}"));
        vec![format!("{lead}  {}  {title}{because}", palette.accent(one_line(stack)))]
    }

    fn stack_finished(&mut self, stack: &str, title: &str, status: &str, ok: bool, elapsed: Duration) -> Vec<String> {
        let palette = self.palette;
        self.under_way.retain(|name| name != stack);
        let entry = self.entry(stack);
        entry.ended = true;
        if ok && status == "UNCHANGED" {
            self.unchanged += 1;
            return Vec::new();
        }
        let symbol = if ok { palette.good(style::GOOD) } else { palette.bad(style::BAD) };
        let words = if ok {
            palette.good(word(status))
        } else {
            palette.bad(format!("{} ({})", word(status), one_line(status)))
        };
        if ok {
            self.done += 1;
        } else {
            self.failed += 1;
        }
        let (title, name) = (palette.bold(one_line(title)), palette.accent(one_line(stack)));
        vec![format!("{symbol} {title}  {name}  {words} in {}", text::duration(elapsed))]
    }
}

/// The time from one moment to another; zero if clocks disagree about which came first.
fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
