//! Talk on stderr: `warning:`, `hint:` and `note:` lines, readable without colour.

use std::io::{self, Write};

use super::style::Palette;
use super::text;

/// Warns of something that the reader can act on.
pub fn warning(palette: Palette, message: &str) {
    say(&palette.warn("warning:"), message);
}

/// Says what to do next.
pub fn hint(palette: Palette, message: &str) {
    say(&palette.accent("hint:"), message);
}

/// Says something worth knowing.
pub fn note(palette: Palette, message: &str) {
    say(&palette.dim("note:"), message);
}

/// Says a line without a label, such as the closing sentence of a command.
pub fn line(message: &str) {
    write(&format!("{}\n", text::printable(message)));
}

/// Says text that is already laid out, such as a plan before a question.
pub fn block(laid_out: &str) {
    write(laid_out);
    if !laid_out.ends_with('\n') {
        write("\n");
    }
}

fn say(label: &str, message: &str) {
    // In a pipe a line stays whole, so that it can be searched; at a terminal it is wrapped between words.
    let width = if console::Term::stderr().is_term() { text::stderr_width() } else { usize::MAX };
    write(&labelled(label, message, width));
}

/// A label and its message; further lines of the message are indented to align with its first.
fn labelled(label: &str, message: &str, width: usize) -> String {
    let column = console::measure_text_width(label) + 1;
    let indent = " ".repeat(column);
    let message = text::printable(message);
    let wrapped = |line: &str| if width == usize::MAX { line.to_owned() } else { text::wrap(line, width, column) };
    let mut lines = message.lines();
    let mut said = format!("{label} {}\n", wrapped(lines.next().unwrap_or_default()));
    for line in lines {
        said.push_str(format!("{indent}{}", wrapped(line)).trim_end());
        said.push('\n');
    }
    said
}

fn write(said: &str) {
    // If stderr is closed, nobody is left to read this.
    let _ = io::stderr().lock().write_all(said.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_lines_stand_under_the_first() {
        assert_eq!(labelled("hint:", "run\n  konta plan", usize::MAX), "hint: run\n        konta plan\n");
    }
}
