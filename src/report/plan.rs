//! A [`Plan`] as text: what will change, where that is known from, and what it risks.

mod change;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::stack::{Action, Plan, PlanSource, ResourceAction, ResourceChange, Risk, StackPlan};

use super::style::{self, Palette};
use super::text;

/// More unchanged stacks than this are only counted, unless the output is verbose.
const UNCHANGED_LISTED: usize = 8;

/// The plan as text, with a count of the stacks at the end.
///
/// `verbose` names the resources of new stacks and all unchanged stacks. Pure: the same plan gives the same text.
#[must_use]
pub fn plan_text(plan: &Plan, verbose: bool, width: usize, palette: Palette) -> String {
    let page = Page { verbose, width, palette };
    let mut out = page.heading(plan);
    let (unchanged, changed): (Vec<_>, Vec<_>) = plan.stacks.iter().partition(|s| s.action == Action::Nothing);
    let (followers, changed): (Vec<_>, Vec<_>) = changed.into_iter().partition(|s| s.action == Action::Follow);
    for stack in changed {
        out.push('\n');
        page.stack(&mut out, stack);
    }
    page.followers(&mut out, &followers);
    page.unchanged(&mut out, &unchanged);
    if !plan.notes.is_empty() {
        out.push('\n');
    }
    for note in &plan.notes {
        page.labelled(&mut out, 0, "note:", note);
    }
    out.push('\n');
    page.closing(&mut out, plan);
    out
}

/// How a plan is laid out.
struct Page {
    verbose: bool,
    width: usize,
    palette: Palette,
}

impl Page {
    fn heading(&self, plan: &Plan) -> String {
        let mut place = match (&plan.account, plan.online) {
            (Some(account), _) => format!("account {account}, {}", plan.region),
            (None, _) => plan.region.clone(),
        };
        if !plan.online {
            place.push_str("; AWS was not asked");
        }
        format!("{} ({place})\n", self.palette.bold(format!("Plan for {}", text::one_line(&plan.environment))))
    }

    fn stack(&self, out: &mut String, stack: &StackPlan) {
        let title = text::one_line(&stack.title);
        let mut line = format!(
            "{} {}  {}  {}",
            self.symbol(stack.action),
            self.palette.bold(title),
            self.palette.accent(text::one_line(&stack.stack)),
            action_words(stack.action),
        );
        if let Some(source) = source_words(stack.source) {
            let _ = write!(line, "  {}", self.palette.dim(format!("[{source}]")));
        }
        if stack.risk == Risk::DataLoss {
            let _ = write!(line, "  {}", self.palette.bad(format!("{} DATA LOSS", style::ATTENTION)));
        }
        out.push_str(&line);
        out.push('\n');
        self.resources(out, stack);
        if stack.action == Action::Update {
            self.value_changes(out, "parameters", &stack.parameters);
            self.value_changes(out, "tags", &stack.tags);
        }
        for step in &stack.steps {
            self.labelled(out, 4, "step:", step);
        }
        for note in &stack.notes {
            self.labelled(out, 4, "note:", note);
        }
    }

    fn resources(&self, out: &mut String, stack: &StackPlan) {
        let new = matches!(stack.action, Action::Create | Action::Recreate);
        if new && !stack.resources.is_empty() {
            let _ = writeln!(out, "    {}", text::wrap(&by_service(&stack.resources), self.width, 4));
            if !self.verbose {
                return;
            }
        }
        for resource in &stack.resources {
            self.resource(out, resource, !stack.tags.is_empty());
        }
    }

    /// Stacks that may change once those before them have.
    fn followers(&self, out: &mut String, stacks: &[&StackPlan]) {
        if stacks.len() <= UNCHANGED_LISTED || self.verbose {
            for stack in stacks {
                out.push('\n');
                self.stack(out, stack);
            }
            return;
        }
        let many = text::count(stacks.len(), "stack");
        let sentence = format!("{many} may follow: they take outputs of stacks that change");
        let _ = writeln!(out, "\n{} {}", self.symbol(Action::Follow), text::wrap(&sentence, self.width, 2));
    }

    fn unchanged(&self, out: &mut String, stacks: &[&StackPlan]) {
        if stacks.is_empty() {
            return;
        }
        out.push('\n');
        if stacks.len() > UNCHANGED_LISTED && !self.verbose {
            let line = format!("{} {} unchanged", style::SAME, text::count(stacks.len(), "stack"));
            let _ = writeln!(out, "{}", self.palette.dim(line));
            return;
        }
        for stack in stacks {
            let (title, name) = (text::one_line(&stack.title), text::one_line(&stack.stack));
            let _ = writeln!(out, "{}", self.palette.dim(format!("{} {title}  {name}  unchanged", style::SAME)));
            for note in &stack.notes {
                self.labelled(out, 4, "note:", note);
            }
        }
    }

