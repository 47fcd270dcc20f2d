//! The first installation of a tenant's modules: a one-off task of its own task definition, before it takes traffic.

use crate::aws::Aws;
use crate::aws::data::DataTarget;
use crate::aws::ecs::TaskRequest;
use crate::odoo::{database, modules};

use super::error::DeployError;
use super::event::StepOutcome;
use super::execute::Events;
use super::pace::Pace;
use super::patience::Patience;
use super::steps::StepResult;

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
}

/// Installs what is missing. The database itself says what that is, so an interrupted installation is simply gone on with.
pub async fn run(aws: &Aws, pace: Pace, request: &Installation<'_>) -> StepResult {
    let missing = missing(aws, request).await?;
    if missing.is_empty() {
        return Ok((StepOutcome::AlreadyDone, Some(format!("{} modules are installed", request.modules.len()))));
    }
    // The same name at every run: a task that an interrupted command left running is found again rather than started twice.
    let started_by = started_by(request.database);
    let arn = if let Some(arn) = aws.running_task(request.cluster, &started_by).await? {
        arn
    } else {
        let task = TaskRequest {
            cluster: request.cluster,
            task_definition: request.task_definition,
            container: "odoo",
            command: &modules::install(request.database, &missing),
            variables: &[("PGDATABASE".to_owned(), request.database.to_owned())],
            subnets: request.subnets.split(',').map(ToOwned::to_owned).collect(),
            security_groups: vec![request.security_group.to_owned()],
            public_ip: request.public_ip,
            size: Some(modules::INSTALL_SIZE),
            started_by: &started_by,
            tags: request.tags.clone(),
        };
        aws.run_task(&task).await?.arn
    };
    wait(aws, pace, request, &arn, &missing).await
}

async fn missing(aws: &Aws, request: &Installation<'_>) -> Result<Vec<String>, DeployError> {
    let question = database::is_initialised(request.database);
    if aws.sql(request.data, &question.database, &question.sql, &[]).await?.is_empty() {
        return Ok(request.modules.to_vec());
    }
    let question = database::installed_modules(request.database);
    let rows = aws.sql(request.data, &question.database, &question.sql, &[]).await?;
    let installed: Vec<String> = rows.into_iter().flatten().flatten().collect();
    Ok(modules::missing(request.modules, &installed))
}

async fn wait(aws: &Aws, pace: Pace, request: &Installation<'_>, arn: &str, missing: &[String]) -> StepResult {
    let begun = tokio::time::Instant::now();
    let mut patience = Patience::new(pace, Some(request.events), format!("the installation of {}", request.database));
    loop {
        let Some(task) = patience.ask(async || aws.task(request.cluster, arn).await).await? else {
            return Err(failed(request, "ECS no longer knows the task".to_owned()));
        };
        if task.status == "STOPPED" {
            let reason = task.container_reason.or(task.stopped_reason).unwrap_or_else(|| "no reason given".to_owned());
            return match task.exit_code {
                Some(0) => Ok((StepOutcome::Done, Some(missing.join(", ")))),
                Some(code) => Err(failed(request, format!("Odoo ended with exit code {code}: {reason}"))),
                // The sandbox runs no containers, and says so; nothing is claimed then.
                None if aws.is_sandbox() => Ok((StepOutcome::NotRun, Some(reason))),
                None => Err(failed(request, format!("the task did not run: {reason}"))),
            };
        }
        if begun.elapsed() > pace.task {
            return Err(DeployError::Timeout {
                what: format!("the installation of {}", request.database),
                minutes: pace.task.as_secs() / 60,
            });
        }
        tokio::time::sleep(pace.poll).await;
    }
}

fn failed(request: &Installation<'_>, reason: String) -> DeployError {
    DeployError::StepFailed {
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
