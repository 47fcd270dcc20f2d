//! Carrying out a plan: wave by wave, side by side, each stack with the steps around it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use tokio::sync::mpsc::UnboundedSender;

use crate::aws::Aws;
use crate::model::{Environment, Isolation, Tenant, TenantName};
use crate::stack::build::Names;
use crate::stack::desired::HASH_TAG;
use crate::stack::plan::Action;
use crate::stack::{DesiredStack, Observed, ParameterValue, StackKind, order};

use super::change_set;
use super::error::DeployError;
use super::event::{DeployEvent, StepOutcome};
use super::failure;
use super::install::{self, Installation};
use super::observe::observed;
use super::pace::Pace;
use super::preflight;
use super::prepare::{Planned, PlannedStack};
use super::steps::{self, Reservation, StepResult};
use super::wait::{self, Wish, Wishes};

/// Where events go.
#[derive(Debug, Clone)]
pub struct Events(pub UnboundedSender<DeployEvent>);

impl Events {
    /// Sends one; nobody listening is no reason to stop.
    pub fn send(&self, event: DeployEvent) {
        let _ = self.0.send(event);
    }

    /// Sends a note.
    pub fn note(&self, text: String) {
        self.send(DeployEvent::Note { text, at: Self::now() });
    }

    /// Now, RFC 3339, UTC, to the second.
    #[must_use]
    pub fn now() -> String {
        jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

/// How one stack ended.
#[derive(Debug)]
pub struct StackResult {
    /// The stack.
    pub stack: String,
    /// What it is, for people.
    pub title: String,
    /// What was to happen.
    pub action: Action,
    /// CloudFormation's last status, `UNCHANGED`, or `SKIPPED` when a stack before it failed.
    pub status: String,
    /// What was not run, with the reason.
    pub not_run: Vec<String>,
    /// Why it failed.
    pub error: Option<DeployError>,
}

/// Carries out plans in one environment.
#[derive(Debug)]
pub struct Deployer<'a> {
    /// The session.
    pub aws: &'a Aws,
    /// The environment.
    pub environment: &'a Environment,
    /// Its names.
    pub names: Names,
    /// The tenants the plan concerns, by name.
    pub tenants: BTreeMap<TenantName, &'a Tenant>,
    /// How often to ask.
    pub pace: Pace,
    /// Where events go.
    pub events: Events,
    /// What the operator wishes meanwhile.
    pub wishes: Wishes,
    /// What stands, kept up to date while the plan is carried out.
    pub standing: Standing,
}

/// What stands, shared by the stacks that are deployed side by side.
#[derive(Debug, Clone, Default)]
pub struct Standing(Arc<Mutex<Observed>>);

impl From<Observed> for Standing {
    fn from(observed: Observed) -> Self {
        Self(Arc::new(Mutex::new(observed)))
    }
}

impl Deployer<'_> {
    fn standing(&self) -> MutexGuard<'_, Observed> {
        self.standing.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands now.
    #[must_use]
    pub fn observed(&self) -> Observed {
        self.standing().clone()
    }

    /// Carries out a plan and tells how every stack ended. A stack whose predecessor failed is skipped; its neighbours go on.
    pub async fn deploy(&self, planned: &Planned) -> Vec<StackResult> {
        let desired: Vec<DesiredStack> = planned.stacks.iter().map(|p| p.desired.clone()).collect();
        let mut results: BTreeMap<usize, StackResult> = BTreeMap::new();
        let mut failed: BTreeSet<String> = BTreeSet::new();
        for wave in order::waves(&desired) {
            let mut going = Vec::new();
            for index in wave {
                let stack = &planned.stacks[index];
                if stack.plan.action == Action::Nothing {
                    results.insert(index, self.unchanged(stack));
                } else if let Some(before) = stack.desired.depends_on.iter().find(|name| failed.contains(*name)) {
                    failed.insert(stack.desired.name.clone());
                    results.insert(index, result(stack, "SKIPPED", Vec::new(), None, Some(before)));
                } else if *self.wishes.borrow() != Wish::GoOn {
                    let what = format!("{} was not begun", stack.desired.name);
                    results.insert(
                        index,
                        result(stack, "SKIPPED", Vec::new(), Some(DeployError::Cancelled { what }), None),
                    );
                } else {
                    going.push(async move { (index, self.stack(stack).await) });
                }
            }
            let mut running = futures::stream::iter(going).buffer_unordered(self.pace.side_by_side);
            while let Some((index, done)) = running.next().await {
                if done.error.is_some() {
                    failed.insert(done.stack.clone());
                }
                results.insert(index, done);
            }
        }
        results.into_values().collect()
    }

