//! The signs of AWS Cloud9, whose managed credentials most of STS and IAM refuse.

use super::files::Files;
use super::surroundings::Surroundings;

/// Variables that Cloud9 sets in its terminals.
const VARIABLES: &[&str] = &["C9_PID", "C9_USER", "C9_PROJECT"];

/// How a credentials file written by Cloud9 begins.
const HEADING: &str = "Do not modify this file, if this file is modified it will not be updated";

/// The signs, for people; empty if this is not Cloud9.
#[must_use]
pub fn signs(files: &Files, around: &Surroundings) -> Vec<String> {
    let set = VARIABLES.iter().filter(|name| around.variable(name).is_some());
    let mut signs: Vec<String> = set.map(|name| format!("{name} is set")).collect();
    let text = std::fs::read_to_string(&files.credentials);
    if text.is_ok_and(|text| text.lines().take(3).any(|line| line.contains(HEADING))) {
        signs.push("Cloud9 wrote the credentials file".to_owned());
    }
    signs
}
