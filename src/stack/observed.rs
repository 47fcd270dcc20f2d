//! Stacks as they stand in AWS, in one sweep.

use std::collections::BTreeMap;

use serde::Serialize;

/// A stack as AWS describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ObservedStack {
    /// Its name.
    pub name: String,
    /// CloudFormation's status, such as `CREATE_COMPLETE`.
    pub status: String,
    /// CloudFormation's reason for it, if any.
    pub reason: Option<String>,
    /// Outputs by key.
    pub outputs: BTreeMap<String, String>,
    /// Parameters by key; values of `NoEcho` parameters are asterisks.
    pub parameters: BTreeMap<String, String>,
    /// Tags by key.
    pub tags: BTreeMap<String, String>,
    /// Whether termination protection is on.
    pub protected: bool,
    /// The last change, RFC 3339, UTC.
    pub changed_at: Option<String>,
}

impl ObservedStack {
    /// Whether the stack is only the shell of a change set that was never executed, and so does not exist yet.
    #[must_use]
    pub fn is_shell(&self) -> bool {
        self.status == "REVIEW_IN_PROGRESS"
    }

    /// Whether something is under way (`*_IN_PROGRESS`), other than a shell.
    #[must_use]
    pub fn in_progress(&self) -> bool {
        self.status.ends_with("_IN_PROGRESS") && !self.is_shell()
    }

    /// Whether the stack must be deleted before it can be made: its creation failed and left nothing usable.
    #[must_use]
    pub fn must_be_remade(&self) -> bool {
        matches!(self.status.as_str(), "ROLLBACK_COMPLETE" | "CREATE_FAILED" | "ROLLBACK_FAILED" | "DELETE_FAILED")
    }

    /// Whether an update failed and its rollback too; only `ContinueUpdateRollback` leads out.
    #[must_use]
    pub fn rollback_is_stuck(&self) -> bool {
        self.status == "UPDATE_ROLLBACK_FAILED"
    }
}

/// Every stack of the application that exists, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    stacks: BTreeMap<String, ObservedStack>,
}

impl Observed {
    /// From a list.
    #[must_use]
    pub fn new(stacks: Vec<ObservedStack>) -> Self {
        Self { stacks: stacks.into_iter().map(|stack| (stack.name.clone(), stack)).collect() }
    }

    /// One stack; shells of change sets that were never executed count as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&ObservedStack> {
        self.stacks.get(name).filter(|stack| !stack.is_shell())
    }

    /// One stack, shells included.
    #[must_use]
    pub fn get_with_shells(&self, name: &str) -> Option<&ObservedStack> {
        self.stacks.get(name)
    }

    /// One output of one stack.
    #[must_use]
    pub fn output(&self, stack: &str, output: &str) -> Option<&str> {
        self.get(stack)?.outputs.get(output).map(String::as_str)
    }

    /// Puts in a stack as it stands now.
    pub fn put(&mut self, stack: ObservedStack) {
        self.stacks.insert(stack.name.clone(), stack);
    }

    /// Takes a stack out, once it is deleted.
    pub fn remove(&mut self, name: &str) {
        self.stacks.remove(name);
    }

    /// All stacks but shells, by name.
    pub fn iter(&self) -> impl Iterator<Item = &ObservedStack> {
        self.stacks.values().filter(|stack| !stack.is_shell())
    }
}