    fn unchanged(&self, stack: &PlannedStack) -> StackResult {
        self.events.send(DeployEvent::StackFinished {
            stack: stack.desired.name.clone(),
            title: stack.desired.title.clone(),
            status: "UNCHANGED".to_owned(),
            ok: true,
            elapsed_ms: 0,
            at: Events::now(),
        });
        result(stack, "UNCHANGED", Vec::new(), None, None)
    }

    /// One stack with everything around it.
    async fn stack(&self, stack: &PlannedStack) -> StackResult {
        let desired = &stack.desired;
        let begun = tokio::time::Instant::now();
        self.events.send(DeployEvent::StackStarted {
            stack: desired.name.clone(),
            title: desired.title.clone(),
            action: stack.plan.action,
            at: Events::now(),
        });
        let mut not_run = Vec::new();
        let done = self.stack_and_steps(stack, &mut not_run).await;
        let status = self
            .standing()
            .get_with_shells(&desired.name)
            .map_or_else(|| "NOT_MADE".to_owned(), |standing| standing.status.clone());
        self.events.send(DeployEvent::StackFinished {
            stack: desired.name.clone(),
            title: desired.title.clone(),
            status: status.clone(),
            ok: done.is_ok(),
            elapsed_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            at: Events::now(),
        });
        result(stack, &status, not_run, done.err(), None)
    }

    async fn stack_and_steps(&self, planned: &PlannedStack, not_run: &mut Vec<String>) -> Result<(), DeployError> {
        let mut desired = planned.desired.clone();
        self.settle(&desired).await?;
        match desired.kind.clone() {
            StackKind::Dns => {
                self.apply(&desired, planned).await?;
                self.check_delegation(&desired, not_run).await
            }
            StackKind::Environment => {
                self.step(&desired, "service-roles", "service-linked roles", not_run, steps::service_roles(self.aws))
                    .await?;
                self.apply(&desired, planned).await
            }
            StackKind::Addon(..) => self.apply(&desired, planned).await,
            StackKind::Cell(cell) => {
                if desired.serving.is_none() {
                    return self.apply(&desired, planned).await;
                }
                let password = self.names.pool_password(cell);
                let keep = steps::keep_password(self.aws, &password, &desired.tags);
                self.step(&desired, "password", "a password for the pool", not_run, keep).await?;
                self.first_stage(&desired).await?;
                let target = self.data_target(&desired, &[desired.name.clone()])?;
                let pool = steps::pool_database(self.aws, &target, &password);
                self.step(&desired, "pool", "the pool's role and its registry of hosts", not_run, pool).await?;
                self.apply(&desired, planned).await?;
                self.verify_health(&desired, "PoolServiceName", "PoolTargetGroupArn", not_run).await
            }
            StackKind::Tenant(name) => {
                let tenant = *self.tenants.get(&name).ok_or_else(|| DeployError::Preflight {
                    problem: format!("the tenant {name} is not in the workspace"),
                    help: "check the name with `konta validate`".to_owned(),
                })?;
                self.tenant(&mut desired, planned, tenant, not_run).await
            }
        }
    }

    async fn tenant(
        &self,
        desired: &mut DesiredStack,
        planned: &PlannedStack,
        tenant: &Tenant,
        not_run: &mut Vec<String>,
    ) -> Result<(), DeployError> {
        let pooled = tenant.isolation == Isolation::Pooled;
        let password = self.names.tenant_password(&tenant.name);
        let keep = steps::keep_password(self.aws, &password, &desired.tags);
        self.step(desired, "password", "a password for the tenant's role", not_run, keep).await?;
        self.reserve_priority(desired, tenant, not_run).await?;
        let target = self.data_target(desired, &desired.depends_on)?;
        let make = steps::tenant_database(self.aws, &target, &tenant.name, &password, pooled);
        self.step(desired, "database", "the tenant's role and database", not_run, make).await?;
        if !pooled {
            self.first_stage(desired).await?;
        }
        self.install(desired, tenant, &target, pooled, not_run).await?;
        if pooled {
            let hosts: Vec<String> = tenant.hosts.iter().map(|h| h.host.to_string()).collect();
            let lead = steps::lead_hosts(self.aws, &target, &tenant.name, &hosts);
            self.step(desired, "hosts", "the tenant's hosts in the pool's registry", not_run, lead).await?;
        }
        self.apply(desired, planned).await?;
        if pooled { Ok(()) } else { self.verify_health(desired, "ServiceName", "TargetGroupArn", not_run).await }
    }

