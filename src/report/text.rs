//! Lines that fit: wrapping, cutting, counting, durations.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

/// The width if the terminal's is unknown, in columns.
pub const DEFAULT_WIDTH: usize = 80;

/// The width of the terminal behind stdout; [`DEFAULT_WIDTH`] if there is none.
#[must_use]
pub fn stdout_width() -> usize {
    width_of(&console::Term::stdout())
}

/// The width of the terminal behind stderr; [`DEFAULT_WIDTH`] if there is none.
#[must_use]
pub fn stderr_width() -> usize {
    width_of(&console::Term::stderr())
}

fn width_of(term: &console::Term) -> usize {
    // Some terminals (a serial line, a pty without a size) report 0.
    term.size_checked().map(|(_, columns)| usize::from(columns)).filter(|&columns| columns > 0).unwrap_or(DEFAULT_WIDTH)
}

/// A size in bytes for people, such as `12.30 MiB`.
#[must_use]
pub fn bytes(count: u64) -> String {
    indicatif::HumanBytes(count).to_string()
}

/// The text on one line, without control characters: a reason from AWS or a value from a manifest
/// must not move the cursor.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Cow::Owned(shown.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The text without control characters other than the ends of lines.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}

/// Cuts a line to `width` columns; a trailing `…` shows that it was cut.
#[must_use]
pub fn cut(line: &str, width: usize) -> Cow<'_, str> {
    console::truncate_str(line, width, "…")
}

/// Cuts the beginning of a line, so that `width` columns remain: what distinguishes resources is
/// at the end of their names.
#[must_use]
pub fn cut_start(line: &str, width: usize) -> Cow<'_, str> {
    let over = console::measure_text_width(line).saturating_sub(width);
    if over == 0 {
        Cow::Borrowed(line)
    } else {
        Cow::Owned(format!("…{}", line.chars().skip(over + 1).collect::<String>()))
    }
}

/// Wraps words to `width` columns. Every line starts after `indent` columns; those of the first line are already
/// written (a label, a symbol). A word longer than a line stays whole, so that addresses can be copied.
#[must_use]
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut wrapped = String::new();
    let mut column = indent;
    for word in text.split_whitespace() {
        let size = console::measure_text_width(word);
        if column > indent && column + 1 + size > width {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            column = indent;
        } else if column > indent {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += size;
    }
    wrapped
}

/// Like [`wrap`], but breaks words that are longer than a line: for text that nobody copies from here.
#[must_use]
pub fn wrap_all(text: &str, width: usize, indent: usize) -> String {
    let room = width.saturating_sub(indent).max(1);
    let mut words = String::new();
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for piece in letters.chunks(room) {
            words.extend(piece);
            words.push(' ');
        }
    }
    wrap(&words, width, indent)
}

/// A line as it is if it fits, else wrapped between words, with further lines indented by four columns.
#[must_use]
pub fn fold(line: &str, width: usize) -> Cow<'_, str> {
    if console::measure_text_width(line) <= width {
        return Cow::Borrowed(line);
    }
    let rest = line.trim_start();
    let lead = line.len() - rest.len();
    // The first line keeps its beginning; `wrap` allows for four more columns there.
    Cow::Owned(format!("{}{}", " ".repeat(lead), wrap(rest, width, lead + 4)))
}

/// "1 stack", "2 stacks".
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Names and values, one pair per line, with the values aligned; a repeated name is written once.
#[must_use]
pub fn pairs(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| console::measure_text_width(name)).max().unwrap_or(0);
    let mut text = String::new();
    let mut before = "";
    for (name, value) in pairs {
        let shown = if *name == before { "" } else { name };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{shown:width$}  {}", one_line(value));
        before = name;
    }
    text
}

/// "42s", "4m12s", "1h02m".
#[must_use]
pub fn duration(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = match seconds {
        0..60 => write!(text, "{seconds}s"),
        60..3600 => write!(text, "{}m{:02}s", seconds / 60, seconds % 60),
        _ => write!(text, "{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    };
    text
}

/// A service's rollout on one line: "2 desired, 1 running, 1 pending, 0 failed – last stopped: out of memory".
#[must_use]
pub fn rollout(desired: i32, running: i32, pending: i32, failed: i32, stopped_reason: Option<&str>) -> String {
    let mut text = format!("{desired} desired, {running} running");
    if pending > 0 {
        let _ = write!(text, ", {pending} pending");
    }
    let _ = write!(text, ", {failed} failed");
    if let Some(reason) = stopped_reason {
        let _ = write!(text, " – last stopped: {}", one_line(reason));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_folded_between_words() {
        assert_eq!(fold("not run  a  b", 20), "not run  a  b");
        assert_eq!(fold("! not run  one two three", 16), "! not run\n    one two\n    three");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(one_line("a\u{1b}[2Jb\r\n  c"), "a [2Jb c");
        assert_eq!(printable("a\u{1b}[31mb\nc\r"), "a[31mb\nc");
    }

    #[test]
    fn words_wrap_behind_the_indent_and_long_words_stay_whole() {
        assert_eq!(wrap("one two three", 14, 6), "one two\n      three");
        assert_eq!(
            wrap("a https://a-long-address.example.com b", 10, 2),
            "a\n  https://a-long-address.example.com\n  b"
        );
    }

    #[test]
    fn durations_read_like_a_watch() {
        assert_eq!(duration(Duration::from_millis(42_900)), "42s");
        assert_eq!(duration(Duration::from_secs(252)), "4m12s");
        assert_eq!(duration(Duration::from_secs(3725)), "1h02m");
    }
}
