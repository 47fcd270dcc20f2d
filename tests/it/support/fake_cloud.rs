//! An AWS that keeps what konta makes of it: stacks, services, tasks, databases, parameters and objects. It ends a session at any call,
//! and keeps count of what must never happen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use konta::aws::Aws;
use serde_json::{Value, json};

use super::fake_aws::{Answer, Call, scripted};

mod backup_tool;
pub mod databases;
mod objects;
pub mod outcome;
mod parameters;
mod services;
mod stacks;
pub mod sweep;
mod tasks;
pub mod world;

pub use databases::{Cluster, Database};
pub use parameters::Parameter;
pub use services::Service;
pub use stacks::Stack;
pub use tasks::Task;

/// A rule that holds at every moment; what is wrong where it does not.
pub type Rule = fn(&State) -> Option<String>;

/// All that is kept.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub stacks: BTreeMap<String, Stack>,
    pub services: BTreeMap<String, Service>,
    /// Database clusters, by ARN.
    pub clusters: BTreeMap<String, Cluster>,
    /// The cluster that the tasks of a task definition connect to.
    pub homes: BTreeMap<String, String>,
    pub tasks: Vec<Task>,
    /// SSM parameters.
    pub parameters: BTreeMap<String, Parameter>,
    /// Objects, each with its versions, the oldest first; `None` is a delete marker.
    pub objects: BTreeMap<String, Vec<(u32, Option<String>)>>,
    /// Whose files the filestore has.
    pub files: BTreeSet<String>,
    /// Whose files have a second link.
    pub pinned: BTreeSet<String>,
    /// What clusters left when they were deleted.
    pub snapshots: Vec<String>,
    /// Rules that hold after every call.
    pub rules: Vec<Rule>,
    /// What must never happen, and did.
    pub wrong: Vec<String>,
    calls: usize,
    /// The call at which the session ends.
    ends: Option<usize>,
    /// What is there when that call was carried out and its answer was lost.
    lost: Option<Box<Self>>,
    versions: u32,
}

#[derive(Clone, Default)]
pub struct Cloud {
    state: Arc<Mutex<State>>,
    aws: Arc<OnceLock<Aws>>,
}

impl Cloud {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The clients, made once.
    pub fn aws(&self) -> Aws {
        let state = Arc::clone(&self.state);
        self.aws.get_or_init(|| scripted(move |call| state.lock().unwrap().answer(call)).0).clone()
    }

    /// How many calls were made.
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    /// Ends the session at its call number `call`, counted from 1: neither that nor any later one is answered.
    pub fn end_at(&self, call: usize) {
        self.state().ends = Some(call);
    }

    /// Whether the session has ended.
    pub fn has_ended(&self) -> bool {
        let state = self.state();
        state.ends.is_some_and(|at| state.calls >= at)
    }

    /// So much time passes that all that is under way in AWS comes to its end.
    pub fn let_time_pass(&self) {
        let mut state = self.state();
        state.finish_tasks();
        state.finish_stacks();
        state.finish_services();
        state.look();
    }

    /// Puts another state in the place of this one.
    fn turn_into(&self, state: State) {
        *self.state() = State { ends: None, lost: None, ..state };
    }
}

impl State {
    fn answer(&mut self, call: &Call) -> Answer {
        self.calls += 1;
        match self.ends {
            Some(at) if self.calls >= at => {
                // To who sends it, a call that never arrives is the same as one whose answer never does.
                if self.calls == at {
                    let mut lost = self.clone();
                    lost.carry_out(call);
                    self.lost = Some(Box::new(lost));
                }
                expired(call)
            }
            _ => self.carry_out(call),
        }
    }

    fn carry_out(&mut self, call: &Call) -> Answer {
        let answer = self.route(call);
        self.look();
        answer
    }

    /// Looks whether every rule holds.
    fn look(&mut self) {
        let broken = self.rules.iter().filter_map(|rule| rule(self)).collect::<Vec<_>>();
        for one in broken.into_iter().chain(self.unfinished_backup()) {
            self.is_wrong(one);
        }
    }

    fn is_wrong(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.wrong.contains(&what) {
            self.wrong.push(what);
        }
    }

    fn route(&mut self, call: &Call) -> Answer {
        if is_s3(call) {
            return self.object_call(call);
        }
        let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
        let answer = match call.action.as_str() {
            "Execute" => Some(self.sql(&body)),
            "ListTasks" | "RunTask" | "DescribeTasks" => Some(self.task_call(&call.action, &body)),
            "DescribeServices" | "UpdateService" | "DescribeTargetHealth" | "DescribeRules" => {
                Some(self.service_call(&call.action, call, &body))
            }
            "PutParameter" | "GetParameter" | "GetParametersByPath" | "DeleteParameter" | "AddTagsToResource" => {
                Some(self.parameter_call(&call.action, &body))
            }
            "DescribeDBClusters" | "ModifyDBCluster" => Some(self.cluster_call(&call.action, call)),
            _ => self.stack_call(call),
        };
        answer.unwrap_or_else(|| {
            self.is_wrong(format!("a call that this AWS does not know: {} {}", call.action, call.body));
            Answer::error("UnexpectedCall", &call.action)
        })
    }
}

fn is_s3(call: &Call) -> bool {
    call.address.contains(".s3.")
}

fn expired(call: &Call) -> Answer {
    if is_s3(call) {
        return objects::refusal(400, "ExpiredToken");
    }
    if call.body.starts_with('{') {
        return refused("ExpiredTokenException", "expired");
    }
    Answer::error("ExpiredToken", "expired")
}

/// A refusal of a JSON service.
fn refused(code: &str, message: &str) -> Answer {
    Answer::json(400, &json!({"__type": code, "message": message}))
}

/// A text of a JSON body.
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