    /// Runs a step with its two events.
    async fn step(
        &self,
        desired: &DesiredStack,
        step: &str,
        title: &str,
        not_run: &mut Vec<String>,
        work: impl Future<Output = StepResult>,
    ) -> Result<(), DeployError> {
        let stack = desired.name.clone();
        self.events.send(DeployEvent::StepStarted {
            stack: stack.clone(),
            step: step.into(),
            title: title.into(),
            at: Events::now(),
        });
        let done = work.await;
        let (outcome, detail) = match &done {
            Ok((outcome, detail)) => (*outcome, detail.clone()),
            Err(error) => (StepOutcome::Failed, Some(error.to_string())),
        };
        if outcome == StepOutcome::NotRun {
            not_run.push(format!("{title}: {}", detail.clone().unwrap_or_default()));
        }
        self.events.send(DeployEvent::StepFinished { stack, step: step.into(), outcome, detail, at: Events::now() });
        done.map(|_| ())
    }

    async fn reserve_priority(
        &self,
        desired: &mut DesiredStack,
        tenant: &Tenant,
        not_run: &mut Vec<String>,
    ) -> Result<(), DeployError> {
        let wanted = desired.parameters.get("ListenerRulePriority").and_then(|p| p.to_string().parse().ok());
        let cell = desired
            .tags
            .get(crate::stack::desired::CELL_TAG)
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

    async fn install(
        &self,
        desired: &DesiredStack,
        tenant: &Tenant,
        data: &crate::aws::data::DataTarget,
        pooled: bool,
        not_run: &mut Vec<String>,
    ) -> Result<(), DeployError> {
        let own = self.standing().output(&desired.name, "TaskDefinitionArn").map(ToOwned::to_owned);
        let task_definition = match (pooled, own) {
            (false, Some(arn)) => arn,
            _ => self.output(desired, "PoolTaskDefinitionArn")?,
        };
        let (cluster, subnets) = (self.output(desired, "ClusterName")?, self.output(desired, "TaskSubnetIds")?);
        let (group, public) = (self.output(desired, "TaskSecurityGroupId")?, self.output(desired, "AssignPublicIp")?);
        let database = tenant.name.database();
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
            tags: desired.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        };
        self.step(desired, "modules", "the tenant's modules", not_run, install::run(self.aws, self.pace, &request))
            .await
    }

    /// An output of any stack that `desired` depends on.
    fn output(&self, desired: &DesiredStack, output: &str) -> Result<String, DeployError> {
        let standing = self.standing();
        desired
            .depends_on
            .iter()
            .find_map(|stack| standing.output(stack, output))
            .map(ToOwned::to_owned)
            .ok_or_else(|| DeployError::MissingOutput { stack: desired.name.clone(), missing: output.to_owned() })
    }

    fn data_target(
        &self,
        desired: &DesiredStack,
        stacks: &[String],
    ) -> Result<crate::aws::data::DataTarget, DeployError> {
        steps::data_target(&self.standing(), stacks).ok_or_else(|| DeployError::MissingOutput {
            stack: desired.name.clone(),
            missing: "DatabaseClusterArn and DatabaseSecretArn".to_owned(),
        })
    }

    async fn check_delegation(&self, desired: &DesiredStack, not_run: &mut Vec<String>) -> Result<(), DeployError> {
        let servers = self.standing().output(&desired.name, "NameServers").unwrap_or_default().to_owned();
        let servers: Vec<String> = servers.split(',').map(ToOwned::to_owned).collect();
        let domain = self.environment.domain.to_string();
        let work = async {
            if self.aws.is_sandbox() {
                return Ok((StepOutcome::NotRun, Some("the sandbox's zones are not in the public DNS".to_owned())));
            }
            match preflight::delegation(&domain, &servers).await {
                Ok(None) => Ok((StepOutcome::Done, None)),
                Ok(Some(_)) => Err(DeployError::NotDelegated { domain: domain.clone(), servers: servers.join("\n  ") }),
                Err(problem) => Err(DeployError::Preflight {
                    problem: format!("the public DNS could not be asked about {domain}: {problem}"),
                    help: "check the network, then run the command again".to_owned(),
                }),
            }
        };
        self.step(desired, "delegation", "whether the domain leads to the zone", not_run, work).await
    }

