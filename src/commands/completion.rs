//! `konta completion`: prints a shell's completion script.

use clap::{Args, CommandFactory};

use crate::report::output;

use super::CommandError;

/// Print a shell's completion script to standard output
#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// Shell
    shell: clap_complete::Shell,
}

/// Writes it.
pub fn run(args: &CompletionArgs) -> Result<u8, CommandError> {
    // Collected first, then printed: clap_complete panics if its reader goes away.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "konta", &mut script);
    output::print_text(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
