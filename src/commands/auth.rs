//! `konta auth`: sessions with MFA for konta and for every other tool.

use clap::{Args, Subcommand};

use super::{CommandError, Context};

mod exec;
mod export;
mod login;
mod logout;
mod status;

/// Sessions with MFA, for konta and for every other tool.
///
/// A code is asked for once; the session is kept for 12 hours in a folder of yours alone, and roles are assumed on top of it as needed.
#[derive(Debug, Args)]
pub struct AuthArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Open a session with a code of the MFA device
    Login(login::LoginArgs),
    /// Show who the credentials are, where they come from, and how long they last; asks for no code
    Status,
    /// Forget the session of this user
    Logout(logout::LogoutArgs),
    /// Run a program with the session in its environment
    Exec(exec::ExecArgs),
    /// Write the session for another tool
    Export(export::ExportArgs),
}

/// Does what is asked.
pub async fn run(context: &Context, args: &AuthArgs) -> Result<u8, CommandError> {
    if context.global().sandbox {
        return Err(CommandError::Usage {
            message: "the sandbox takes no credentials".to_owned(),
            help: "leave out --sandbox (KONTA_SANDBOX): sessions are of AWS".to_owned(),
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
