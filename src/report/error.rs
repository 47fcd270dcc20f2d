//! An error for people: what, where with a caret, and what to do.

use std::fmt::Write as _;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use super::style::Palette;
use super::{message, text};

/// Shows an error on stderr.
pub fn show(palette: Palette, error: &dyn Diagnostic) {
    message::block(&render(palette, error, text::stderr_width()));
}

/// Lays an error out for a width.
#[must_use]
pub fn render(palette: Palette, error: &dyn Diagnostic, width: usize) -> String {
    let theme = if palette.is_coloured() { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut laid_out = String::new();
    let handler = GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false);
    if handler.render_report(&mut laid_out, error).is_err() {
        // Writing to a String cannot fail. An error that cannot be laid out is at least shown as plain text.
        let _ = write!(laid_out, "{error}");
    }
    harmless(&laid_out)
}

/// The text with its colours, and without anything else that moves a terminal: a reason from AWS, or a name that another
/// machine wrote, may contain it.
fn harmless(laid_out: &str) -> String {
    console::AnsiCodeIterator::new(laid_out)
        .map(|(piece, is_code)| {
            if is_code && piece.starts_with("\u{1b}[") && piece.ends_with('m') {
                piece.to_owned()
            } else {
                text::printable(piece)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_cannot_move_the_cursor() {
        let error = miette::miette!(help = "run it\u{1b}[1A again", "\u{1b}]0;title\u{7}no\u{1b}[2J such\r thing");
        let said = render(Palette::plain(), error.as_ref(), 80);
        assert!(said.chars().all(|character| character == '\n' || !character.is_control()), "{said:?}");
        assert!(said.contains("no") && said.contains("such"), "{said:?}");
    }

    #[test]
    fn colours_remain() {
        assert_eq!(harmless("\u{1b}[31mbad\u{1b}[0m\u{1b}[2J"), "\u{1b}[31mbad\u{1b}[0m[2J");
    }
}