    async fn verify_health(
        &self,
        desired: &DesiredStack,
        service: &str,
        group: &str,
        not_run: &mut Vec<String>,
    ) -> Result<(), DeployError> {
        let found = {
            let standing = self.standing();
            let get = |key: &str| standing.output(&desired.name, key).map(ToOwned::to_owned);
            (get(service), get(group))
        };
        let (Some(service), Some(group)) = found else { return Ok(()) };
        let cluster = self.output(desired, "ClusterName")?;
        let work = async {
            let (running, wanted) =
                wait::steady(self.aws, self.pace, &self.events, &desired.name, &cluster, &service).await?;
            if self.aws.is_sandbox() {
                let detail = "the sandbox runs no containers, so no task was asked for its health";
                return Ok((StepOutcome::NotRun, Some(detail.to_owned())));
            }
            let (healthy, all, reason) = self.aws.target_health(&group).await?;
            if running < wanted || (wanted > 0 && healthy == 0) {
                return Err(DeployError::StepFailed {
                    stack: desired.name.clone(),
                    step: "the health check".to_owned(),
                    reason: format!(
                        "{running} of {wanted} tasks run, {healthy} of {all} answer{}",
                        reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
                    ),
                    help: "see the tasks' log; the stack stands, so correct the manifest and deploy again".to_owned(),
                });
            }
            Ok((StepOutcome::Done, Some(format!("{healthy} of {all} tasks answer"))))
        };
        self.step(desired, "health", "whether the tasks answer", not_run, work).await
    }

    /// The first of two stages, for a stack that does not serve yet: everything but the service.
    async fn first_stage(&self, desired: &DesiredStack) -> Result<(), DeployError> {
        let Some(switch) = desired.serving else { return Ok(()) };
        let serves = self
            .standing()
            .get(&desired.name)
            .is_some_and(|standing| standing.parameters.get(switch.0).is_some_and(|value| value == "true"));
        if serves {
            return Ok(());
        }
        let mut first = desired.clone();
        first.parameters.insert(switch.0.to_owned(), ParameterValue::literal("false"));
        let parameters = self.parameters(&first)?;
        let hash = first.hash(&parameters);
        let there = self.standing().get(&desired.name).and_then(|s| s.tags.get(HASH_TAG).cloned()) == Some(hash);
        if there { Ok(()) } else { self.change(&first, &parameters, None).await }
    }

    /// The stack as wanted: executes the change set of the plan when it still fits, else one made now.
    async fn apply(&self, desired: &DesiredStack, planned: &PlannedStack) -> Result<(), DeployError> {
        let parameters = self.parameters(desired)?;
        let same = planned.desired.parameters == desired.parameters;
        let reviewed = planned.change_set.as_deref().filter(|_| same && planned.plan.action == Action::Update);
        self.change(desired, &parameters, reviewed).await
    }

    fn parameters(&self, desired: &DesiredStack) -> Result<BTreeMap<String, String>, DeployError> {
        let standing = self.standing();
        desired.resolved_parameters(&standing).ok_or_else(|| {
            let missing: Vec<String> =
                desired.unresolved(&standing).iter().map(|(name, value)| format!("{name} {value}")).collect();
            DeployError::MissingOutput { stack: desired.name.clone(), missing: missing.join(", ") }
        })
    }

    /// Makes or takes a change set, executes it, follows it, and keeps what stands then.
    async fn change(
        &self,
        desired: &DesiredStack,
        parameters: &BTreeMap<String, String>,
        reviewed: Option<&str>,
    ) -> Result<(), DeployError> {
        let name = &desired.name;
        let create = self.standing().get(name).is_none();
        let change_set = if let Some(reviewed) = reviewed {
            reviewed.to_owned()
        } else {
            let computed = change_set::compute(self.aws, self.pace, desired, parameters, create).await?;
            let Some(changes) = computed.changes else {
                return self.look(name).await.map(|_| ());
            };
            // A change that the plan could not show yet is held to the same rule as the plan.
            if let Some(change) = changes.iter().find(|change| change.risk == crate::stack::Risk::DataLoss) {
                change_set::discard(self.aws, desired, &computed.name, create).await?;
                return Err(DeployError::DataAtRisk { stack: name.clone(), resource: change.description.clone() });
            }
            computed.name
        };
        let last = if create { None } else { self.aws.events(name, None).await?.last().map(|event| event.id.clone()) };
        self.aws.execute_change_set(name, &change_set, &change_set).await?;
        let rest = wait::follow(self.aws, self.pace, &self.events, &self.wishes, name, &desired.document, last).await?;
        let Some(stack) = rest.stack else {
            return Err(DeployError::Stuck {
                stack: name.clone(),
                status: "gone".into(),
                help: "somebody deleted it meanwhile; run the command again".into(),
            });
        };
        let status = stack.status.clone();
        self.standing().put(observed(stack));
        if !matches!(status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE") {
            if *self.wishes.borrow() == Wish::Cancel {
                return Err(DeployError::Cancelled { what: format!("{name} is {status}") });
            }
            return Err(failure::error(name, &status, &desired.document, &rest.events));
        }
        let protected = self.standing().get(name).is_some_and(|standing| standing.protected);
        if protected != desired.protected {
            self.aws.protect_stack(name, desired.protected).await?;
            self.look(name).await?;
        }
        Ok(())
    }

