//! What the operator asks of a running operation.

use tokio::sync::watch;

/// What the operator asks of a running operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Interrupt {
    /// Nothing: continue.
    #[default]
    None,
    /// Start nothing new; what is under way may end.
    Drain,
    /// Cancel what is under way, as far as AWS can: updates roll back, creations continue.
    Cancel,
}

/// The channel from which an operation learns of interrupts.
pub type Interrupts = watch::Receiver<Interrupt>;
