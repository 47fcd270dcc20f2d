//! The doctor: checks in order, from those that need no network to those that need everything. It stops at the first
//! that fails.

use miette::Diagnostic;
use serde::Serialize;

use crate::aws::AwsError;
use crate::aws::credentials::{Credentials, SharedCredentialsProvider};

use super::diagnosis::{Diagnosis, Evidence, Trouble, diagnose};
use super::request::Request;
use super::session::SessionError;

mod checks;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// What the diagnosis is about.
    Failed,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked: keys, network (only if it fails), clock, identity, kind, cloud9, mfa, role, account, stacks.
    pub name: &'static str,
    /// How it ended.
    pub state: State,
    /// What was seen.
    pub seen: String,
}

/// How an examination ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every check is good.
    Well,
    /// A check failed.
    Failed,
    /// AWS could not be reached.
    Unreachable,
}

/// All checks, up to the first that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Examination {
    /// How it ended.
    pub outcome: Outcome,
    /// In the order of the checks.
    pub checks: Vec<Check>,
    /// Why the last one failed, and what to do.
    pub diagnosis: Option<Diagnosis>,
}

/// What is examined.
pub struct Patient<'a> {
    /// Whose session is wanted; it also says which account is right and whether the root user may be used.
    pub request: Request<'a>,
    /// The signs of Cloud9.
    pub cloud9: Vec<String>,
    /// The environment's stack, if there is a workspace: the doctor checks whether it can be read.
    pub stack: Option<String>,
}

impl Examination {
    /// The examination of files and variables that lead to no keys.
    #[must_use]
    pub fn of_refusal(error: &SessionError) -> Self {
        let mut course = Course::default();
        course.fail_with("keys", error);
        course.ended(Outcome::Failed)
    }
}

/// Makes the checks. Asks for a code if one is needed and can be had.
pub async fn examine(patient: &Patient<'_>) -> Examination {
    let mut course = Course::default();
    course.evidence.region = patient.request.region.to_owned();
    course.evidence.cloud9.clone_from(&patient.cloud9);
    let outcome = match course.all(patient).await {
        Ok(()) => Outcome::Well,
        Err(stop) => stop.0,
    };
    course.ended(outcome)
}

/// A check failed: none after it is made.
struct Stop(Outcome);

/// The base credentials.
struct Bottom {
    provider: SharedCredentialsProvider,
    credentials: Credentials,
}

/// An examination under way.
#[derive(Default)]
struct Course {
    checks: Vec<Check>,
    evidence: Evidence,
    diagnosis: Option<Diagnosis>,
}

impl Course {
    fn ended(self, outcome: Outcome) -> Examination {
        Examination { outcome, checks: self.checks, diagnosis: self.diagnosis }
    }

    fn good(&mut self, name: &'static str, seen: impl Into<String>) {
        self.checks.push(Check { name, state: State::Good, seen: seen.into() });
    }

    fn note(&mut self, name: &'static str, seen: impl Into<String>) {
        self.checks.push(Check { name, state: State::Note, seen: seen.into() });
    }

    /// Records a failure, with the table's diagnosis if there is one, else with the error's own text.
    fn fail(&mut self, name: &'static str, trouble: Option<&Trouble>, error: &dyn Diagnostic) -> Stop {
        let known = trouble.and_then(|trouble| diagnose(trouble, &self.evidence));
        let help = error.help().map(|help| help.to_string());
        self.diagnosis = Some(known.unwrap_or_else(|| Diagnosis {
            row: None,
            cause: error.to_string(),
            told_by: None,
            fix: help.into_iter().collect(),
        }));
        self.checks.push(Check { name, state: State::Failed, seen: error.to_string() });
        Stop(Outcome::Failed)
    }

    fn fail_with(&mut self, name: &'static str, error: &SessionError) -> Stop {
        if let SessionError::Aws(error) = error {
            return self.fail_aws(name, error);
        }
        self.fail(name, Trouble::of_session(error).as_ref(), error)
    }

    fn fail_aws(&mut self, name: &'static str, error: &AwsError) -> Stop {
        let stop = self.fail(name, Some(&Trouble::of_aws(error)), error);
        // A source that has no keys counts as an answer: the network is not at fault.
        if error.is_an_answer() { stop } else { Stop(Outcome::Unreachable) }
    }
}
