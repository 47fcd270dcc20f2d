//! Which lines of a log to show: a tenant's among its pool's, those of a level, those that contain a text. A traceback
//! belongs to the line before it in the same stream, and is shown or left out with it.

use std::collections::HashMap;

use crate::aws::logs::LogLine;
use crate::odoo::log::{Head, Level};

/// Which lines to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only lines about this database, in the log of a pool.
    pub database: Option<String>,
    /// Only lines of this level and more severe ones. A line without a level that continues no line with one is left
    /// out then.
    pub least: Option<Level>,
    /// Only lines with this text, in upper or lower case.
    pub text: Option<String>,
    /// Also the load balancer's health checks: a line every few seconds that drowns the others.
    pub checks: bool,
}

/// A line to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its id in CloudWatch.
    pub id: String,
    /// When it was written, milliseconds since 1970, UTC.
    pub at: i64,
    /// The id of the task that wrote it.
    pub task: String,
    /// The text, as it was written.
    pub text: String,
    /// Its level, or that of the line that it continues.
    pub level: Option<Level>,
}

impl Line {
    /// The text without Odoo's timestamp, which repeats `at` in the task's time zone.
    #[must_use]
    pub fn without_time(&self) -> &str {
        Head::of(&self.text).map_or(&self.text, |head| head.rest)
    }
}

/// A line with the lines that continue it.
#[derive(Debug, Clone)]
struct Entry {
    level: Option<Level>,
    /// Whether it is about the database and severe enough.
    is_meant: bool,
    /// Whether the text was found in it.
    is_found: bool,
    /// Its lines, kept until the text is found.
    held: Vec<Line>,
}

/// Selects lines as they arrive, stream by stream in order of time.
#[derive(Debug, Clone)]
pub struct Selector {
    selection: Selection,
    last: HashMap<String, Entry>,
}

impl Selector {
    /// Applies a selection.
    #[must_use]
    pub fn new(mut selection: Selection) -> Self {
        selection.text = selection.text.map(|text| text.to_lowercase());
        Self { selection, last: HashMap::new() }
    }

    /// Takes the next line; returns what to show now: nothing, the line, or the lines that were kept with it.
    pub fn take(&mut self, line: &LogLine) -> Vec<Line> {
        if let Some(head) = Head::of(&line.text) {
            let database = self.selection.database.as_deref();
            let is_meant = database.is_none_or(|database| database == head.database)
                && self.selection.least.is_none_or(|least| head.level >= least)
                && (self.selection.checks || !head.is_health_check());
            let entry = Entry { level: Some(head.level), is_meant, is_found: false, held: Vec::new() };
            self.last.insert(line.stream.clone(), entry);
        }
        let found = self.selection.text.as_ref().is_none_or(|text| line.text.to_lowercase().contains(text));
        let Some(entry) = self.last.get_mut(&line.stream) else {
            // It continues a line from before the requested time, so in a pool's log its tenant is unknown.
            let is_meant = self.selection.database.is_none() && self.selection.least.is_none() && found;
            return is_meant.then(|| shown(line, None)).into_iter().collect();
        };
        if !entry.is_meant {
            return Vec::new();
        }
        let line = shown(line, entry.level);
        entry.is_found |= found;
        if !entry.is_found {
            entry.held.push(line);
            return Vec::new();
        }
        let mut lines = std::mem::take(&mut entry.held);
        lines.push(line);
        lines
    }
}

fn shown(line: &LogLine, level: Option<Level>) -> Line {
    Line {
        id: line.id.clone(),
        at: line.at,
        task: line.stream.rsplit('/').next().unwrap_or_default().to_owned(),
        text: line.text.clone(),
        level,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(stream: &str, text: &str) -> LogLine {
        LogLine { id: text.to_owned(), stream: format!("pool-1/odoo/{stream}"), at: 0, text: text.to_owned() }
    }

    fn odoo(level: &str, database: &str, text: &str) -> String {
        format!("2026-11-25 03:31:31,123 1 {level} {database} odoo.http: {text}")
    }

    fn selected(selection: Selection, lines: &[LogLine]) -> Vec<String> {
        let mut selector = Selector::new(selection);
        let shown = lines.iter().flat_map(|line| selector.take(line));
        shown.map(|line| format!("{} {}", line.task, line.text.rsplit(": ").next().unwrap())).collect()
    }

    /// Two tasks of a pool write at the same time: each traceback belongs to its task's line.
    #[test]
    fn of_a_pool_only_the_tenants_lines_are_shown_with_their_tracebacks() {
        let lines = [
            of("a", "what came before"),
            of("a", &odoo("ERROR", "artista", "mine")),
            of("b", &odoo("ERROR", "breadfree", "theirs")),
            of("a", "Traceback of mine"),
            of("b", "Traceback of theirs"),
            of("a", &odoo("INFO", "?", "nobody's")),
            of("a", "more of nobody's"),
            of("b", &odoo("INFO", "artista", "mine too")),
        ];
        let selection = Selection { database: Some("artista".into()), ..Selection::default() };
        assert_eq!(selected(selection, &lines), ["a mine", "a Traceback of mine", "b mine too"]);
    }

    #[test]
    fn a_text_in_a_traceback_brings_the_whole_of_it() {
        let lines = [
            of("a", &odoo("ERROR", "t", "refused")),
            of("a", "Traceback"),
            of("a", "psycopg2.OperationalError"),
            of("a", "after it"),
            of("a", &odoo("INFO", "t", "well")),
            of("a", "more"),
        ];
        let selection = Selection { text: Some("operationalerror".into()), ..Selection::default() };
        assert_eq!(
            selected(selection, &lines),
            ["a refused", "a Traceback", "a psycopg2.OperationalError", "a after it"]
        );
    }

    #[test]
    fn the_load_balancers_questions_are_left_out_unless_they_failed() {
        let check = |answer| {
            of("a", &odoo("INFO", "?", &format!("x \"GET /web/static/img/favicon.ico HTTP/1.1\" {answer} - 0 0.0 0.0")))
        };
        let lines = [check(200), check(500)];
        assert_eq!(selected(Selection::default(), &lines).len(), 1);
        assert_eq!(selected(Selection { checks: true, ..Selection::default() }, &lines).len(), 2);
    }

    #[test]
    fn a_level_leaves_out_what_is_less_and_what_has_none() {
        let lines = [
            of("a", "an entry point's word"),
            of("a", &odoo("INFO", "t", "less")),
            of("a", &odoo("WARNING", "t", "as much")),
            of("a", &odoo("CRITICAL", "t", "more")),
            of("a", "Traceback"),
        ];
        let selection = Selection { least: Some(Level::Warning), ..Selection::default() };
        assert_eq!(selected(selection, &lines), ["a as much", "a more", "a Traceback"]);
        assert_eq!(selected(Selection::default(), &lines).len(), 5);
    }
}
