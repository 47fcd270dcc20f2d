//! An AWS with one dedicated tenant in it, as far as an upgrade sees it: its stack, its service, its tasks and its databases. It keeps
//! count of what must never happen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use konta::aws::Aws;
use konta::stack::ObservedStack;
use serde_json::{Value, json};

use crate::support::fake_aws::{Answer, Call, Calls, scripted, stack_xml};

mod databases;

pub const STACK: &str = "konta-prod-tenant-bread";
pub const OLD: &str = "odoo:19.0@sha256:old";
pub const NEW: &str = "odoo:19.0@sha256:new";

/// A one-off task.
#[derive(Debug, Clone)]
pub struct Task {
    pub arn: String,
    pub started_by: String,
    pub family: String,
    pub status: &'static str,
    pub is_told_to_stop: bool,
    pub exit_code: Option<i64>,
    /// Looks until it ends.
    pub looks: usize,
}

/// A database: its comment, and whose data it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    pub comment: String,
    pub data: String,
}

/// What stands.
#[derive(Debug)]
pub struct State {
    pub parameters: BTreeMap<String, String>,
    pub databases: BTreeMap<String, Database>,
    pub tasks: Vec<Task>,
    pub definitions: BTreeSet<String>,
    pub ssm: BTreeSet<String>,
    pub desired: i64,
    /// Images whose tasks run and do not answer.
    pub deaf: BTreeSet<&'static str>,
    /// How tasks of upgrades end, and after how many looks.
    pub ends: (i64, usize),
    /// Looks until a copy is ready whose call has ended before it; 0 makes it within the call.
    pub copying: usize,
    copies: usize,
    /// After so many calls the session has ended.
    pub ends_after: Option<usize>,
    pub calls: usize,
    /// A database statement that begins so is carried out, and its answer is lost, once.
    pub lost: Option<&'static str>,
    /// Statements that begin so are refused.
    pub refuses: Option<&'static str>,
    /// Copies that were begun.
    pub made: usize,
    /// What must never happen.
    pub wrong: Vec<String>,
    updates: usize,
    set: BTreeMap<String, String>,
}

#[derive(Clone)]
pub struct Cloud(Arc<Mutex<State>>);

impl Cloud {
    pub fn new() -> Self {
        let parameters = [("Page", "none"), ("Image", OLD), ("MinTasks", "1")];
        let database = Database { comment: "konta: restored from bread/1".into(), data: "old".into() };
        Self(Arc::new(Mutex::new(State {
            parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            databases: [("bread".to_owned(), database)].into(),
            tasks: Vec::new(),
            definitions: BTreeSet::new(),
            ssm: BTreeSet::new(),
            desired: 1,
            deaf: BTreeSet::new(),
            ends: (0, 3),
            copying: 0,
            copies: 0,
            ends_after: None,
            calls: 0,
            lost: None,
            refuses: None,
            made: 0,
            wrong: Vec::new(),
            updates: 0,
            set: BTreeMap::new(),
        })))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub fn aws(&self) -> (Aws, Calls) {
        let cloud = self.clone();
        scripted(move |call| cloud.state().answer(call))
    }

    pub fn stack(&self) -> ObservedStack {
        self.state().stack()
    }

    /// Which data is served by which image; `None` off the net.
    pub fn serves(&self) -> Option<(String, String)> {
        self.state().serves()
    }

    pub fn databases(&self) -> Vec<String> {
        self.state().databases.keys().cloned().collect()
    }
}

impl State {
    fn stack(&self) -> ObservedStack {
        let outputs =
            [("ServiceName", "service"), ("TargetGroupArn", "arn:group"), ("TaskDefinitionArn", "arn:td/bread:1")];
        ObservedStack {
            name: STACK.into(),
            status: "UPDATE_COMPLETE".into(),
            parameters: self.parameters.clone(),
            outputs: outputs.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            tags: [("konta:cell".to_owned(), "1".to_owned())].into(),
            ..ObservedStack::default()
        }
    }

    fn serves(&self) -> Option<(String, String)> {
        let data = self.databases.get("bread")?.data.clone();
        (self.desired > 0 && self.parameters["Page"] == "none").then(|| (self.parameters["Image"].clone(), data))
    }

    /// Whenever somebody is served, it is by the image that fits the data.
    fn look_who_serves(&mut self) {
        if let Some((image, data)) = self.serves()
            && !image.ends_with(&data)
        {
            self.wrong.push(format!("{image} serves the data of {data}"));
        }
    }

