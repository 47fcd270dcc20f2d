//! A task for once: a command in a tenant's own surroundings, its lines as they come, how it ended.

use std::time::Duration;

use tokio::time::Instant;

use crate::aws::ecs::TaskRequest;
use crate::aws::{Aws, AwsError};
use crate::operation::retry::Retry;
use crate::operation::{OperationError, Polling};
use crate::stack::runtime::{LogSource, TenantRuntime};

use super::log::Reader;
use super::log_filter::{Line, Selection};
use super::stopped::because;

/// Who started it, as ECS shows it.
const STARTED_BY: &str = "konta-run";

/// Starts a task of a tenant's or its pool's task definition with a command of its own; its ARN. `size` is CPU units and MiB.
pub async fn start(
    aws: &Aws,
    runtime: &TenantRuntime,
    command: &[String],
    size: Option<(u32, u32)>,
) -> Result<String, AwsError> {
    let request = TaskRequest {
        cluster: &runtime.cluster,
        task_definition: &runtime.task_definition,
        container: "odoo",
        command,
        // A pool's task definition names no database.
        variables: &[("PGDATABASE".to_owned(), runtime.database.clone())],
        subnets: runtime.subnets.clone(),
        security_groups: vec![runtime.security_group.clone()],
        public_ip: runtime.public_ip,
        task_role: None,
        size,
        started_by: STARTED_BY,
        tags: runtime.tags.clone(),
    };
    Ok(aws.run_task(&request).await?.arn)
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The command's exit code; `None` when it never ran.
    pub exit_code: Option<i32>,
    /// Why the task stopped, in ECS's words.
    pub reason: Option<String>,
}

/// What a look at a task showed.
#[derive(Debug)]
pub struct Round {
    /// Its lines since the last look.
    pub lines: Vec<Line>,
    /// ECS's status.
    pub status: String,
    /// How it ended, once it has and its log is at its end.
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

/// The log of a task alone.
#[must_use]
pub fn log_of(runtime: &TenantRuntime, arn: &str) -> LogSource {
    let id = arn.rsplit('/').next().unwrap_or(arn);
    LogSource { group: runtime.log.group.clone(), streams: format!("{}{id}", runtime.log.streams) }
}

impl<'a> Watch<'a> {
    /// Of a task that was started at `from`, milliseconds since 1970, UTC, or later. `log` is [`log_of`] it.
    #[must_use]
    pub fn new(aws: &'a Aws, polling: Polling, cluster: &'a str, arn: &'a str, log: &'a LogSource, from: i64) -> Self {
        let reader = Reader::new(aws, polling, log, Selection::default(), from, None);
        Self { aws, polling, cluster, arn, reader, has_spoken: false, ended: None, quiet_since: Instant::now() }
    }

    /// Looks at the task and reads what it said since the last look.
    pub async fn round(&mut self) -> Result<Round, OperationError> {
        // The state first: what a task said before its end is in the log sooner or later after it.
        let status = self.look().await?;
        let lines = self.reader.all().await?;
        if !lines.is_empty() {
            self.has_spoken = true;
            self.quiet_since = Instant::now();
        }
        let ended = self.ended.as_ref().filter(|(_, at)| self.quiet_since.max(*at).elapsed() >= self.silence());
        Ok(Round { lines, status, ended: ended.map(|(ended, _)| ended.clone()) })
    }

    /// How long an ended task's log must be silent until it is believed to be at its end.
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

/// What to know before a command is run for once: that Odoo will not end by itself, or that a secret will be seen.
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
            "without --stop-after-init Odoo goes on serving, which nobody will ask it to, until the task is stopped",
        );
    }
    if command.iter().any(|word| looks_secret(word)) {
        found.push(
            "this looks like a secret: ECS shows a task's command to everyone who may look at tasks, and CloudTrail keeps it. Change it afterwards",
        );
    }
    found
}

/// Whether a word gives a value to something that is called like a secret.
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
