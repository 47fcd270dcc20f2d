//! The last task of a tenant that stopped, and why.

use serde::Serialize;

use crate::aws::tasks::Tasks;
use crate::aws::{Aws, AwsError};

use super::place::Place;

/// A task that stopped. Times are milliseconds since 1970, UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// Its id.
    pub task: String,
    /// From when on it may have written.
    #[serde(skip)]
    pub from: i64,
    /// When it stopped; `None` when only its log is left.
    #[serde(skip)]
    pub at: Option<i64>,
    /// Its exit code, when it ran.
    pub exit_code: Option<i32>,
    /// Why it stopped, in ECS's words.
    pub reason: Option<String>,
}

/// The last task of the tenant's service, or its pool's, that stopped. ECS forgets it after about an hour: then the one with the
/// newest log that does not run, as a rule without a reason. `None` when none ever stopped.
pub async fn last(aws: &Aws, place: &Place) -> Result<Option<Stopped>, AwsError> {
    if let Some(service) = &place.service {
        let stopped = aws.tasks(&place.cluster, Tasks::StoppedOfService(service)).await?;
        if let Some(task) = stopped.into_iter().next() {
            return Ok(Some(Stopped {
                task: task.id().to_owned(),
                from: task.created.unwrap_or_default(),
                at: task.stopped,
                exit_code: task.exit_code,
                reason: because(task.container_reason, task.stopped_reason),
            }));
        }
    }
    let running = aws.tasks(&place.cluster, Tasks::RunningOfFamily(place.family())).await?;
    let streams = aws.log_streams(&place.log.group, &place.log.streams).await?;
    let id = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let runs = |id: &str| running.iter().any(|task| task.status != "STOPPED" && task.id() == id);
    let last = streams
        .into_iter()
        .filter(|stream| stream.last.is_some() && !runs(&id(&stream.name)))
        .max_by_key(|stream| stream.last);
    let Some(stream) = last else { return Ok(None) };
    let task = id(&stream.name);
    // A task for once is not the service's; ECS may know it all the same.
    let known = aws.task(&place.cluster, &task).await?.unwrap_or_default();
    Ok(Some(Stopped {
        from: stream.first.unwrap_or_default(),
        at: None,
        exit_code: known.exit_code,
        reason: because(known.container_reason, known.stopped_reason),
        task,
    }))
}

/// The container's reason and the task's as one sentence.
#[must_use]
pub fn because(container: Option<String>, task: Option<String>) -> Option<String> {
    match (container, task) {
        (Some(container), Some(task)) if container != task => Some(format!("{container} ({task})")),
        (container, task) => container.or(task),
    }
}
