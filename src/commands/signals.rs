//! Ctrl-C and SIGTERM: konta notices each, whatever it is doing at that moment.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// The requests to end that arrived and were not yet handled, in order.
///
/// From the first listener on, a signal no longer ends konta by itself, and tokio forgets one that arrives while nobody
/// waits for it. So a separate task always waits, also while a command is busy or a question is open, and keeps what
/// arrives.
#[derive(Debug)]
pub struct Signals(mpsc::UnboundedReceiver<Request>);

/// A request to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM, as a pipeline sends it.
    Terminate,
}

impl Signals {
    /// Starts listening.
    pub fn listen() -> io::Result<Self> {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let request = tokio::select! {
                    _ = interrupt.recv() => Request::Interrupt,
                    _ = terminate.recv() => Request::Terminate,
                    () = sender.closed() => return,
                };
                if sender.send(request).is_err() {
                    return;
                }
            }
        });
        Ok(Self(receiver))
    }

    /// The next request: one that has already arrived, otherwise the next to arrive.
    pub async fn next(&mut self) -> Request {
        match self.0.recv().await {
            Some(request) => request,
            // The listening task ends only with the runtime.
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    // One test for all: signals reach the whole process.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_signal_that_comes_while_nobody_waits_is_kept() {
        let mut signals = Signals::listen().unwrap();
        kill_process(getpid(), Signal::TERM).unwrap();
        assert_eq!(signals.next().await, Request::Terminate);
        kill_process(getpid(), Signal::INT).unwrap();
        // The listener has it before the test asks.
        while signals.0.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        kill_process(getpid(), Signal::INT).unwrap();
        assert_eq!(signals.next().await, Request::Interrupt);
        assert_eq!(signals.next().await, Request::Interrupt);
    }
}