    async fn look(&self, name: &str) -> Result<bool, DeployError> {
        let stack = self.aws.stack(name).await?;
        let there = stack.is_some();
        match stack {
            Some(stack) => self.standing().put(observed(stack)),
            None => self.standing().remove(name),
        }
        Ok(there)
    }

    /// Brings a stack to rest before anything is done to it: attaches to what is under way, removes what failed, continues a stuck
    /// rollback.
    async fn settle(&self, desired: &DesiredStack) -> Result<(), DeployError> {
        let name = &desired.name;
        let Some(standing) = self.standing().get_with_shells(name).cloned() else { return Ok(()) };
        if standing.in_progress() {
            self.events.note(format!("{name} is {}: attaching to it", standing.status));
            let rest =
                wait::follow(self.aws, self.pace, &self.events, &self.wishes, name, &desired.document, None).await?;
            match rest.stack {
                Some(stack) => self.standing().put(observed(stack)),
                None => self.standing().remove(name),
            }
        }
        let Some(standing) = self.standing().get_with_shells(name).cloned() else { return Ok(()) };
        if standing.rollback_is_stuck() {
            self.events.note(format!("{name}: continuing the rollback that got stuck"));
            self.aws.continue_rollback(name).await?;
            let rest =
                wait::follow(self.aws, self.pace, &self.events, &self.wishes, name, &desired.document, None).await?;
            if let Some(stack) = rest.stack {
                let status = stack.status.clone();
                self.standing().put(observed(stack));
                if status == "UPDATE_ROLLBACK_FAILED" {
                    return Err(failure::error(name, &status, &desired.document, &rest.events));
                }
            }
        } else if standing.is_shell() || standing.must_be_remade() {
            if standing.protected {
                // A protected stack held something once; konta does not remove it unasked.
                return Err(DeployError::Stuck {
                    stack: name.clone(),
                    status: standing.status,
                    help: "it is protected from deletion: look at its resources, then turn the protection off and deploy again".into(),
                });
            }
            self.remove(name, &desired.document).await?;
        }
        Ok(())
    }

    /// Deletes a stack by its id, so that its last events can still be read.
    async fn remove(&self, name: &str, document: &crate::template::Document) -> Result<(), DeployError> {
        let Some(stack) = self.aws.stack(name).await? else { return Ok(()) };
        let last = self.aws.events(&stack.id, None).await.ok().and_then(|events| events.last().map(|e| e.id.clone()));
        self.aws.delete_stack(name, &[], &format!("konta-delete-{}", jiff::Timestamp::now().as_millisecond())).await?;
        let rest = wait::follow(self.aws, self.pace, &self.events, &self.wishes, &stack.id, document, last).await?;
        match rest.stack {
            Some(stack) if stack.status != "DELETE_COMPLETE" => {
                Err(failure::error(name, &stack.status, document, &rest.events))
            }
            _ => {
                self.standing().remove(name);
                Ok(())
            }
        }
    }
}

fn result(
    stack: &PlannedStack,
    status: &str,
    mut not_run: Vec<String>,
    error: Option<DeployError>,
    before: Option<&String>,
) -> StackResult {
    if let Some(before) = before {
        not_run.push(format!("{before} failed, on which it stands"));
    }
    StackResult {
        stack: stack.desired.name.clone(),
        title: stack.desired.title.clone(),
        action: stack.plan.action,
        status: status.to_owned(),
        not_run,
        error,
    }
}
