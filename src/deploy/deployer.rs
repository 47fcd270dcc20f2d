//! Carries out a plan wave by wave, the stacks of a wave side by side, each with its steps.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;

use crate::model::{Certificate, Tenant, TenantName, Tier, TierName};
use crate::operation::context::Context;
use crate::operation::error::OperationError;
use crate::operation::event::{Events, OperationEvent};
use crate::operation::interrupt::Interrupt;
use crate::stack::plan::{self, Action};
use crate::stack::tags::CELL_TAG;
use crate::stack::{DesiredStack, StackKind, waves};

use super::data_source::DataSource;
use super::database_template::TemplateLocks;
use super::plan::{Planned, PlannedStack};
use super::steps;

/// How one stack ended.
#[derive(Debug)]
pub struct StackResult {
    /// The stack.
    pub stack: String,
    /// What it is, for people.
    pub title: String,
    /// The planned action.
    pub action: Action,
    /// CloudFormation's last status, `UNCHANGED`, or `SKIPPED` when a stack before it failed.
    pub status: String,
    /// What was not run, with the reason.
    pub not_run: Vec<String>,
    /// Why it failed.
    pub error: Option<OperationError>,
}

/// Carries out plans in one environment.
#[derive(Debug)]
pub struct Deployer<'a> {
    /// What every operation works with.
    pub context: &'a Context<'a>,
    /// The tenants that the plan concerns, by name.
    pub tenants: BTreeMap<TenantName, &'a Tenant>,
    /// The tiers, whose modules the database templates contain.
    pub tiers: &'a BTreeMap<TierName, Tier>,
    /// The locks on the templates that this command makes.
    pub templates: TemplateLocks,
    /// Whether each tenant is leased when its turn comes; not where the caller holds the lease.
    pub takes_leases: bool,
    /// Where tenants that move get their data.
    pub data_sources: BTreeMap<TenantName, &'a dyn DataSource>,
}

