//! The command line: clap types only.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use secrecy::SecretString;

use crate::commands::{
    auth, cost, delete, deploy, doctor, exec, init, logs, ls, plan, prices, render, run, sandbox, status, tenant,
    validate,
};

/// Deploys Odoo for many small businesses on AWS, from one manifest per tenant.
///
/// A workspace is a folder with konta.yml, environments/, tenants/ and, if wanted, addons/, overrides/ and templates/.
/// With --sandbox every command works without an AWS account.
#[derive(Debug, Parser)]
#[command(name = "konta", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The exit codes, as `--help` shows them.
const EXIT_CODES: &str = "\
Exit codes:
    0  done, or nothing to do
    1  a deployment failed, or something was not found
    2  something would change (plan --exit-code)
    3  a manifest, template, override, addon or usage file is wrong, or there is no workspace
    4  AWS refused or could not be reached
    5  the credentials are missing, ended, refused, the root user's, or of another account
    6  a question could not be asked, for want of a terminal
    7  the answer was no
    8  the sandbox could not be started or stopped, or has ended
    9  the cost is above --budget
   64  the command line is wrong
   77  an MFA code is needed, and there is no terminal to ask for it
  127  exec: session-manager-plugin is not installed, or too old
  130  interrupted
run, auth exec, and exec in the sandbox end with the exit code of the command that they run.";

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Global {
    /// The workspace [default: the nearest parent folder with konta.yml]
    #[arg(short, long, global = true, value_name = "DIR", env = "KONTA_WORKSPACE")]
    pub workspace: Option<PathBuf>,
    /// The environment [default: the only one]
    #[arg(short, long = "env", global = true, value_name = "NAME", env = "KONTA_ENV")]
    pub environment: Option<String>,
    /// The profile of the AWS configuration [default: AWS_PROFILE, else the usual order]
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// A code of the MFA device; - reads it from standard input
    #[arg(long, global = true, value_name = "CODE", env = "KONTA_MFA_CODE", hide_env_values = true)]
    pub mfa_code: Option<SecretString>,
    /// Go on with the keys of the account's root user
    #[arg(long, global = true)]
    pub allow_root: bool,
    /// The region; must be the environment's, and guards against mix-ups
    #[arg(long, global = true, value_name = "CODE")]
    pub region: Option<String>,
    /// Use the local AWS of the workspace, and start it when it is not running
    #[arg(long, global = true, env = "KONTA_SANDBOX", value_parser = clap::builder::FalseyValueParser::new())]
    pub sandbox: bool,
    /// With --sandbox, really run the tasks, in a real Odoo that is fetched once; stays so until `konta sandbox reset`
    #[arg(long, global = true, env = "KONTA_SANDBOX_WITH_ODOO", value_parser = clap::builder::FalseyValueParser::new())]
    pub with_odoo: bool,
    /// For people, or for programs
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
    /// Answer yes to every question but those that ask for a name
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// Say more
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// No colours; NO_COLOR in the environment says the same
    #[arg(long, global = true)]
    pub no_color: bool,
}

/// For people, or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON document, or one JSON object a line where things happen over time.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a new workspace, asking for what the flags do not say
    Init(init::InitArgs),
    /// Check every manifest, override and addon, without AWS
    Validate(validate::ValidateArgs),
    /// Write the templates and parameters that would be sent
    Render(render::RenderArgs),
    /// Show what would change
    Plan(plan::PlanArgs),
    /// Plan, confirm, carry out, follow and verify
    Deploy(deploy::DeployArgs),
    /// Show what an environment, a tenant or any template costs a month
    Cost(Box<cost::CostArgs>),
    /// List tenants and what they run on
    Ls(ls::LsArgs),
    /// Show how an environment or a tenant stands
    Status(status::StatusArgs),
    /// The life of a tenant after its first deployment
    Tenant(tenant::TenantArgs),
    /// Show what a tenant's tasks said, or a pool's
    Logs(logs::LogsArgs),
    /// Open a shell in a tenant's running task, or run a command there
    Exec(exec::ExecArgs),
    /// Run a command in a task of its own, and follow it to its end
    Run(run::RunArgs),
    /// Delete a tenant or an environment; data is kept unless --purge
    Delete(delete::DeleteArgs),
    /// Show the dated prices that costs are worked out with, or take newer ones
    Prices(prices::PricesArgs),
    /// The local AWS of the workspace
    Sandbox(sandbox::SandboxArgs),
    /// Sessions with MFA, for konta and for every other tool
    Auth(auth::AuthArgs),
    /// Say what is wrong with the credentials, and what to do
    Doctor(doctor::DoctorArgs),
    /// Write a shell's completion script
    Completion(crate::commands::completion::CompletionArgs),
}
