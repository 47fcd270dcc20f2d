//! What every operation works with: the AWS session, the names, and where its events go.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::LocalBoxFuture;

use crate::aws::Aws;
use crate::model::{Environment, TenantName};
use crate::stack::names::Names;
use crate::stack::{Observed, ObservedStack};

use super::error::OperationError;
use super::event::{Events, StepResult};
use super::interrupt::{Interrupt, Interrupts};
use super::lease::{self, Lease, LeaseRules};
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
    /// What the operator asks for while it runs.
    pub interrupts: Interrupts,
    /// What is deployed, kept up to date while the operation runs.
    pub standing: Standing,
    /// The steps of the operation, as its plan shows them; empty where an operation has no list of its own.
    pub steps: Steps,
    /// For whom the tenants are leased that the operation works on.
    pub leases: LeaseRules,
}

impl Context<'_> {
    /// What is deployed, locked; never hold the lock across an await.
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

    /// Works on a tenant while nobody else does: takes its lease, renews it meanwhile, and releases it, however the work ends.
    ///
    /// # Errors
    /// [`OperationError::Busy`] where another operation is at work, [`OperationError::TakenOver`] where another took this one's place,
    /// and what the work ends with.
    pub async fn leased<T, E: From<OperationError>>(
        &self,
        tenant: &TenantName,
        (verb, arguments): (&str, &[String]),
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let wanted = lease::Wanted { names: &self.names, tenant, verb, arguments };
        let lease = Lease::take(self.aws, wanted, &self.leases, self.polling, &self.events).await?;
        lease.hold(&self.leases.held);
        let done = match self.is_as_seen(tenant).await {
            Ok(true) => tokio::select! {
                done = Box::pin(work) => done,
                // Its record is another's now, or may be.
                () = lease.clone().lost(self.aws) => {
                    lease.forget(&self.leases.held);
                    return Err(OperationError::TakenOver { tenant: tenant.to_string() }.into());
                }
            },
            Ok(false) => Err(OperationError::Changed { tenant: tenant.to_string() }.into()),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = lease.release(self.aws).await {
            self.events.note(format!("{tenant}: its record could not be deleted, and grows old by itself ({error})"));
        }
        lease.forget(&self.leases.held);
        done
    }

    /// Whether a tenant's stack still is what this command saw before it had the lease: another operation may have ended in between.
    async fn is_as_seen(&self, tenant: &TenantName) -> Result<bool, OperationError> {
        let name = self.names.tenant(tenant);
        let now = self.aws.stack(&name).await?.filter(|stack| stack.status != "REVIEW_IN_PROGRESS");
        let standing = self.standing();
        let seen = standing.get(&name);
        // What was under way when it was seen may have ended since; whoever works on it follows it first.
        if seen.is_some_and(ObservedStack::in_progress) {
            return Ok(true);
        }
        Ok(match (seen, &now) {
            (Some(seen), Some(now)) => seen.parameters == now.parameters && seen.tags == now.tags,
            (None, None) => true,
            _ => false,
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
    /// Locks it; never hold the lock across an await.
    fn lock(&self) -> MutexGuard<'_, Observed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
