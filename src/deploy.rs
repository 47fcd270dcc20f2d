//! Plan -> AWS calls. Emits [`DeployEvent`]s; never prints, prompts or exits.

pub mod event;

pub use event::{DeployEvent, StepOutcome};
