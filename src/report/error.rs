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
    laid_out
}