impl Deployer<'_> {
    /// Carries out a plan and returns how every stack ended. A stack that depends on a failed one is skipped; the
    /// others continue.
    pub async fn deploy(&self, planned: &Planned) -> Vec<StackResult> {
        let desired: Vec<DesiredStack> = planned.stacks.iter().map(|p| p.desired.clone()).collect();
        let mut results: BTreeMap<usize, StackResult> = BTreeMap::new();
        let mut failed: BTreeSet<String> = BTreeSet::new();
        let changing = planned.stacks.iter().filter(|stack| stack.plan.changes_anything());
        let changing: BTreeSet<String> = changing.map(|stack| stack.desired.name.clone()).collect();
        for wave in waves::waves(&desired) {
            let mut going = Vec::new();
            for index in wave {
                let stack = self.looked_at_again(&planned.stacks[index], &changing);
                if stack.plan.action == Action::Nothing {
                    results.insert(index, self.unchanged(&stack));
                } else if let Some(before) = stack.desired.depends_on.iter().find(|name| failed.contains(*name)) {
                    failed.insert(stack.desired.name.clone());
                    let skipped = result(&stack, "SKIPPED", Vec::new(), None, Some(before));
                    results.insert(index, skipped);
                } else if *self.context.interrupts.borrow() != Interrupt::None {
                    let what = format!("{} was not started", stack.desired.name);
                    results.insert(
                        index,
                        result(&stack, "SKIPPED", Vec::new(), Some(OperationError::Cancelled { what }), None),
                    );
                } else {
                    // Checked again when its turn comes, because all tenants are in one wave.
                    going.push(async move {
                        if *self.context.interrupts.borrow() == Interrupt::None {
                            return (index, self.stack(&stack).await);
                        }
                        let what = format!("{} was not started", stack.desired.name);
                        (index, result(&stack, "SKIPPED", Vec::new(), Some(OperationError::Cancelled { what }), None))
                    });
                }
            }
            let mut running = futures::stream::iter(going).buffer_unordered(self.context.polling.side_by_side);
            while let Some((index, done)) = running.next().await {
                if done.error.is_some() {
                    failed.insert(done.stack.clone());
                }
                results.insert(index, done);
            }
        }
        results.into_values().collect()
    }

    /// What happens to a stack now that those before it have changed: its parameters may differ from the planned ones.
    fn looked_at_again<'p>(&self, stack: &'p PlannedStack, changing: &BTreeSet<String>) -> Cow<'p, PlannedStack> {
        let open = matches!(stack.plan.action, Action::Follow | Action::Verify);
        if !open || plan::takes_from(&stack.desired, changing).is_none() {
            return Cow::Borrowed(stack);
        }
        let now = plan::action(&stack.desired, &self.context.standing());
        if stack.plan.action == Action::Verify && now == Action::Nothing {
            return Cow::Borrowed(stack);
        }
        let mut stack = stack.clone();
        stack.plan.action = now;
        Cow::Owned(stack)
    }

    fn unchanged(&self, stack: &PlannedStack) -> StackResult {
        self.context.events.send(OperationEvent::StackFinished {
            stack: stack.desired.name.clone(),
            title: stack.desired.title.clone(),
            status: "UNCHANGED".to_owned(),
            ok: true,
            elapsed_ms: 0,
            at: Events::now(),
        });
        result(stack, "UNCHANGED", Vec::new(), None, None)
    }

    /// Deploys one stack with its steps.
    async fn stack(&self, stack: &PlannedStack) -> StackResult {
        let desired = &stack.desired;
        let begun = tokio::time::Instant::now();
        self.context.events.send(OperationEvent::StackStarted {
            stack: desired.name.clone(),
            title: desired.title.clone(),
            action: stack.plan.action,
            at: Events::now(),
        });
        let mut not_run = Vec::new();
        let done = match &desired.kind {
            StackKind::Tenant(tenant) if self.takes_leases && stack.plan.changes_anything() => {
                let work = self.stack_and_steps(stack, &mut not_run);
                self.context.leased(tenant, ("deploy", &[]), work).await
            }
            _ => self.stack_and_steps(stack, &mut not_run).await,
        };
        let status = self
            .context
            .standing()
            .get_with_shells(&desired.name)
            .map_or_else(|| "NOT_MADE".to_owned(), |standing| standing.status.clone());
        self.context.events.send(OperationEvent::StackFinished {
            stack: desired.name.clone(),
            title: desired.title.clone(),
            status: status.clone(),
            ok: done.is_ok(),
            elapsed_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            at: Events::now(),
        });
        result(stack, &status, not_run, done.err(), None)
    }

    async fn stack_and_steps(&self, planned: &PlannedStack, not_run: &mut Vec<String>) -> Result<(), OperationError> {
        let mut desired = planned.desired.clone();
        if planned.plan.action == Action::Verify {
            return self.context.verify(&desired, not_run).await;
        }
        let wait_point = self.wait_point(&desired, not_run);
        self.context.settle(&desired, wait_point).await?;
        match desired.kind.clone() {
            StackKind::Dns | StackKind::Addon(..) => self.context.apply(&desired, planned, None).await,
            StackKind::Environment => {
                let roles = steps::service_roles(self.context.aws);
                self.context.deployment_step(&desired, steps::SERVICE_ROLES, not_run, roles).await?;
                // Before every run that requests the certificate: with a zone that is not delegated it would hang for hours.
                let certificate = self.context.standing().output(&desired.name, "CertificateArn").is_some();
                if !certificate && self.context.environment.certificate == Certificate::Create {
                    self.check_delegation(&desired, not_run).await?;
                }
                self.context.apply(&desired, planned, None).await
            }
            StackKind::Cell(cell) => {
                if desired.wait_condition.is_none() {
                    return self.context.apply(&desired, planned, None).await;
                }
                let password = self.context.names.pool_password(cell);
                let keep = steps::keep_password(self.context.aws, &password, &desired.tags);
                self.context.deployment_step(&desired, steps::POOL_PASSWORD, not_run, keep).await?;
                self.through_wait_condition(&desired, planned, not_run).await
            }
            StackKind::Tenant(name) => {
                let tenant = *self.tenants.get(&name).ok_or_else(|| OperationError::Preflight {
                    problem: format!("the tenant {name} is not in the workspace"),
                    help: "run `konta ls` to see its tenants".to_owned(),
                })?;
                // Before its database is made: after an interruption between that and the stack, the next run must find
                // the cell again.
                let is_new = self.context.standing().get(&desired.name).is_none();
                let kept = self.context.names.kept_tenant(&name);
                if let (true, Some(cell)) = (is_new, desired.tags.get(CELL_TAG)) {
                    self.context.aws.create_parameter(&kept, cell, &desired.tags).await?;
                }
                self.tenant(&mut desired, planned, tenant, not_run).await?;
                if is_new || self.context.standing().is_kept(&name) {
                    self.context.aws.delete_parameter(&kept).await?;
                }
                Ok(())
            }
        }
    }
}

fn result(
    stack: &PlannedStack,
    status: &str,
    mut not_run: Vec<String>,
    error: Option<OperationError>,
    before: Option<&String>,
) -> StackResult {
    if let Some(before) = before {
        not_run.push(format!("depends on {before}, which was not deployed"));
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
