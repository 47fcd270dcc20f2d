//! Suspending a tenant and resuming it. Its data is not touched.
//!
//! A dedicated tenant's tasks end before the page is shown, and start after it is removed: a target group whose rule shows
//! a page belongs to no load balancer, and ECS starts no task for such a group.

use std::time::Duration;

use crate::deploy::health::HEALTH;
use crate::deploy::steps::REGISTRY;
use crate::deploy::wait;
use crate::model::{ServingState, TenantName};
use crate::odoo::database;
use crate::operation::context::Context;
use crate::operation::database::Database;
use crate::operation::event::StepResult;
use crate::operation::step::Step;
use crate::operation::{OperationError, StepOutcome};
use crate::stack::ObservedStack;
use crate::stack::names::POOL_USER;
use crate::stack::tags::PAGE;

use super::page;

/// How often konta ends the pool's connections to a database, because the pool may still open new ones.
const ROUNDS: usize = 5;

/// How long konta waits for a load balancer that has just got its target group back.
const ATTACHING: Duration = Duration::from_mins(1);

const STOP: Step = Step::committing("tasks", "stop its tasks");
/// The page is a parameter of the tenant's stack: this step is an update of that stack.
const SHOW_PAGE: Step = Step::new("page", "show visitors a page instead of Odoo");
const STOP_AGAIN: Step = Step::new("still", "stop tasks that its schedule or scaling started meanwhile");
const LEAVE_POOL: Step = Step::new("pool", "take its hosts and scheduled jobs out of the pool");
const JOIN_POOL: Step = Step::committing("pool", "give its hosts and scheduled jobs back to the pool");
const TAKE_PAGE_AWAY: Step = Step::new("page", "remove the page");
const START: Step = Step::new("tasks", "start its tasks");

/// The steps that take a tenant offline.
#[must_use]
pub fn off_steps(is_pooled: bool) -> Vec<Step> {
    if is_pooled { vec![SHOW_PAGE, LEAVE_POOL] } else { vec![STOP, SHOW_PAGE, STOP_AGAIN] }
}

/// The steps that bring it back.
#[must_use]
pub fn resume_steps(is_pooled: bool) -> Vec<Step> {
    if is_pooled { vec![JOIN_POOL, TAKE_PAGE_AWAY] } else { vec![TAKE_PAGE_AWAY, START, HEALTH] }
}

/// Suspends a tenant: see [`off`].
///
/// # Errors
/// When the tenant is not deployed, and when a step fails; then the same call resumes.
pub async fn suspend(context: &Context<'_>, tenant: &TenantName) -> Result<(), OperationError> {
    off(context, tenant, ServingState::Suspended).await
}

/// Takes a tenant offline: none of its own tasks runs, a page says why, and in a pool its scheduled jobs pause. Steps that
/// are already done are skipped.
///
/// # Errors
/// When the tenant is not deployed, and when a step fails; then the same call resumes.
pub async fn off(context: &Context<'_>, tenant: &TenantName, shown: ServingState) -> Result<(), OperationError> {
    let stack = context.names.tenant(tenant);
    let standing = standing(context, tenant)?;
    if standing.is_pooled() {
        page::show(context, tenant, shown).await?;
        let target = pool_database(context, &standing)?;
        let work = leave_pool(context, &target, tenant);
        context.step(&stack, LEAVE_POOL, work).await?;
        return Ok(());
    }
    let service = service(context, &standing)?;
    let work = stop(context, &stack, &service);
    context.step(&stack, STOP, work).await?;
    page::show(context, tenant, shown).await?;
    // Its schedule or scaling may have started a task before the page was shown.
    let work = stop(context, &stack, &service);
    context.step(&stack, STOP_AGAIN, work).await?;
    Ok(())
}

