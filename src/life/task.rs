//! A one-off task that runs konta's tool in the tenant's own image, with the role that reaches backups.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::aws::ecs::TaskRequest;
use crate::deploy::patience::Patience;
use crate::deploy::{DeployError, Deployer};
use crate::odoo::backup::{self, BackupId, Job, Outcome};

use super::vault::Vault;

/// How long the address of the tool is good: a task that waits longer for its place is started again.
const LENT: Duration = Duration::from_hours(1);

/// The longest that a task works: a big filestore takes its time.
const LONGEST: Duration = Duration::from_hours(12);

/// What a task is to do.
#[derive(Debug, Clone)]
pub(super) struct Work<'a> {
    /// As [`Job::verb`].
    pub(super) verb: &'a str,
    /// The tenant whose backup it is.
    pub(super) source: &'a str,
    /// The backup.
    pub(super) id: &'a BackupId,
    /// The database to read or to fill.
    pub(super) database: &'a str,
    /// The address of a copy that is to be neutralised.
    pub(super) neutralized_at: Option<&'a str>,
}

/// What tells a piece of work from any other: the same work is found again while it runs, also if an older konta has
/// started it.
fn started_by(vault: &Vault, work: &Work<'_>) -> String {
    let which = if matches!(work.verb, "restore" | "check") { work.id.as_str() } else { "" };
    let text = format!("{} {} {} {which} {:?}", vault.stack, work.source, work.database, work.neutralized_at);
    let digest = Sha256::digest(text.as_bytes());
    let half = |from: usize| u32::from_be_bytes([digest[from], digest[from + 1], digest[from + 2], digest[from + 3]]);
    format!("konta-{}-{:08x}{:08x}", verb_in_started_by(work.verb), half(0), half(4))
}

/// A verb as `startedBy` spells it. The three verbs for files keep their first names here: a newer konta must not start
/// a second task while one of an older konta runs, since both would remove and create the same links.
///
/// The job itself needs no old names. The tool is part of no task definition: each task fetches the tool of the konta
/// that starts it and checks its hash, so the tool always knows the verb.
fn verb_in_started_by(verb: &str) -> &str {
    match verb {
        backup::PIN_FILES => "hold",
        backup::RELINK_FILES => "giveback",
        backup::UNPIN_FILES => "letgo",
        other => other,
    }
}

/// Whether the work is under way.
pub(super) async fn is_running(deployer: &Deployer<'_>, vault: &Vault, work: &Work<'_>) -> Result<bool, DeployError> {
    Ok(deployer.aws.running_task(&vault.place.cluster, &started_by(vault, work)).await?.is_some())
}

/// Does the work, or waits for the same work that is under way.
pub(super) async fn run(deployer: &Deployer<'_>, vault: &Vault, work: &Work<'_>) -> Result<Outcome, DeployError> {
    let aws = deployer.aws;
    let started_by = started_by(vault, work);
    let result = format!("konta/results/{started_by}.json");
    let arn = match aws.running_task(&vault.place.cluster, &started_by).await? {
        Some(arn) => arn,
        None => start(deployer, vault, work, &started_by, &result).await?,
    };
    let ended = wait(deployer, vault, work, &arn).await?;
    let said = aws.object(&vault.bucket, &result).await?;
    let outcome = said.and_then(|text| serde_json::from_slice::<Outcome>(&text).ok());
    match outcome {
        Some(outcome) if outcome.ok && ended.is_none() => Ok(outcome),
        Some(Outcome { ok: false, error: Some(error), .. }) => Err(failed(vault, work, &arn, error)),
        _ => {
            let reason = ended.unwrap_or_else(|| "the task left no word of how it ended".to_owned());
            Err(failed(vault, work, &arn, reason))
        }
    }
}

