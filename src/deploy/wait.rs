//! Follows a stack, with its events and its service's rollout, until it reaches a final status.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::aws::Aws;
use crate::aws::cloudformation::{Event, StackDescription};
use crate::aws::ecs::ServiceState;
use crate::operation::context::Context;
use crate::operation::error::OperationError;
use crate::operation::event::{Events, OperationEvent};
use crate::operation::interrupt::Interrupt;
use crate::operation::polling::Polling;
use crate::operation::retry::Retry;
use crate::template::Document;

use super::wait_point::WaitPoint;

/// How long a stack without a new event may show a final status before konta believes it.
const GRACE: Duration = Duration::from_secs(30);

/// How a followed stack ended.
#[derive(Debug)]
pub struct Rest {
    /// The stack as it is now; `None` if it no longer exists.
    pub stack: Option<StackDescription>,
    /// The events of this operation, in order of time.
    pub events: Vec<Event>,
}

/// Follows a stack until it reaches a final status. `id` is the stack's name or, for a deletion, its id: a deleted
/// stack is found only by its id. `last` is the newest event before the operation. If the stack stops at a wait point,
/// konta runs the steps that belong there.
pub async fn follow(
    context: &Context<'_>,
    id: &str,
    document: &Document,
    last: Option<String>,
    mut wait_point: Option<&mut WaitPoint<'_>>,
) -> Result<Rest, OperationError> {
    let (aws, polling, events) = (context.aws, context.polling, &context.events);
    let begun = tokio::time::Instant::now();
    let mut seen: Vec<Event> = Vec::new();
    let mut last = last;
    // What was asked before belongs to updates of before; those of a way back must end.
    let mut cancelled = *context.interrupts.borrow() == Interrupt::Cancel;
    let mut services = BTreeSet::new();
    let mut rounds = 0_usize;
    let mut retry = Retry::new(polling, Some(events), stack_name(id));
    loop {
        // Events first: a status read after the operation's first event is not the one from before the operation.
        let told = retry.ask(async || aws.events(id, last.as_deref()).await).await;
        match told {
            Ok(fresh) => {
                for one in fresh {
                    last = Some(one.id.clone());
                    tell(events, id, document, &one);
                    if one.resource_type == "AWS::ECS::Service" && !one.physical_id.is_empty() {
                        services.insert(one.physical_id.clone());
                    }
                    if let Some(wait_point) = &mut wait_point {
                        wait_point.hear(&one);
                    }
                    seen.push(one);
                }
            }
            // A stack that was deleted by name no longer exists, and neither do its events.
            Err(OperationError::Aws(error)) if error.code == "ValidationError" => {}
            Err(error) => return Err(error),
        }
        let Some(stack) = retry.ask(async || aws.stack(id).await).await? else {
            return Ok(Rest { stack: None, events: seen });
        };
        // Right after a request a stack may still show its former status; the first event shows that the operation has
        // begun.
        let begun_there = !seen.is_empty() || begun.elapsed() > GRACE;
        if !stack.status.ends_with("_IN_PROGRESS") && begun_there {
            return Ok(Rest { stack: Some(stack), events: seen });
        }
        for service in &services {
            tell_service(aws, events, &stack.name, service).await;
        }
        if *context.interrupts.borrow() == Interrupt::Cancel && !cancelled {
            cancelled = true;
            if stack.status == "UPDATE_IN_PROGRESS" {
                aws.cancel_update(&stack.name).await?;
                events.note(format!("{}: asked CloudFormation to cancel the update; it rolls back now", stack.name));
            } else {
                return Err(OperationError::Cancelled {
                    what: format!("{} ({}) continues in AWS", stack.name, stack.status),
                });
            }
        }
        if begun.elapsed() > polling.stack {
            return Err(OperationError::Timeout { what: stack.name, minutes: polling.stack.as_secs() / 60 });
        }
        rounds += 1;
        let pause = tokio::time::sleep(polling.pause(rounds));
        match &mut wait_point {
            Some(wait_point) => wait_point.pass(&stack.name, pause).await?,
            None => pause.await,
        }
    }
}

