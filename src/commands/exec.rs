//! `konta exec`: a session in a running task.

use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::aws::credentials;
use crate::aws::tasks::TaskDetail;
use crate::commands::session_manager_plugin::{self, PLUGIN, VARIABLE};
use crate::report::message;
use crate::stack::runtime::TenantRuntime;
use crate::task::exec;

use super::credentials::give;
use super::running_tenant::RunningTenant;
use super::session::Session;
use super::{CommandError, Context};

/// Open a shell in a tenant's running task, or run a command there
///
/// `psql` and `odoo shell` use the tenant's database, also in a pool's task. On AWS the session goes through ECS Exec
/// and needs the program session-manager-plugin. It returns no exit code: in a script, use `konta run`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// Tenant
    tenant: String,
    /// Task: its id or the beginning of it [default: the service's newest]
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// Command and its arguments, after -- [default: bash]
    #[arg(last = true, num_args = 0.., value_name = "COMMAND")]
    command: Vec<String>,
}

/// Opens it. On success the program replaces konta, and this never returns.
pub async fn run(context: &Context, args: &ExecArgs) -> Result<u8, CommandError> {
    let running = RunningTenant::of(context, &args.tenant).await?;
    let runtime = TenantRuntime::of(&running.observed, &running.names, &running.tenant)?;
    let aws = &running.session.aws;
    let task = exec::choose(aws, &runtime, args.task.as_deref()).await?;
    let words = exec::words(&runtime, &args.command);
    if aws.is_sandbox() {
        let folder = context.root()?.join(".konta/sandbox/tasks").join(task.id());
        return Err(become_program(Command::new(folder.join("enter")).args(&words)));
    }
    session_manager_plugin::check()?;
    message::note(context.palette(), &format!("in the task {} of {}", task.id(), runtime.tenant));
    let mut command = session(&running.session, &runtime, &task, &words).await?;
    Err(become_program(&mut command))
}

/// Returns only when it failed.
fn become_program(command: &mut Command) -> CommandError {
    let reason = command.exec();
    CommandError::Exec { program: command.get_program().to_string_lossy().into_owned(), reason }
}

/// Opens the session and makes the plugin's command, with the arguments that the AWS CLI gives it.
async fn session(
    session: &Session,
    runtime: &TenantRuntime,
    task: &TaskDetail,
    words: &[String],
) -> Result<Command, CommandError> {
    let aws = &session.aws;
    let opened = aws.open_container(&runtime.cluster, &task.arn, &exec::line(words)).await?;
    let response = json!({
        "SessionId": opened.id, "StreamUrl": opened.stream_url, "TokenValue": opened.token.expose_secret(),
    });
    let response: SecretString = response.to_string().into();
    let target = target(runtime, task);
    let region = aws.region();
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let mut command = Command::new(PLUGIN);
    command.args([VARIABLE, region, "StartSession", "", &json!({"Target": target}).to_string()]);
    command.arg(format!("https://ssm.{region}.{domain}"));
    // With credentials the plugin can resume a session whose connection broke.
    if let Some((_, opened)) = &session.opened {
        give(&mut command, &credentials::load(&opened.provider).await?, Some(region));
    }
    command.env(VARIABLE, response.expose_secret());
    Ok(command)
}

fn target(runtime: &TenantRuntime, task: &TaskDetail) -> String {
    let container = task.runtime_id.as_deref().unwrap_or_default();
    format!("ecs:{}_{}_{container}", runtime.cluster, task.id())
}
