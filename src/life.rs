//! A tenant's life after its first deployment: where it runs, what its tasks said, operations of several steps that may be repeated.
//!
//! Like a deployment, they can be interrupted: the truth is in AWS, and the same command goes on. Nothing here prints, prompts or exits.

pub mod backup;
pub mod inside;
pub mod logs;
pub mod moment;
pub mod moving;
pub mod once;
pub mod page;
pub mod place;
pub mod restore;
pub mod select;
pub mod stopped;
pub mod suspension;
mod task;
pub mod upgrade;
pub mod vault;
