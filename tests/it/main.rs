//! The integration tests: one binary, one module a command or a concern.

// Helpers of tests are tests: a panic in them is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

mod architecture;
mod cost;
mod delete;
mod deploy;
mod failure;
mod fake_aws;
mod fleet;
mod html;
mod odd_answers;
mod snapshots;
mod templates;
mod terminal;
mod variants;
mod world;
