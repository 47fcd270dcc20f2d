//! One-off tasks: runs a command with the tenant's task definition, streams its log, reports how it ended.

use std::time::Duration;

use tokio::time::Instant;

use crate::aws::ecs::TaskRequest;
use crate::aws::{Aws, AwsError};
use crate::operation::retry::Retry;
use crate::operation::{Context, OperationError, Polling};
use crate::stack::runtime::{LogSource, TenantRuntime};

use super::log::Reader;
use super::log_filter::{Line, Selection};
use super::stopped::because;

/// What starts a task of `konta run`, as ECS shows it.
const RUN: &str = "konta-run";

/// How often a task is started if it never runs.
const STARTS: usize = 2;

/// A one-off task: a command in a tenant's environment variables, network and roles.
#[derive(Debug, Clone)]
pub struct OneOff<'a> {
    /// Where the tenant's tasks run.
    pub runtime: &'a TenantRuntime,
    /// The task definition, if it is not the tenant's.
    pub task_definition: Option<&'a str>,
    /// The command.
    pub command: &'a [String],
    /// The database that `PGDATABASE` names: a pool's task definition names none.
    pub database: Option<&'a str>,
    /// The role, if it is not the task definition's.
    pub task_role: Option<&'a str>,
    /// CPU units and MiB, if they are not the task definition's.
    pub size: Option<(u32, u32)>,
    /// What starts it, as ECS shows it, at most 36 characters. By this name konta finds a task again that an
    /// interrupted command started.
    pub started_by: &'a str,
}

/// How a one-off task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskExit {
    /// The command ended with exit code 0.
    Succeeded,
    /// The command ended with another exit code.
    Failed {
        /// The exit code.
        code: i32,
        /// ECS's reason.
        reason: String,
    },
    /// The command never ran: no capacity, no image, no secret.
    NeverRan {
        /// ECS's reason.
        reason: String,
    },
    /// The sandbox runs no tasks.
    NotRun {
        /// What the sandbox says.
        reason: String,
    },
}

impl TaskExit {
    /// Why it did not succeed, for people; `None` when it did.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        match self {
            Self::Succeeded => None,
            Self::Failed { code, reason } => Some(format!("the task ended with exit code {code}: {reason}")),
            Self::NeverRan { reason } => Some(format!("the task did not run: {reason}")),
            Self::NotRun { reason } => Some(reason.clone()),
        }
    }
}

impl OneOff<'_> {
    /// Starts the task and returns its ARN.
    ///
    /// # Errors
    /// When ECS refuses.
    pub async fn start(&self, aws: &Aws) -> Result<String, AwsError> {
        let runtime = self.runtime;
        let variables: Vec<(String, String)> =
            self.database.iter().map(|database| ("PGDATABASE".to_owned(), (*database).to_owned())).collect();
        let request = TaskRequest {
            cluster: &runtime.cluster,
            task_definition: self.task_definition.unwrap_or(&runtime.task_definition),
            container: "odoo",
            command: self.command,
            variables: &variables,
            subnets: runtime.subnets.clone(),
            security_groups: vec![runtime.security_group.clone()],
            public_ip: runtime.public_ip,
            task_role: self.task_role,
            size: self.size,
            started_by: self.started_by,
            tags: runtime.tags.clone(),
        };
        Ok(aws.run_task(&request).await?.arn)
    }

    /// Waits for the end of the task that an interrupted command left running; without one, starts a task and waits for
    /// its end. A task that never ran is started once more, with a note that gives the reason.
    ///
    /// # Errors
    /// When AWS does not answer, and when the task runs for longer than `longest`.
    pub async fn find_or_run(
        &self,
        context: &Context<'_>,
        what: &str,
        longest: Duration,
    ) -> Result<Finished, OperationError> {
        let running = running(context, &self.runtime.cluster, self.started_by).await?;
        self.follow_or_run(context, running, what, longest).await
    }

    /// The same, if the running task is already known.
    ///
    /// # Errors
    /// As [`OneOff::find_or_run`].
    pub async fn follow_or_run(
        &self,
        context: &Context<'_>,
        running: Option<String>,
        what: &str,
        longest: Duration,
    ) -> Result<Finished, OperationError> {
        let Some(arn) = running else { return self.run(context, what, longest).await };
        let exit = ended(context, &self.runtime.cluster, &arn, what, longest).await?;
        Ok(Finished { arn, exit })
    }

    /// Starts the task and waits for its end. A task that never ran is started once more, with a note that gives the
    /// reason.
    ///
    /// # Errors
    /// When AWS does not answer, and when the task runs for longer than `longest`.
    pub async fn run(&self, context: &Context<'_>, what: &str, longest: Duration) -> Result<Finished, OperationError> {
        let mut started = 1;
        loop {
            let arn = self.start(context.aws).await?;
            let exit = ended(context, &self.runtime.cluster, &arn, what, longest).await?;
            match &exit {
                TaskExit::NeverRan { reason } if started < STARTS && passes(reason) => {
                    started += 1;
                    context.events.note(format!("{what}: the task did not run ({reason}); starting it again"));
                }
                _ => return Ok(Finished { arn, exit }),
            }
        }
    }
}

