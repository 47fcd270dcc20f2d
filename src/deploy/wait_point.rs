//! A stack's wait point: CloudFormation stops at a wait condition, konta runs the steps that must come before the
//! service, and signals the condition.

use futures::future::LocalBoxFuture;

use crate::aws::Aws;
use crate::aws::cloudformation::Event;
use crate::operation::error::OperationError;

/// What a stack waits for, and what konta does before the stack may continue.
pub struct WaitPoint<'a> {
    aws: &'a Aws,
    condition: &'static str,
    work: Option<LocalBoxFuture<'a, Result<(), OperationError>>>,
    waits: bool,
    signalled: bool,
    failure: Option<OperationError>,
}

impl<'a> WaitPoint<'a> {
    /// A wait point at a wait condition, with the work to do there.
    #[must_use]
    pub fn new(
        aws: &'a Aws,
        condition: &'static str,
        work: impl Future<Output = Result<(), OperationError>> + 'a,
    ) -> Self {
        Self { aws, condition, work: Some(Box::pin(work)), waits: false, signalled: false, failure: None }
    }

    /// Notes an event of the stack.
    pub fn hear(&mut self, event: &Event) {
        if event.logical_id == self.condition {
            // In an update the sandbox reports a new resource as AWS reports a changed one; a wait condition is never
            // changed.
            self.waits = matches!(event.status.as_str(), "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS");
        }
    }

    /// Waits out a pause between two readings of the stack. If the stack waits, the work runs meanwhile, and konta
    /// signals the stack when the work is done.
    ///
    /// # Errors
    /// When the work fails now but may succeed later, as without a network: konta sends no signal, the stack keeps
    /// waiting, and the next run resumes. A failure that would repeat is signalled instead, and returned by
    /// [`WaitPoint::close`].
    pub async fn pass(&mut self, stack: &str, pause: impl Future<Output = ()>) -> Result<(), OperationError> {
        if !self.waits || self.signalled {
            pause.await;
            return Ok(());
        }
        tokio::pin!(pause);
        if let Some(work) = &mut self.work {
            tokio::select! {
                () = &mut pause => return Ok(()),
                done = work => {
                    self.work = None;
                    match done {
                        Ok(()) => {}
                        Err(error @ OperationError::StepFailed { .. }) => self.failure = Some(error),
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        // One name for all runs: a repeated signal counts once.
        let id = if self.failure.is_none() { "konta" } else { "konta-failed" };
        match self.aws.signal(stack, self.condition, id, self.failure.is_none()).await {
            Ok(()) => self.signalled = true,
            // The event may arrive before the condition accepts signals; and following the stack already retries while
            // AWS does not answer.
            Err(error) if error.is("ValidationError") || error.passes() => pause.await,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Finishes when the stack has a final status: returns the failure that was signalled, or runs the work if the
    /// stack never stopped here and `stands`, that is, its operation succeeded.
    ///
    /// # Errors
    /// Why the work failed.
    pub async fn close(self, stands: bool) -> Result<(), OperationError> {
        match (self.failure, self.work) {
            (Some(error), _) => Err(error),
            (None, Some(work)) if stands => work.await,
            _ => Ok(()),
        }
    }
}
