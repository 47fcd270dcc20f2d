//! `konta exec`: a session in a running task.

use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Args;
use miette::Diagnostic;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use thiserror::Error;

use crate::aws::credentials;
use crate::aws::tasks::TaskDetail;
use crate::life::inside;
use crate::life::place::Place;
use crate::report::message;

use super::credentials::give;
use super::gather::Session;
use super::resident::Resident;
use super::{CommandError, Context};

/// Open a shell in a tenant's running task, or run a command there.
///
/// `psql` and `odoo shell` meet the tenant's own database, also in a pool's task. On AWS the session goes through ECS Exec and needs the
/// program session-manager-plugin; it gives no exit code back, so that a script is better served by `konta run`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// The tenant
    tenant: String,
    /// The task; the beginning of its id will do [default: the newest of the service]
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// The command and its arguments, after -- [default: bash]
    #[arg(last = true, num_args = 0.., value_name = "COMMAND")]
    command: Vec<String>,
}

/// Why the plugin cannot take a session over.
#[derive(Debug, Error, Diagnostic)]
pub enum PluginError {
    /// It is not there.
    #[error("session-manager-plugin is not installed, and a session in a task goes through it")]
    #[diagnostic(
        code(konta::exec::no_plugin),
        help(
            "it is AWS's own program: https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html\n\
             macOS: brew install --cask session-manager-plugin; Debian and Ubuntu: the package session-manager-plugin.deb of that page\n\
             without it, `konta run NAME -- COMMAND` runs a command in a task of its own"
        )
    )]
    Missing,
    /// It would show the session's token to everybody on this machine.
    #[error("session-manager-plugin {version} is too old")]
    #[diagnostic(
        code(konta::exec::old_plugin),
        help(
            "it takes the session's token on its command line, where every user of this machine can read it; install 1.2.536.0 or newer"
        )
    )]
    Old {
        /// Its version.
        version: String,
    },
}

/// The last version that takes a session on its command line alone. Source: the AWS CLI, `sessionmanager.py`.
const LAST_WITHOUT_VARIABLE: [u32; 4] = [1, 2, 497, 0];
const PLUGIN: &str = "session-manager-plugin";
/// The variable in which the plugin takes a session. Source: session-manager-plugin, `session.go`.
const VARIABLE: &str = "AWS_SSM_START_SESSION_RESPONSE";

/// Opens it. On success the program takes konta's place, and this never returns.
pub async fn run(context: &Context, args: &ExecArgs) -> Result<u8, CommandError> {
    let resident = Resident::of(context, &args.tenant).await?;
    let place = Place::of(&resident.observed, &resident.names, &resident.tenant)?;
    let aws = &resident.session.aws;
    let task = inside::choose(aws, &place, args.task.as_deref()).await?;
    let words = inside::words(&place, &args.command);
    if aws.is_sandbox() {
        let folder = context.root()?.join(".konta/sandbox/tasks").join(task.id());
        return Err(become_program(Command::new(folder.join("enter")).args(&words)));
    }
    check_plugin()?;
    message::note(context.palette(), &format!("in the task {} of {}", task.id(), place.tenant));
    let mut command = session(&resident.session, &place, &task, &words).await?;
    Err(become_program(&mut command))
}

/// Returns only when it failed.
fn become_program(command: &mut Command) -> CommandError {
    let reason = command.exec();
    CommandError::Exec { program: command.get_program().to_string_lossy().into_owned(), reason }
}

/// Before a session is opened, which nobody would close.
fn check_plugin() -> Result<(), CommandError> {
    let said = match Command::new(PLUGIN).arg("--version").output() {
        Ok(said) => String::from_utf8_lossy(&said.stdout).trim().to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(PluginError::Missing.into()),
        Err(reason) => return Err(CommandError::Exec { program: PLUGIN.to_owned(), reason }),
    };
    if takes_variable(&said) { Ok(()) } else { Err(PluginError::Old { version: said }.into()) }
}

fn takes_variable(version: &str) -> bool {
    let numbers: Result<Vec<u32>, _> = version.split('.').map(str::parse).collect();
    numbers.is_ok_and(|numbers| numbers.as_slice() > LAST_WITHOUT_VARIABLE.as_slice())
}

/// Opens the session and makes the plugin's command: its arguments are those that the AWS CLI gives it.
async fn session(
    session: &Session,
    place: &Place,
    task: &TaskDetail,
    words: &[String],
) -> Result<Command, CommandError> {
    let aws = &session.aws;
    let opened = aws.open_container(&place.cluster, &task.arn, &inside::line(words)).await?;
    let response = json!({
        "SessionId": opened.id, "StreamUrl": opened.stream_url, "TokenValue": opened.token.expose_secret(),
    });
    let response: SecretString = response.to_string().into();
    let target = target(place, task);
    let region = aws.region();
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let mut command = Command::new(PLUGIN);
    command.args([VARIABLE, region, "StartSession", "", &json!({"Target": target}).to_string()]);
    command.arg(format!("https://ssm.{region}.{domain}"));
    // With them it takes up a session whose connection broke.
    if let Some((_, opened)) = &session.opened {
        give(&mut command, &credentials::load(&opened.provider).await?, Some(region));
    }
    command.env(VARIABLE, response.expose_secret());
    Ok(command)
}

fn target(place: &Place, task: &TaskDetail) -> String {
    let runtime = task.runtime_id.as_deref().unwrap_or_default();
    format!("ecs:{}_{}_{runtime}", place.cluster, task.id())
}

#[cfg(test)]
mod tests {
    use super::takes_variable;

    #[test]
    fn only_a_plugin_that_keeps_the_token_to_itself_will_do() {
        assert!(takes_variable("1.2.536.0"));
        assert!(takes_variable("1.2.707.0"));
        assert!(takes_variable("2.0"));
        assert!(!takes_variable("1.2.497.0"));
        assert!(!takes_variable("1.2.54.0"));
        assert!(!takes_variable("unknown"));
    }
}
