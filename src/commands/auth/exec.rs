//! `konta auth exec`: a program with the session in its environment.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Args;

use crate::auth::session;
use crate::aws::credentials;
use crate::commands::credentials::Gathered;
use crate::commands::{CommandError, Context};

use super::export::rfc3339;

/// Run a program with the session in its environment.
///
/// The program takes konta's place, so its exit code is the command's. It cannot renew what it is given: one that runs for more than an
/// hour with a role is better served by `credential_process`.
#[derive(Debug, Args)]
pub(super) struct ExecArgs {
    /// The program and its arguments, after --
    #[arg(last = true, required = true, num_args = 1.., value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Variables that would lead the program elsewhere, or give away what it need not know.
const REMOVED: [&str; 9] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "KONTA_MFA_CODE",
    "KONTA_PROCESS_OF",
];

/// Runs it.
pub(super) async fn run(context: &Context, args: &ExecArgs) -> Result<u8, CommandError> {
    let gathered = Gathered::of(context, None)?;
    let opened = session::open(&gathered.request()).await?;
    let keys = credentials::load(&opened.provider).await?;
    let Some((program, arguments)) = args.command.split_first() else { return Ok(0) };
    let mut command = Command::new(program);
    command.args(arguments);
    for name in REMOVED {
        command.env_remove(name);
    }
    command.env("AWS_ACCESS_KEY_ID", keys.access_key_id()).env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key());
    if let Some(token) = keys.session_token() {
        command.env("AWS_SESSION_TOKEN", token);
    }
    if let Some(ends) = rfc3339(&keys) {
        command.env("AWS_CREDENTIAL_EXPIRATION", ends);
    }
    if let Some(region) = context.global().region.as_ref().or(gathered.chain.region.as_ref()) {
        command.env("AWS_REGION", region).env("AWS_DEFAULT_REGION", region);
    }
    // Returns only when it failed.
    let source = command.exec();
    Err(CommandError::Exec { program: program.to_string_lossy().into_owned(), reason: source })
}
