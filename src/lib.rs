//! konta deploys Odoo Community Edition for many small businesses on AWS, from one manifest per tenant.
//!
//! Data walks one way, and no module reaches back (`tests/it/pure/architecture.rs` checks it):
//!
//! ```text
//! manifest -> model -> template -> stack (plan) -> deploy -> life -> report
//!                         |                          |
//!                        cost                odoo, aws, auth, sandbox
//! ```

pub mod auth;
pub mod aws;
pub mod commands;
pub mod cost;
pub mod deploy;
pub mod manifest;
pub mod model;
pub mod odoo;
pub mod operation;
pub mod report;
pub mod sandbox;
pub mod stack;
pub mod task;
pub mod template;
pub mod tenant;
