//! The first installation of a tenant's modules: a one-off task of its own task definition, before it takes traffic.

use crate::aws::Aws;
use crate::aws::ecs::TaskRequest;
use crate::aws::rds_data::DataTarget;
use crate::odoo::{database, modules};
use crate::operation::error::OperationError;
use crate::operation::event::{Events, StepOutcome, StepResult};
use crate::operation::polling::Polling;
use crate::operation::retry::Retry;

use super::database_template::{self, TemplateSpec};
use super::steps;

/// What an installation needs.
#[derive(Debug)]
pub struct Installation<'a> {
    /// The stack it belongs to, for messages.
    pub stack: &'a str,
    /// The tenant's database.
    pub database: &'a str,
    /// The modules wanted.
    pub modules: &'a [String],
    /// The cluster that holds the database.
    pub data: &'a DataTarget,
    /// The ECS cluster.
    pub cluster: &'a str,
    /// The task definition: the tenant's own, or the pool's.
    pub task_definition: &'a str,
    /// Subnets of the task, separated by commas.
    pub subnets: &'a str,
    /// Its security group.
    pub security_group: &'a str,
    /// Whether it gets a public address.
    pub public_ip: bool,
    /// Tags.
    pub tags: Vec<(String, String)>,
    /// Where it is told that AWS does not answer.
    pub events: &'a Events,
    /// The command that installs modules into a database.
    pub command: fn(&str, &[String]) -> Vec<String>,
    /// What a first database needs beside.
    pub first: Option<TemplateSpec<'a>>,
}

/// Sets a tenant's database up where it is new, and installs what is missing.
pub async fn run(aws: &Aws, polling: Polling, request: &Installation<'_>) -> StepResult {
    let Some(first) = &request.first else { return install(aws, polling, request).await };
    let copies = first.from_template && !is_initialised(aws, request).await?;
    if copies && let Some(reason) = database_template::fill(aws, polling, request, first).await? {
        return Ok((StepOutcome::NotRun, Some(reason)));
    }
    let (outcome, detail) = install(aws, polling, request).await?;
    if outcome == StepOutcome::NotRun {
        return Ok((outcome, detail));
    }
    database_template::own(aws, request, first, request.database).await?;
    if copies && outcome == StepOutcome::AlreadyDone {
        return Ok((
            StepOutcome::Done,
            Some(format!("{} modules, copied from the tier's template", request.modules.len())),
        ));
    }
    Ok((outcome, detail))
}

/// Whether Odoo has ever been set up in the database.
pub(super) async fn is_initialised(aws: &Aws, request: &Installation<'_>) -> Result<bool, OperationError> {
    steps::holds(aws, request.data, &database::is_initialised(request.database)).await
}

/// Installs what is missing. The database itself says what that is, so an interrupted installation is simply gone on with.
pub(super) async fn install(aws: &Aws, polling: Polling, request: &Installation<'_>) -> StepResult {
    let mut missing = self::missing(aws, request).await?;
    if missing.is_empty() {
        return Ok((StepOutcome::AlreadyDone, Some(format!("{} modules are installed", request.modules.len()))));
    }
    // The same name at every run: a task that an interrupted command left running is found again rather than started twice. What it
    // installs may be another list, so that the database is asked once more when it has ended.
    let started_by = started_by(request.database);
    if let Some(arn) = aws.running_task(request.cluster, &started_by).await? {
        if let Ended::NotRun(reason) = wait(aws, polling, request, &arn).await? {
            return Ok((StepOutcome::NotRun, Some(reason)));
        }
        let before = missing;
        missing = self::missing(aws, request).await?;
        if missing.is_empty() {
            return Ok((StepOutcome::Done, Some(before.join(", "))));
        }
    }
    let arn = start(aws, request, &(request.command)(request.database, &missing)).await?;
    let ended = wait(aws, polling, request, &arn).await?;
    // Odoo passes over modules that it does not know, and ends well all the same.
    let left = if matches!(ended, Ended::Well) { self::missing(aws, request).await? } else { Vec::new() };
    finish(request, ended, &missing, &left)
}

/// Brings to its end what an installation has left undone, until `done` says that it is: by the task that is still at it, else by one
/// with this command.
pub(super) async fn finish_with(
    aws: &Aws,
    polling: Polling,
    request: &Installation<'_>,
    command: &[String],
    done: impl AsyncFn() -> Result<bool, OperationError>,
) -> StepResult {
    if let Some(arn) = aws.running_task(request.cluster, &started_by(request.database)).await? {
        wait(aws, polling, request, &arn).await?;
        if done().await? {
            return Ok((StepOutcome::Done, None));
        }
    }
    let arn = start(aws, request, command).await?;
    match wait(aws, polling, request, &arn).await? {
        Ended::NotRun(reason) => Ok((StepOutcome::NotRun, Some(reason))),
        Ended::Badly(reason) => Err(failed(request, reason)),
        Ended::Well if done().await? => Ok((StepOutcome::Done, None)),
        Ended::Well => Err(failed(request, "Odoo ended well, but left attachments outside the database".to_owned())),
    }
}

