//! The integration tests: one binary, one module a command or a concern.

// Helpers of tests are tests: a panic in them is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

mod architecture;
mod auth;
mod backups;
mod context;
mod cost;
mod databases;
mod delete;
mod deploy;
mod doctor;
mod exec;
mod failure;
mod fake_aws;
mod fleet;
mod html;
mod install;
mod logs;
mod moving;
mod odd_answers;
mod odoo;
mod places;
mod prices;
mod recover;
mod resize;
mod run;
mod served;
mod sessions;
mod snapshots;
mod sql;
mod sts_double;
mod suspension;
mod templates;
mod terminal;
mod unanswered;
mod upgrade;
mod variants;
mod visit;
mod wait_condition;
mod world;
