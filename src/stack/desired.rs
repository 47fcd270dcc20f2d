//! A stack as the manifests describe it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::model::{AddonName, CellNumber, TenantName};
use crate::stack::tags::PAGE;
use crate::template::Document;

use super::observed::Observed;

/// What a stack holds, in the order of deployment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum StackKind {
    /// The hosted zone.
    Dns,
    /// Network, cluster, certificate, roles.
    Environment,
    /// Load balancer, database, file system, pool.
    Cell(CellNumber),
    /// A tenant's own data resources.
    Addon(TenantName, AddonName),
    /// A tenant.
    Tenant(TenantName),
}

/// Where a parameter's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterValue {
    /// Known from the manifests.
    Literal(String),
    /// An output of another stack, known once that stack is deployed.
    Output {
        /// The other stack's name.
        stack: String,
        /// The output's key.
        output: String,
    },
}

impl ParameterValue {
    /// A value known now.
    pub fn literal(value: impl Into<String>) -> Self {
        Self::Literal(value.into())
    }

    /// The value, looked up in the deployed stacks; `None` if the other stack does not have that output (yet).
    #[must_use]
    pub fn resolve<'a>(&'a self, observed: &'a Observed) -> Option<&'a str> {
        match self {
            Self::Literal(value) => Some(value),
            Self::Output { stack, output } => observed.output(stack, output),
        }
    }
}

impl std::fmt::Display for ParameterValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Literal(value) => f.write_str(value),
            Self::Output { stack, output } => write!(f, "(output {output} of {stack})"),
        }
    }
}

/// A wait condition at which the creation of a stack stops, before its service, until konta signals it.
///
/// The task definition must exist before one of its tasks can prepare the database, and the database must be prepared
/// before a service takes traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WaitCondition {
    /// The logical id of the wait condition.
    pub condition: &'static str,
    /// The output that a stack has once its service exists: then the wait condition is passed.
    pub passed: &'static str,
}

impl WaitCondition {
    /// The one of a dedicated tenant.
    pub const TENANT: Self = Self { condition: "Installed", passed: "ServiceName" };
    /// The one of a cell with a pool.
    pub const POOL: Self = Self { condition: "PoolReady", passed: "PoolServiceName" };
}

/// A stack as the manifests describe it.
#[derive(Debug, Clone)]
pub struct DesiredStack {
    /// Its name in CloudFormation.
    pub name: String,
    /// What it holds.
    pub kind: StackKind,
    /// What it is, for people, such as "tenant breadfree".
    pub title: String,
    /// The template; stacks of one shape share it.
    pub document: Arc<Document>,
    /// Every parameter the template declares and konta sets.
    pub parameters: BTreeMap<String, ParameterValue>,
    /// Tags, without konta's own hash tag.
    pub tags: BTreeMap<String, String>,
    /// Whether termination protection is wanted.
    pub protected: bool,
    /// Where its creation waits for konta, if it does.
    pub wait_condition: Option<WaitCondition>,
    /// Stacks whose outputs it takes, or that must exist before it.
    pub depends_on: Vec<String>,
}

impl DesiredStack {
    /// The parameters, if every value is known; `None` until the stacks that it depends on are deployed.
    #[must_use]
    pub fn resolved_parameters(&self, observed: &Observed) -> Option<BTreeMap<String, String>> {
        self.parameters
            .iter()
            .map(|(name, value)| value.resolve(observed).map(|value| (name.clone(), value.to_owned())))
            .collect()
    }

    /// The parameters whose values are not known yet, with where they will come from.
    #[must_use]
    pub fn unresolved(&self, observed: &Observed) -> Vec<(&str, &ParameterValue)> {
        self.parameters
            .iter()
            .filter(|(_, value)| value.resolve(observed).is_none())
            .map(|(name, value)| (name.as_str(), value))
            .collect()
    }

    /// The hash that decides whether anything changed: SHA-256 over the body, the parameters and the tags, each with
    /// its length, in hexadecimal, the first 32 characters.
    ///
    /// The page that visitors see is left out: no manifest names it, and a page that comes or goes must not
    /// change the stack's tags. That would make CloudFormation touch a service whose target group has no load
    /// balancer at that moment.
    #[must_use]
    pub fn hash(&self, parameters: &BTreeMap<String, String>) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.document.digest());
        let mut feed = |text: &str| {
            hasher.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(text.as_bytes());
        };
        for (name, value) in parameters.iter().filter(|(name, _)| *name != PAGE) {
            feed(name);
            feed(value);
        }
        feed("tags");
        for (name, value) in &self.tags {
            feed(name);
            feed(value);
        }
        feed(if self.protected { "protected" } else { "open" });
        hasher.finalize().iter().take(16).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}