async fn start(
    deployer: &Deployer<'_>,
    vault: &Vault,
    work: &Work<'_>,
    started_by: &str,
    result: &str,
) -> Result<String, DeployError> {
    let aws = deployer.aws;
    let tool = format!("konta/tools/{}.py", backup::tool_digest());
    aws.put_object(&vault.bucket, &tool, backup::TOOL.as_bytes().to_vec()).await?;
    // What the same work said the last time is not what it says now.
    aws.delete_objects(&vault.bucket, &[result.to_owned()]).await?;
    let address = aws.lent_address(&vault.bucket, &tool, LENT).await?;
    let own = vault.place.tenant.database();
    let job = Job {
        verb: work.verb,
        bucket: &vault.bucket,
        region: aws.region(),
        prefix: backup_prefix(work.source, work.id),
        result: result.to_owned(),
        tenant: vault.place.tenant.as_str(),
        database: work.database,
        role: &own,
        filestore: &own,
        image: vault.image.as_deref(),
        konta: env!("CARGO_PKG_VERSION"),
        neutralize: work.neutralized_at.is_some(),
        base_url: work.neutralized_at,
    };
    let task = TaskRequest {
        cluster: &vault.place.cluster,
        task_definition: &vault.place.task_definition,
        container: "odoo",
        command: &backup::command(&address, &job),
        variables: &[],
        subnets: vault.place.subnets.clone(),
        security_groups: vec![vault.place.security_group.clone()],
        public_ip: vault.place.public_ip,
        task_role: Some(&vault.task_role),
        size: Some(backup::SIZE),
        started_by,
        tags: vault.place.tags.clone(),
    };
    Ok(aws.run_task(&task).await?.arn)
}

/// Where a backup's objects are.
pub(super) fn backup_prefix(tenant: &str, id: &BackupId) -> String {
    format!("{tenant}/{id}")
}

/// Waits for a task; why it did not end well, if it did not.
async fn wait(
    deployer: &Deployer<'_>,
    vault: &Vault,
    work: &Work<'_>,
    arn: &str,
) -> Result<Option<String>, DeployError> {
    let begun = tokio::time::Instant::now();
    let what = format!("the {} task of {}", work.verb, vault.place.tenant);
    let mut patience = Patience::new(deployer.pace, Some(&deployer.events), what.clone());
    loop {
        let Some(task) = patience.ask(async || deployer.aws.task(&vault.place.cluster, arn).await).await? else {
            return Ok(Some("ECS no longer knows the task".to_owned()));
        };
        if task.status == "STOPPED" {
            let reason = task.container_reason.or(task.stopped_reason).unwrap_or_else(|| "no reason given".to_owned());
            return match task.exit_code {
                Some(0) => Ok(None),
                Some(code) => Ok(Some(format!("the task ended with exit code {code}: {reason}"))),
                None if deployer.aws.is_sandbox() && !deployer.aws.runs_tasks() => Err(DeployError::Preflight {
                    problem: "the sandbox runs no tasks, so nothing can be backed up or restored".to_owned(),
                    help: "start it with `konta sandbox start --with-odoo`".to_owned(),
                }),
                None => Ok(Some(format!("the task did not run: {reason}"))),
            };
        }
        if begun.elapsed() > LONGEST {
            return Err(DeployError::Timeout { what, minutes: LONGEST.as_secs() / 60 });
        }
        tokio::time::sleep(deployer.pace.poll).await;
    }
}

fn failed(vault: &Vault, work: &Work<'_>, arn: &str, reason: String) -> DeployError {
    let (tenant, task) = (&vault.place.tenant, arn.rsplit('/').next().unwrap_or(arn));
    let task = task.get(..8).unwrap_or(task);
    DeployError::StepFailed {
        stack: vault.stack.clone(),
        step: format!("the {} task", work.verb),
        reason,
        help: format!(
            "nothing of the tenant was changed; `konta logs {tenant} --previous --task {task}` has the task's words"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_an_older_konta_started_is_found_by_its_name() {
        let names = ["backup", "restore", "check", backup::PIN_FILES, backup::RELINK_FILES, backup::UNPIN_FILES];
        let spelled = names.map(verb_in_started_by);
        assert_eq!(spelled, ["backup", "restore", "check", "hold", "giveback", "letgo"]);
    }
}
