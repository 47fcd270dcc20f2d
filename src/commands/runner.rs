//! Runs any operation: draws its events, listens for Ctrl-C, and returns how it ended.

use tokio::sync::mpsc;

use crate::model::Environment;
use crate::operation::event::Events;
use crate::operation::lease::{LeaseRules, WhenBusy};
use crate::operation::{self, OperationError, Step};
use crate::report::{Drawer, draw};
use crate::stack::Observed;
use crate::stack::names::Names;

use super::session::Session;
use super::{CommandError, Context, process};

/// Runs `work` in an environment: draws its events as they come, listens for Ctrl-C, and keeps `observed` up to date.
/// `steps` is the list that the plan shows; it is empty for deployments, whose plan has a list for each stack.
///
/// # Errors
/// When `work` fails, and when konta cannot write to the terminal.
pub(super) async fn run<T, E: Into<CommandError>>(
    context: &Context,
    session: &Session,
    environment: &Environment,
    names: Names,
    observed: Observed,
    steps: Vec<Step>,
    work: impl AsyncFnOnce(&operation::Context<'_>) -> Result<T, E>,
) -> Result<T, CommandError> {
    if context.interruption().has_come() {
        return Err(OperationError::Cancelled { what: "nothing more was begun".to_owned() }.into());
    }
    let (sender, receiver) = mpsc::unbounded_channel();
    let drawer = Drawer::for_reader(context.format(), environment.name.as_str(), context.palette());
    let drawing = tokio::spawn(draw(receiver, drawer));
    let events = Events(sender);
    let leases = leases(context);
    let interrupts = context.interruption().begin(&session.aws, &events, &leases.held, steps.is_empty());
    let operation = operation::Context {
        aws: &session.aws,
        environment,
        names,
        polling: session.polling,
        events,
        interrupts,
        standing: observed.into(),
        steps: steps.into(),
        leases,
    };
    let done = work(&operation).await;
    // The drawer ends when every sender is gone.
    drop(operation);
    context.interruption().end();
    drawing.await.map_err(std::io::Error::from)??;
    done.map_err(Into::into)
}

/// This process, and what the operator wants where a tenant is another's.
pub(super) fn leases(context: &Context) -> LeaseRules {
    let global = context.global();
    let when_busy = match (global.wait, global.take_over) {
        (_, true) => WhenBusy::TakeOver,
        (true, _) => WhenBusy::Wait,
        _ => WhenBusy::Refuse,
    };
    LeaseRules { holder: process::holder(), when_busy, is_gone: process::is_gone, held: context.held().clone() }
}
