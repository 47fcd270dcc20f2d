//! Against an AWS that answers from a script: in paused time, or over HTTP where the binary is driven.

pub mod aws_odd_answers;
mod aws_throttling;
mod cost_actual;
mod doctor;
mod exec;
mod fleet;
mod install;
mod interrupted;
mod lease;
mod logs;
mod prices;
mod recover;
mod run;
mod sql;
mod upgrade;
mod wait_condition;
