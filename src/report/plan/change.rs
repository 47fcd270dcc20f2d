//! The lines of one changed resource, parameter or tag.

use std::fmt::Write as _;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use crate::report::style::{self, Palette};
use crate::report::text;
use crate::stack::{PropertyChange, Replacement, ResourceAction, ResourceChange, Risk, ValueChange};

use super::Page;

/// How many unchanged lines are shown around a changed line of a long value.
const CONTEXT: usize = 1;

impl Page {
    /// "~ The load balancer (LoadBalancer)  replaced", and below it property by property. Without tags if the stack's
    /// tags were already shown.
    pub(super) fn resource(&self, out: &mut String, resource: &ResourceChange, told_tags: bool) {
        let palette = self.palette;
        let symbol = match resource.action {
            ResourceAction::Add => palette.good(style::ADDED),
            ResourceAction::Modify | ResourceAction::Dynamic => palette.warn(style::CHANGED),
            ResourceAction::Remove => palette.bad(style::REMOVED),
        };
        let words = resource_words(resource);
        let risk = match resource.risk {
            Risk::None => String::new(),
            Risk::Replacement => format!("  {}", palette.warn(format!("{} short gap", style::ATTENTION))),
            Risk::PossibleDataLoss => {
                format!("  {}", palette.warn(format!("{} data may be at risk", style::ATTENTION)))
            }
            Risk::DataLoss => format!("  {}", palette.bad(format!("{} DATA LOSS", style::ATTENTION))),
        };
        let words = if resource.action == ResourceAction::Add { String::new() } else { format!("  {words}") };
        let _ = writeln!(out, "    {symbol} {}{words}{risk}", sentence(resource));
        if resource.risk == Risk::DataLoss {
            let loss = "its data is lost, unless it is retained or snapshotted";
            let _ = writeln!(out, "        {}", palette.bad(text::wrap(loss, self.width, 8)));
        }
        // A tag is shown once, at the stack. And CloudFormation names some properties that stay as they are.
        let tags = |property: &PropertyChange| property.path.split('.').nth(1) == Some("Tags");
        let same = |property: &PropertyChange| property.before.is_some() && property.before == property.after;
        let told = |property: &&PropertyChange| !same(property) && (!told_tags || !tags(property));
        for property in resource.properties.iter().filter(told) {
            self.property(out, property);
        }
    }

    fn property(&self, out: &mut String, change: &PropertyChange) {
        let path = change.path.strip_prefix("Properties.").unwrap_or(&change.path);
        let path = text::one_line(path);
        let forces = match change.replacement {
            Replacement::Always => self.palette.warn("  (replaces it)"),
            Replacement::Conditional | Replacement::Never => String::new(),
        };
        self.value(out, 8, &path, change.before.as_deref(), change.after.as_deref(), &forces);
    }

    /// A section of parameters or tags, if any of them changes.
    pub(super) fn value_changes(&self, out: &mut String, section: &str, changes: &[ValueChange]) {
        if changes.is_empty() {
            return;
        }
        let _ = writeln!(out, "    {section}");
        for change in changes {
            let (symbol, after) = match (&change.before, &change.after) {
                (None, Some(after)) => (self.palette.good(style::ADDED), after.as_str()),
                (_, None) if change.known_later => (self.palette.warn(style::CHANGED), "(known later)"),
                (_, None) => (self.palette.bad(style::REMOVED), "(removed)"),
                (Some(_), Some(after)) => (self.palette.warn(style::CHANGED), after.as_str()),
            };
            let name = format!("{symbol} {}", text::one_line(&change.name));
            self.value(out, 6, &name, change.before.as_deref(), Some(after), "");
        }
    }

    /// A value before and after: on one line if it fits, else one below the other, else line by line. Never cut: people
    /// agree to what they read, and two image digests may differ only at their ends.
    fn value(
        &self,
        out: &mut String,
        indent: usize,
        name: &str,
        before: Option<&str>,
        after: Option<&str>,
        suffix: &str,
    ) {
        let pad = " ".repeat(indent);
        let (long_before, long_after) = (before.and_then(laid_out), after.and_then(laid_out));
        if long_before.is_some() || long_after.is_some() {
            let _ = writeln!(out, "{pad}{name}:{suffix}");
            let old = long_before.unwrap_or_else(|| before.map(text::printable).unwrap_or_default());
            let new = long_after.unwrap_or_else(|| after.map(text::printable).unwrap_or_default());
            self.lines(out, indent + 2, &old, &new);
            return;
        }
        let palette = self.palette;
        let (before, after) = (before.map(text::one_line), after.map(text::one_line));
        let line = match (&before, &after) {
            (Some(before), Some(after)) => format!("{pad}{name}: {before} → {after}{suffix}"),
            (None, Some(after)) => format!("{pad}{name}: {after}{suffix}"),
            (Some(before), None) => format!("{pad}{name}: {before} → (none){suffix}"),
            (None, None) => format!("{pad}{name}{suffix}"),
        };
        match (&before, &after) {
            (Some(before), Some(after)) if console::measure_text_width(&line) > self.width => {
                let _ = writeln!(out, "{pad}{name}:{suffix}");
                let _ = writeln!(out, "{pad}  {}", palette.bad(format!("- {before}")));
                let _ = writeln!(out, "{pad}  {}", palette.good(format!("+ {after}")));
            }
            _ => {
                let _ = writeln!(out, "{line}");
            }
        }
    }

    /// The changed lines of a long value, each with a little context.
    fn lines(&self, out: &mut String, indent: usize, old: &str, new: &str) {
        let pad = " ".repeat(indent);
        let diff = TextDiff::from_lines(old, new);
        for (number, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
            if number > 0 {
                let _ = writeln!(out, "{pad}{}", self.palette.dim("…"));
            }
            for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
                let line = change.value().trim_end_matches('\n');
                let line = match change.tag() {
                    ChangeTag::Delete => self.palette.bad(format!("- {line}")),
                    ChangeTag::Insert => self.palette.good(format!("+ {line}")),
                    ChangeTag::Equal => Palette::plain().dim(format!("  {line}")),
                };
                let _ = writeln!(out, "{pad}{line}");
            }
        }
    }
}

/// What a resource is, with its logical id if the sentence does not name it.
fn sentence(resource: &ResourceChange) -> String {
    let description = text::one_line(&resource.description);
    if description.contains(&resource.logical_id) {
        description.into_owned()
    } else {
        format!("{description} ({})", text::one_line(&resource.logical_id))
    }
}

fn resource_words(resource: &ResourceChange) -> &'static str {
    match (resource.action, resource.replacement) {
        (ResourceAction::Add, _) => "added",
        (ResourceAction::Remove, _) => "removed",
        (ResourceAction::Dynamic, _) => "unknown until AWS does it",
        (ResourceAction::Modify, Replacement::Never) => "changed in place",
        (ResourceAction::Modify, Replacement::Conditional) => "changed, perhaps replaced",
        (ResourceAction::Modify, Replacement::Always) => "replaced",
    }
}

/// A value of several lines, or JSON with nested values, laid out for a comparison line by line;
/// `None` for a plain value.
fn laid_out(value: &str) -> Option<String> {
    if value.starts_with(['{', '[']) {
        let json: Value = serde_json::from_str(value).ok()?;
        let several = json.as_array().is_some_and(|items| items.iter().any(|item| item.is_object() || items.len() > 3))
            || json.as_object().is_some_and(|object| object.len() > 1);
        return several.then(|| serde_json::to_string_pretty(&json).unwrap_or_else(|_| value.to_owned()));
    }
    value.trim_end().contains('\n').then(|| text::printable(value))
}
