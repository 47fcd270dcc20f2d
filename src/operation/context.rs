//! What every operation works with: the session, the names, and who hears of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::LocalBoxFuture;

use crate::aws::Aws;
use crate::model::Environment;
use crate::stack::Observed;
use crate::stack::names::Names;

use super::error::OperationError;
use super::event::{Events, StepResult};
use super::interrupt::{Interrupt, Interrupts};
use super::polling::Polling;
use super::step::{Step, Steps};

/// What every operation in one environment works with.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// The session.
    pub aws: &'a Aws,
    /// The environment.
    pub environment: &'a Environment,
    /// The names of its stacks and parameters.
    pub names: Names,
    /// How often to ask AWS, and how long to wait.
    pub polling: Polling,
    /// Where events go.
    pub events: Events,
    /// What the operator asks for meanwhile.
    pub interrupts: Interrupts,
    /// What is deployed, kept up to date while the operation runs.
    pub standing: Standing,
    /// The steps of the operation, as its plan shows them; empty where an operation has no list of its own.
    pub steps: Steps,
}

impl Context<'_> {
    /// What is deployed, locked; nobody holds it over an await.
    pub fn standing(&self) -> MutexGuard<'_, Observed> {
        self.standing.lock()
    }

    /// A copy of what is deployed now.
    #[must_use]
    pub fn observed(&self) -> Observed {
        self.standing().clone()
    }

    /// Runs a step between its two events. The operation's list must have it.
    ///
    /// # Errors
    /// What the work ends with; and [`OperationError::Cancelled`] where the operator asked to begin nothing new and the operation may
    /// stop here.
    pub fn step<'s>(
        &'s self,
        stack: &'s str,
        step: Step,
        work: impl Future<Output = StepResult> + 's,
    ) -> LocalBoxFuture<'s, StepResult> {
        debug_assert!(self.steps.has(step), "the step {step:?} of {stack} is not in the list {:?}", self.steps);
        // Operations call each other: their futures would not fit on a stack if each held the next.
        let work = Box::pin(work);
        Box::pin(async move {
            if self.steps.rest_before(step) {
                self.stop_if_interrupted(stack)?;
            }
            self.steps.begin(step);
            self.events.step(stack, step.name, step.title, work).await
        })
    }

    /// Ends an operation at a place where it may rest, if the operator asked for that.
    ///
    /// # Errors
    /// [`OperationError::Cancelled`] then.
    pub fn stop_if_interrupted(&self, stack: &str) -> Result<(), OperationError> {
        if *self.interrupts.borrow() == Interrupt::None {
            return Ok(());
        }
        Err(OperationError::Cancelled { what: format!("the operation on {stack} stopped between two steps") })
    }
}

/// What is deployed, shared by the stacks that are deployed at the same time.
#[derive(Debug, Clone, Default)]
pub struct Standing(Arc<Mutex<Observed>>);

impl From<Observed> for Standing {
    fn from(observed: Observed) -> Self {
        Self(Arc::new(Mutex::new(observed)))
    }
}

impl Standing {
    /// Locks it; nobody holds it over an await.
    fn lock(&self) -> MutexGuard<'_, Observed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
