//! ECS: services, and one-off tasks of a task definition.

use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, ContainerOverride, DesiredStatus, KeyValuePair,
    NetworkConfiguration, Tag, TaskOverride,
};

use super::error::AwsError;
use super::session::Aws;

/// The state of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceState {
    /// Its name.
    pub name: String,
    /// Tasks wanted.
    pub desired: i32,
    /// Tasks running.
    pub running: i32,
    /// Tasks starting.
    pub pending: i32,
    /// Tasks of the newest revision that failed.
    pub failed: i32,
    /// ECS's state of the newest rollout.
    pub rollout: String,
    /// The task definition in force.
    pub task_definition: String,
    /// The newest event's text.
    pub last_event: Option<String>,
}

/// A one-off task to run.
#[derive(Debug, Clone)]
pub struct TaskRequest<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// The task definition's ARN.
    pub task_definition: &'a str,
    /// The container whose command is replaced.
    pub container: &'a str,
    /// Its command.
    pub command: &'a [String],
    /// Variables in addition to the definition's; never secrets, because the API shows them.
    pub variables: &'a [(String, String)],
    /// Subnets.
    pub subnets: Vec<String>,
    /// Security groups.
    pub security_groups: Vec<String>,
    /// Whether the task gets a public address.
    pub public_ip: bool,
    /// The role instead of the definition's.
    pub task_role: Option<&'a str>,
    /// CPU units and MiB instead of the definition's size.
    pub size: Option<(u32, u32)>,
    /// What started it, in at most 36 characters; an interrupted command finds its task again by this.
    pub started_by: &'a str,
    /// Tags.
    pub tags: Vec<(String, String)>,
}

/// The state of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskState {
    /// Its ARN.
    pub arn: String,
    /// ECS's status, such as `STOPPED`.
    pub status: String,
    /// Why it stopped.
    pub stopped_reason: Option<String>,
    /// The container's exit code, if it ran.
    pub exit_code: Option<i32>,
    /// The container's own reason, such as an image that cannot be pulled.
    pub container_reason: Option<String>,
}

