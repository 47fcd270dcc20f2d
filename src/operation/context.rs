//! What every operation works with: the AWS session, the names, and where its events go.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::aws::Aws;
use crate::model::Environment;
use crate::stack::Observed;
use crate::stack::names::Names;

use super::event::Events;
use super::interrupt::Interrupts;
use super::polling::Polling;

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
