//! The exit codes: one table, which errors, `konta help exit-codes` and the README take from here.

use std::fmt::Write as _;

use serde::Serialize;

use crate::report::{output, text};

use super::{CommandError, Context};

/// Makes the enum and [`ExitCode::ALL`] from one list, so that neither can lack a code.
macro_rules! exit_codes {
    ($($name:ident = $code:literal: $meaning:literal,)+) => {
        /// How a command ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ExitCode {
            $(#[doc = $meaning] $name = $code,)+
        }

        impl ExitCode {
            /// All codes, the lowest first.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// What it means, in the words of the help.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)+
                }
            }
        }
    };
}

exit_codes! {
    Success = 0: "success, or nothing to do",
    Failed = 1: "a deployment failed, or something was not found",
    WouldChange = 2: "something would change (`plan --exit-code`)",
    Workspace = 3: "a manifest, template, override, addon or usage file is wrong, or there is no workspace",
    Aws = 4: "AWS refused a call or could not be reached",
    Credentials = 5: "the credentials are missing, expired, refused, the root user's, or for another account",
    NoTerminal = 6: "konta needs an answer, and there is no terminal to ask",
    Declined = 7: "the answer was no",
    Sandbox = 8: "the sandbox could not be started or stopped, or has ended",
    AboveBudget = 9: "the cost is above the budget (`cost --budget`)",
    BudgetUnchecked = 10: "the budget cannot be checked: some resources have no price (`cost --budget`)",
    Usage = 64: "the command line is wrong",
    CodeNeeded = 77: "an MFA code is needed, and there is no terminal to ask for it",
    CannotRun = 126: "the program cannot be run (`auth exec`)",
    NotInstalled = 127: "the program is not found (`auth exec`), or `session-manager-plugin` is not installed, or too old (`exec`)",
    Interrupted = 130: "interrupted",
}

/// What the table does not say: the code of these is not konta's.
const OF_THE_COMMAND: &str =
    "`run`, `auth exec`, and `exec` in the sandbox end with the exit code of the command that they run.";

/// Columns of the table, as wide as any terminal.
const WIDTH: usize = 80;
/// Columns before a meaning.
const INDENT: usize = 7;

impl ExitCode {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.code())
    }
}

/// The table for people.
#[must_use]
pub fn table() -> String {
    let mut lines = String::new();
    for code in ExitCode::ALL {
        let _ = writeln!(lines, "  {:>3}  {}", code.code(), text::wrap(code.meaning(), WIDTH, INDENT));
    }
    let _ = write!(lines, "\n{}", text::wrap(OF_THE_COMMAND, WIDTH, 0));
    lines
}

/// A line of the table for programs.
#[derive(Debug, Serialize)]
struct Row {
    exit_code: u8,
    meaning: &'static str,
}

/// Shows the table.
pub fn run(context: &Context) -> Result<u8, CommandError> {
    if context.format().is_json() {
        let rows = ExitCode::ALL.iter().map(|code| Row { exit_code: code.code(), meaning: code.meaning() });
        output::print_json(&rows.collect::<Vec<_>>())?;
    } else {
        output::print_text(&table())?;
    }
    Ok(ExitCode::Success.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_rise_and_every_line_fits_a_terminal() {
        assert!(ExitCode::ALL.is_sorted_by_key(|code| code.code()));
        assert_eq!(ExitCode::ALL.last().map(|code| code.code()), Some(130));
        let table = table();
        assert!(table.lines().all(|line| line.len() <= WIDTH), "{table}");
        assert!(table.lines().any(|line| line == "    7  the answer was no"), "{table}");
    }
}
