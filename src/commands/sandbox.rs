//! `konta sandbox`: the local AWS of a workspace.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::report::{message, output, prompt};
use crate::sandbox::{self, Status};

use super::{CommandError, Context};

/// The local AWS of the workspace: an emulator of AWS's services and a real PostgreSQL behind its RDS Data API, on 127.0.0.1 alone.
///
/// It keeps its state in .konta/sandbox. It does not prove that AWS accepts a template. With --with-odoo it runs the tasks that are deployed, as processes of a real Odoo 19.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    #[command(subcommand)]
    action: SandboxAction,
}

#[derive(Debug, Subcommand)]
enum SandboxAction {
    /// Start it; attaches when it runs already
    Start,
    /// Stop it; its state is kept
    Stop,
    /// Say whether and where it runs
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
            show(context, Some(&running))?;
        }
        SandboxAction::Stop => {
            let was_running = sandbox::stop(&root, &say).await?;
            if context.format().is_json() {
                output::print_json(&json!({"running": false, "was_running": was_running}))?;
            } else {
                output::print_text(if was_running {
                    "the sandbox is stopped; its state is kept"
                } else {
                    "the sandbox was not running"
                })?;
            }
        }
        SandboxAction::Status => match sandbox::status(&root).await {
            Status::Running(running) => show(context, Some(&running))?,
            Status::Stopped => show(context, None)?,
            Status::NotAnswering { pid } => {
                let text = format!("the sandbox's process {pid} does not answer; `konta sandbox start` replaces it");
                message::warning(context.palette(), &text);
                show(context, None)?;
            }
        },
        SandboxAction::Reset => {
            if !context.global().yes
                && !prompt::confirm("Forget everything deployed in the sandbox, its databases too?")?
            {
                return Err(CommandError::Declined("the sandbox is as it was".to_owned()));
            }
            sandbox::reset(&root, &say).await?;
            if context.format().is_json() {
                output::print_json(&json!({"running": false, "reset": true}))?;
            } else {
                output::print_text("the sandbox is stopped and empty")?;
            }
        }
    }
    Ok(0)
}

fn show(context: &Context, running: Option<&sandbox::Sandbox>) -> Result<(), CommandError> {
    if context.format().is_json() {
        let value = match running {
            Some(s) => json!({
                "running": true, "endpoint": s.endpoint, "account": s.account, "region": s.region, "pid": s.pid,
                "postgres_port": s.postgres_port, "home": s.home, "odoo": s.odoo, "https_port": s.https_port,
                "http_port": s.http_port,
            }),
            None => json!({"running": false}),
        };
        output::print_json(&value)?;
    } else {
        match running {
            Some(s) => {
                output::print_text(&format!(
                    "the sandbox runs at {} (account {}, region {}, process {})\nstate: {}",
                    s.endpoint,
                    s.account,
                    s.region,
                    s.pid,
                    s.home.display()
                ))?;
                if let (Some(odoo), Some(port)) = (&s.odoo, s.https_port) {
                    output::print_text(&format!(
                        "tasks run in {odoo}; visits to any tenant's https address go to 127.0.0.1:{port}, for example\n  \
                         curl --insecure --connect-to ::127.0.0.1:{port} https://TENANT.EXAMPLE/\n  \
                         chromium --ignore-certificate-errors --host-resolver-rules=\"MAP * 127.0.0.1:{port}\""
                    ))?;
                }
            }
            None => output::print_text("the sandbox is not running")?,
        }
    }
    Ok(())
}
