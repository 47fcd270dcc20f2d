//! What changes in a stack: values, properties and resources, each with its risk.

use serde::Serialize;

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceAction {
    /// Made.
    Add,
    /// Changed.
    Modify,
    /// Removed.
    Remove,
    /// Unknown until AWS does it (a nested or dynamic change).
    Dynamic,
}

/// Whether a resource is replaced by a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Replacement {
    /// Changed in place.
    Never,
    /// Depends on a value known only during the deployment.
    Conditional,
    /// Replaced.
    Always,
}

/// A value before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueChange {
    /// The parameter, tag or setting.
    pub name: String,
    /// Before; absent if it is new.
    pub before: Option<String>,
    /// After; absent if it is removed or known later. In a new stack, a value that is known later names the
    /// output that it comes from.
    pub after: Option<String>,
    /// Whether the value after is known only once an earlier stack is deployed.
    pub known_later: bool,
}

/// One property of a resource, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PropertyChange {
    /// Its path, such as `Properties.Cpu`.
    pub path: String,
    /// Before.
    pub before: Option<String>,
    /// After.
    pub after: Option<String>,
    /// Whether this property alone makes AWS replace the resource.
    pub replacement: Replacement,
}

/// One resource's change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResourceChange {
    /// The logical id.
    pub logical_id: String,
    /// The type.
    pub resource_type: String,
    /// What it is, for people.
    pub description: String,
    /// What happens to it.
    pub action: ResourceAction,
    /// Whether it is replaced.
    pub replacement: Replacement,
    /// Property by property; empty for added and removed resources.
    pub properties: Vec<PropertyChange>,
    /// What it may cost apart from money.
    pub risk: Risk,
}

/// What a change may cost apart from money, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Nothing that visitors notice.
    #[default]
    None,
    /// A resource without data is replaced; there may be a short gap.
    Replacement,
    /// A resource that holds data may be replaced: AWS decides only during the deployment.
    ///
    /// Usually it is not: a changed tag of a cluster's subnet group is enough for AWS to report this.
    PossibleDataLoss,
    /// A resource that holds data is replaced or removed.
    DataLoss,
}