fn tell(events: &Events, stack: &str, document: &Document, event: &Event) {
    let name = stack_name(stack);
    if event.logical_id == name {
        return;
    }
    events.send(OperationEvent::Resource {
        stack: name.to_owned(),
        logical_id: event.logical_id.clone(),
        resource_type: event.resource_type.clone(),
        description: document.description(&event.logical_id),
        status: event.status.clone(),
        reason: event.reason.clone(),
        at: event.at.clone(),
    });
}

/// The name in a stack's id (`arn:...:stack/NAME/uuid`), or the name itself.
fn stack_name(id: &str) -> &str {
    id.split(":stack/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or(id)
}

/// Reports a service's rollout. If AWS does not answer, the report is left out: that is no reason to give up a
/// deployment.
async fn tell_service(aws: &Aws, events: &Events, stack: &str, arn: &str) {
    // arn:aws:ecs:region:account:service/cluster/name
    let mut parts = arn.split(":service/").nth(1).unwrap_or_default().split('/');
    let (Some(cluster), Some(name)) = (parts.next(), parts.next()) else { return };
    let Ok(states) = aws.services(cluster, &[name.to_owned()]).await else { return };
    let Some(state) = states.into_iter().next() else { return };
    let stopped_reason = if state.failed > 0 || state.running < state.desired {
        aws.last_stopped_reason(cluster, name).await.ok().flatten()
    } else {
        None
    };
    events.send(OperationEvent::Service {
        stack: stack.to_owned(),
        service: state.name,
        desired: state.desired,
        running: state.running,
        pending: state.pending,
        failed: state.failed,
        rollout: state.rollout,
        stopped_reason,
        at: Events::now(),
    });
}

/// Waits until a service has all its tasks running, or the time is over. Returns its running and its desired tasks.
pub async fn steady(
    aws: &Aws,
    polling: Polling,
    events: &Events,
    stack: &str,
    cluster: &str,
    service: &str,
) -> Result<(i32, i32), OperationError> {
    let settled = |state: &ServiceState| {
        let all_run = state.running >= state.desired && state.pending == 0;
        // ECS starts no more tasks of a rollout that its circuit breaker has ended.
        state.rollout == "FAILED" || all_run && (state.rollout.is_empty() || state.rollout == "COMPLETED")
    };
    let (state, _) = until(aws, polling, events, stack, (cluster, service), settled).await?;
    Ok((state.running, state.desired))
}

/// Waits until a service has no tasks left.
///
/// # Errors
/// When a task still runs after [`Polling::health`].
pub async fn stopped(
    aws: &Aws,
    polling: Polling,
    events: &Events,
    stack: &str,
    cluster: &str,
    service: &str,
) -> Result<(), OperationError> {
    let gone = |state: &ServiceState| state.running == 0 && state.pending == 0;
    if until(aws, polling, events, stack, (cluster, service), gone).await?.1 {
        return Ok(());
    }
    Err(OperationError::Timeout {
        what: format!("the end of the tasks of {stack}"),
        minutes: polling.health.as_secs() / 60,
    })
}

/// Waits until a service of a cluster is as wanted, or the time is over. Returns its state, and whether it is as
/// wanted.
async fn until(
    aws: &Aws,
    polling: Polling,
    events: &Events,
    stack: &str,
    (cluster, service): (&str, &str),
    wanted: impl Fn(&ServiceState) -> bool,
) -> Result<(ServiceState, bool), OperationError> {
    let begun = tokio::time::Instant::now();
    let arn = format!("arn:aws:ecs:::service/{cluster}/{service}");
    let names = [service.to_owned()];
    let mut told = None;
    let mut retry = Retry::new(polling, Some(events), format!("the tasks of {stack}"));
    loop {
        let states = retry.ask(async || aws.services(cluster, &names).await).await?;
        let state = states.into_iter().next().unwrap_or_default();
        // Read often, reported only when something is new.
        if told.as_ref() != Some(&state) {
            tell_service(aws, events, stack, &arn).await;
            told = Some(state.clone());
        }
        let done = wanted(&state);
        if done || begun.elapsed() > polling.health {
            return Ok((state, done));
        }
        tokio::time::sleep(polling.poll.max(Duration::from_millis(100))).await;
    }
}
