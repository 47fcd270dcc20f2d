//! Ctrl-C and SIGTERM while a command changes something: heard by one listener from the first operation to the command's end.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::aws::Aws;
use crate::operation::event::Events;
use crate::operation::interrupt::{Interrupt, Interrupts};
use crate::operation::lease::Held;
use crate::report::prompt;

use super::signals::{Request, Signals};

/// How long a process that leaves waits until its leases are released.
const RELEASING: Duration = Duration::from_secs(2);

/// What a command was asked to do by signals, and whom it tells.
#[derive(Debug, Default)]
pub(super) struct Interruption {
    sender: OnceLock<watch::Sender<Interrupt>>,
    now: Arc<Mutex<Now>>,
}

/// The operation that runs now.
#[derive(Debug, Default)]
struct Now {
    events: Option<Events>,
    aws: Option<Aws>,
    /// Whether updates under way may be cancelled: only those of a deployment.
    can_cancel: bool,
}

impl Interruption {
    fn now(&self) -> MutexGuard<'_, Now> {
        lock(&self.now)
    }

    /// Whether the operator has asked to begin nothing new.
    pub(super) fn has_come(&self) -> bool {
        self.sender.get().is_some_and(|sender| *sender.borrow() != Interrupt::None)
    }

    /// An operation begins: signals are heard from now on, and told to it.
    pub(super) fn begin(&self, aws: &Aws, events: &Events, held: &Held, can_cancel: bool) -> Interrupts {
        *self.now() = Now { events: Some(events.clone()), aws: Some(aws.clone()), can_cancel };
        let sender = self.sender.get_or_init(|| {
            let (sender, _) = watch::channel(Interrupt::None);
            tokio::spawn(listen(sender.clone(), Arc::clone(&self.now), held.clone()));
            sender
        });
        sender.subscribe()
    }

    /// It has ended; what is told would have nobody to hear it.
    pub(super) fn end(&self) {
        self.now().events = None;
    }
}

fn lock(now: &Mutex<Now>) -> MutexGuard<'_, Now> {
    now.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first Ctrl-C begins nothing new, and offers to cancel a deployment's updates; the second leaves at once, and AWS goes on by itself.
/// A request to end (SIGTERM, as a pipeline sends it) leaves at once too.
async fn listen(interrupt: watch::Sender<Interrupt>, now: Arc<Mutex<Now>>, held: Held) {
    let Ok(mut signals) = Signals::listen() else { return };
    if signals.next().await == Request::Terminate {
        leave(&now, &held).await;
    }
    let _ = interrupt.send_replace(Interrupt::Drain);
    let mut can_type = prompt::can_ask() && lock(&now).can_cancel;
    let offer = if can_type { "type c and Enter to cancel the updates under way (they roll back); " } else { "" };
    if let Some(events) = lock(&now).events.clone() {
        events.note(format!(
            "starting nothing new; {offer}press Ctrl-C again to leave immediately (AWS continues, and the same command attaches to it)"
        ));
    }
    let mut typed = if can_type { typed_lines() } else { mpsc::unbounded_channel().1 };
    loop {
        tokio::select! {
            _ = signals.next() => leave(&now, &held).await,
            line = typed.recv(), if can_type => match line {
                Some(line) if line.trim().eq_ignore_ascii_case("c") => {
                    let _ = interrupt.send_replace(Interrupt::Cancel);
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
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Ends the process as an interrupted one, its tenants released. Nothing is lost: the truth is in AWS.
async fn leave(now: &Mutex<Now>, held: &Held) {
    let aws = lock(now).aws.clone();
    if let Some(aws) = aws {
        let _ = tokio::time::timeout(RELEASING, held.release(&aws)).await;
    }
    std::process::exit(130);
}