    pub fn answer(&mut self, call: &Call) -> Answer {
        self.calls += 1;
        if self.ends_after.is_some_and(|after| self.calls > after) {
            return if call.body.starts_with('{') {
                Answer::json(400, &json!({"__type": "ExpiredTokenException", "message": "expired"}))
            } else {
                Answer::error("ExpiredToken", "expired")
            };
        }
        let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
        match call.action.as_str() {
            "Execute" => self.sql(body["sql"].as_str().unwrap()),
            "ListTasks" | "RunTask" | "DescribeTasks" | "StopTask" => self.task(&call.action, &body),
            "DescribeServices" => {
                let service = json!({"serviceName": "service", "status": "ACTIVE", "desiredCount": self.desired,
                    "runningCount": self.desired, "pendingCount": 0, "deployments": [{"rolloutState": "COMPLETED"}]});
                Answer::json(200, &json!({"services": [service]}))
            }
            "UpdateService" => {
                self.desired = body["desiredCount"].as_i64().unwrap();
                if self.desired > 0 && !matches!(self.parameters["Page"].as_str(), "none" | "waking") {
                    self.wrong.push("a service was started whose rule shows a page".to_owned());
                }
                self.look_who_serves();
                Answer::json(200, &json!({"service": {}}))
            }
            "DescribeTaskDefinition" => Answer::json(200, &json!({"taskDefinition": {"family": "bread"}})),
            "RegisterTaskDefinition" => {
                let family = body["family"].as_str().unwrap().to_owned();
                let arn = format!("arn:td/{family}:1");
                self.definitions.insert(arn.clone());
                Answer::json(200, &json!({"taskDefinition": {"taskDefinitionArn": arn}}))
            }
            "ListTaskDefinitions" => Answer::json(200, &json!({"taskDefinitionArns": self.definitions})),
            "DeregisterTaskDefinition" => {
                self.definitions.remove(body["taskDefinition"].as_str().unwrap());
                Answer::json(200, &json!({"taskDefinition": {}}))
            }
            "PutParameter" => {
                self.ssm.insert(body["Name"].as_str().unwrap().to_owned());
                Answer::json(200, &json!({}))
            }
            "DeleteParameter" => {
                self.ssm.remove(body["Name"].as_str().unwrap());
                Answer::json(200, &json!({}))
            }
            "GetParameter" if self.ssm.contains(body["Name"].as_str().unwrap()) => {
                Answer::json(200, &json!({"Parameter": {"Value": "then"}}))
            }
            "GetParameter" => Answer::json(400, &json!({"__type": "ParameterNotFound", "message": "none"})),
            "FilterLogEvents" => {
                let line = |id: &str, text: &str| {
                    let stream = format!(
                        "bread/odoo/{}",
                        self.tasks.last().map_or("", |task| task.arn.rsplit('/').next().unwrap())
                    );
                    json!({"eventId": id, "logStreamName": stream, "timestamp": 1, "message": text})
                };
                let error = "2026-11-30 12:00:00,000 1 ERROR bread__upgrade odoo.modules: no such column";
                Answer::json(200, &json!({"events": [line("1", error), line("2", "UndefinedColumn: x")]}))
            }
            "DescribeTargetHealth" => {
                let deaf = self.deaf.contains(self.parameters["Image"].as_str());
                let state = if deaf { "unhealthy" } else { "healthy" };
                let one = format!("<member><TargetHealth><State>{state}</State></TargetHealth></member>");
                Answer::xml(
                    "DescribeTargetHealth",
                    &format!("<TargetHealthDescriptions>{one}</TargetHealthDescriptions>"),
                )
            }
            other => self.stack_call(other, call),
        }
    }