    /// A label and a sentence whose further lines align with its first.
    fn labelled(&self, out: &mut String, indent: usize, label: &str, sentence: &str) {
        let under = indent + label.len() + 1;
        let sentence = text::wrap(&text::one_line(sentence), self.width, under);
        let _ = writeln!(out, "{}{} {sentence}", " ".repeat(indent), self.palette.dim(label));
    }

    fn closing(&self, out: &mut String, plan: &Plan) {
        let mut counts: Vec<String> = Vec::new();
        let mut say = |action: Action, words: &str| {
            let number = plan.stacks.iter().filter(|stack| stack.action == action).count();
            if number > 0 {
                counts.push(format!("{number} {words}"));
            }
        };
        say(Action::Create, "to create");
        say(Action::Update, "to update");
        say(Action::Recreate, "to recreate");
        say(Action::Delete, "to delete");
        say(Action::Attach, "in progress");
        say(Action::Follow, "may follow");
        say(Action::Verify, "to verify");
        say(Action::Nothing, "unchanged");
        let lead = if plan.is_done() { "Nothing to do: " } else { "" };
        let sentence = if counts.is_empty() { "no stacks".to_owned() } else { counts.join(", ") };
        let _ = writeln!(out, "{}", self.palette.bold(format!("{lead}{sentence}.")));
        let resources = |risk: Risk| {
            plan.stacks.iter().flat_map(|stack| &stack.resources).filter(move |resource| resource.risk == risk).count()
        };
        let lost = resources(Risk::DataLoss);
        if lost > 0 {
            let hold = if lost == 1 { "that holds data" } else { "that hold data" };
            let sentence = format!(
                "DATA LOSS: {} {hold} would be replaced or removed; konta refuses to do this.",
                text::count(lost, "resource")
            );
            self.attention(out, &sentence, Palette::bad);
        }
        let perhaps = resources(Risk::PossibleDataLoss);
        if perhaps > 0 {
            let sentence = format!(
                "{} with data may be replaced: AWS decides this only during the deployment. Usually it does not happen; \
                 deletion protection and snapshots guard the data.",
                text::count(perhaps, "resource")
            );
            self.attention(out, &sentence, Palette::warn);
        }
        let replaced = resources(Risk::Replacement);
        if replaced > 0 {
            let sentence = format!(
                "{} without data may be replaced; there may be a short gap.",
                text::count(replaced, "resource")
            );
            self.attention(out, &sentence, Palette::warn);
        }
    }

    fn attention(&self, out: &mut String, sentence: &str, paint: fn(Palette, String) -> String) {
        let line = format!("{} {}", style::ATTENTION, text::wrap(sentence, self.width, 2));
        let _ = writeln!(out, "{}", paint(self.palette, line));
    }

    fn symbol(&self, action: Action) -> String {
        match action {
            Action::Create => self.palette.good(style::ADDED),
            Action::Update | Action::Recreate => self.palette.warn(style::CHANGED),
            Action::Delete => self.palette.bad(style::REMOVED),
            Action::Nothing => self.palette.dim(style::SAME),
            Action::Attach | Action::Verify | Action::Follow => self.palette.warn(style::ATTENTION),
        }
    }
}

fn action_words(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Recreate => "delete what its failed creation left, then create",
        Action::Delete => "delete",
        Action::Nothing => "unchanged",
        Action::Attach => "in progress: konta waits for it first",
        Action::Follow => "may follow",
        Action::Verify => "as wanted; konta checks again whether its tasks answer",
    }
}

fn source_words(source: PlanSource) -> Option<&'static str> {
    match source {
        PlanSource::ChangeSet => Some("from a change set"),
        PlanSource::Template => Some("from the templates; replacements are a guess"),
        PlanSource::New => None,
    }
}

/// "5 resources: 2 EC2, 2 RDS, 1 EFS", the most first.
fn by_service(resources: &[ResourceChange]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for resource in resources.iter().filter(|resource| resource.action != ResourceAction::Remove) {
        *counts.entry(resource.resource_type.split("::").nth(1).unwrap_or(&resource.resource_type)).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let services: Vec<String> = counts.iter().map(|(service, number)| format!("{number} {service}")).collect();
    format!("{}: {}", text::count(resources.len(), "resource"), services.join(", "))
}
