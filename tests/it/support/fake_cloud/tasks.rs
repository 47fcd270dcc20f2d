//! One-off ECS tasks: each works for a few looks, whoever looks.

use serde_json::{Value, json};

use super::{State, text};
use crate::support::fake_aws::Answer;

/// Looks until a task ends.
const LOOKS: usize = 3;

#[derive(Debug, Clone)]
pub struct Task {
    pub arn: String,
    pub started_by: String,
    pub definition: String,
    /// What it is to do, where it runs konta's tool.
    pub job: Value,
    pub status: &'static str,
    pub exit_code: Option<i64>,
    /// Looks until it ends.
    looks: usize,
}

impl State {
    pub(super) fn task_call(&mut self, action: &str, body: &Value) -> Answer {
        match action {
            "RunTask" => {
                let started_by = text(&body["startedBy"]);
                if let Some(other) = self.tasks.iter().find(|task| task.status != "STOPPED") {
                    let said = format!("{started_by} was started beside {}", other.started_by);
                    self.is_wrong(said);
                }
                let command = &body["overrides"]["containerOverrides"][0]["command"];
                let last = command.as_array().and_then(|words| words.last()).map(text).unwrap_or_default();
                let arn = format!("arn:task/c/task{}", self.tasks.len());
                self.tasks.push(Task {
                    arn: arn.clone(),
                    started_by,
                    definition: text(&body["taskDefinition"]),
                    job: serde_json::from_str(&last).unwrap_or_default(),
                    status: "PENDING",
                    exit_code: None,
                    looks: LOOKS,
                });
                Answer::json(200, &json!({"tasks": [{"taskArn": arn, "lastStatus": "PENDING"}]}))
            }
            "ListTasks" => {
                let stopped = body["desiredStatus"] == "STOPPED";
                let by = body["startedBy"].as_str();
                let is_listed = |task: &&Task| {
                    (task.status == "STOPPED") == stopped
                        && by.is_some_and(|by| by == task.started_by)
                        && body["serviceName"].is_null()
                };
                let arns: Vec<&str> = self.tasks.iter().filter(is_listed).map(|task| task.arn.as_str()).collect();
                Answer::json(200, &json!({"taskArns": arns}))
            }
            _ => {
                let asked: Vec<String> = body["tasks"].as_array().into_iter().flatten().map(text).collect();
                let mut shown = Vec::new();
                for index in 0..self.tasks.len() {
                    if !asked.contains(&self.tasks[index].arn) {
                        continue;
                    }
                    self.work(index);
                    let task = &self.tasks[index];
                    shown.push(json!({"taskArn": task.arn, "lastStatus": task.status,
                        "startedBy": task.started_by,
                        "containers": [{"name": "odoo", "exitCode": task.exit_code}]}));
                }
                Answer::json(200, &json!({"tasks": shown}))
            }
        }
    }

    /// Lets a task work for a while.
    fn work(&mut self, index: usize) {
        let task = &mut self.tasks[index];
        if task.status == "STOPPED" {
            return;
        }
        task.looks -= 1;
        task.status = "RUNNING";
        let (looks, job, definition) = (task.looks, task.job.clone(), task.definition.clone());
        if looks > 0 {
            self.job_half(&job, &definition);
        } else {
            let code = self.job_done(&job, &definition);
            (self.tasks[index].status, self.tasks[index].exit_code) = ("STOPPED", Some(code));
        }
    }

    pub(super) fn finish_tasks(&mut self) {
        for index in 0..self.tasks.len() {
            while self.tasks[index].status != "STOPPED" {
                self.work(index);
            }
        }
    }
}
