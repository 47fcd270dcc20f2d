//! What the operator asks of an operation while it runs.

use tokio::sync::watch;

/// What the operator asks for while an operation runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Interrupt {
    /// Nothing: carry on.
    #[default]
    None,
    /// Begin nothing new; what is under way may end.
    Drain,
    /// Cancel what is under way, as far as AWS can: updates roll back, creations go on.
    Cancel,
}

/// Where an operation learns of interrupts.
pub type Interrupts = watch::Receiver<Interrupt>;
