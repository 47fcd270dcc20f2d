//! How anything is done to a tenant: its context, its steps, its record, its events and errors.

pub mod context;
pub mod error;
pub mod event;
pub mod interrupt;
pub mod polling;
pub mod record;
pub mod retry;

pub use context::Standing;
pub use event::{Events, StepOutcome, StepResult};

pub use crate::operation::error::OperationError;
pub use crate::operation::event::OperationEvent;
pub use crate::operation::interrupt::{Interrupt, Interrupts};
pub use crate::operation::polling::Polling;
