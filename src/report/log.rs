//! Lines of a log: time, task and text for people, one JSON object per line for programs.

use std::borrow::Cow;
use std::io::{self, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::odoo::log::Level;
use crate::task::log_filter::Line;

use super::output::OutputFormat;
use super::style::Palette;

/// How many characters of a task's id are shown: enough to identify it.
const SHORT: usize = 8;

/// How lines are shown.
#[derive(Debug, Clone)]
pub struct LogStyle {
    /// For people or for programs.
    pub format: OutputFormat,
    /// Colours.
    pub palette: Palette,
    /// The zone of the times, for people; programs get UTC.
    pub zone: TimeZone,
    /// Whether each line says which task wrote it.
    pub with_task: bool,
}

#[derive(Debug, Serialize)]
struct LineReport<'a> {
    event: &'static str,
    time: String,
    task: &'a str,
    level: Option<Level>,
    message: &'a str,
}

/// Writes lines and flushes them. A reader that went away is an error here: a command that
/// follows a log must stop then.
pub fn write_lines(out: &mut dyn Write, lines: &[Line], style: &LogStyle) -> io::Result<()> {
    let mut text = Vec::new();
    for line in lines {
        if style.format.is_json() {
            let report = LineReport {
                event: "line",
                time: time(line.at, "%Y-%m-%dT%H:%M:%S.%3fZ", &TimeZone::UTC),
                task: &line.task,
                level: line.level,
                message: &line.text,
            };
            serde_json::to_writer(&mut text, &report)?;
        } else {
            text.extend_from_slice(shown(line, style).as_bytes());
        }
        text.push(b'\n');
    }
    out.write_all(&text)?;
    out.flush()
}

/// A time in a zone, to the second, for people.
#[must_use]
pub fn second(at: i64, zone: &TimeZone) -> String {
    time(at, "%Y-%m-%d %H:%M:%S", zone)
}

fn time(at: i64, format: &str, zone: &TimeZone) -> String {
    Timestamp::from_millisecond(at)
        .map(|moment| moment.to_zoned_datetime(zone.clone()).strftime(format).to_string())
        .unwrap_or_default()
}

/// A line for people: a time in their zone replaces Odoo's time in the task's zone.
fn shown(line: &Line, style: &LogStyle) -> String {
    let text = harmless(line.without_time());
    let text = match line.level {
        Some(Level::Warning) => style.palette.warn(text),
        Some(Level::Error | Level::Critical) => style.palette.bad(text),
        _ => text.into_owned(),
    };
    let time = style.palette.dim(time(line.at, "%Y-%m-%d %H:%M:%S.%3f", &style.zone));
    if style.with_task {
        let task = style.palette.accent(line.task.chars().take(SHORT).collect::<String>());
        return format!("{time} {task} {text}");
    }
    format!("{time} {text}")
}

/// The text without anything that would move the cursor or colour the rest: a visitor may have put it there.
#[must_use]
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let plain = console::strip_ansi_codes(text).replace('\t', "    ");
    Cow::Owned(plain.chars().filter(|c| !c.is_control()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, level: Option<Level>) -> Line {
        Line { id: "1".into(), at: 1_795_580_000_123, task: "0123456789ab".into(), text: text.into(), level }
    }

    fn style(palette: Palette) -> LogStyle {
        LogStyle { format: OutputFormat::Text, palette, zone: TimeZone::fixed(jiff::tz::offset(2)), with_task: true }
    }

    #[test]
    fn a_line_has_the_readers_time_and_the_task_and_no_second_time() {
        let said = "2026-11-25 03:33:20,119 17 INFO breadfree odoo.http: GET / 200";
        assert_eq!(
            shown(&line(said, Some(Level::Info)), &style(Palette::plain())),
            "2026-11-25 06:13:20.123 01234567 17 INFO breadfree odoo.http: GET / 200"
        );
    }

    #[test]
    fn what_a_visitor_wrote_cannot_colour_or_clear_the_terminal() {
        let said = "\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7} a\tb\r";
        assert_eq!(harmless(said), "red  a    b");
        let shown = shown(&line(said, Some(Level::Error)), &style(Palette::coloured()));
        assert!(console::strip_ansi_codes(&shown).ends_with("red  a    b"), "{shown}");
        assert!(shown.contains("\u{1b}[31m"), "an error is red");
    }

    #[test]
    fn a_program_gets_the_text_as_it_was_written() {
        let mut out = Vec::new();
        let json = LogStyle { format: OutputFormat::Json, ..style(Palette::plain()) };
        write_lines(&mut out, &[line("a\tb", None)], &json).unwrap();
        let said: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(said["message"], "a\tb");
        assert_eq!(said["time"], "2026-11-25T04:13:20.123Z");
        assert_eq!(said["task"], "0123456789ab");
    }
}
