//! ECS tasks: one-off tasks, how tasks end, their logs, and sessions in running ones.

pub mod exec;
pub mod log;
pub mod log_filter;
pub mod one_off;
pub mod stopped;
