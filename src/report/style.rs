//! Colours and symbols. Output is readable without colour: a colour repeats what a word or a symbol says.

use std::fmt::Display;

use console::Style;

/// Something is added.
pub const ADDED: &str = "+";
/// Something is changed.
pub const CHANGED: &str = "~";
/// Something is removed.
pub const REMOVED: &str = "-";
/// Something stays the same.
pub const SAME: &str = "=";
/// Something needs attention.
pub const ATTENTION: &str = "!";
/// Something succeeded.
pub const GOOD: &str = "✓";
/// Something failed.
pub const BAD: &str = "✗";

/// Whether text is coloured, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    coloured: bool,
}

impl Palette {
    /// No colours.
    #[must_use]
    pub const fn plain() -> Self {
        Self { coloured: false }
    }

    /// Colours, whatever the terminal is.
    #[must_use]
    pub const fn coloured() -> Self {
        Self { coloured: true }
    }

    /// For text on stdout; `no_color` is the option `--no-color`.
    #[must_use]
    pub fn for_stdout(no_color: bool) -> Self {
        Self { coloured: wanted(no_color) && console::colors_enabled() }
    }

    /// For text on stderr; `no_color` is the option `--no-color`.
    #[must_use]
    pub fn for_stderr(no_color: bool) -> Self {
        Self { coloured: wanted(no_color) && console::colors_enabled_stderr() }
    }

    /// Whether text is coloured.
    #[must_use]
    pub const fn is_coloured(self) -> bool {
        self.coloured
    }

    /// What is added or succeeded: green.
    pub fn good(self, text: impl Display) -> String {
        self.paint(Style::new().green(), text)
    }

    /// What failed or loses data: bold red.
    pub fn bad(self, text: impl Display) -> String {
        self.paint(Style::new().red().bold(), text)
    }

    /// What is changed or needs attention: yellow.
    pub fn warn(self, text: impl Display) -> String {
        self.paint(Style::new().yellow(), text)
    }

    /// What names something: cyan.
    pub fn accent(self, text: impl Display) -> String {
        self.paint(Style::new().cyan(), text)
    }

    /// What matters less: dim.
    pub fn dim(self, text: impl Display) -> String {
        self.paint(Style::new().dim(), text)
    }

    /// Headings: bold.
    pub fn bold(self, text: impl Display) -> String {
        self.paint(Style::new().bold(), text)
    }

    fn paint(self, style: Style, text: impl Display) -> String {
        style.force_styling(self.coloured).apply_to(text).to_string()
    }
}

/// `NO_COLOR` counts if it is set and not empty. Source: <https://no-color.org>.
fn wanted(no_color: bool) -> bool {
    !no_color && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_palette_adds_nothing_and_a_coloured_one_only_escapes() {
        assert_eq!(Palette::plain().bad("lost"), "lost");
        let red = Palette::coloured().bad("lost");
        assert_ne!(red, "lost");
        assert_eq!(console::strip_ansi_codes(&red), "lost");
    }
}
