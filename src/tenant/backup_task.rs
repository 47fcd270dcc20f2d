//! A one-off task that runs konta's tool in the tenant's own image, with the role that reaches backups.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::aws::ecs::TaskRequest;
use crate::deploy::Deployer;
use crate::odoo::backup::{self, BackupId, Job, Outcome};
use crate::operation::OperationError;
use crate::operation::retry::Retry;

use super::backup_store::BackupStore;

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

/// What tells a piece of work from any other: the same work is found again while it runs, rather than begun twice.
fn started_by(store: &BackupStore, work: &Work<'_>) -> String {
    let which = if matches!(work.verb, "restore" | "check") { work.id.as_str() } else { "" };
    let text = format!("{} {} {} {which} {:?}", store.stack, work.source, work.database, work.neutralized_at);
    let digest = Sha256::digest(text.as_bytes());
    let half = |from: usize| u32::from_be_bytes([digest[from], digest[from + 1], digest[from + 2], digest[from + 3]]);
    format!("konta-{}-{:08x}{:08x}", work.verb, half(0), half(4))
}

/// Whether the work is under way.
pub(super) async fn is_running(
    deployer: &Deployer<'_>,
    store: &BackupStore,
    work: &Work<'_>,
) -> Result<bool, OperationError> {
    Ok(deployer.aws.running_task(&store.runtime.cluster, &started_by(store, work)).await?.is_some())
}

/// Does the work, or waits for the same work that is under way.
pub(super) async fn run(
    deployer: &Deployer<'_>,
    store: &BackupStore,
    work: &Work<'_>,
) -> Result<Outcome, OperationError> {
    let aws = deployer.aws;
    let started_by = started_by(store, work);
    let result = format!("konta/results/{started_by}.json");
    let arn = match aws.running_task(&store.runtime.cluster, &started_by).await? {
        Some(arn) => arn,
        None => start(deployer, store, work, &started_by, &result).await?,
    };
    let ended = wait(deployer, store, work, &arn).await?;
    let said = aws.object(&store.bucket, &result).await?;
    let outcome = said.and_then(|text| serde_json::from_slice::<Outcome>(&text).ok());
    match outcome {
        Some(outcome) if outcome.ok && ended.is_none() => Ok(outcome),
        Some(Outcome { ok: false, error: Some(error), .. }) => Err(failed(store, work, &arn, error)),
        _ => {
            let reason = ended.unwrap_or_else(|| "the task left no word of how it ended".to_owned());
            Err(failed(store, work, &arn, reason))
        }
    }
}

async fn start(
    deployer: &Deployer<'_>,
    store: &BackupStore,
    work: &Work<'_>,
    started_by: &str,
    result: &str,
) -> Result<String, OperationError> {
    let aws = deployer.aws;
    let tool = format!("konta/tools/{}.py", backup::tool_digest());
    aws.put_object(&store.bucket, &tool, backup::TOOL.as_bytes().to_vec()).await?;
    // What the same work said the last time is not what it says now.
    aws.delete_objects(&store.bucket, &[result.to_owned()]).await?;
    let address = aws.lent_address(&store.bucket, &tool, LENT).await?;
    let own = store.runtime.tenant.database();
    let job = Job {
        verb: work.verb,
        bucket: &store.bucket,
        region: aws.region(),
        prefix: backup_prefix(work.source, work.id),
        result: result.to_owned(),
        tenant: store.runtime.tenant.as_str(),
        database: work.database,
        role: &own,
        filestore: &own,
        image: store.image.as_deref(),
        konta: env!("CARGO_PKG_VERSION"),
        neutralize: work.neutralized_at.is_some(),
        base_url: work.neutralized_at,
    };
    let task = TaskRequest {
        cluster: &store.runtime.cluster,
        task_definition: &store.runtime.task_definition,
        container: "odoo",
        command: &backup::command(&address, &job),
        variables: &[],
        subnets: store.runtime.subnets.clone(),
        security_groups: vec![store.runtime.security_group.clone()],
        public_ip: store.runtime.public_ip,
        task_role: Some(&store.task_role),
        size: Some(backup::SIZE),
        started_by,
        tags: store.runtime.tags.clone(),
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
    store: &BackupStore,
    work: &Work<'_>,
    arn: &str,
) -> Result<Option<String>, OperationError> {
    let begun = tokio::time::Instant::now();
    let what = format!("the {} of {}", work.verb, store.runtime.tenant);
    let mut retry = Retry::new(deployer.polling, Some(&deployer.events), what.clone());
    loop {
        let Some(task) = retry.ask(async || deployer.aws.task(&store.runtime.cluster, arn).await).await? else {
            return Ok(Some("ECS no longer knows the task".to_owned()));
        };
        if task.status == "STOPPED" {
            let reason = task.container_reason.or(task.stopped_reason).unwrap_or_else(|| "no reason given".to_owned());
            return match task.exit_code {
                Some(0) => Ok(None),
                Some(code) => Ok(Some(format!("the task ended with exit code {code}: {reason}"))),
                None if deployer.aws.is_sandbox() && !deployer.aws.runs_tasks() => Err(OperationError::Preflight {
                    problem: "the sandbox runs no tasks, so nothing can be backed up or restored".to_owned(),
                    help: "start it with `konta sandbox start --with-odoo`".to_owned(),
                }),
                None => Ok(Some(format!("the task did not run: {reason}"))),
            };
        }
        if begun.elapsed() > LONGEST {
            return Err(OperationError::Timeout { what, minutes: LONGEST.as_secs() / 60 });
        }
        tokio::time::sleep(deployer.polling.poll).await;
    }
}

fn failed(store: &BackupStore, work: &Work<'_>, arn: &str, reason: String) -> OperationError {
    let (tenant, task) = (&store.runtime.tenant, arn.rsplit('/').next().unwrap_or(arn));
    let task = task.get(..8).unwrap_or(task);
    OperationError::StepFailed {
        stack: store.stack.clone(),
        step: format!("the {}", work.verb),
        reason,
        help: format!(
            "nothing of the tenant was changed; `konta logs {tenant} --previous --task {task}` has the task's words"
        ),
    }
}
