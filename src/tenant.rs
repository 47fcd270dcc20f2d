//! Operations on a tenant after its first deployment. Each is a list of steps that can be repeated.
//!
//! Like a deployment, an operation can be interrupted: its state is in AWS, and the same command resumes it. Nothing here
//! prints, prompts or exits.

pub mod backup;
pub mod backup_store;
mod backup_task;
pub mod former_database;
pub mod page;
pub mod relocation;
pub mod restore;
pub mod suspension;
pub mod upgrade;