/// Whether a task that did not start for this reason may start the next time: no capacity, a network interface that
/// was not ready, a call that timed out. A missing image or secret will still be missing. Source: ECS developer guide,
/// stopped task errors.
fn passes(reason: &str) -> bool {
    let of_secrets = reason.contains("unable to pull secrets") && !reason.contains("timeout");
    let passing =
        ["Capacity is unavailable", "RESOURCE:", "Timeout waiting for", "ResourceInitializationError", "i/o timeout"];
    !of_secrets && passing.iter().any(|text| reason.contains(text))
}

/// A one-off task at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The task's ARN.
    pub arn: String,
    /// How it ended.
    pub exit: TaskExit,
}

/// The task that was started by this name and has not ended yet, if there is one.
///
/// # Errors
/// When the call to ECS fails.
pub async fn running(context: &Context<'_>, cluster: &str, started_by: &str) -> Result<Option<String>, OperationError> {
    Ok(context.aws.running_task(cluster, started_by).await?)
}

/// Waits for the end of a task. `what` names the wait in messages.
///
/// # Errors
/// When AWS does not answer, and when the task runs for longer than `longest`.
pub async fn ended(
    context: &Context<'_>,
    cluster: &str,
    arn: &str,
    what: &str,
    longest: Duration,
) -> Result<TaskExit, OperationError> {
    let begun = Instant::now();
    let mut retry = Retry::new(context.polling, Some(&context.events), what.to_owned());
    loop {
        let Some(task) = retry.ask(async || context.aws.task(cluster, arn).await).await? else {
            return Ok(TaskExit::NeverRan { reason: "ECS no longer knows the task".to_owned() });
        };
        if task.status == "STOPPED" {
            let reason = task.container_reason.or(task.stopped_reason).unwrap_or_else(|| "no reason given".to_owned());
            return Ok(match task.exit_code {
                Some(0) => TaskExit::Succeeded,
                Some(code) => TaskExit::Failed { code, reason },
                None if !context.aws.runs_tasks() => TaskExit::NotRun { reason },
                None => TaskExit::NeverRan { reason },
            });
        }
        if begun.elapsed() > longest {
            return Err(OperationError::Timeout { what: what.to_owned(), minutes: longest.as_secs() / 60 });
        }
        tokio::time::sleep(context.polling.poll).await;
    }
}

/// Starts a task of `konta run` and returns its ARN. `size` is CPU units and MiB.
///
/// # Errors
/// When ECS refuses.
pub async fn start(
    aws: &Aws,
    runtime: &TenantRuntime,
    command: &[String],
    size: Option<(u32, u32)>,
) -> Result<String, AwsError> {
    let database = Some(runtime.database.as_str());
    let task = OneOff { runtime, task_definition: None, command, database, task_role: None, size, started_by: RUN };
    task.start(aws).await
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The command's exit code; `None` if it never ran.
    pub exit_code: Option<i32>,
    /// Why the task stopped, in ECS's words.
    pub reason: Option<String>,
}

/// What one reading of a task showed.
#[derive(Debug)]
pub struct Round {
    /// Its lines since the last reading.
    pub lines: Vec<Line>,
    /// ECS's status.
    pub status: String,
    /// How it ended, once it has ended and its log is complete.
    pub ended: Option<Ended>,
}

/// A task that is followed to its end.
#[derive(Debug)]
pub struct Watch<'a> {
    aws: &'a Aws,
    polling: Polling,
    cluster: &'a str,
    arn: &'a str,
    reader: Reader<'a>,
    has_spoken: bool,
    ended: Option<(Ended, Instant)>,
    quiet_since: Instant,
}

/// The log of one task.
#[must_use]
pub fn log_of(runtime: &TenantRuntime, arn: &str) -> LogSource {
    let id = arn.rsplit('/').next().unwrap_or(arn);
    LogSource { group: runtime.log.group.clone(), streams: format!("{}{id}", runtime.log.streams) }
}

impl<'a> Watch<'a> {
    /// Follows a task that was started at `from` (milliseconds since 1970, UTC) or later. `log` comes from [`log_of`].
    #[must_use]
    pub fn new(aws: &'a Aws, polling: Polling, cluster: &'a str, arn: &'a str, log: &'a LogSource, from: i64) -> Self {
        let reader = Reader::new(aws, polling, log, Selection::default(), from, None);
        Self { aws, polling, cluster, arn, reader, has_spoken: false, ended: None, quiet_since: Instant::now() }
    }

