//! A tenant's last stopped task, or the one with a given id, and why it stopped.

use serde::Serialize;

use crate::aws::tasks::{TaskDetail, Tasks};
use crate::aws::{Aws, AwsError};
use crate::stack::runtime::TenantRuntime;

/// A task that stopped. Times are milliseconds since 1970, UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// Its id.
    pub task: String,
    /// The earliest moment at which it may have written.
    #[serde(skip)]
    pub from: i64,
    /// When it stopped; `None` if only its log remains.
    #[serde(skip)]
    pub at: Option<i64>,
    /// Its exit code, if it ran.
    pub exit_code: Option<i32>,
    /// Why it stopped, in ECS's words.
    pub reason: Option<String>,
}

/// The last stopped task of the tenant's service or its pool. ECS forgets a task after about an hour; after that it is
/// the task with the newest log that is not running, usually without a reason. `None` if none ever stopped.
pub async fn last(aws: &Aws, runtime: &TenantRuntime) -> Result<Option<Stopped>, AwsError> {
    if let Some(service) = &runtime.service {
        let stopped = aws.tasks(&runtime.cluster, Tasks::StoppedOfService(service)).await?;
        if let Some(task) = stopped.into_iter().next() {
            return Ok(Some(Stopped::from(task)));
        }
    }
    let running = aws.tasks(&runtime.cluster, Tasks::RunningOfFamily(runtime.family())).await?;
    let streams = aws.log_streams(&runtime.log.group, &runtime.log.streams).await?;
    let runs = |id: &str| running.iter().any(|task| task.status != "STOPPED" && task.id() == id);
    let last = streams
        .into_iter()
        .filter(|stream| stream.last.is_some() && !runs(&id(&stream.name)))
        .max_by_key(|stream| stream.last);
    let Some(stream) = last else { return Ok(None) };
    let task = id(&stream.name);
    // A one-off task does not belong to the service, but ECS may still know it.
    let known = aws.task(&runtime.cluster, &task).await?.unwrap_or_default();
    Ok(Some(Stopped {
        from: stream.first.unwrap_or_default(),
        at: None,
        exit_code: known.exit_code,
        reason: because(known.container_reason, known.stopped_reason),
        task,
    }))
}

/// The state of a given task: one of the service's, or a one-off task such as an upgrade's or a backup's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It has stopped.
    Stopped(Stopped),
    /// It is running; its id.
    Runs(String),
}

/// The newest task of the tenant or its pool whose id begins like this. `None` if no such task ever wrote a line and
/// ECS knows none.
pub async fn one(aws: &Aws, runtime: &TenantRuntime, beginning: &str) -> Result<Option<Found>, AwsError> {
    let streams = aws.log_streams(&runtime.log.group, &format!("{}{beginning}", runtime.log.streams)).await?;
    let newest = streams.into_iter().max_by_key(|stream| stream.last);
    // A task that never ran has no log, and ECS knows it only by its whole id.
    let task = newest.as_ref().map_or_else(|| beginning.to_owned(), |stream| id(&stream.name));
    let known = match aws.task_detail(&runtime.cluster, &task).await {
        // ECS's answer to something that is not a task's id.
        Err(error) if newest.is_none() && error.is("InvalidParameter") => None,
        known => known?,
    };
    Ok(match (known, newest) {
        (Some(known), _) if known.status == "STOPPED" => Some(Found::Stopped(Stopped::from(known))),
        (Some(known), _) => Some(Found::Runs(known.id().to_owned())),
        (None, Some(stream)) => Some(Found::Stopped(Stopped {
            task,
            from: stream.first.unwrap_or_default(),
            at: None,
            exit_code: None,
            reason: None,
        })),
        (None, None) => None,
    })
}

impl From<TaskDetail> for Stopped {
    fn from(task: TaskDetail) -> Self {
        Self {
            task: task.id().to_owned(),
            from: task.created.unwrap_or_default(),
            at: task.stopped,
            exit_code: task.exit_code,
            reason: because(task.container_reason, task.stopped_reason),
        }
    }
}

/// The id of the task that wrote a stream.
fn id(stream: &str) -> String {
    stream.rsplit('/').next().unwrap_or_default().to_owned()
}

/// The container's and the task's reason as one sentence.
#[must_use]
pub fn because(container: Option<String>, task: Option<String>) -> Option<String> {
    match (container, task) {
        (Some(container), Some(task)) if container != task => Some(format!("{container} ({task})")),
        (container, task) => container.or(task),
    }
}
