//! What every operation works with.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::stack::Observed;

/// What stands, shared by the stacks that are deployed side by side.
#[derive(Debug, Clone, Default)]
pub struct Standing(Arc<Mutex<Observed>>);

impl From<Observed> for Standing {
    fn from(observed: Observed) -> Self {
        Self(Arc::new(Mutex::new(observed)))
    }
}

impl Standing {
    /// What stands, to be read or changed; nobody holds it over an await.
    pub fn lock(&self) -> MutexGuard<'_, Observed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
