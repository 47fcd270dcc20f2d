//! `konta auth`: sessions with MFA, for konta and other tools.

use clap::{Args, Subcommand};

use super::{CommandError, Context};

mod exec;
mod export;
mod login;
mod logout;
mod status;

/// Open, show, export or forget sessions with MFA, for konta and other tools
///
/// konta asks for a code once, keeps the session for 12 hours in a folder that only you can read, and assumes roles on
/// top of it as needed.
#[derive(Debug, Args)]
pub struct AuthArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Open a session with a code of the MFA device
    Login(login::LoginArgs),
    /// Show whose credentials these are, where they come from and how long they last; asks for no code
    Status,
    /// Forget this user's session
    Logout(logout::LogoutArgs),
    /// Run a program with the session in its environment
    Exec(exec::ExecArgs),
    /// Write the session for another tool
    Export(export::ExportArgs),
}

/// Runs the subcommand.
pub async fn run(context: &Context, args: &AuthArgs) -> Result<u8, CommandError> {
    if context.global().sandbox {
        return Err(CommandError::Usage {
            message: "the sandbox needs no credentials".to_owned(),
            help: "leave out --sandbox (KONTA_SANDBOX): sessions are for AWS".to_owned(),
        });
    }
    match &args.what {
        What::Login(args) => login::run(context, args).await,
        What::Status => status::run(context).await,
        What::Logout(args) => logout::run(context, args),
        What::Exec(args) => exec::run(context, args).await,
        What::Export(args) => export::run(context, args).await,
    }
}
