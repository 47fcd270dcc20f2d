//! `konta completion`: a shell's completion script.

use clap::{Args, CommandFactory};

use super::CommandError;

/// Write a shell's completion script to standard output.
#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// The shell
    shell: clap_complete::Shell,
}

/// Writes it.
pub fn run(args: &CompletionArgs) -> Result<u8, CommandError> {
    clap_complete::generate(args.shell, &mut crate::cli::Cli::command(), "konta", &mut std::io::stdout());
    Ok(0)
}
