//! Runs any operation: draws what it tells, listens for Ctrl-C, and gives back how it ended.

use tokio::sync::{mpsc, watch};

use crate::model::Environment;
use crate::operation::event::Events;
use crate::operation::interrupt::Interrupt;
use crate::operation::{self, Step};
use crate::report::{Drawer, draw, prompt};
use crate::stack::Observed;
use crate::stack::names::Names;

use super::context::Session;
use super::signals::{Request, Signals};
use super::{CommandError, Context};

/// Runs `work` in an environment: draws its events as they come, hears Ctrl-C, and keeps `observed` up to date. `steps` is the list that
/// the plan shows; it is empty for deployments, whose plan has a list for each stack.
///
/// # Errors
/// What `work` ends with, and when the terminal cannot be written to.
pub(super) async fn run<T, E: Into<CommandError>>(
    context: &Context,
    session: &Session,
    environment: &Environment,
    names: Names,
    observed: Observed,
    steps: Vec<Step>,
    work: impl AsyncFnOnce(&operation::Context<'_>) -> Result<T, E>,
) -> Result<T, CommandError> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let (interrupt, interrupts) = watch::channel(Interrupt::None);
    let drawer = Drawer::for_reader(context.format(), environment.name.as_str(), context.palette());
    let drawing = tokio::spawn(draw(receiver, drawer));
    let watching = tokio::spawn(watch_interrupts(interrupt, Events(sender.clone())));
    let operation = operation::Context {
        aws: &session.aws,
        environment,
        names,
        polling: session.polling,
        events: Events(sender),
        interrupts,
        standing: observed.into(),
        steps: steps.into(),
    };
    let done = work(&operation).await;
    drop(operation);
    watching.abort();
    // The drawer ends when every sender is gone.
    let _ = watching.await;
    drawing.await.map_err(std::io::Error::from)??;
    done.map_err(Into::into)
}

/// The first Ctrl-C begins nothing new and offers to cancel; the second leaves at once, and AWS goes on by itself.
///
/// A request to end (SIGTERM, as a pipeline sends it) leaves at once too.
async fn watch_interrupts(interrupt: watch::Sender<Interrupt>, events: Events) {
    let Ok(mut signals) = Signals::listen() else { return };
    if signals.next().await == Request::Terminate {
        leave();
    }
    let _ = interrupt.send(Interrupt::Drain);
    let offer =
        if prompt::can_ask() { "type c and Enter to cancel the updates under way (they roll back); " } else { "" };
    events.note(format!(
        "nothing new begins; {offer}press Ctrl-C again to leave at once (AWS goes on, and the same command attaches to it)"
    ));
    let mut typed = typed_lines();
    let mut can_type = prompt::can_ask();
    loop {
        tokio::select! {
            _ = signals.next() => leave(),
            line = typed.recv(), if can_type => match line {
                Some(line) if line.trim().eq_ignore_ascii_case("c") => {
                    let _ = interrupt.send(Interrupt::Cancel);
                }
                Some(_) => {}
                // Nobody can type any more: only the signals are left.
                None => can_type = false,
            },
        }
    }
}

/// What is typed, line by line, by a thread of its own: it ends with the process.
fn typed_lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    if prompt::can_ask() {
        std::thread::spawn(move || {
            for line in std::io::stdin().lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
    }
    receiver
}

/// Ends the process as an interrupted one. Nothing is lost: the truth is in AWS.
fn leave() {
    std::process::exit(130);
}
