//! The integration tests: one binary, a folder a tier. `cargo test pure::` runs one of them.

// Helpers of tests are tests: a panic in them is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

mod odoo;
mod pure;
mod sandbox;
mod scripted;
mod support;
