//! A one-off task that runs konta's tool in the tenant's own image, with the role that has access to backups.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::odoo::backup::{self, BackupId, Job, Outcome};
use crate::operation::OperationError;
use crate::operation::context::Context;
use crate::task::one_off::{self, Finished, OneOff, TaskExit};

use super::backup_store::BackupStore;

/// How long the address of the tool is valid. A task that ECS starts later cannot fetch the tool and fails.
const LENT: Duration = Duration::from_hours(1);

/// The longest that a task may run: a large filestore can take hours.
const LONGEST: Duration = Duration::from_hours(12);

/// What a task must do.
#[derive(Debug, Clone)]
pub(super) struct Work<'a> {
    /// The verb of the tool: [`Job::verb`].
    pub(super) verb: &'a str,
    /// The tenant whose backup it is.
    pub(super) source: &'a str,
    /// The backup.
    pub(super) id: &'a BackupId,
    /// The database to read or fill.
    pub(super) database: &'a str,
    /// The address of the copy if the data must be neutralised.
    pub(super) neutralized_at: Option<&'a str>,
}

/// Identifies a piece of work, so that konta finds the same work while it runs, even if an older konta started it.
fn started_by(store: &BackupStore<'_>, work: &Work<'_>) -> String {
    let which = if matches!(work.verb, "restore" | "check") { work.id.as_str() } else { "" };
    let text = format!("{} {} {} {which} {:?}", store.stack, work.source, work.database, work.neutralized_at);
    let digest = Sha256::digest(text.as_bytes());
    let half = |from: usize| u32::from_be_bytes([digest[from], digest[from + 1], digest[from + 2], digest[from + 3]]);
    format!("konta-{}-{:08x}{:08x}", verb_in_started_by(work.verb), half(0), half(4))
}

/// A verb as `startedBy` spells it. The three verbs for files keep their first names here: a newer konta must not start a
/// second task while one of an older konta runs, because both would remove and create the same links.
///
/// The job itself needs no old names. The tool is not part of a task definition: each task fetches the tool of the konta
/// that starts it and checks its hash, so the tool always knows the verb.
fn verb_in_started_by(verb: &str) -> &str {
    match verb {
        backup::PIN_FILES => "hold",
        backup::RELINK_FILES => "giveback",
        backup::UNPIN_FILES => "letgo",
        other => other,
    }
}

/// Whether a task is doing the work.
pub(super) async fn is_running(
    context: &Context<'_>,
    store: &BackupStore<'_>,
    work: &Work<'_>,
) -> Result<bool, OperationError> {
    Ok(context.aws.running_task(&store.runtime.cluster, &started_by(store, work)).await?.is_some())
}

/// Does the work, or waits for the same work that is under way.
pub(super) async fn run(
    context: &Context<'_>,
    store: &BackupStore<'_>,
    work: &Work<'_>,
) -> Result<Outcome, OperationError> {
    let aws = context.aws;
    let started_by = started_by(store, work);
    let result = format!("konta/results/{started_by}.json");
    let what = format!("the {} task of {}", work.verb, store.runtime.tenant);
    let finished = match one_off::running(context, &store.runtime.cluster, &started_by).await? {
        Some(arn) => {
            let exit = one_off::ended(context, &store.runtime.cluster, &arn, &what, LONGEST).await?;
            Finished { arn, exit }
        }
        None => start(context, store, work, &started_by, &result).await?,
    };
    if let TaskExit::NotRun { .. } = finished.exit {
        return Err(OperationError::NoTasks { what: "nothing can be backed up or restored" });
    }
    let ended = finished.exit.problem();
    let arn = finished.arn;
    let said = aws.object(&store.bucket, &result).await?;
    let outcome = said.and_then(|text| serde_json::from_slice::<Outcome>(&text).ok());
    match outcome {
        Some(outcome) if outcome.ok && ended.is_none() => Ok(outcome),
        Some(Outcome { ok: false, error: Some(error), .. }) => Err(failed(store, work, &arn, error)),
        _ => {
            let reason = ended.unwrap_or_else(|| "the task ended without a result".to_owned());
            Err(failed(store, work, &arn, reason))
        }
    }
}

/// Uploads the tool, runs the task, and waits until it ends.
async fn start(
    context: &Context<'_>,
    store: &BackupStore<'_>,
    work: &Work<'_>,
    started_by: &str,
    result: &str,
) -> Result<Finished, OperationError> {
    let aws = context.aws;
    let tool = format!("konta/tools/{}.py", backup::tool_digest());
    aws.put_object(&store.bucket, &tool, backup::TOOL.as_bytes().to_vec()).await?;
    // The same work may have left a result earlier: delete it, so that it does not pass for this one.
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
    let task = OneOff {
        runtime: &store.runtime,
        task_definition: None,
        command: &backup::command(&address, &job),
        database: None,
        task_role: Some(&store.task_role),
        size: Some(backup::SIZE),
        started_by,
    };
    task.run(context, &format!("the {} task of {}", work.verb, store.runtime.tenant), LONGEST).await
}

/// Where a backup's objects are.
pub(super) fn backup_prefix(tenant: &str, id: &BackupId) -> String {
    format!("{tenant}/{id}")
}

fn failed(store: &BackupStore<'_>, work: &Work<'_>, arn: &str, reason: String) -> OperationError {
    let (tenant, task) = (&store.runtime.tenant, arn.rsplit('/').next().unwrap_or(arn));
    let task = task.get(..8).unwrap_or(task);
    OperationError::StepFailed {
        stack: store.stack.clone(),
        step: format!("the {} task", work.verb),
        reason,
        help: format!(
            "the tenant was not changed; run `konta logs {tenant} --previous --task {task}` to see what the task printed"
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
