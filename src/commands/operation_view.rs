//! The plan of an operation as `--dry-run` shows it: every step that would run.

use std::fmt::Write as _;

use serde::Serialize;

use crate::operation::step::{Operation, Step};
use crate::report::{message, output, text};

use super::{CommandError, Context};

/// The plan of an operation, for programs.
#[derive(Debug, Serialize)]
struct OperationView<'a> {
    event: &'static str,
    operation: &'a str,
    target: &'a str,
    sandbox: bool,
    steps: &'a [Step],
}

/// Shows the steps of an operation.
pub(super) fn show(context: &Context, target: &str, operation: &Operation, sandbox: bool) -> Result<(), CommandError> {
    let (verb, steps) = (operation.verb, &operation.steps);
    if context.format().is_json() {
        let view = OperationView { event: "plan", operation: verb, target, sandbox, steps };
        return Ok(output::print_json_line(&view)?);
    }
    let mut text = format!("{verb} {target}: {}", text::count(steps.len(), "step"));
    for (at, step) in steps.iter().enumerate() {
        let _ = write!(text, "\n{:>3}. {}", at + 1, step.title);
    }
    output::print_text(&text)?;
    message::note(context.palette(), "this was a dry run: nothing was changed");
    Ok(())
}