impl Aws {
    /// The states of a cluster's services, without those that do not exist. At most ten.
    pub async fn services(&self, cluster: &str, names: &[String]) -> Result<Vec<ServiceState>, AwsError> {
        let answer = self
            .ecs
            .describe_services()
            .cluster(cluster)
            .set_services(Some(names.to_vec()))
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("ecs DescribeServices", &e))?;
        Ok(answer
            .services()
            .iter()
            .filter(|service| service.status() != Some("INACTIVE"))
            .map(|service| {
                let newest = service.deployments().first();
                ServiceState {
                    name: service.service_name().unwrap_or_default().to_owned(),
                    desired: service.desired_count(),
                    running: service.running_count(),
                    pending: service.pending_count(),
                    failed: newest.map(aws_sdk_ecs::types::Deployment::failed_tasks).unwrap_or_default(),
                    rollout: newest
                        .and_then(|d| d.rollout_state())
                        .map(|state| state.as_str().to_owned())
                        .unwrap_or_default(),
                    task_definition: service.task_definition().unwrap_or_default().to_owned(),
                    last_event: service.events().first().and_then(|e| e.message()).map(ToOwned::to_owned),
                }
            })
            .collect())
    }

    /// Sets how many tasks a service should run, and changes nothing else.
    pub async fn set_desired_count(&self, cluster: &str, service: &str, count: i32) -> Result<(), AwsError> {
        self.ecs
            .update_service()
            .cluster(cluster)
            .service(service)
            .desired_count(count)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("ecs UpdateService", &e))?;
        Ok(())
    }

    /// Why the newest stopped task of a service stopped.
    pub async fn last_stopped_reason(&self, cluster: &str, service: &str) -> Result<Option<String>, AwsError> {
        let stopped = self
            .ecs
            .list_tasks()
            .cluster(cluster)
            .service_name(service)
            .desired_status(DesiredStatus::Stopped)
            .max_results(10)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("ecs ListTasks", &e))?;
        let Some(arn) = stopped.task_arns().first() else { return Ok(None) };
        let state = self.task(cluster, arn).await?;
        Ok(state.and_then(|task| task.container_reason.or(task.stopped_reason)))
    }

    /// Registers a revision of a task definition that differs only in its containers' image, under another family so
    /// that no service uses it as its newest revision. Returns its ARN.
    pub async fn define_with_image(&self, definition: &str, image: &str) -> Result<String, AwsError> {
        const OPERATION: &str = "ecs RegisterTaskDefinition";
        let answer = self
            .ecs
            .describe_task_definition()
            .task_definition(definition)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("ecs DescribeTaskDefinition", &e))?;
        let from = answer.task_definition.ok_or_else(|| AwsError::incomplete(OPERATION, "task definition"))?;
        let containers = from
            .container_definitions()
            .iter()
            .cloned()
            .map(|mut container| {
                container.image = Some(image.to_owned());
                container
            })
            .collect();
        let registered = self
            .ecs
            .register_task_definition()
            .family(super::task_definition::beside(from.family().unwrap_or("konta")))
            .set_container_definitions(Some(containers))
            .set_volumes(from.volumes.clone())
            .set_task_role_arn(from.task_role_arn.clone())
            .set_execution_role_arn(from.execution_role_arn.clone())
            .set_network_mode(from.network_mode.clone())
            .set_requires_compatibilities(from.requires_compatibilities.clone())
            .set_cpu(from.cpu.clone())
            .set_memory(from.memory.clone())
            .set_runtime_platform(from.runtime_platform.clone())
            .set_ephemeral_storage(from.ephemeral_storage.clone())
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, &e))?;
        registered
            .task_definition
            .and_then(|definition| definition.task_definition_arn)
            .ok_or_else(|| AwsError::incomplete(OPERATION, "ARN"))
    }

    /// Starts a one-off task.
    pub async fn run_task(&self, request: &TaskRequest<'_>) -> Result<TaskState, AwsError> {
        const OPERATION: &str = "ecs RunTask";
        let network = AwsVpcConfiguration::builder()
            .set_subnets(Some(request.subnets.clone()))
            .set_security_groups(Some(request.security_groups.clone()))
            .assign_public_ip(if request.public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled })
            .build()
            .map_err(|_| AwsError::incomplete(OPERATION, "subnet"))?;
        let variables =
            request.variables.iter().map(|(n, v)| KeyValuePair::builder().name(n).value(v).build()).collect();
        let container = ContainerOverride::builder()
            .name(request.container)
            .set_command(Some(request.command.to_vec()))
            .set_environment(Some(variables))
            .build();
        let mut overrides = TaskOverride::builder()
            .container_overrides(container)
            .set_task_role_arn(request.task_role.map(ToOwned::to_owned));
        if let Some((cpu, memory)) = request.size {
            overrides = overrides.cpu(cpu.to_string()).memory(memory.to_string());
        }
        // An installation must not be interrupted halfway, so never Spot.
        let on_demand = CapacityProviderStrategyItem::builder()
            .capacity_provider("FARGATE")
            .weight(1)
            .build()
            .map_err(|_| AwsError::incomplete(OPERATION, "capacity provider"))?;
        let answer = self
            .ecs
            .run_task()
            .cluster(request.cluster)
            .task_definition(request.task_definition)
            .capacity_provider_strategy(on_demand)
            .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(network).build())
            .overrides(overrides.build())
            .started_by(request.started_by)
            // So that a session can be opened in it (`konta exec --task`), as in a service's tasks.
            .enable_execute_command(true)
            .set_tags(Some(
                request.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect(),
            ))
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, &e))?;
        if let Some(failure) = answer.failures().first() {
            return Err(AwsError {
                operation: OPERATION,
                code: failure.reason().unwrap_or("Failure").to_owned(),
                message: failure.detail().unwrap_or("the task could not be placed").to_owned(),
                help: Some("a new account may have few Fargate vCPUs: see Service Quotas, L-3032A538".to_owned()),
            });
        }
        answer.tasks().first().map(task_state).ok_or_else(|| AwsError::incomplete(OPERATION, "task"))
    }

    /// The state of a task; `None` if ECS has forgotten it (about an hour after its end).
    pub async fn task(&self, cluster: &str, arn: &str) -> Result<Option<TaskState>, AwsError> {
        let answer = self
            .ecs
            .describe_tasks()
            .cluster(cluster)
            .tasks(arn)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("ecs DescribeTasks", &e))?;
        Ok(answer.tasks().first().map(task_state))
    }

    /// A task started by this name that runs or is about to: an interrupted command finds its task again.
    ///
    /// No status is given: ECS accepts no other filter with `startedBy`, and then lists the tasks that should run.
    /// Source: ECS API reference, `ListTasks`.
    pub async fn running_task(&self, cluster: &str, started_by: &str) -> Result<Option<String>, AwsError> {
        let answer = self
            .ecs
            .list_tasks()
            .cluster(cluster)
            .started_by(started_by)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("ecs ListTasks", &e))?;
        Ok(answer.task_arns().first().cloned())
    }
}

/// Odoo's container: AWS may add others, as GuardDuty does with its agent.
pub(super) const CONTAINER: &str = "odoo";

fn task_state(task: &aws_sdk_ecs::types::Task) -> TaskState {
    let container = task.containers().iter().find(|container| container.name() == Some(CONTAINER));
    TaskState {
        arn: task.task_arn().unwrap_or_default().to_owned(),
        status: task.last_status().unwrap_or_default().to_owned(),
        stopped_reason: task.stopped_reason().map(ToOwned::to_owned),
        exit_code: container.and_then(aws_sdk_ecs::types::Container::exit_code),
        container_reason: container.and_then(|c| c.reason()).map(ToOwned::to_owned),
    }
}
