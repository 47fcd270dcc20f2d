//! The one-off task in which Odoo upgrades the copy: running it, finding it again, stopping it, and reading its last lines.

use std::time::Duration;

use crate::aws::task_definition::beside;
use crate::aws::tasks::{TaskDetail, Tasks};
use crate::odoo::log::Level;
use crate::odoo::{database, modules, upgrade};
use crate::operation::event::StepResult;
use crate::operation::retry::Retry;
use crate::operation::{OperationError, StepOutcome};
use crate::task::log;
use crate::task::log_filter::{Line, Selection};
use crate::task::one_off::{self, Finished, OneOff};

use super::Upgrade;
use super::databases::Databases;

/// How long konta waits for a task to stop: the longest stop timeout, and the same again for ECS.
const STOPPING: Duration = Duration::from_mins(4);

/// How many of Odoo's lines an error quotes.
const WORDS: usize = 6;

/// The longest line that it quotes, in characters.
const WIDTH: usize = 240;

impl Upgrade<'_> {
    /// Runs Odoo in the copy, from the image that will serve, or waits for the task that does so already.
    pub(super) async fn run_odoo(&self, image: &str, started_by: &str, running: Option<String>) -> StepResult {
        let (site, wanted) = (&self.site, self.wanted);
        let begun = wanted.now.as_millisecond();
        let definition = match running {
            Some(_) => site.runtime.task_definition.clone(),
            None => self.task_definition(image).await?,
        };
        let copy = upgrade::copy_name(&site.own);
        let task = OneOff {
            runtime: site.runtime,
            task_definition: Some(&definition),
            command: &upgrade::command(&site.own, wanted.upgraded, wanted.installed),
            database: Some(&copy),
            task_role: None,
            size: Some(modules::INSTALL_SIZE),
            started_by,
        };
        let what = format!("the upgrade of {}", site.tenant);
        let Finished { arn, exit } =
            task.follow_or_run(site.context, running, &what, site.context.polling.task).await?;
        if let Some(reason) = exit.problem() {
            return Err(site.failed(&arn, begun, reason).await);
        }
        let left = site.names_in(&upgrade::unsettled(&copy)).await?;
        let there = site.names_in(&database::installed_modules(&copy)).await?;
        // Odoo skips modules that it does not know, and reports success nevertheless.
        let unknown = modules::missing(wanted.installed, &there);
        if !left.is_empty() || !unknown.is_empty() {
            let reason = format!(
                "Odoo reported success, but did not finish the modules {}",
                [left, unknown].concat().join(", ")
            );
            return Err(site.failed(&arn, begun, reason).await);
        }
        site.retire().await?;
        Ok((StepOutcome::Done, Some([wanted.upgraded, wanted.installed].concat().join(", "))))
    }

    /// The task definition whose tasks run `image`: the tenant's own, or one that is made for this upgrade.
    async fn task_definition(&self, image: &str) -> Result<String, OperationError> {
        let (site, wanted) = (&self.site, self.wanted);
        let own = &site.runtime.task_definition;
        if site.runtime.is_pooled || wanted.image == image {
            return Ok(own.clone());
        }
        Ok(site.context.aws.define_with_image(own, image).await?)
    }
}

