//! Plan -> AWS calls. Emits [`DeployEvent`]s; never prints, prompts or exits.
//!
//! Everything here can be interrupted: the truth is in AWS, so running the same command again attaches to what is under way.

pub mod apply;
pub mod around;
pub mod arrival;
pub mod change_set;
pub mod delete;
pub mod error;
pub mod event;
pub mod execute;
pub mod failure;
pub mod first;
pub mod gate;
pub mod health;
pub mod install;
pub mod observe;
pub mod pace;
pub mod paged;
mod parameter;
pub mod patience;
pub mod preflight;
pub mod prepare;
pub mod protection;
mod recover;
pub mod steps;
pub mod wait;

pub use error::DeployError;
pub use event::{DeployEvent, StepOutcome};
pub use execute::{Deployer, StackResult};
pub use pace::Pace;
pub use prepare::{Planned, PlannedStack};
