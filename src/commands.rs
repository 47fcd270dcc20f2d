//! One verb a file: gather, plan, show, confirm, act, report. No logic that another verb needs; what they share is in [`context`],
//! [`scope_args`] and [`plan_view`].

#![expect(unreachable_pub, reason = "only `main` leaves the room; `pub` says what a verb's file offers the others")]

mod auth;
mod completion;
mod context;
mod cost;
mod credentials;
mod delete;
mod deploy;
mod diagnose;
mod doctor;
mod error;
mod exec;
mod exit_code;
mod global;
mod init;
mod interruption;
mod logs;
mod ls;
mod operation_view;
mod plan;
mod plan_view;
mod prices;
mod process;
mod render;
mod run;
mod runner;
mod running_tenant;
mod sandbox;
mod scope_args;
mod session;
mod session_manager_plugin;
mod signals;
mod status;
mod tenant;
mod validate;

use clap::{Parser, Subcommand};
use global::Global;

use crate::report::OutputFormat;

use context::Context;
use error::CommandError;
use exit_code::ExitCode;

/// Deploy Odoo for many small businesses on AWS, from one manifest per tenant
///
/// A workspace is a folder with konta.yml, environments/, tenants/ and, optionally, addons/, overrides/ and templates/.
/// With --sandbox, every command works without an AWS account.
#[derive(Debug, Parser)]
#[command(name = "konta", version, max_term_width = 80, after_help = "`konta help exit-codes` lists the exit codes.")]
struct Cli {
    /// Options of every command.
    #[command(flatten)]
    global: Global,
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Write a new workspace, asking for what the flags do not say
    Init(init::InitArgs),
    /// Check every manifest, override and addon, without AWS
    Validate(validate::ValidateArgs),
    /// Write the templates and parameters that konta would send
    Render(render::RenderArgs),
    /// Show what would change
    Plan(plan::PlanArgs),
    /// Plan, confirm, deploy, follow and verify
    Deploy(deploy::DeployArgs),
    /// Show what an environment, a tenant or any template costs a month
    Cost(Box<cost::CostArgs>),
    /// List tenants and what they run on
    Ls(ls::LsArgs),
    /// Show the state of an environment or a tenant
    Status(status::StatusArgs),
    /// Suspend, resize, move, back up, restore, clone or upgrade a tenant
    Tenant(tenant::TenantArgs),
    /// Show the log of a tenant or a pool
    Logs(logs::LogsArgs),
    /// Open a shell in a tenant's running task, or run a command there
    Exec(exec::ExecArgs),
    /// Run a command in a one-off task, and follow it to its end
    Run(run::RunArgs),
    /// Delete a tenant or an environment; keep its data unless --purge
    Delete(delete::DeleteArgs),
    /// Show the dated prices behind cost estimates, or update them
    Prices(prices::PricesArgs),
    /// Start, stop, show or reset the workspace's local AWS
    Sandbox(sandbox::SandboxArgs),
    /// Open, show, export or forget sessions with MFA
    Auth(auth::AuthArgs),
    /// Check the credentials, and say how to fix them
    Doctor(doctor::DoctorArgs),
    /// Print a shell's completion script
    Completion(completion::CompletionArgs),
    /// What the exit codes mean
    #[command(hide = true, help_template = "{about}{after-help}", after_help = exit_code::table())]
    ExitCodes,
}

/// Reads the command line, runs the command, shows an error if there is one, and returns the exit code.
#[must_use]
pub fn main() -> std::process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap's own code for a wrong command line is 2, which here means "something would change".
            let _ = error.print();
            return if error.use_stderr() { ExitCode::Usage } else { ExitCode::Success }.into();
        }
    };
    let context = Context::new(cli.global);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return show(&context, &CommandError::from(error)),
    };
    let done = runtime.block_on(async {
        match carry_out(&context, cli.command).await {
            Err(error) => Err(diagnose::explained(&context, error).await),
            done => done,
        }
    });
    // A prompt or a resolver may still hold a thread, which nobody needs any more.
    runtime.shutdown_background();
    match done {
        Ok(code) => std::process::ExitCode::from(code),
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
        Command::ExitCodes => exit_code::run(context),
    }
}

fn show(context: &Context, error: &CommandError) -> std::process::ExitCode {
    if context.format() == OutputFormat::Json {
        let _ = crate::report::output::print_json_line(&error.as_json());
    } else {
        crate::report::error::show(context.palette(), error);
    }
    std::process::ExitCode::from(error.exit_code())
}
