//! The steps of an operation: known, with their titles, before the first one runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

/// A step of konta's own. The same constant stands in the list that a plan shows and where the step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Step {
    /// A short, stable name, such as `database`.
    pub name: &'static str,
    /// What it does, for people, in the imperative.
    pub title: &'static str,
    /// Whether an interrupted operation may stop before it.
    #[serde(skip)]
    rests: bool,
    /// Whether an operation that has begun it goes on to its end.
    #[serde(skip)]
    commits: bool,
    /// Whether it runs only on a way back, which no plan foresees.
    #[serde(skip)]
    is_unforeseen: bool,
}

impl Step {
    /// A step in the middle of something: an operation does not stop before it, and once it has begun goes on to its end.
    #[must_use]
    pub const fn new(name: &'static str, title: &'static str) -> Self {
        Self { name, title, rests: false, commits: true, is_unforeseen: false }
    }

    /// A step that leaves the tenant as it is: an interrupted operation stops before it or after it.
    #[must_use]
    pub const fn harmless(name: &'static str, title: &'static str) -> Self {
        Self { rests: true, commits: false, ..Self::new(name, title) }
    }

    /// The step that begins what must not be left half done: an interrupted operation stops before it, and not after it.
    #[must_use]
    pub const fn committing(name: &'static str, title: &'static str) -> Self {
        Self { rests: true, ..Self::new(name, title) }
    }

    /// A step of a way back, which no plan shows.
    #[must_use]
    pub const fn on_the_way_back(name: &'static str, title: &'static str) -> Self {
        Self { is_unforeseen: true, ..Self::new(name, title) }
    }
}

/// An operation on a tenant: what konta is asked to do, and every step of it, known before the first one runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The command's own word, such as `suspend`.
    pub verb: &'static str,
    /// What distinguishes this run of the verb from another, such as the backup that it restores. Never a secret.
    pub arguments: Vec<String>,
    /// Its steps, in their order.
    pub steps: Vec<Step>,
    /// Whether no other operation may run on the tenant meanwhile.
    pub is_exclusive: bool,
}

impl Operation {
    /// An operation without arguments.
    #[must_use]
    pub fn new(verb: &'static str, steps: Vec<Step>) -> Self {
        Self { verb, arguments: Vec::new(), steps, is_exclusive: true }
    }

    /// The same, for one that leaves the tenant as it is and keeps nobody else from it.
    #[must_use]
    pub fn shared(self) -> Self {
        Self { is_exclusive: false, ..self }
    }

    /// The same, with arguments.
    #[must_use]
    pub fn with(self, arguments: &[&str]) -> Self {
        Self { arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(), ..self }
    }
}

/// The steps of the operation at hand, and whether it has begun one that must not be left half done.
#[derive(Debug, Clone, Default)]
pub struct Steps {
    list: Vec<Step>,
    committed: Arc<AtomicBool>,
}

impl From<Vec<Step>> for Steps {
    fn from(list: Vec<Step>) -> Self {
        Self { list, committed: Arc::default() }
    }
}

impl Steps {
    /// Whether the operation's list has a step; without a list every step is taken.
    pub(super) fn has(&self, step: Step) -> bool {
        step.is_unforeseen || self.list.is_empty() || self.list.contains(&step)
    }

    /// Whether an interrupted operation stops before a step, now.
    pub(super) fn rest_before(&self, step: Step) -> bool {
        step.rests && !self.committed.load(Ordering::Relaxed)
    }

    /// Remembers that a step begins.
    pub(super) fn begin(&self, step: Step) {
        if step.commits {
            self.committed.store(true, Ordering::Relaxed);
        }
    }
}
