//! The integration tests: one binary, one module a command or a concern.

// Helpers of tests are tests: a panic in them is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

mod architecture;
mod auth;
mod delete;
mod deploy;
mod doctor;
mod failure;
mod fake_aws;
mod fleet;
mod odd_answers;
mod sessions;
mod snapshots;
mod sts_double;
mod templates;
mod terminal;
mod variants;
mod world;
