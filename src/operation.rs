//! What every operation uses: its context, its steps, its record, its events and errors.

pub mod context;
pub mod database;
pub mod error;
pub mod event;
pub mod interrupt;
pub mod lease;
pub mod polling;
pub mod record;
pub mod retry;
pub mod step;

pub use context::{Context, Standing};
pub use database::Database;
pub use error::OperationError;
pub use event::{Events, OperationEvent, StepOutcome, StepResult};
pub use interrupt::{Interrupt, Interrupts};
pub use polling::Polling;
pub use step::Step;
