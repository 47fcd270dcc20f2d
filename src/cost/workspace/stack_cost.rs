//! What one stack costs.

use std::sync::Arc;

use crate::cost::allocate::Owner;
use crate::cost::estimate::Estimate;

/// One stack's cost.
#[derive(Debug, Clone)]
pub struct StackCost {
    /// The stack's name.
    pub stack: String,
    /// What it is, for people.
    pub title: String,
    /// Whose cost it is.
    pub owner: Owner,
    /// What it costs; stacks of one shape share one estimate.
    pub estimate: Arc<Estimate>,
}

impl StackCost {
    /// A stack's.
    #[must_use]
    pub fn new(stack: &str, title: &str, estimate: Arc<Estimate>) -> Self {
        Self { stack: stack.to_owned(), title: title.to_owned(), owner: Owner::Account, estimate }
    }

    /// The same, somebody's.
    #[must_use]
    pub fn owned_by(self, owner: Owner) -> Self {
        Self { owner, ..self }
    }

    /// The account's traffic, which belongs to no stack.
    #[must_use]
    pub fn of_account(estimate: Estimate) -> Self {
        Self::new("account", "traffic of the account", Arc::new(estimate))
    }
}
