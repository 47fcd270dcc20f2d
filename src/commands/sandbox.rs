//! `konta sandbox`: the local AWS of a workspace.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::report::{message, output, prompt};
use crate::sandbox::{self, Status};

use super::{CommandError, Context};

/// Start, stop, show or reset the workspace's local AWS
///
/// The sandbox is an emulator of AWS's services with a real PostgreSQL behind its RDS Data API. It listens only on
/// 127.0.0.1 and keeps its state in .konta/sandbox. It does not prove that AWS accepts a template. With --with-odoo it
/// runs deployed tasks as processes of a real Odoo 19.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    #[command(subcommand)]
    action: SandboxAction,
}

#[derive(Debug, Subcommand)]
enum SandboxAction {
    /// Start it, or attach to it if it is running
    Start,
    /// Stop it and keep its state
    Stop,
    /// Show whether and where it runs
    Status,
    /// Stop it and forget its state
    Reset,
}

/// Starts, stops, shows or resets.
pub async fn run(context: &Context, args: &SandboxArgs) -> Result<u8, CommandError> {
    let root = context.root()?;
    let say = |text: &str| message::note(context.palette(), text);
    match args.action {
        SandboxAction::Start => {
            let loaded = context.load()?;
            let environment = context.environment(&loaded.workspace, None)?;
            let wanted = sandbox::Wanted {
                account: environment.account.as_str(),
                region: environment.region.as_str(),
                with_odoo: context.global().with_odoo,
            };
            let running = sandbox::start(&root, wanted, &say).await?;
            print(context, &State::of(Some(&running)))?;
        }
        SandboxAction::Stop => {
            let was_running = sandbox::stop(&root, &say).await?;
            print(context, &State { was_running: Some(was_running), ..State::default() })?;
        }
        SandboxAction::Status => match sandbox::status(&root).await {
            Status::Running(running) => print(context, &State::of(Some(&running)))?,
            Status::Stopped => print(context, &State::of(None))?,
            Status::NotAnswering { pid } => {
                let text = format!("the sandbox's process {pid} does not answer; `konta sandbox start` replaces it");
                message::warning(context.palette(), &text);
                print(context, &State::of(None))?;
            }
        },
        SandboxAction::Reset => {
            if !context.global().yes
                && !prompt::confirm("Forget everything deployed in the sandbox, including its databases?")?
            {
                return Err(CommandError::Declined("the sandbox was not changed".to_owned()));
            }
            sandbox::reset(&root, &say).await?;
            print(context, &State { reset: Some(true), ..State::default() })?;
        }
    }
    Ok(0)
}

/// The sandbox after a command, for people and for programs.
#[derive(Debug, Default, Serialize)]
struct State<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reset: Option<bool>,
    running: bool,
    #[serde(flatten)]
    sandbox: Option<Running<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    was_running: Option<bool>,
}

/// One that runs.
#[derive(Debug, Serialize)]
struct Running<'a> {
    account: &'a str,
    endpoint: &'a str,
    home: &'a Path,
    http_port: Option<u16>,
    https_port: Option<u16>,
    odoo: Option<&'a str>,
    pid: u32,
    postgres_port: Option<u16>,
    region: &'a str,
}

impl<'a> State<'a> {
    /// Of a sandbox that runs, or of none.
    fn of(running: Option<&'a sandbox::Sandbox>) -> Self {
        let sandbox = running.map(|sandbox| Running {
            account: &sandbox.account,
            endpoint: &sandbox.endpoint,
            home: &sandbox.home,
            http_port: sandbox.http_port,
            https_port: sandbox.https_port,
            odoo: sandbox.odoo.as_deref(),
            pid: sandbox.pid,
            postgres_port: sandbox.postgres_port,
            region: &sandbox.region,
        });
        Self { running: sandbox.is_some(), sandbox, ..Self::default() }
    }

    fn text(&self) -> String {
        match (&self.sandbox, self.was_running, self.reset) {
            (Some(running), ..) => running.text(),
            (None, Some(true), _) => "the sandbox is stopped; its state is kept".to_owned(),
            (None, Some(false), _) => "the sandbox was not running".to_owned(),
            (None, None, Some(_)) => "the sandbox is stopped and empty".to_owned(),
            (None, None, None) => "the sandbox is not running".to_owned(),
        }
    }
}

impl Running<'_> {
    fn text(&self) -> String {
        let mut text = format!(
            "the sandbox runs at {} (account {}, region {}, process {})\nstate: {}",
            self.endpoint,
            self.account,
            self.region,
            self.pid,
            self.home.display()
        );
        if let (Some(odoo), Some(port)) = (self.odoo, self.https_port) {
            let _ = write!(
                text,
                "\ntasks run in {odoo}; visits to any tenant's https address go to 127.0.0.1:{port}, for example\n  \
                 curl --insecure --connect-to ::127.0.0.1:{port} https://TENANT.EXAMPLE/\n  \
                 chromium --ignore-certificate-errors --host-resolver-rules=\"MAP * 127.0.0.1:{port}\""
            );
        }
        text
    }
}

fn print(context: &Context, state: &State<'_>) -> Result<(), CommandError> {
    if context.format().is_json() {
        output::print_json(state)?;
    } else {
        output::print_text(&state.text())?;
    }
    Ok(())
}