    fn stack_call(&mut self, action: &str, call: &Call) -> Answer {
        match action {
            "DescribeStacks" => Answer::xml(action, &format!("<Stacks>{}</Stacks>", stack_xml(&self.stack()))),
            "GetTemplate" => {
                let pages = json!({"AllowedValues": ["none", "suspended", "maintenance", "waking"]});
                let template = json!({"Parameters": {"Page": pages, "Image": {}, "MinTasks": {}}, "Resources": {}});
                Answer::xml(
                    action,
                    &format!(
                        "<TemplateBody>{}</TemplateBody>",
                        crate::support::fake_aws::escape(&template.to_string())
                    ),
                )
            }
            "CreateChangeSet" => {
                self.set = (1..)
                    .map_while(|n| {
                        let of = |what: &str| call.parameter(&format!("Parameters.member.{n}.Parameter{what}"));
                        Some((of("Key")?, of("Value")?))
                    })
                    .collect();
                Answer::xml(action, "<Id>arn:x</Id><StackId>arn:y</StackId>")
            }
            "DescribeChangeSet" => Answer::xml(action, "<Status>CREATE_COMPLETE</Status><Changes/>"),
            "ExecuteChangeSet" => {
                self.updates += 1;
                let shows_page =
                    |parameters: &BTreeMap<String, String>| !matches!(parameters["Page"].as_str(), "none" | "waking");
                if self.parameters["Image"] != self.set["Image"] {
                    if shows_page(&self.parameters) {
                        self.wrong.push("a service was changed whose rule shows a page".to_owned());
                    }
                    // Between the page and Odoo nothing may run: a schedule starts it as soon as it may.
                    if self.desired > 0 {
                        self.wrong.push("an image was changed under a running service".to_owned());
                    }
                }
                let rested = self.parameters["Page"] != "none";
                self.parameters = std::mem::take(&mut self.set);
                if rested && self.parameters["Page"] == "none" {
                    // Application Auto Scaling brings the service within its bounds.
                    self.desired = 1;
                }
                self.look_who_serves();
                Answer::xml(action, "")
            }
            "DescribeStackEvents" => {
                let event = format!(
                    "<member><EventId>{}</EventId><StackId>s</StackId><StackName>{STACK}</StackName><LogicalResourceId>{STACK}</LogicalResourceId><ResourceType>AWS::CloudFormation::Stack</ResourceType><ResourceStatus>UPDATE_COMPLETE</ResourceStatus><Timestamp>2026-11-24T12:00:00Z</Timestamp></member>",
                    self.updates
                );
                Answer::xml(action, &format!("<StackEvents>{event}</StackEvents>"))
            }
            other => Answer::error("UnexpectedCall", other),
        }
    }

    fn task(&mut self, action: &str, body: &Value) -> Answer {
        match action {
            "ListTasks" => {
                for task in self.tasks.iter_mut().filter(|task| task.is_told_to_stop) {
                    task.looks = task.looks.saturating_sub(1);
                    if task.looks == 0 {
                        task.status = "STOPPED";
                    }
                }
                let stopped = body["desiredStatus"] == "STOPPED";
                let is_listed = |task: &&Task| {
                    (task.is_told_to_stop || task.status == "STOPPED") == stopped
                        && body["family"].as_str().is_none_or(|family| family == task.family)
                };
                let arns: Vec<&str> = self.tasks.iter().filter(is_listed).map(|task| task.arn.as_str()).collect();
                Answer::json(200, &json!({"taskArns": arns}))
            }
            "RunTask" => {
                let started_by = body["startedBy"].as_str().unwrap();
                if let Some(other) = self.tasks.iter().find(|task| task.status != "STOPPED") {
                    self.wrong.push(format!("{started_by} beside {}", other.started_by));
                }
                let definition = body["taskDefinition"].as_str().unwrap();
                let task = Task {
                    arn: format!("arn:task/task{}", self.tasks.len()),
                    started_by: started_by.to_owned(),
                    family: definition.rsplit('/').next().unwrap().split(':').next().unwrap().to_owned(),
                    status: "PENDING",
                    is_told_to_stop: false,
                    exit_code: None,
                    looks: self.ends.1,
                };
                let answer = json!({"taskArn": task.arn, "lastStatus": task.status});
                self.tasks.push(task);
                Answer::json(200, &json!({"tasks": [answer]}))
            }
            "StopTask" => {
                for task in self.tasks.iter_mut().filter(|task| body["task"] == task.arn.as_str()) {
                    (task.is_told_to_stop, task.status, task.looks) = (true, "DEACTIVATING", 5);
                }
                Answer::json(200, &json!({"task": {}}))
            }
            _ => {
                let asked: Vec<&str> = body["tasks"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
                let shown: Vec<Value> = self
                    .tasks
                    .iter_mut()
                    .filter(|task| asked.contains(&task.arn.as_str()))
                    .map(|task| {
                        if task.status != "STOPPED" && !task.is_told_to_stop {
                            task.looks = task.looks.saturating_sub(1);
                            task.status = "RUNNING";
                            if task.looks == 0 {
                                (task.status, task.exit_code) = ("STOPPED", Some(self.ends.0));
                                if let Some(copy) = self.databases.get_mut("bread__upgrade") {
                                    "new".clone_into(&mut copy.data);
                                }
                            }
                        }
                        json!({"taskArn": task.arn, "lastStatus": task.status, "startedBy": task.started_by,
                        "desiredStatus": if task.is_told_to_stop { "STOPPED" } else { "RUNNING" },
                        "containers": [{"name": "odoo", "exitCode": task.exit_code}]})
                    })
                    .collect();
                Answer::json(200, &json!({"tasks": shown}))
            }
        }
    }
}
