//! One verb a file: gather, plan, show, confirm, act, report. No logic that another verb needs; what they share is in [`gather`].

pub mod auth;
pub mod check;
pub mod completion;
pub mod cost;
pub mod credentials;
pub mod delete;
pub mod deploy;
pub mod doctor;
pub mod error;
pub mod exec;
pub mod explain;
pub mod gather;
pub mod init;
pub mod logs;
pub mod ls;
pub mod plan;
pub mod prices;
pub mod render;
pub mod resident;
pub mod run;
pub mod sandbox;
pub mod signals;
pub mod status;
pub mod tenant;
pub mod validate;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::report::OutputFormat;

pub use error::CommandError;
pub use gather::Context;

/// Reads the command line, does what it says, shows an error if there is one, and gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap's own code for a wrong command line is 2, which here means "something would change".
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    let context = Context::new(cli.global);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return show(&context, &CommandError::from(error)),
    };
    let done = runtime.block_on(async {
        match carry_out(&context, cli.command).await {
            Err(error) => Err(explain::explained(&context, error).await),
            done => done,
        }
    });
    // A prompt or a resolver may still hold a thread; nothing of it is needed any more.
    runtime.shutdown_background();
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => show(&context, &error),
    }
}

async fn carry_out(context: &Context, command: Command) -> Result<u8, CommandError> {
    match command {
        Command::Init(args) => init::run(context, &args),
        Command::Validate(args) => validate::run(context, &args),
        Command::Render(args) => render::run(context, &args),
        Command::Plan(args) => plan::run(context, &args).await,
        Command::Deploy(args) => deploy::run(context, &args).await,
        Command::Cost(args) => cost::run(context, &args).await,
        Command::Ls(args) => ls::run(context, &args).await,
        Command::Status(args) => status::run(context, &args).await,
        Command::Logs(args) => logs::run(context, &args).await,
        Command::Exec(args) => exec::run(context, &args).await,
        Command::Run(args) => run::run(context, &args).await,
        Command::Delete(args) => delete::run(context, &args).await,
        Command::Tenant(args) => tenant::run(context, &args).await,
        Command::Prices(args) => prices::run(context, &args).await,
        Command::Sandbox(args) => sandbox::run(context, &args).await,
        Command::Auth(args) => auth::run(context, &args).await,
        Command::Doctor(args) => doctor::run(context, &args).await,
        Command::Completion(args) => completion::run(&args),
    }
}

fn show(context: &Context, error: &CommandError) -> ExitCode {
    if context.format() == OutputFormat::Json {
        let _ = crate::report::output::print_json_line(&error.as_json());
    } else {
        crate::report::error::show(context.palette(), error);
    }
    ExitCode::from(error.exit_code())
}
