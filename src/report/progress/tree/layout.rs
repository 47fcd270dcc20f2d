//! The tree's lines: what is under way first, and never more than the terminal holds.

use jiff::Timestamp;

use crate::operation::StepOutcome;
use crate::report::{style, text};
use crate::stack::Action;

use super::super::resource::{Standing, word};
use super::entry::{Entry, Resource, Step, StepState};
use super::{Tree, between};

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// How long a picture of the spinner stays, in milliseconds.
const SPIN: i64 = 125;

/// A line below a stack.
struct Child {
    line: String,
    /// Under way or failed: shown before what is done.
    live: bool,
}

impl Tree {
    /// The tree at the moment `now`, in lines of at most `width` columns, fewer of them than the terminal's `height`.
    #[must_use]
    pub fn lines(&self, now: Timestamp, width: usize, height: usize) -> Vec<String> {
        if self.first.is_none() {
            return Vec::new();
        }
        // One line for the count below, one for the cursor.
        let room = height.saturating_sub(2).max(1);
        let mut lines = self.under_way_lines(now, room);
        lines.push(self.summary(now));
        let width = width.saturating_sub(1).max(1);
        lines.iter().map(|line| text::cut(line, width).into_owned()).collect()
    }

    fn under_way_lines(&self, now: Timestamp, room: usize) -> Vec<String> {
        let entries: Vec<(&String, &Entry)> =
            self.under_way.iter().filter_map(|name| self.stacks.get_key_value(name)).collect();
        let shown = if entries.len() > room { room - 1 } else { entries.len() };
        let hidden = entries.len() - shown;
        let mut left = room - shown - usize::from(hidden > 0);
        let mut lines = Vec::new();
        for (index, (name, entry)) in entries.iter().take(shown).enumerate() {
            lines.push(self.stack_line(name, entry, now));
            // An even share for each stack; what one does not use goes to those after it.
            let share = left / (shown - index);
            let children = fit(self.children(entry, now), share);
            left -= children.len();
            lines.extend(children);
        }
        if hidden > 0 {
            lines.push(self.palette.dim(format!("… and {hidden} more in progress")));
        }
        lines
    }

    fn stack_line(&self, name: &str, entry: &Entry, now: Timestamp) -> String {
        let palette = self.palette;
        let doing = entry.status.as_deref().map_or_else(|| action_word(entry.action).to_owned(), word);
        let elapsed = elapsed(entry.started, None, now);
        format!(
            "{} {}  {}  {doing}{elapsed}",
            palette.accent(spinner(now)),
            palette.bold(&entry.title),
            palette.accent(text::one_line(name)),
        )
    }

    fn children(&self, entry: &Entry, now: Timestamp) -> Vec<Child> {
        let mut children = Vec::new();
        let service = entry.resources.iter().rposition(|resource| resource.kind == "AWS::ECS::Service");
        for (index, resource) in entry.resources.iter().enumerate() {
            children.push(self.resource_child(resource, now));
            if service == Some(index) {
                children.extend(self.rollouts(entry));
            }
        }
        if service.is_none() {
            children.extend(self.rollouts(entry));
        }
        children.extend(entry.steps.iter().map(|step| self.step_child(step, now)));
        children
    }

    fn resource_child(&self, resource: &Resource, now: Timestamp) -> Child {
        let palette = self.palette;
        let (symbol, words) = match resource.standing() {
            Standing::UnderWay => (palette.accent(spinner(now)), word(&resource.status)),
            Standing::Good => (palette.good(style::GOOD), word(&resource.status)),
            Standing::Bad => (palette.bad(style::BAD), palette.bad(word(&resource.status))),
        };
        let elapsed = elapsed(resource.started, resource.ended, now);
        let line = format!("    {symbol} {}  {words}{elapsed}", resource.sentence);
        Child { line, live: resource.standing() != Standing::Good }
    }

    fn rollouts(&self, entry: &Entry) -> Vec<Child> {
        let line = |line: &str, failing: bool| {
            let line = if failing { self.palette.bad(line) } else { self.palette.dim(line) };
            Child { line: format!("        {line}"), live: true }
        };
        entry.rollouts.values().map(|rollout| line(&rollout.line, rollout.failing)).collect()
    }

    fn step_child(&self, step: &Step, now: Timestamp) -> Child {
        let palette = self.palette;
        let (symbol, words, live) = match step.state {
            StepState::Running => (palette.accent(spinner(now)), "", true),
            StepState::Ended(StepOutcome::Done) => (palette.good(style::GOOD), "  done", false),
            StepState::Ended(StepOutcome::AlreadyDone) => (palette.dim(style::SAME), "  already done", false),
            StepState::Ended(StepOutcome::NotRun) => (palette.warn(style::ATTENTION), "  not run", false),
            StepState::Ended(StepOutcome::Failed) => (palette.bad(style::BAD), "  failed", true),
        };
        let detail = step.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
        let elapsed = elapsed(step.started, step.ended, now);
        Child { line: format!("    {symbol} {}{words}{elapsed}{detail}", step.title), live }
    }

    fn summary(&self, now: Timestamp) -> String {
        let elapsed = elapsed(self.first, None, now);
        self.palette.dim(format!("{}{elapsed}", self.counts().join(", ")))
    }
}

/// At most `room` lines: all if they fit, else what is under way and a count of the rest.
fn fit(children: Vec<Child>, room: usize) -> Vec<String> {
    if children.len() <= room {
        return children.into_iter().map(|child| child.line).collect();
    }
    if room == 0 {
        return Vec::new();
    }
    let total = children.len();
    let mut lines: Vec<String> =
        children.into_iter().filter(|child| child.live).map(|child| child.line).take(room - 1).collect();
    let hidden = total - lines.len();
    lines.push(format!("    … and {hidden} more"));
    lines
}

fn spinner(now: Timestamp) -> &'static str {
    let picture = now.as_millisecond() / SPIN;
    SPINNER[usize::try_from(picture.rem_euclid(10)).unwrap_or(0)]
}

fn elapsed(started: Option<Timestamp>, ended: Option<Timestamp>, now: Timestamp) -> String {
    started.map(|started| format!("  {}", text::duration(between(started, ended.unwrap_or(now))))).unwrap_or_default()
}

fn action_word(action: Option<Action>) -> &'static str {
    match action {
        Some(Action::Create) => "creating",
        Some(Action::Update) => "updating",
        Some(Action::Recreate) => "recreating",
        Some(Action::Delete) => "deleting",
        Some(Action::Attach) => "waiting for the operation under way",
        Some(Action::Verify) => "checking",
        Some(Action::Nothing | Action::Follow) | None => "working",
    }
}
