//! Single ECS tasks: lists them, says how they ended, opens a session in one, stops one.

use aws_sdk_ecs::types::{Container, DesiredStatus, Task};
use secrecy::SecretString;

use super::ecs::CONTAINER;
use super::error::AwsError;
use super::session::Aws;

/// Which tasks: of which service or family, and whether running or stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tasks<'a> {
    /// The running tasks of a service.
    RunningOfService(&'a str),
    /// The running tasks of a family of task definitions, including one-off tasks.
    RunningOfFamily(&'a str),
    /// The stopped tasks of a service; ECS forgets them after about an hour.
    StoppedOfService(&'a str),
    /// The tasks of a family that have stopped or should stop: their last status says which.
    StoppedOfFamily(&'a str),
}

/// A task. Times are milliseconds since 1970, UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskDetail {
    /// Its ARN.
    pub arn: String,
    /// ECS's status, such as `RUNNING`.
    pub status: String,
    /// What started it.
    pub started_by: Option<String>,
    /// ECS's reason, once ECS wants it to stop, which may take a while.
    pub stops: Option<String>,
    /// When it was requested.
    pub created: Option<i64>,
    /// When it stopped.
    pub stopped: Option<i64>,
    /// Why it stopped.
    pub stopped_reason: Option<String>,
    /// The runtime's id of its container `odoo`.
    pub runtime_id: Option<String>,
    /// The container's exit code.
    pub exit_code: Option<i32>,
    /// The container's own reason.
    pub container_reason: Option<String>,
    /// Whether it was started so that sessions can be opened in it.
    pub takes_sessions: bool,
    /// The status of the agent that opens them, if ECS gives it.
    pub agent: Option<String>,
}

impl TaskDetail {
    /// The last part of the ARN.
    #[must_use]
    pub fn id(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or(&self.arn)
    }
}

/// A session in a container, for the Session Manager plugin to take over.
#[derive(Debug)]
pub struct ContainerSession {
    /// Its id.
    pub id: String,
    /// Where its data goes.
    pub stream_url: String,
    /// What opens it, as secret as a password.
    pub token: SecretString,
}

impl Aws {
    /// The tasks of a service or a family, newest first.
    pub async fn tasks(&self, cluster: &str, which: Tasks<'_>) -> Result<Vec<TaskDetail>, AwsError> {
        let list = self.ecs.list_tasks().cluster(cluster);
        let list = match which {
            Tasks::RunningOfService(service) => list.service_name(service).desired_status(DesiredStatus::Running),
            Tasks::RunningOfFamily(family) => list.family(family).desired_status(DesiredStatus::Running),
            Tasks::StoppedOfService(service) => list.service_name(service).desired_status(DesiredStatus::Stopped),
            Tasks::StoppedOfFamily(family) => list.family(family).desired_status(DesiredStatus::Stopped),
        };
        let mut arns = Vec::new();
        let mut pages = list.into_paginator().items().send();
        while let Some(arn) = pages.next().await {
            arns.push(arn.map_err(|e| AwsError::from_sdk("ecs ListTasks", &e))?);
        }
        let mut tasks = Vec::new();
        // DescribeTasks takes up to a hundred.
        for some in arns.chunks(100) {
            let answer = self
                .ecs
                .describe_tasks()
                .cluster(cluster)
                .set_tasks(Some(some.to_vec()))
                .send()
                .await
                .map_err(|e| AwsError::from_sdk("ecs DescribeTasks", &e))?;
            tasks.extend(answer.tasks().iter().map(detail));
        }
        tasks.sort_by_key(|task| std::cmp::Reverse((task.stopped, task.created)));
        Ok(tasks)
    }

    /// One task, by its id or ARN; `None` if ECS has forgotten it (about an hour after its end).
    pub async fn task_detail(&self, cluster: &str, task: &str) -> Result<Option<TaskDetail>, AwsError> {
        let answer = self.ecs.describe_tasks().cluster(cluster).tasks(task).send().await;
        let answer = answer.map_err(|e| AwsError::from_sdk("ecs DescribeTasks", &e))?;
        Ok(answer.tasks().first().map(detail))
    }

    /// Opens a session in a task's container `odoo` with a command, which is split into words as a POSIX shell would.
    pub async fn open_container(&self, cluster: &str, task: &str, command: &str) -> Result<ContainerSession, AwsError> {
        const OPERATION: &str = "ecs ExecuteCommand";
        let answer = self
            .ecs
            .execute_command()
            .cluster(cluster)
            .task(task)
            .container(CONTAINER)
            .command(command)
            .interactive(true)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, &e))?;
        let session = answer.session.ok_or_else(|| AwsError::incomplete(OPERATION, "session"))?;
        Ok(ContainerSession {
            id: session.session_id.ok_or_else(|| AwsError::incomplete(OPERATION, "session id"))?,
            stream_url: session.stream_url.ok_or_else(|| AwsError::incomplete(OPERATION, "stream URL"))?,
            token: session.token_value.ok_or_else(|| AwsError::incomplete(OPERATION, "token"))?.into(),
        })
    }

    /// Stops a task, which has its stop timeout to end.
    pub async fn stop_task(&self, cluster: &str, task: &str, reason: &str) -> Result<(), AwsError> {
        self.ecs
            .stop_task()
            .cluster(cluster)
            .task(task)
            .reason(reason)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("ecs StopTask", &e))?;
        Ok(())
    }
}

fn detail(task: &Task) -> TaskDetail {
    let millis = |time: Option<&aws_sdk_ecs::primitives::DateTime>| time.and_then(|time| time.to_millis().ok());
    let container = task.containers().iter().find(|container| container.name() == Some(CONTAINER));
    TaskDetail {
        arn: task.task_arn().unwrap_or_default().to_owned(),
        status: task.last_status().unwrap_or_default().to_owned(),
        started_by: task.started_by().map(ToOwned::to_owned),
        stops: (task.desired_status() == Some("STOPPED")).then(|| task.stopped_reason().unwrap_or_default().to_owned()),
        created: millis(task.created_at()),
        stopped: millis(task.stopped_at()),
        stopped_reason: task.stopped_reason().filter(|reason| !reason.is_empty()).map(ToOwned::to_owned),
        runtime_id: container.and_then(|container| container.runtime_id()).map(ToOwned::to_owned),
        exit_code: container.and_then(Container::exit_code),
        container_reason: container.and_then(|container| container.reason()).map(ToOwned::to_owned),
        takes_sessions: task.enable_execute_command(),
        agent: container
            .and_then(|container| container.managed_agents().first())
            .and_then(|agent| agent.last_status())
            .map(ToOwned::to_owned),
    }
}