/// Starts a task of the installation's with a command.
async fn start(aws: &Aws, request: &Installation<'_>, command: &[String]) -> Result<String, OperationError> {
    let task = TaskRequest {
        cluster: request.cluster,
        task_definition: request.task_definition,
        container: "odoo",
        command,
        variables: &[("PGDATABASE".to_owned(), request.database.to_owned())],
        subnets: request.subnets.split(',').map(ToOwned::to_owned).collect(),
        security_groups: vec![request.security_group.to_owned()],
        public_ip: request.public_ip,
        task_role: None,
        size: Some(modules::INSTALL_SIZE),
        started_by: &started_by(request.database),
        tags: request.tags.clone(),
    };
    Ok(aws.run_task(&task).await?.arn)
}

/// How a task ended.
enum Ended {
    Well,
    Badly(String),
    /// The sandbox runs no containers, and says so; nothing is claimed then.
    NotRun(String),
}

fn finish(request: &Installation<'_>, ended: Ended, wanted: &[String], left: &[String]) -> StepResult {
    match ended {
        Ended::NotRun(reason) => Ok((StepOutcome::NotRun, Some(reason))),
        Ended::Badly(reason) => Err(failed(request, reason)),
        Ended::Well if left.is_empty() => Ok((StepOutcome::Done, Some(wanted.join(", ")))),
        Ended::Well => Err(failed(request, format!("Odoo ended well, but knows no {}", left.join(", ")))),
    }
}

async fn missing(aws: &Aws, request: &Installation<'_>) -> Result<Vec<String>, OperationError> {
    if !is_initialised(aws, request).await? {
        // An empty list still sets Odoo up.
        let mut all = vec!["base".to_owned()];
        all.extend(request.modules.iter().filter(|name| *name != "base").cloned());
        return Ok(all);
    }
    let question = database::installed_modules(request.database);
    let rows = aws.sql(request.data, &question.database, &question.sql, &[]).await?;
    let installed: Vec<String> = rows.into_iter().flatten().flatten().collect();
    Ok(modules::missing(request.modules, &installed))
}

/// Waits for a one-off task: `None` when it ended well, else why not.
///
/// # Errors
/// When AWS does not answer, and when the time is over.
pub async fn ended(
    aws: &Aws,
    polling: Polling,
    events: &Events,
    cluster: &str,
    arn: &str,
) -> Result<Option<String>, OperationError> {
    let begun = tokio::time::Instant::now();
    let mut retry = Retry::new(polling, Some(events), "the task".to_owned());
    loop {
        let Some(task) = retry.ask(async || aws.task(cluster, arn).await).await? else {
            return Ok(Some("ECS no longer knows the task".to_owned()));
        };
        if task.status == "STOPPED" {
            let reason = task.container_reason.or(task.stopped_reason).unwrap_or_else(|| "no reason given".to_owned());
            return Ok(match task.exit_code {
                Some(0) => None,
                Some(code) => Some(format!("it ended with exit code {code}: {reason}")),
                None => Some(format!("the task did not run: {reason}")),
            });
        }
        if begun.elapsed() > polling.task {
            return Err(OperationError::Timeout { what: "the task".to_owned(), minutes: polling.task.as_secs() / 60 });
        }
        tokio::time::sleep(polling.poll).await;
    }
}

async fn wait(aws: &Aws, polling: Polling, request: &Installation<'_>, arn: &str) -> Result<Ended, OperationError> {
    let begun = tokio::time::Instant::now();
    let mut retry = Retry::new(polling, Some(request.events), format!("the installation of {}", request.database));
    loop {
        let Some(task) = retry.ask(async || aws.task(request.cluster, arn).await).await? else {
            return Err(failed(request, "ECS no longer knows the task".to_owned()));
        };
        if task.status == "STOPPED" {
            let reason = task.container_reason.or(task.stopped_reason).unwrap_or_else(|| "no reason given".to_owned());
            return Ok(match task.exit_code {
                Some(0) => Ended::Well,
                Some(code) => Ended::Badly(format!("Odoo ended with exit code {code}: {reason}")),
                None if !aws.runs_tasks() => Ended::NotRun(reason),
                None => Ended::Badly(format!("the task did not run: {reason}")),
            });
        }
        if begun.elapsed() > polling.task {
            return Err(OperationError::Timeout {
                what: format!("the installation of {}", request.database),
                minutes: polling.task.as_secs() / 60,
            });
        }
        tokio::time::sleep(polling.poll).await;
    }
}

fn failed(request: &Installation<'_>, reason: String) -> OperationError {
    OperationError::StepFailed {
        stack: request.stack.to_owned(),
        step: "installing modules".to_owned(),
        reason,
        help: "the environment's log group has the task's output; correct the modules or the image and run the command again"
            .to_owned(),
    }
}

/// ECS takes 36 characters: a short name of konta's own and a hash of the database's name.
fn started_by(database: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(database.as_bytes());
    format!(
        "konta-install-{:08x}{:08x}",
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]),
        u32::from_be_bytes([digest[4], digest[5], digest[6], digest[7]])
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_starters_name_fits_ecs() {
        assert!(super::started_by(&"x".repeat(63)).len() <= 36);
    }
}
