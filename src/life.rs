//! A tenant's life after its first deployment: operations of several steps, each of which may be repeated.
//!
//! Like a deployment, they can be interrupted: the truth is in AWS, and the same command goes on.

pub mod backup;
pub mod page;
pub mod place;
pub mod restore;
pub mod suspension;
mod task;
