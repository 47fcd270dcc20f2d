//! `konta auth exec`: runs a program with the session in its environment.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Args;

use crate::auth::session;
use crate::aws::credentials;
use crate::commands::credentials::{Gathered, give};
use crate::commands::{CommandError, Context};

/// Run a program with the session in its environment
///
/// The program replaces konta, so its exit code is the command's. It cannot renew its credentials: if it runs for more
/// than an hour with a role, use `credential_process` instead.
#[derive(Debug, Args)]
pub(super) struct ExecArgs {
    /// Program and its arguments, after --
    #[arg(last = true, required = true, num_args = 1.., value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs it.
pub(super) async fn run(context: &Context, args: &ExecArgs) -> Result<u8, CommandError> {
    let gathered = Gathered::of(context, None)?;
    let opened = session::open(&gathered.request()).await?;
    let keys = credentials::load(&opened.provider).await?;
    let Some((program, arguments)) = args.command.split_first() else { return Ok(0) };
    let mut command = Command::new(program);
    command.args(arguments);
    let region = context.global().region.as_ref().or(gathered.chain.region.as_ref());
    give(&mut command, &keys, region.map(String::as_str));
    // Returns only when it failed.
    let source = command.exec();
    Err(CommandError::Exec { program: program.to_string_lossy().into_owned(), reason: source })
}
