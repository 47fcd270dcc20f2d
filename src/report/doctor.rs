//! An examination for people: one line per check, then cause and fix.

use std::fmt::Write as _;

use crate::auth::diagnosis::Diagnosis;
use crate::auth::doctor::{Check, Examination, Outcome, State};

use super::style::{self, Palette};
use super::text;

/// Lays it out for a width.
#[must_use]
pub fn examination(palette: Palette, examination: &Examination, width: usize) -> String {
    let mut laid_out = String::new();
    for Check { name, state, seen } in &examination.checks {
        let symbol = match state {
            State::Good => palette.good(style::GOOD),
            State::Note => palette.warn(style::ATTENTION),
            State::Failed => palette.bad(style::BAD),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(laid_out, "{symbol} {name:<9} {}", text::wrap(&text::one_line(seen), width, 12));
    }
    if let Some(diagnosis) = &examination.diagnosis {
        laid_out.push('\n');
        laid_out.push_str(&block(palette, diagnosis, width));
    }
    if examination.outcome == Outcome::Unreachable {
        let _ = writeln!(laid_out, "nothing more can be checked without AWS");
    }
    laid_out
}

fn block(palette: Palette, diagnosis: &Diagnosis, width: usize) -> String {
    let mut laid_out = String::new();
    let mut line = |label: &str, said: &str| {
        let label = format!("{label:<6}");
        let said = text::wrap(&text::one_line(said), width, 7);
        let _ = writeln!(laid_out, "{} {said}", palette.bold(label));
    };
    line("cause:", &diagnosis.cause);
    if let Some(told) = &diagnosis.told_by {
        line("seen:", told);
    }
    for fix in &diagnosis.fix {
        line("fix:", fix);
    }
    laid_out
}
