//! The global options, which every command takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use secrecy::SecretString;

/// The options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Global {
    /// Workspace folder [default: the nearest parent folder with konta.yml]
    #[arg(short, long, global = true, value_name = "DIR", env = "KONTA_WORKSPACE")]
    pub workspace: Option<PathBuf>,
    /// Environment [default: the only one]
    #[arg(short, long = "env", global = true, value_name = "NAME", env = "KONTA_ENV")]
    pub environment: Option<String>,
    /// Profile in the AWS configuration [default: AWS_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Code of the MFA device; `-` reads it from standard input
    #[arg(long, global = true, value_name = "CODE", env = "KONTA_MFA_CODE", hide_env_values = true)]
    pub mfa_code: Option<SecretString>,
    /// Allow root-user credentials
    #[arg(long, global = true)]
    pub allow_root: bool,
    /// Region; must be the environment's, which guards against mix-ups
    #[arg(long, global = true, value_name = "CODE")]
    pub region: Option<String>,
    /// Use the workspace's local AWS, and start it if it is not running
    #[arg(long, global = true, env = "KONTA_SANDBOX", value_parser = clap::builder::FalseyValueParser::new())]
    pub sandbox: bool,
    /// With --sandbox, run the tasks in a real Odoo, which konta fetches once; lasts until `konta sandbox reset`
    #[arg(long, global = true, env = "KONTA_SANDBOX_WITH_ODOO", value_parser = clap::builder::FalseyValueParser::new())]
    pub with_odoo: bool,
    /// Form of the output: for people or for programs
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
    /// Wait where another operation is at work on the tenant
    #[arg(long, global = true)]
    pub wait: bool,
    /// Take the place of an operation on the tenant that runs no more
    #[arg(long, global = true, conflicts_with = "wait")]
    pub take_over: bool,
    /// Answer yes to every question but those that ask for a name
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// Show more details
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Turn colours off, as the variable NO_COLOR does
    #[arg(long, global = true)]
    pub no_color: bool,
}

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON document, or one JSON object per line for events.
    Json,
}
