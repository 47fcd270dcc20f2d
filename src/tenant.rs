//! A tenant's life after its first deployment: where it runs, what its tasks said, operations of several steps that may be repeated.
//!
//! Like a deployment, they can be interrupted: the truth is in AWS, and the same command goes on. Nothing here prints, prompts or exits.

pub mod backup;
pub mod backup_store;
mod backup_task;
pub mod page;
pub mod relocation;
pub mod restore;
pub mod suspension;
pub mod upgrade;
