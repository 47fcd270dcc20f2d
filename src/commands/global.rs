//! The options of every command.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use secrecy::SecretString;

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
    /// Wait where another operation is at work on the tenant
    #[arg(long, global = true)]
    pub wait: bool,
    /// Take the place of an operation on the tenant that runs no more
    #[arg(long, global = true, conflicts_with = "wait")]
    pub take_over: bool,
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
