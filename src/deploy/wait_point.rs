//! The gate of a stack: CloudFormation stops at a wait condition, konta does what must come before the service, and signals it.

use futures::future::LocalBoxFuture;

use crate::aws::Aws;
use crate::aws::cloudformation::Event;
use crate::operation::error::OperationError;

/// What a stack under way waits for, and what konta does before it lets it go on.
pub struct WaitPoint<'a> {
    aws: &'a Aws,
    condition: &'static str,
    work: Option<LocalBoxFuture<'a, Result<(), OperationError>>>,
    waits: bool,
    signalled: bool,
    failure: Option<OperationError>,
}

impl<'a> WaitPoint<'a> {
    /// A gate at a wait condition, with the work to do there.
    #[must_use]
    pub fn new(
        aws: &'a Aws,
        condition: &'static str,
        work: impl Future<Output = Result<(), OperationError>> + 'a,
    ) -> Self {
        Self { aws, condition, work: Some(Box::pin(work)), waits: false, signalled: false, failure: None }
    }

    /// Hears an event of the stack.
    pub fn hear(&mut self, event: &Event) {
        if event.logical_id == self.condition {
            // In an update the sandbox tells of a new resource as AWS does of a changed one; a wait condition is never changed.
            self.waits = matches!(event.status.as_str(), "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS");
        }
    }

    /// Lets a pause between two looks at the stack pass; where the stack waits, the work goes on meanwhile, and the stack is
    /// signalled when it is done.
    ///
    /// # Errors
    /// When the work could not be done now but may be later, as without a network: then nothing is signalled, the stack waits on, and
    /// the next run goes on. A failure that would be the same again is signalled instead, and told by [`WaitPoint::close`].
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
            // The event may be told before the condition hears signals; and who follows the stack has the patience for an AWS
            // that does not answer.
            Err(error) if error.is("ValidationError") || error.passes() => pause.await,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// What is left when the stack rests: the failure that was signalled; or, where the stack had no such condition, the work.
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
