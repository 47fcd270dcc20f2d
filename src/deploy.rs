//! Turns a plan into AWS calls. Emits [`OperationEvent`](crate::operation::OperationEvent)s; never prints, prompts or
//! exits.
//!
//! Everything here can be interrupted: the state is in AWS, so running the same command again attaches to what is under
//! way.

pub mod apply;
pub mod blocked;
pub mod change_set;
pub mod data_source;
pub mod database_template;
pub mod delete;
pub mod deletion_protection;
pub mod deployer;
pub mod failure;
pub mod health;
pub mod install;
pub mod observe;
pub mod plan;
pub mod preflight;
pub mod provision;
mod recover;
mod set_parameter;
pub mod steps;
pub mod wait;
pub mod wait_point;

pub use deployer::{Deployer, StackResult};
pub use plan::{Planned, PlannedStack};