/// Brings a tenant back: removes its page, also a maintenance page, and starts its Odoo until it answers. Returns what
/// konta could not check. Steps that are already done are skipped.
///
/// # Errors
/// When the tenant is not deployed, when a step fails, and when its tasks do not answer; then the same call resumes.
pub async fn resume(context: &Context<'_>, tenant: &TenantName) -> Result<Vec<String>, OperationError> {
    let stack = context.names.tenant(tenant);
    let standing = standing(context, tenant)?;
    if standing.is_pooled() {
        let target = pool_database(context, &standing)?;
        let work = join_pool(context, &target, tenant);
        context.step(&stack, JOIN_POOL, work).await?;
        page::show(context, tenant, ServingState::Serving).await?;
        return Ok(Vec::new());
    }
    let service = service(context, &standing)?;
    // Whatever ends this run, the next deployment checks the tasks.
    context.not_seen_healthy(&stack, &standing.tags).await?;
    page::show(context, tenant, ServingState::Serving).await?;
    let least = standing.parameters.get("MinTasks").and_then(|tasks| tasks.parse().ok()).unwrap_or(1).max(1);
    let work = start(context, &service, least);
    context.step(&stack, START, work).await?;
    let mut not_run = Vec::new();
    let work = context.answers(&stack, &service.cluster, &service.name, &service.target_group);
    let (outcome, detail) = context.step(&stack, HEALTH, work).await?;
    if outcome == StepOutcome::NotRun {
        not_run.push(format!("{}: {}", HEALTH.title, detail.unwrap_or_default()));
    }
    context.seen_healthy(&stack).await?;
    Ok(not_run)
}

/// A tenant's service.
struct Service {
    cluster: String,
    name: String,
    target_group: String,
}

fn standing(context: &Context<'_>, tenant: &TenantName) -> Result<ObservedStack, OperationError> {
    let name = context.names.tenant(tenant);
    let standing = context.observed().get(&name).cloned().ok_or_else(|| OperationError::Preflight {
        problem: format!("the tenant {tenant} is not deployed"),
        help: format!("deploy it with `konta deploy tenant {tenant}`"),
    })?;
    able(&standing, tenant)?;
    Ok(standing)
}

/// Refuses a stack that cannot show a page, before konta stops any of its tasks.
fn able(standing: &ObservedStack, tenant: &TenantName) -> Result<(), OperationError> {
    let help = format!("deploy it with `konta deploy tenant {tenant}` first");
    if standing.must_be_remade() || standing.status == "CREATE_IN_PROGRESS" {
        return Err(OperationError::Stuck { stack: standing.name.clone(), status: standing.status.clone(), help });
    }
    if standing.parameters.contains_key(PAGE) {
        return Ok(());
    }
    let problem = format!("the stack {} cannot show a page: its template has no parameter {PAGE}", standing.name);
    Err(OperationError::Preflight { problem, help })
}

fn service(context: &Context<'_>, standing: &ObservedStack) -> Result<Service, OperationError> {
    let observed = context.observed();
    let output = |stack: &str, key: &str| {
        observed
            .output(stack, key)
            .map(ToOwned::to_owned)
            .ok_or_else(|| OperationError::MissingOutput { stack: standing.name.clone(), missing: key.to_owned() })
    };
    Ok(Service {
        cluster: output(&context.names.environment(), "ClusterName")?,
        name: output(&standing.name, "ServiceName")?,
        target_group: output(&standing.name, "TargetGroupArn")?,
    })
}

async fn stop(context: &Context<'_>, stack: &str, service: &Service) -> StepResult {
    let Some(state) = context.aws.services(&service.cluster, std::slice::from_ref(&service.name)).await?.pop() else {
        return Ok((StepOutcome::AlreadyDone, Some("there is no service".to_owned())));
    };
    if state.desired == 0 && state.running == 0 && state.pending == 0 {
        return Ok((StepOutcome::AlreadyDone, None));
    }
    if state.desired != 0 {
        context.aws.set_desired_count(&service.cluster, &service.name, 0).await?;
    }
    wait::stopped(context.aws, context.polling, &context.events, stack, &service.cluster, &service.name).await?;
    Ok((StepOutcome::Done, Some(format!("{} of {}", state.running + state.pending, service.name))))
}

