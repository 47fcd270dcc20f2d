//! Processes that a test starts.

/// Sends a signal, by the system's own program.
pub fn end(pid: u32, signal: &str) {
    assert!(std::process::Command::new("kill").args(["-s", signal, &pid.to_string()]).status().unwrap().success());
}
