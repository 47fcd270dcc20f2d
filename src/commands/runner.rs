//! Runs any operation: draws its events, listens for Ctrl-C, and returns how it ended.

use tokio::sync::{mpsc, watch};

use crate::model::Environment;
use crate::operation::event::Events;
use crate::operation::interrupt::Interrupt;
use crate::operation::lease::{Holder, LeaseRules, WhenBusy};
use crate::operation::{self, Step};
use crate::report::{Drawer, draw, prompt};
use crate::stack::Observed;
use crate::stack::names::Names;

use super::context::Session;
use super::signals::{Request, Signals};
use super::{CommandError, Context};

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
        leases: leases(context),
    };
    let done = work(&operation).await;
    drop(operation);
    watching.abort();
    // The drawer ends when every sender is dropped.
    let _ = watching.await;
    drawing.await.map_err(std::io::Error::from)??;
    done.map_err(Into::into)
}

/// This process as a lease's holder, and what the operator wants if another process holds the tenant.
fn leases(context: &Context) -> LeaseRules {
    let global = context.global();
    let when_busy = match (global.wait, global.take_over) {
        (_, true) => WhenBusy::TakeOver,
        (true, _) => WhenBusy::Wait,
        _ => WhenBusy::Refuse,
    };
    let user =
        ["USER", "LOGNAME", "GITHUB_ACTOR", "GITLAB_USER_LOGIN"].iter().find_map(|name| std::env::var(name).ok());
    let holder = Holder {
        user: user.unwrap_or_else(|| "somebody".to_owned()),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        process: rustix::process::getpid().as_raw_nonzero().get(),
    };
    LeaseRules { holder, when_busy, is_alive }
}

/// Whether a process runs on this machine.
fn is_alive(process: i32) -> bool {
    rustix::process::Pid::from_raw(process).is_some_and(|process| {
        // Another user's process may not be signalled, which proves that it runs.
        !matches!(rustix::process::test_kill_process(process), Err(rustix::io::Errno::SRCH))
    })
}

/// After the first Ctrl-C konta starts nothing new and offers to cancel; after the second it leaves immediately, and AWS
/// continues by itself.
///
/// konta also leaves immediately when it is asked to terminate (SIGTERM, which pipelines send).
async fn watch_interrupts(interrupt: watch::Sender<Interrupt>, events: Events) {
    let Ok(mut signals) = Signals::listen() else { return };
    if signals.next().await == Request::Terminate {
        leave();
    }
    let _ = interrupt.send(Interrupt::Drain);
    let offer =
        if prompt::can_ask() { "type c and Enter to cancel the updates under way (they roll back); " } else { "" };
    events.note(format!(
        "starting nothing new; {offer}press Ctrl-C again to leave immediately (AWS continues, and the same command \
         attaches to it)"
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
                // Nobody can type any more: only signals remain.
                None => can_type = false,
            },
        }
    }
}

/// What is typed, line by line, read by its own thread, which ends with the process.
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

/// Ends the process as interrupted. Nothing is lost: the state is in AWS.
fn leave() {
    std::process::exit(130);
}