    /// Reads the task's status and the lines that it wrote since the last reading.
    pub async fn round(&mut self) -> Result<Round, OperationError> {
        // The status first: what a task writes before its end may reach the log after it.
        let status = self.look().await?;
        let lines = self.reader.all().await?;
        if !lines.is_empty() {
            self.has_spoken = true;
            self.quiet_since = Instant::now();
        }
        let ended = self.ended.as_ref().filter(|(_, at)| self.quiet_since.max(*at).elapsed() >= self.silence());
        Ok(Round { lines, status, ended: ended.map(|(ended, _)| ended.clone()) })
    }

    /// How long an ended task's log must be silent before konta takes it for complete.
    fn silence(&self) -> Duration {
        match (self.aws.is_sandbox(), self.has_spoken) {
            (true, _) => Duration::from_secs(1),
            (false, true) => Duration::from_secs(6),
            (false, false) => Duration::from_secs(15),
        }
    }

    async fn look(&mut self) -> Result<String, OperationError> {
        if self.ended.is_some() {
            return Ok("STOPPED".to_owned());
        }
        let mut retry = Retry::new(self.polling, None, "the task");
        let Some(task) = retry.ask(async || self.aws.task(self.cluster, self.arn).await).await? else {
            let ended = Ended { exit_code: None, reason: Some("ECS no longer knows the task".to_owned()) };
            self.ended = Some((ended, Instant::now()));
            return Ok("STOPPED".to_owned());
        };
        if task.status == "STOPPED" {
            let reason = because(task.container_reason, task.stopped_reason.filter(|reason| !reason.is_empty()));
            self.ended = Some((Ended { exit_code: task.exit_code, reason }, Instant::now()));
        }
        Ok(task.status)
    }
}

/// Warnings before a one-off command runs: Odoo will not end by itself, or a secret will be visible.
#[must_use]
pub fn warnings(command: &[String]) -> Vec<&'static str> {
    let mut found = Vec::new();
    let serves = match command {
        [odoo] => odoo == "odoo",
        [odoo, first, ..] => odoo == "odoo" && first.starts_with('-'),
        [] => true,
    };
    if serves && !command.iter().any(|word| word == "--stop-after-init") {
        found.push(
            "without --stop-after-init, Odoo keeps serving, although no visitor reaches it, until the task is stopped",
        );
    }
    if command.iter().any(|word| looks_secret(word)) {
        found.push(
            "this looks like a secret: ECS shows a task's command to anyone who may describe tasks, and CloudTrail keeps it. Change it afterwards",
        );
    }
    found
}

/// Whether a word gives a value to something that has the name of a secret.
fn looks_secret(word: &str) -> bool {
    const NAMES: [&str; 6] = ["password", "passwd", "secret", "token", "api_key", "apikey"];
    let word = word.to_lowercase().replace('-', "_").replace(['\'', '"'], "");
    let is_named = |text: &str| NAMES.iter().any(|name| text.ends_with(name));
    // `--db_password=x`, `PGPASSWORD=x psql`, `password: x` within a script; `--db_password x` as two words.
    word.split([' ', ',', ';', '{', '(', '&', '?']).any(|part| {
        part.split_once(['=', ':']).is_some_and(|(name, value)| is_named(name) && !value.is_empty())
            || (part.starts_with("__") && is_named(part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(command: &str) -> usize {
        warnings(&command.split('|').map(ToOwned::to_owned).collect::<Vec<_>>()).len()
    }

    #[test]
    fn an_odoo_that_would_not_end_is_warned_of() {
        for command in ["odoo", "odoo|-u|sale", "odoo|--no-http|-d|x"] {
            assert_eq!(warned(command), 1, "{command}");
        }
        for command in ["odoo|-u|sale|--stop-after-init", "odoo|shell", "odoo|neutralize", "psql|-c|select 1"] {
            assert_eq!(warned(command), 0, "{command}");
        }
    }

    #[test]
    fn a_command_with_a_secret_in_it_is_warned_of() {
        for command in [
            "psql|postgresql://h/db?password=x",
            "bash|-c|PGPASSWORD=x psql",
            "odoo|shell|--db_password|x",
            "odoo|shell|--db-password=x",
            "bash|-c|call({'api_key':'x'})",
        ] {
            assert_eq!(warned(command), 1, "{command}");
        }
        for command in ["psql|-c|select password from t", "bash|-c|echo tokens: many", "cat|/etc/passwd"] {
            assert_eq!(warned(command), 0, "{command}");
        }
    }
}