async fn start(context: &Context<'_>, service: &Service, least: i32) -> StepResult {
    let state = context.aws.services(&service.cluster, std::slice::from_ref(&service.name)).await?.pop();
    if let Some(state) = state.filter(|state| state.desired > 0) {
        return Ok((StepOutcome::AlreadyDone, Some(format!("{} wanted", state.desired))));
    }
    let begun = tokio::time::Instant::now();
    loop {
        match context.aws.set_desired_count(&service.cluster, &service.name, least).await {
            // The rule leads to the group again, but ECS does not know that yet.
            Err(error)
                if error.message.contains("does not have an associated load balancer")
                    && begun.elapsed() < ATTACHING =>
            {
                tokio::time::sleep(context.polling.poll).await;
            }
            done => {
                done?;
                return Ok((StepOutcome::Done, Some(format!("{least} wanted"))));
            }
        }
    }
}

/// The cluster of the cell, which holds the pool's registry and the databases of its tenants.
fn pool_database<'a>(context: &Context<'a>, standing: &ObservedStack) -> Result<Database<'a>, OperationError> {
    let cell = standing.cell().map(|cell| context.names.cell(cell)).unwrap_or_default();
    Database::of_stack(context.aws, &context.observed(), &cell)
}

/// Makes the pool forget a database: marks its hosts, waits until the pool must have read that, and ends its connections.
async fn leave_pool(context: &Context<'_>, target: &Database<'_>, tenant: &TenantName) -> StepResult {
    let database = tenant.database();
    let marked = mark(context, target, &database, true).await?;
    if marked && context.aws.runs_tasks() {
        tokio::time::sleep(context.polling.registry).await;
    }
    let ending = database::end_connections(&database, POOL_USER);
    let mut ended = 0;
    for _ in 0..ROUNDS {
        let now = target.count(&ending).await?;
        ended += now;
        if now == 0 {
            break;
        }
        tokio::time::sleep(context.polling.poll).await;
    }
    let outcome = if marked || ended > 0 { StepOutcome::Done } else { StepOutcome::AlreadyDone };
    Ok((outcome, Some(format!("{ended} connections ended"))))
}

async fn join_pool(context: &Context<'_>, target: &Database<'_>, tenant: &TenantName) -> StepResult {
    let marked = mark(context, target, &tenant.database(), false).await?;
    Ok((if marked { StepOutcome::Done } else { StepOutcome::AlreadyDone }, None))
}

/// Marks a database's hosts as suspended or not; returns whether that changed any.
async fn mark(
    _context: &Context<'_>,
    target: &Database<'_>,
    database: &str,
    suspended: bool,
) -> Result<bool, OperationError> {
    let question = database::hosts_to_suspend(REGISTRY, database, suspended);
    if !target.holds(&question).await? {
        return Ok(false);
    }
    let statement = database::suspend_hosts(REGISTRY, database, suspended);
    target.run(&[statement]).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_that_can_show_no_page_is_refused_before_its_tasks_end() {
        let tenant = TenantName::new("bread").unwrap();
        let stack = |status: &str, parameter: &str| ObservedStack {
            status: status.to_owned(),
            parameters: [(parameter.to_owned(), "none".to_owned())].into(),
            ..ObservedStack::default()
        };
        assert!(able(&stack("UPDATE_COMPLETE", "Page"), &tenant).is_ok());
        assert!(able(&stack("UPDATE_IN_PROGRESS", "Page"), &tenant).is_ok(), "an update is waited for");
        let old = able(&stack("UPDATE_COMPLETE", "Cpu"), &tenant).unwrap_err();
        assert!(old.to_string().contains("no parameter Page"), "{old}");
        for status in ["CREATE_IN_PROGRESS", "ROLLBACK_COMPLETE"] {
            assert!(matches!(able(&stack(status, "Page"), &tenant), Err(OperationError::Stuck { .. })), "{status}");
        }
    }
}