impl Databases<'_> {
    /// The running task that does this work.
    pub(super) async fn running(&self, started_by: &str) -> Result<Option<String>, OperationError> {
        let tasks = self.tasks().await?;
        let is_it = |task: &&TaskDetail| task.started_by.as_deref() == Some(started_by) && task.stops.is_none();
        Ok(tasks.iter().find(is_it).map(|task| task.arn.clone()))
    }

    /// The tenant's upgrade tasks that have not ended, including those that are stopping.
    async fn tasks(&self) -> Result<Vec<TaskDetail>, OperationError> {
        let own = upgrade::started_by_tenant(&self.stack, &self.own);
        let (family, beside) = (self.runtime.family(), beside(self.runtime.family()));
        let mut retry = Retry::new(self.context.polling, Some(&self.context.events), "the tasks of upgrades");
        let mut found = Vec::new();
        for which in [
            Tasks::RunningOfFamily(family),
            Tasks::StoppedOfFamily(family),
            Tasks::RunningOfFamily(&beside),
            Tasks::StoppedOfFamily(&beside),
        ] {
            let tasks = retry.ask(async || self.context.aws.tasks(&self.runtime.cluster, which).await).await?;
            found.extend(tasks);
        }
        found.retain(|task| {
            task.status != "STOPPED" && task.started_by.as_deref().is_some_and(|by| by.starts_with(&own))
        });
        Ok(found)
    }

    /// Stops the tenant's upgrade tasks except `but`, and waits until they end: none may write to the copy of another run.
    /// If `but` is `None`, their task definitions are retired, too.
    pub(super) async fn stop_tasks(&self, but: Option<&str>) -> Result<(), OperationError> {
        let begun = tokio::time::Instant::now();
        loop {
            let mut left = self.tasks().await?;
            left.retain(|task| but.is_none() || task.started_by.as_deref() != but);
            if left.is_empty() {
                break;
            }
            for task in left.iter().filter(|task| task.stops.is_none()) {
                self.context.events.note(format!("{}: stopping task {} of an earlier upgrade", self.tenant, task.id()));
                let reason = "konta: this upgrade is not continued";
                self.context.aws.stop_task(&self.runtime.cluster, &task.arn, reason).await?;
            }
            if begun.elapsed() > STOPPING {
                let what = format!("the end of task {}", left[0].id());
                return Err(OperationError::Timeout { what, minutes: STOPPING.as_secs() / 60 });
            }
            tokio::time::sleep(self.context.polling.poll).await;
        }
        if but.is_none() { self.retire().await } else { Ok(()) }
    }

    /// Retires the task definitions that were made for upgrades of this tenant, also those of an interrupted run.
    pub(super) async fn retire(&self) -> Result<(), OperationError> {
        if !self.runtime.is_pooled {
            self.context.aws.retire_family(&beside(self.runtime.family())).await?;
        }
        Ok(())
    }

    async fn names_in(&self, question: &database::Statement) -> Result<Vec<String>, OperationError> {
        self.data.values(question).await
    }

    /// The error of a task that failed, with Odoo's last lines.
    async fn failed(&self, arn: &str, from: i64, reason: String) -> OperationError {
        let task = arn.rsplit('/').next().unwrap_or(arn);
        let words = self.last_words(arn, from).await;
        let said = if words.is_empty() { String::new() } else { format!("; Odoo said:\n  {}", words.join("\n  ")) };
        let log = if self.runtime.is_pooled { "--pool".to_owned() } else { self.tenant.to_string() };
        OperationError::StepFailed {
            stack: self.stack.clone(),
            step: format!("the upgrade in task {task}"),
            reason: format!("{reason}{said}"),
            help: format!(
                "run `konta logs {log} --task {task}` to see everything that Odoo logged; the former data was not touched"
            ),
        }
    }

    /// Odoo's last errors with their tracebacks, or its last lines if it logged no error. If the log cannot be read, they are
    /// left out: the error itself must reach the operator.
    async fn last_words(&self, arn: &str, from: i64) -> Vec<String> {
        let aws = self.context.aws;
        let source = one_off::log_of(self.runtime, arn);
        let begun = tokio::time::Instant::now();
        // Lines reach the log a while after Odoo writes them.
        let late = if aws.is_sandbox() { Duration::from_secs(2) } else { Duration::from_secs(15) };
        loop {
            let mut reader = log::Reader::new(aws, self.context.polling, &source, Selection::default(), from, None);
            let lines = reader.all().await.unwrap_or_default();
            if lines.iter().any(is_error) || begun.elapsed() > late {
                return words(&lines);
            }
            tokio::time::sleep(log::interval(aws)).await;
        }
    }
}

fn is_error(line: &Line) -> bool {
    line.level.is_some_and(|level| level >= Level::Error)
}

fn words(lines: &[Line]) -> Vec<String> {
    let errors: Vec<&Line> = lines.iter().filter(|line| is_error(line)).collect();
    let said = if errors.is_empty() { lines.iter().collect() } else { errors };
    let text = |line: &&Line| line.without_time().chars().take(WIDTH).collect::<String>();
    said.iter().skip(said.len().saturating_sub(WORDS)).map(text).collect()
}
