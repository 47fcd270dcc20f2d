//! The one-off task in which Odoo upgrades the copy: found again, stopped, and its last words.

use std::time::Duration;

use crate::aws::definitions::beside;
use crate::aws::ecs::TaskRequest;
use crate::aws::tasks::{TaskDetail, Tasks};
use crate::deploy::patience::Patience;
use crate::deploy::steps::StepResult;
use crate::deploy::{DeployError, StepOutcome, install};
use crate::life::logs;
use crate::life::once;
use crate::life::select::{Line, Selection};
use crate::odoo::log::Level;
use crate::odoo::{database, modules, upgrade};

use super::Upgrade;
use super::site::Site;

/// How long a task that was told to stop is waited for: the longest stop timeout, and as much again for ECS.
const STOPPING: Duration = Duration::from_mins(4);

/// Lines of Odoo's that an error repeats.
const WORDS: usize = 6;

/// The longest of them, in characters.
const WIDTH: usize = 240;

impl Upgrade<'_> {
    /// Runs Odoo in the copy, from the image that is to serve, or waits for the task that does so already.
    pub(super) async fn run_odoo(&self, image: &str, started_by: &str, running: Option<String>) -> StepResult {
        let (site, wanted) = (&self.site, self.wanted);
        let begun = wanted.now.as_millisecond();
        let arn = match running {
            Some(arn) => arn,
            None => self.start(image, started_by).await?,
        };
        let ended =
            install::ended(site.deployer.aws, site.deployer.pace, &site.deployer.events, &site.place.cluster, &arn)
                .await;
        if let Some(reason) = ended? {
            return Err(site.failed(&arn, begun, reason).await);
        }
        let copy = upgrade::copy_name(&site.own);
        let left = site.names_in(&upgrade::unsettled(&copy)).await?;
        let there = site.names_in(&database::installed_modules(&copy)).await?;
        // Odoo passes over modules that it does not know, and ends well all the same.
        let unknown = modules::missing(wanted.installed, &there);
        if !left.is_empty() || !unknown.is_empty() {
            let reason = format!("Odoo ended well, but left {}", [left, unknown].concat().join(", "));
            return Err(site.failed(&arn, begun, reason).await);
        }
        site.retire().await?;
        Ok((StepOutcome::Done, Some([wanted.upgraded, wanted.installed].concat().join(", "))))
    }

    async fn start(&self, image: &str, started_by: &str) -> Result<String, DeployError> {
        let (site, wanted) = (&self.site, self.wanted);
        let (aws, place) = (site.deployer.aws, site.place);
        let definition = if place.is_pooled || wanted.image == image {
            place.task_definition.clone()
        } else {
            aws.define_with_image(&place.task_definition, image).await?
        };
        let task = TaskRequest {
            cluster: &place.cluster,
            task_definition: &definition,
            container: "odoo",
            command: &upgrade::command(&site.own, wanted.upgraded, wanted.installed),
            variables: &[("PGDATABASE".to_owned(), upgrade::copy_name(&site.own))],
            subnets: place.subnets.clone(),
            security_groups: vec![place.security_group.clone()],
            public_ip: place.public_ip,
            task_role: None,
            size: Some(modules::INSTALL_SIZE),
            started_by,
            tags: place.tags.clone(),
        };
        Ok(aws.run_task(&task).await?.arn)
    }
}

