//! What is done around a stack: passwords, priorities, databases, modules, health. Each is a step with two events.

use crate::aws::rds_data::DataTarget;
use crate::model::{DatabaseChoice, Isolation, Tenant};
use crate::odoo::modules;
use crate::operation::error::OperationError;
use crate::operation::event::{StepOutcome, StepResult};
use crate::stack::names::POOL_USER;
use crate::stack::{DesiredStack, ParameterValue, StackKind};

use super::data_source::NewPlace;
use super::database_template::TemplateSpec;
use super::deployer::Deployer;
use super::install::{self, Installation};
use super::plan::PlannedStack;
use super::preflight;
use super::steps::{self, Reservation};
use super::wait_point::WaitPoint;

impl Deployer<'_> {
    pub(super) async fn tenant(
        &self,
        desired: &mut DesiredStack,
        planned: &PlannedStack,
        tenant: &Tenant,
        not_run: &mut Vec<String>,
    ) -> Result<(), OperationError> {
        let pooled = tenant.isolation == Isolation::Pooled;
        let password = self.names.tenant_password(&tenant.name);
        let keep = steps::keep_password(self.aws, &password, &desired.tags);
        self.step(desired, "password", "a password for the tenant's role", not_run, keep).await?;
        self.reserve_priority(desired, tenant, not_run).await?;
        let target = self.data_target(desired, &desired.depends_on)?;
        let make = steps::tenant_database(self.aws, &target, &tenant.name, &password, pooled);
        self.step(desired, "database", "the tenant's role and database", not_run, make).await?;
        if pooled {
            self.install(desired, tenant, &target, not_run).await?;
            let hosts: Vec<String> = tenant.hosts.iter().map(|h| h.host.to_string()).collect();
            let lead = steps::lead_hosts(self.aws, &target, &tenant.name, &hosts);
            self.step(desired, "hosts", "the tenant's hosts in the pool's registry", not_run, lead).await?;
            return self.apply(desired, planned, None).await;
        }
        self.through_wait_condition(desired, planned, not_run).await
    }

    /// A stack with a wait condition. Where its service runs already, konta does its work first; else while the stack waits. Then konta
    /// looks at the tasks.
    pub(super) async fn through_wait_condition(
        &self,
        desired: &DesiredStack,
        planned: &PlannedStack,
        not_run: &mut Vec<String>,
    ) -> Result<(), OperationError> {
        self.not_seen_healthy(&desired.name, &desired.tags).await?;
        let passed = desired
            .wait_condition
            .is_some_and(|condition| self.standing().output(&desired.name, condition.passed).is_some());
        if passed {
            self.before_service(desired, not_run).await?;
            self.apply(desired, planned, None).await?;
        } else {
            let point = self.wait_point(desired, not_run);
            self.apply(desired, planned, point).await?;
        }
        self.verify(desired, not_run).await
    }

    /// The wait point of a stack, with what konta does there.
    pub(super) fn wait_point<'a>(
        &'a self,
        desired: &'a DesiredStack,
        not_run: &'a mut Vec<String>,
    ) -> Option<WaitPoint<'a>> {
        let condition = desired.wait_condition?.condition;
        Some(WaitPoint::new(self.aws, condition, self.before_service(desired, not_run)))
    }

    /// What must be done before a service may start.
    async fn before_service(&self, desired: &DesiredStack, not_run: &mut Vec<String>) -> Result<(), OperationError> {
        match &desired.kind {
            StackKind::Cell(cell) => {
                let target = self.own_database(desired).await?;
                let password = self.names.pool_password(*cell);
                let pool = steps::pool_database(self.aws, &target, &password);
                self.step(desired, "pool", "the pool's role and its registry of hosts", not_run, pool).await
            }
            StackKind::Tenant(name) => {
                let Some(tenant) = self.tenants.get(name) else { return Ok(()) };
                let target = self.data_target(desired, &desired.depends_on)?;
                self.install(desired, tenant, &target, not_run).await
            }
            _ => Ok(()),
        }
    }

    /// Runs a step, and keeps what it did not run.
    pub(super) async fn step(
        &self,
        desired: &DesiredStack,
        step: &str,
        title: &str,
        not_run: &mut Vec<String>,
        work: impl Future<Output = StepResult>,
    ) -> Result<(), OperationError> {
        let (outcome, detail) = self.events.step(&desired.name, step, title, work).await?;
        if outcome == StepOutcome::NotRun {
            not_run.push(format!("{title}: {}", detail.unwrap_or_default()));
        }
        Ok(())
    }

    pub(super) async fn reserve_priority(
        &self,
        desired: &mut DesiredStack,
        tenant: &Tenant,
        not_run: &mut Vec<String>,
    ) -> Result<(), OperationError> {
        let wanted = desired.parameters.get("ListenerRulePriority").and_then(|p| p.to_string().parse().ok());
        let cell = desired
            .tags
            .get(crate::stack::tags::CELL_TAG)
            .and_then(|c| c.parse().ok())
            .and_then(crate::model::CellNumber::new);
        let (Some(wanted), Some(cell)) = (wanted, cell) else { return Ok(()) };
        let listener = self.output(desired, "HttpsListenerArn")?;
        let hosts: Vec<String> = tenant.hosts.iter().map(|h| h.host.to_string()).collect();
        let mut got = wanted;
        let work = async {
            let asked = Reservation {
                names: &self.names,
                cell,
                tenant: &tenant.name,
                hosts: &hosts,
                wanted,
                listener: &listener,
                tags: &desired.tags,
            };
            got = steps::reserve_priority(self.aws, &asked).await?;
            Ok((StepOutcome::Done, Some(got.to_string())))
        };
        self.step(desired, "priority", "a priority for the listener rule", not_run, work).await?;
        desired.parameters.insert("ListenerRulePriority".to_owned(), ParameterValue::literal(got.to_string()));
        Ok(())
    }

    pub(super) async fn install(
        &self,
        desired: &DesiredStack,
        tenant: &Tenant,
        data: &DataTarget,
        not_run: &mut Vec<String>,
    ) -> Result<(), OperationError> {
        let task_definition = match tenant.isolation {
            Isolation::Dedicated => self.own_task_definition(desired).await?,
            Isolation::Pooled => self.output(desired, "PoolTaskDefinitionArn")?,
        };
        let (cluster, subnets) = (self.output(desired, "ClusterName")?, self.output(desired, "TaskSubnetIds")?);
        let (group, public) = (self.output(desired, "TaskSecurityGroupId")?, self.output(desired, "AssignPublicIp")?);
        let tags: Vec<(String, String)> =
            desired.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        if let Some(arrival) = self.arrivals.get(&tenant.name) {
            let place = NewPlace {
                stack: &desired.name,
                tenant,
                data,
                cluster: &cluster,
                task_definition: &task_definition,
                subnets: subnets.split(',').map(ToOwned::to_owned).collect(),
                security_group: &group,
                public_ip: public == "ENABLED",
                operations_role: self.output(desired, "OperationsRoleArn")?,
                log_group: self.output(desired, "LogGroupName")?,
                tags: tags.clone(),
            };
            arrival.arrive(self, &place).await?;
        }
        let (database, url) = (tenant.name.database(), tenant.url());
        let pooled = tenant.isolation == Isolation::Pooled;
        let request = Installation {
            stack: &desired.name,
            database: &database,
            modules: &tenant.modules,
            data,
            cluster: &cluster,
            task_definition: &task_definition,
            subnets: &subnets,
            security_group: &group,
            public_ip: public == "ENABLED",
            tags,
            events: &self.events,
            command: modules::install,
            first: self.tiers.get(&tenant.tier).map(|tier| TemplateSpec {
                tier: tier.name.as_str(),
                tier_modules: &tier.modules,
                image: &tenant.image,
                url: &url,
                owner: &database,
                user: if pooled { POOL_USER } else { &database },
                from_template: tenant.database == DatabaseChoice::Shared,
                password_name: self.names.administrator_password(&tenant.name),
                templates: &self.templates,
            }),
        };
        self.step(desired, "modules", "the tenant's modules", not_run, install::run(self.aws, self.polling, &request))
            .await
    }

    /// The tenant's own task definition: an output once the stack stands, and a resource of it before.
    async fn own_task_definition(&self, desired: &DesiredStack) -> Result<String, OperationError> {
        if let Some(arn) = self.standing().output(&desired.name, "TaskDefinitionArn") {
            return Ok(arn.to_owned());
        }
        self.resource(desired, "AWS::ECS::TaskDefinition").await
    }

    /// The cell's own database: outputs once the stack stands, and a resource of it before.
    async fn own_database(&self, desired: &DesiredStack) -> Result<DataTarget, OperationError> {
        if let Some(target) = steps::data_target(&self.standing(), std::slice::from_ref(&desired.name)) {
            return Ok(target);
        }
        let cluster = self.resource(desired, "AWS::RDS::DBCluster").await?;
        self.aws.data_target(&cluster).await?.ok_or_else(|| OperationError::MissingOutput {
            stack: desired.name.clone(),
            missing: format!("the ARN and the master's secret of {cluster}"),
        })
    }

    /// The physical id of the stack's first resource of a type.
    async fn resource(&self, desired: &DesiredStack, resource_type: &str) -> Result<String, OperationError> {
        let resources = self.aws.stack_resources(&desired.name).await?;
        resources
            .into_iter()
            .find(|(_, of, id, _)| of == resource_type && !id.is_empty())
            .map(|found| found.2)
            .ok_or_else(|| OperationError::MissingOutput {
                stack: desired.name.clone(),
                missing: resource_type.to_owned(),
            })
    }

    /// An output of any stack that `desired` depends on.
    pub(super) fn output(&self, desired: &DesiredStack, output: &str) -> Result<String, OperationError> {
        let standing = self.standing();
        desired
            .depends_on
            .iter()
            .find_map(|stack| standing.output(stack, output))
            .map(ToOwned::to_owned)
            .ok_or_else(|| OperationError::MissingOutput { stack: desired.name.clone(), missing: output.to_owned() })
    }

    pub(super) fn data_target(&self, desired: &DesiredStack, stacks: &[String]) -> Result<DataTarget, OperationError> {
        steps::data_target(&self.standing(), stacks).ok_or_else(|| OperationError::MissingOutput {
            stack: desired.name.clone(),
            missing: "DatabaseClusterArn and DatabaseSecretArn".to_owned(),
        })
    }

    pub(super) async fn check_delegation(
        &self,
        desired: &DesiredStack,
        not_run: &mut Vec<String>,
    ) -> Result<(), OperationError> {
        // An imported zone has no stack here, and is the operator's to have delegated.
        let Some(servers) = self.standing().output(&self.names.dns(), "NameServers").map(ToOwned::to_owned) else {
            return Ok(());
        };
        let servers: Vec<String> = servers.split(',').map(ToOwned::to_owned).collect();
        let domain = self.environment.domain.to_string();
        let work = async {
            if self.aws.is_sandbox() {
                return Ok((StepOutcome::NotRun, Some("the sandbox's zones are not in the public DNS".to_owned())));
            }
            match preflight::delegation(&domain, &servers).await {
                Ok(None) => Ok((StepOutcome::Done, None)),
                Ok(Some(_)) => {
                    Err(OperationError::NotDelegated { domain: domain.clone(), servers: servers.join("\n  ") })
                }
                Err(problem) => Err(OperationError::Preflight {
                    problem: format!("the public DNS could not be asked about {domain}: {problem}"),
                    help: "check the network, then run the command again".to_owned(),
                }),
            }
        };
        self.step(desired, "delegation", "whether the domain leads to the zone", not_run, work).await
    }
}
