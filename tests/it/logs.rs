//! `konta logs`: reading page by page against a scripted CloudWatch, and the command against the sandbox.

mod command;
mod reading;