impl Site<'_> {
    /// The task that is at this work.
    pub(super) async fn running(&self, started_by: &str) -> Result<Option<String>, DeployError> {
        let tasks = self.tasks().await?;
        let is_it = |task: &&TaskDetail| task.started_by.as_deref() == Some(started_by) && task.stops.is_none();
        Ok(tasks.iter().find(is_it).map(|task| task.arn.clone()))
    }

    /// The tenant's tasks of upgrades that have not ended, those that are told to stop among them.
    async fn tasks(&self) -> Result<Vec<TaskDetail>, DeployError> {
        let own = upgrade::started_by_tenant(&self.stack, &self.own);
        let (family, beside) = (self.place.family(), beside(self.place.family()));
        let mut patience = Patience::new(self.deployer.pace, Some(&self.deployer.events), "the tasks of upgrades");
        let mut found = Vec::new();
        for which in [
            Tasks::RunningOfFamily(family),
            Tasks::StoppedOfFamily(family),
            Tasks::RunningOfFamily(&beside),
            Tasks::StoppedOfFamily(&beside),
        ] {
            let tasks = patience.ask(async || self.deployer.aws.tasks(&self.place.cluster, which).await).await?;
            found.extend(tasks);
        }
        found.retain(|task| {
            task.status != "STOPPED" && task.started_by.as_deref().is_some_and(|by| by.starts_with(&own))
        });
        Ok(found)
    }

    /// Stops the tenant's tasks of upgrades but one, and waits for their end: none may write to a copy that is another run's. The task
    /// definitions made for them go.
    pub(super) async fn stop_tasks(&self, but: Option<&str>) -> Result<(), DeployError> {
        let begun = tokio::time::Instant::now();
        loop {
            let mut left = self.tasks().await?;
            left.retain(|task| but.is_none() || task.started_by.as_deref() != but);
            if left.is_empty() {
                break;
            }
            for task in left.iter().filter(|task| task.stops.is_none()) {
                self.deployer.events.note(format!("{}: stopping task {} of an upgrade", self.tenant, task.id()));
                let reason = "konta: this upgrade is not gone on with";
                self.deployer.aws.stop_task(&self.place.cluster, &task.arn, reason).await?;
            }
            if begun.elapsed() > STOPPING {
                let what = format!("the end of task {}", left[0].id());
                return Err(DeployError::Timeout { what, minutes: STOPPING.as_secs() / 60 });
            }
            tokio::time::sleep(self.deployer.pace.poll).await;
        }
        if but.is_none() { self.retire().await } else { Ok(()) }
    }

    /// Retires the task definitions that were made for upgrades of this tenant, also by a run that was interrupted.
    pub(super) async fn retire(&self) -> Result<(), DeployError> {
        if !self.place.is_pooled {
            self.deployer.aws.retire_family(&beside(self.place.family())).await?;
        }
        Ok(())
    }

    async fn names_in(&self, question: &database::Statement) -> Result<Vec<String>, DeployError> {
        let rows = self.deployer.aws.sql(self.data, &question.database, &question.sql, &[]).await?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }

    /// The error of a task that did not do its work, with Odoo's last words about it.
    async fn failed(&self, arn: &str, from: i64, reason: String) -> DeployError {
        let task = arn.rsplit('/').next().unwrap_or(arn);
        let words = self.last_words(arn, from).await;
        let said = if words.is_empty() { String::new() } else { format!("; Odoo said:\n  {}", words.join("\n  ")) };
        let log = if self.place.is_pooled { "--pool".to_owned() } else { self.tenant.to_string() };
        DeployError::StepFailed {
            stack: self.stack.clone(),
            step: format!("the upgrade in task {task}"),
            reason: format!("{reason}{said}"),
            help: format!("`konta logs {log} --task {task}` has all that Odoo said; the former data was not touched"),
        }
    }

    /// Odoo's last lines of an error with their tracebacks, or without an error its last lines. What cannot be read is left out: the
    /// error itself must be told.
    async fn last_words(&self, arn: &str, from: i64) -> Vec<String> {
        let aws = self.deployer.aws;
        let source = once::log_of(self.place, arn);
        let begun = tokio::time::Instant::now();
        // Lines reach the log a while after they were written.
        let late = if aws.is_sandbox() { Duration::from_secs(2) } else { Duration::from_secs(15) };
        loop {
            let mut reader = logs::Reader::new(aws, self.deployer.pace, &source, Selection::default(), from, None);
            let lines = reader.all().await.unwrap_or_default();
            if lines.iter().any(is_error) || begun.elapsed() > late {
                return words(&lines);
            }
            tokio::time::sleep(logs::interval(aws)).await;
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
