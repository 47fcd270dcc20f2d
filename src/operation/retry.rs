//! Retries while AWS throttles, fails or cannot be reached: work that was started continues there meanwhile.

use std::time::Duration;

use tokio::time::Instant;

use crate::aws::AwsError;

use super::error::OperationError;
use super::event::Events;
use super::polling::Polling;

/// The longest pause between two calls.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The retries of one wait.
#[derive(Debug)]
pub struct Retry<'a> {
    polling: Polling,
    events: Option<&'a Events>,
    what: String,
    unanswered_since: Option<Instant>,
    pause: Duration,
}

impl<'a> Retry<'a> {
    /// Retries a wait for `what`, a name for people. With `events`, a note says once that AWS stopped answering.
    pub fn new(polling: Polling, events: Option<&'a Events>, what: impl Into<String>) -> Self {
        Self { polling, events, what: what.into(), unanswered_since: None, pause: polling.poll }
    }

    /// Repeats a call that changes nothing until AWS answers, with growing pauses, while the error is a passing one.
    ///
    /// Fails immediately with any other error, and when [`Polling::unanswered`] is over.
    pub async fn ask<T>(&mut self, question: impl AsyncFn() -> Result<T, AwsError>) -> Result<T, OperationError> {
        loop {
            match question().await {
                Ok(answer) => {
                    self.unanswered_since = None;
                    self.pause = self.polling.poll;
                    return Ok(answer);
                }
                Err(error) if error.passes() && !self.polling.unanswered.is_zero() => self.wait(error).await?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn wait(&mut self, error: AwsError) -> Result<(), OperationError> {
        let minutes = self.polling.unanswered.as_secs() / 60;
        if let Some(since) = self.unanswered_since {
            if since.elapsed() > self.polling.unanswered {
                let what = self.what.clone();
                return Err(OperationError::Unanswered { what, minutes, reason: error.to_string() });
            }
        } else {
            self.unanswered_since = Some(Instant::now());
            if let Some(events) = self.events {
                events.note(format!(
                    "{}: AWS is not responding ({}); retrying for {minutes} minutes. Work already started continues in AWS",
                    self.what, error.code
                ));
            }
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}
