//! Manifests: the operator's YAML, read once, checked, and turned into the model.
//!
//! Reading does not stop at the first mistake: every file is read to its end, and [`load`] returns all problems with
//! file, line, what is allowed and what was probably meant.

mod application;
mod arn;
mod clash;
mod cron;
mod database;
pub mod diagnostic;
pub mod edit;
mod environment;
pub mod load;
mod network;
mod parse;
mod read;
mod resolve;
mod secret;
mod tenant;
#[cfg(test)]
mod tests;
mod workload;

pub use diagnostic::{Code, Problem, Problems};
pub use load::{find_root, load, load_with};
