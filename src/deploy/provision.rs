//! What konta does around a stack: passwords, priorities, databases, modules, health. Each step has two events.

use crate::deploy::database_template;
use crate::model::{DatabaseChoice, Isolation, Tenant};
use crate::odoo::modules;
use crate::operation::context::Context;
use crate::operation::database::Database;
use crate::operation::error::OperationError;
use crate::operation::event::{StepOutcome, StepResult};
use crate::operation::step::Step;
use crate::stack::names::POOL_USER;
use crate::stack::runtime::{LogSource, TenantRuntime};
use crate::stack::{DesiredStack, ParameterValue, StackKind};

use super::data_source::NewTenant;
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
        let password = self.context.names.tenant_password(&tenant.name);
        let keep = steps::keep_password(self.context.aws, &password, &desired.tags);
        self.context.deployment_step(desired, steps::PASSWORD, not_run, keep).await?;
        self.reserve_priority(desired, tenant, not_run).await?;
        let target = self.context.database(desired)?;
        let make = steps::tenant_database(self.context.aws, &target, &tenant.name, &password, pooled);
        self.context.deployment_step(desired, steps::DATABASE, not_run, make).await?;
        if pooled {
            self.install(desired, tenant, &target, not_run).await?;
            let hosts: Vec<String> = tenant.hosts.iter().map(|h| h.host.to_string()).collect();
            let lead = steps::lead_hosts(&target, &tenant.name, &hosts);
            self.context.deployment_step(desired, steps::POOL_HOSTS, not_run, lead).await?;
            return self.context.apply(desired, planned, None).await;
        }
        self.through_wait_condition(desired, planned, not_run).await
    }

    /// Deploys a stack with a wait condition. If its service runs already, konta does its work first, otherwise while the
    /// stack waits. Then konta checks the tasks.
    pub(super) async fn through_wait_condition(
        &self,
        desired: &DesiredStack,
        planned: &PlannedStack,
        not_run: &mut Vec<String>,
    ) -> Result<(), OperationError> {
        self.context.not_seen_healthy(&desired.name, &desired.tags).await?;
        let passed = desired
            .wait_condition
            .is_some_and(|condition| self.context.standing().output(&desired.name, condition.passed).is_some());
        if passed {
            self.before_service(desired, not_run).await?;
            self.context.apply(desired, planned, None).await?;
        } else {
            let point = self.wait_point(desired, not_run);
            self.context.apply(desired, planned, point).await?;
        }
        self.context.verify(desired, not_run).await
    }

    /// The wait point of a stack, with the work that konta does there.
    pub(super) fn wait_point<'a>(
        &'a self,
        desired: &'a DesiredStack,
        not_run: &'a mut Vec<String>,
    ) -> Option<WaitPoint<'a>> {
        let condition = desired.wait_condition?.condition;
        Some(WaitPoint::new(self.context.aws, condition, self.before_service(desired, not_run)))
    }

    /// Does what must be done before a service may start.
    async fn before_service(&self, desired: &DesiredStack, not_run: &mut Vec<String>) -> Result<(), OperationError> {
        match &desired.kind {
            StackKind::Cell(cell) => {
                let target = self.own_database(desired).await?;
                let password = self.context.names.pool_password(*cell);
                let pool = steps::pool_database(self.context.aws, &target, &password);
                self.context.deployment_step(desired, steps::POOL_DATABASE, not_run, pool).await
            }
            StackKind::Tenant(name) => {
                let Some(tenant) = self.tenants.get(name) else { return Ok(()) };
                let target = self.context.database(desired)?;
                self.install(desired, tenant, &target, not_run).await
            }
            _ => Ok(()),
        }
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
        let listener = self.context.output(desired, "HttpsListenerArn")?;
        let hosts: Vec<String> = tenant.hosts.iter().map(|h| h.host.to_string()).collect();
        let mut got = wanted;
        let work = async {
            let asked = Reservation {
                names: &self.context.names,
                cell,
                tenant: &tenant.name,
                hosts: &hosts,
                wanted,
                listener: &listener,
                tags: &desired.tags,
            };
            got = steps::reserve_priority(self.context.aws, &asked).await?;
            Ok((StepOutcome::Done, Some(got.to_string())))
        };
        self.context.deployment_step(desired, steps::RULE_PRIORITY, not_run, work).await?;
        desired.parameters.insert("ListenerRulePriority".to_owned(), ParameterValue::literal(got.to_string()));
        Ok(())
    }

    pub(super) async fn install(
        &self,
        desired: &DesiredStack,
        tenant: &Tenant,
        data: &Database<'_>,
        not_run: &mut Vec<String>,
    ) -> Result<(), OperationError> {
        let pooled = tenant.isolation == Isolation::Pooled;
        let runtime = self.runtime_to_be(desired, tenant).await?;
        if let Some(data_source) = self.data_sources.get(&tenant.name) {
            let new = NewTenant {
                stack: &desired.name,
                tenant,
                data,
                runtime: &runtime,
                operations_role: self.context.output(desired, "OperationsRoleArn")?,
            };
            data_source.fill(self.context, &new).await?;
        }
        let (database, url) = (tenant.name.database(), tenant.url());
        let request = Installation {
            stack: &desired.name,
            database: &database,
            modules: &tenant.modules,
            data,
            runtime: &runtime,
            command: modules::install,
        };
        let spec = self.tiers.get(&tenant.tier).map(|tier| TemplateSpec {
            tier: tier.name.as_str(),
            tier_modules: &tier.modules,
            image: &tenant.image,
            url: &url,
            owner: &database,
            user: if pooled { POOL_USER } else { &database },
            from_template: tenant.database == DatabaseChoice::Shared,
            password_name: self.context.names.administrator_password(&tenant.name),
            templates: &self.templates,
        });
        let work = async {
            match &spec {
                Some(spec) => database_template::set_up(self.context, &request, spec).await,
                None => install::install(self.context, &request).await,
            }
        };
        self.context.deployment_step(desired, steps::MODULES, not_run, work).await
    }

    /// Where a tenant's tasks will run, before its service exists.
    async fn runtime_to_be(&self, desired: &DesiredStack, tenant: &Tenant) -> Result<TenantRuntime, OperationError> {
        let output = |name: &str| self.context.output(desired, name);
        let is_pooled = tenant.isolation == Isolation::Pooled;
        Ok(TenantRuntime {
            tenant: tenant.name.clone(),
            database: tenant.name.database(),
            is_pooled,
            cluster: output("ClusterName")?,
            service: None,
            task_definition: if is_pooled {
                output("PoolTaskDefinitionArn")?
            } else {
                self.own_task_definition(desired).await?
            },
            log: LogSource { group: output("LogGroupName")?, streams: String::new() },
            subnets: output("TaskSubnetIds")?.split(',').map(ToOwned::to_owned).collect(),
            security_group: output("TaskSecurityGroupId")?,
            public_ip: output("AssignPublicIp")? == "ENABLED",
            tags: desired.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        })
    }

    /// The tenant's own task definition: an output of the stack once it is deployed, before that one of its resources.
    async fn own_task_definition(&self, desired: &DesiredStack) -> Result<String, OperationError> {
        if let Some(arn) = self.context.standing().output(&desired.name, "TaskDefinitionArn") {
            return Ok(arn.to_owned());
        }
        self.context.resource(desired, "AWS::ECS::TaskDefinition").await
    }

    /// The cell's own database: outputs of the stack once it is deployed, before that one of its resources.
    async fn own_database(&self, desired: &DesiredStack) -> Result<Database<'_>, OperationError> {
        let aws = self.context.aws;
        let known = Database::of_stacks(aws, &self.context.standing(), std::slice::from_ref(&desired.name));
        if let Some(database) = known {
            return Ok(database);
        }
        let cluster = self.context.resource(desired, "AWS::RDS::DBCluster").await?;
        let target = aws.data_target(&cluster).await?.ok_or_else(|| OperationError::MissingOutput {
            stack: desired.name.clone(),
            missing: format!("the ARN and the master secret of {cluster}"),
        })?;
        Ok(Database::new(aws, target))
    }

    pub(super) async fn check_delegation(
        &self,
        desired: &DesiredStack,
        not_run: &mut Vec<String>,
    ) -> Result<(), OperationError> {
        // An imported zone has no stack here; the operator has it delegated.
        let Some(servers) =
            self.context.standing().output(&self.context.names.dns(), "NameServers").map(ToOwned::to_owned)
        else {
            return Ok(());
        };
        let servers: Vec<String> = servers.split(',').map(ToOwned::to_owned).collect();
        let domain = self.context.environment.domain.to_string();
        let work = async {
            if self.context.aws.is_sandbox() {
                return Ok((StepOutcome::NotRun, Some("the sandbox's zones are not in the public DNS".to_owned())));
            }
            match preflight::delegation(&domain, &servers).await {
                Ok(None) => Ok((StepOutcome::Done, None)),
                Ok(Some(_)) => {
                    Err(OperationError::NotDelegated { domain: domain.clone(), servers: servers.join("\n  ") })
                }
                Err(problem) => Err(OperationError::Preflight {
                    problem: format!("cannot look up {domain} in the public DNS: {problem}"),
                    help: "check the network, then run the command again".to_owned(),
                }),
            }
        };
        self.context.deployment_step(desired, steps::DELEGATION, not_run, work).await
    }
}

impl Context<'_> {
    /// Runs a step of a stack's deployment, and collects the title of a step that was not run.
    pub(super) async fn deployment_step(
        &self,
        desired: &DesiredStack,
        step: Step,
        not_run: &mut Vec<String>,
        work: impl Future<Output = StepResult>,
    ) -> Result<(), OperationError> {
        debug_assert!(steps::of(desired).contains(&step), "the step {step:?} is not in the list of {}", desired.name);
        let (outcome, detail) = self.events.step(&desired.name, step.name, step.title, work).await?;
        if outcome == StepOutcome::NotRun {
            not_run.push(format!("{}: {}", step.title, detail.unwrap_or_default()));
        }
        Ok(())
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

    /// The cluster that holds a tenant's database, by the stacks that `desired` depends on.
    pub(super) fn database(&self, desired: &DesiredStack) -> Result<Database<'_>, OperationError> {
        Database::of_stacks(self.aws, &self.standing(), &desired.depends_on).ok_or_else(|| {
            OperationError::MissingOutput {
                stack: desired.name.clone(),
                missing: "DatabaseClusterArn and DatabaseSecretArn".to_owned(),
            }
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
}
