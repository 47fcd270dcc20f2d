//! `konta logs`: reading page by page against a scripted CloudWatch, and the command against the sandbox.

mod command;
mod reading;
mod stopped;

/// Sends a signal, by the system's own program.
pub fn end(pid: u32, signal: &str) {
    assert!(std::process::Command::new("kill").args(["-s", signal, &pid.to_string()]).status().unwrap().success());
}
