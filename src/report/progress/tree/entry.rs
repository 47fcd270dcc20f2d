//! One stack of the tree: its resources, steps and rollouts.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::operation::StepOutcome;
use crate::stack::Action;

use super::super::resource::{Standing, standing};

/// One stack.
pub(super) struct Entry {
    pub(super) title: String,
    pub(super) action: Option<Action>,
    /// CloudFormation's status of the stack itself.
    pub(super) status: Option<String>,
    pub(super) started: Option<Timestamp>,
    pub(super) ended: bool,
    /// In the order of their first event.
    pub(super) resources: Vec<Resource>,
    pub(super) steps: Vec<Step>,
    /// By the service's name.
    pub(super) rollouts: BTreeMap<String, Rollout>,
    /// Reasons of stopped tasks that were already shown above the tree.
    pub(super) told: BTreeSet<String>,
}

/// One resource.
pub(super) struct Resource {
    pub(super) logical_id: String,
    pub(super) sentence: String,
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) started: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
}

/// One of konta's own steps.
pub(super) struct Step {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) state: StepState,
    pub(super) detail: Option<String>,
    pub(super) started: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
}

/// The state of a step.
pub(super) enum StepState {
    Running,
    Ended(StepOutcome),
}

/// The state of a service's rollout.
pub(super) struct Rollout {
    pub(super) line: String,
    pub(super) failing: bool,
}

impl Entry {
    pub(super) fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            action: None,
            status: None,
            started: None,
            ended: false,
            resources: Vec::new(),
            steps: Vec::new(),
            rollouts: BTreeMap::new(),
            told: BTreeSet::new(),
        }
    }

    /// Takes in the start of an operation. If it is called twice, the first action and time remain.
    pub(super) fn begin(&mut self, title: &str, action: Action, at: Option<Timestamp>) {
        if self.ended {
            (self.action, self.started, self.ended) = (None, None, false);
        }
        title.clone_into(&mut self.title);
        self.action = self.action.or(Some(action));
        self.started = self.started.or(at);
    }

    pub(super) fn resource(&mut self, logical_id: &str) -> &mut Resource {
        let index = self.resources.iter().position(|resource| resource.logical_id == logical_id);
        let index = index.unwrap_or_else(|| {
            self.resources.push(Resource {
                logical_id: logical_id.to_owned(),
                sentence: String::new(),
                kind: String::new(),
                status: String::new(),
                started: None,
                ended: None,
            });
            self.resources.len() - 1
        });
        &mut self.resources[index]
    }

    pub(super) fn step(&mut self, name: &str) -> &mut Step {
        let index = self.steps.iter().position(|step| step.name == name);
        let index = index.unwrap_or_else(|| {
            self.steps.push(Step {
                name: name.to_owned(),
                title: name.to_owned(),
                state: StepState::Running,
                detail: None,
                started: None,
                ended: None,
            });
            self.steps.len() - 1
        });
        &mut self.steps[index]
    }
}

impl Resource {
    /// Takes in a status. A resource that starts again (a rollback, the second stage of a stack) gets a new start time.
    pub(super) fn becomes(&mut self, sentence: &str, kind: &str, status: &str, at: Option<Timestamp>) {
        let under_way = standing(status) == Standing::UnderWay;
        if self.ended.is_some() || self.started.is_none() {
            self.started = at;
        }
        self.ended = if under_way { None } else { at };
        sentence.clone_into(&mut self.sentence);
        kind.clone_into(&mut self.kind);
        status.clone_into(&mut self.status);
    }

    pub(super) fn standing(&self) -> Standing {
        standing(&self.status)
    }
}

impl Step {
    pub(super) fn begin(&mut self, title: &str, at: Option<Timestamp>) {
        title.clone_into(&mut self.title);
        (self.state, self.started, self.ended, self.detail) = (StepState::Running, at, None, None);
    }

    pub(super) fn end(&mut self, outcome: StepOutcome, detail: Option<String>, at: Option<Timestamp>) {
        (self.state, self.ended, self.detail) = (StepState::Ended(outcome), at, detail);
    }
}
