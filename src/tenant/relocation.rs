//! Moving a tenant: into the pool or out of it, to another cell, into a cluster of its own or out of it.
//!
//! It leaves, arrives, and is tidied after. Leaving: a page of maintenance, a backup of what nobody can change any more, and of its stack
//! only the page is left. Arriving is a deployment like any other, but for the data, which comes from the backup before the service is
//! made. What was left behind is dropped only when the new place has been seen to answer. How far it has come is kept in a parameter,
//! so that the same command goes on, and every other leaves the tenant alone.

mod cleanup;
pub mod deployment;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use futures::future::LocalBoxFuture;
use jiff::Timestamp;

use crate::aws::{Aws, AwsError};
use crate::deploy::data_source::{DataSource, NewTenant};
use crate::deploy::delete::{Deleter, OWN_CLUSTER};
use crate::deploy::steps;
use crate::model::{ServingState, Tenant, TenantName};
use crate::operation::context::Context;
use crate::operation::step::Step;
use crate::operation::{OperationError, StepOutcome};
use crate::stack::build::AURORA;
use crate::stack::desired::WaitCondition;
use crate::stack::names::Names;
use crate::stack::tags::CELL_TAG;
use crate::stack::{DesiredStack, ObservedStack, StackKind};

use super::backup_store::BackupStore;
use super::restore::{self, Wanted};
use super::{backup, suspension};

pub use crate::operation::record::{Record, Stage, refuse};
pub use crate::stack::location::Location;

const PASSWORD: Step = Step::new("password", "let the tasks of its new cell read its role's password");
/// An update of the tenant's stack, of which only the page is left.
const PARK: Step = Step::new("park", "reduce its stack to the page");
const HOSTS: Step = Step::new("hosts", "take its hosts out of the registry of the pool that it left");
const OLD_DATA: Step = Step::new("old data", "drop the database that it left");
const RIGHTS: Step = Step::new("rights", "close its database to the pool");
const PRIORITY: Step = Step::new("priority", "release its listener rule's priority in the cell that it left");

/// Ends an update under way that waits for the data of a tenant that is to turn back, and waits until its stack rests.
///
/// # Errors
/// When AWS does not answer, and when the stack does not come to rest.
pub async fn stop(context: &Context<'_>, tenant: &TenantName) -> Result<(), OperationError> {
    let stack = context.names.tenant(tenant);
    match context.aws.signal(&stack, WaitCondition::TENANT.condition, "konta-back", false).await {
        // It waits for nothing any more, or for something else.
        Err(error) if error.is("ValidationError") => {}
        done => done?,
    }
    context.until_rest(StackKind::Tenant(tenant.clone()), &stack, &format!("tenant {tenant}")).await
}

/// A move of one tenant.
#[derive(Debug)]
pub struct Relocation<'a> {
    tenant: &'a Tenant,
    back: bool,
    begun: AtomicBool,
    /// What is left of its stack while it is on its way; `None` for one of the pool, whose stack is that already.
    parked: Option<DesiredStack>,
    record: Mutex<Record>,
}

impl<'a> Relocation<'a> {
    /// To where the record says, or with `back` to where it came from. `tenant` is as it is to be there.
    #[must_use]
    pub fn new(tenant: &'a Tenant, record: Record, back: bool, parked: Option<DesiredStack>) -> Self {
        let begun = AtomicBool::new(record.backup.is_some() || record.stage != Stage::Leaving);
        Self { tenant, back, begun, parked, record: Mutex::new(record) }
    }

    /// Who.
    #[must_use]
    pub fn tenant(&self) -> &TenantName {
        &self.tenant.name
    }

    /// Whether anything of the tenant has been touched.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// What is kept about it.
    #[must_use]
    pub fn record(&self) -> Record {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where it ends.
    #[must_use]
    pub fn goal(&self) -> Location {
        let record = self.record();
        if self.back { record.from } else { record.to }
    }

    /// What it ends with leaving behind.
    fn left_behind(&self) -> Location {
        let record = self.record();
        if self.back { record.to } else { record.from }
    }

    /// Whether its data must be brought; who turns back finds it where it was.
    #[must_use]
    pub fn brings_data(&self) -> bool {
        !self.back && matches!(self.record().stage, Stage::Leaving | Stage::Left)
    }

    /// Whether all there is to do to turn back is to take the page away: its stack is still what it was.
    #[must_use]
    pub fn only_resumes(&self, standing: &ObservedStack) -> bool {
        let from = self.record().from;
        self.back
            && Location::standing(standing).is_some_and(|home| (home.cell, home.pooled) == (from.cell, from.pooled))
    }

    /// What is about to happen, for the plan.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let (tenant, record) = (self.tenant(), self.record());
        if self.back {
            return vec![format!("{tenant} goes back to {}, where its data still is", record.from)];
        }
        let mut told = vec![format!("{tenant} moves from {} to {}", record.from, record.to)];
        if self.brings_data() {
            told.push(
                "meanwhile its visitors see a page of maintenance; its database and files go by way of a backup, and are counted when they come"
                    .to_owned(),
            );
        }
        told.push("what it leaves behind is dropped once the new place answers, all but its files".to_owned());
        if record.from.cell != record.to.cell && !self.tenant.secrets.is_empty() {
            told.push(format!(
                "its own secrets must be readable in cell {0}: aws ssm add-tags-to-resource --resource-type Parameter --resource-id NAME --tags Key=konta:cell,Value={0}",
                record.to.cell
            ));
        }
        told
    }

    /// The steps before its stack is deployed in the new place.
    #[must_use]
    pub fn leave_steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let record = self.record();
        if !self.back && record.stage == Stage::Leaving {
            if record.backup.is_none() {
                steps.extend(suspension::off_steps(record.from.pooled));
                steps.push(backup::BACK_UP);
            }
            steps.extend(self.parked.as_ref().map(|_| PARK));
        }
        steps.push(PASSWORD);
        if self.brings_data() {
            steps.extend(restore::restore_into_steps());
        }
        steps
    }

    /// The steps once it answers in the new place.
    #[must_use]
    pub fn finish_steps(&self) -> Vec<Step> {
        let (left, goal) = (self.left_behind(), self.goal());
        let mut steps = Vec::new();
        if left.pooled && !(goal.pooled && goal.cell == left.cell) {
            steps.push(HOSTS);
        }
        steps.push(OLD_DATA);
        if !goal.pooled {
            steps.push(RIGHTS);
        }
        if left.cell != goal.cell {
            steps.push(PRIORITY);
        }
        if left.own_cluster && !goal.own_cluster {
            steps.push(OWN_CLUSTER);
        }
        steps
    }

    async fn keep(&self, aws: &Aws, names: &Names, change: impl FnOnce(&mut Record)) -> Result<(), AwsError> {
        let text = {
            let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut record);
            serde_json::to_string(&*record).unwrap_or_default()
        };
        self.begun.store(true, Ordering::Relaxed);
        aws.put_parameter(&names.moving_tenant(self.tenant()), &text).await.map(|_| ())
    }

    /// Takes the tenant out of its old place, and makes the new one ready to take it. What is done already is passed.
    ///
    /// # Errors
    /// When a step fails; the tenant's visitors may see a page of maintenance then, and the same call goes on.
    pub async fn leave(&self, context: &Context<'_>) -> Result<(), OperationError> {
        let (aws, names, tenant) = (context.aws, &context.names, self.tenant());
        let stack = names.tenant(tenant);
        if self.back {
            self.keep(aws, names, |record| record.stage = Stage::Returning).await?;
        } else if self.record().stage == Stage::Leaving {
            // Before anything is touched: from now on every other command leaves the tenant alone.
            self.keep(aws, names, |_| ()).await?;
            if self.record().backup.is_none() {
                suspension::off(context, tenant, ServingState::Maintenance).await?;
                context.stop_if_interrupted(&stack)?;
                let made = backup::back_up(context, tenant, Timestamp::now()).await?;
                self.keep(aws, names, |record| record.backup = Some(made.manifest.id)).await?;
            }
            context.stop_if_interrupted(&stack)?;
            if let Some(parked) = &self.parked {
                context.reshape(parked).await?;
            }
            self.keep(aws, names, |record| record.stage = Stage::Left).await?;
        }
        // A task of another cell reads passwords of that cell only.
        let (password, cell) = (names.tenant_password(tenant), self.goal().cell.to_string());
        let work = async {
            aws.tag_parameter(&password, CELL_TAG, &cell).await?;
            Ok((StepOutcome::Done, None))
        };
        context.step(&stack, PASSWORD, work).await?;
        context.stop_if_interrupted(&stack)
    }

    /// Lets a tenant that has not left serve again, where it was.
    ///
    /// # Errors
    /// When a step fails; the same call goes on.
    pub async fn resume(&self, context: &Context<'_>) -> Result<Vec<String>, OperationError> {
        self.leave(context).await?;
        let not_run = suspension::resume(context, self.tenant()).await?;
        self.finish(context).await?;
        Ok(not_run)
    }

    /// Drops what was left behind, once the tenant serves where it ends.
    ///
    /// # Errors
    /// When a step fails; the same call goes on.
    pub async fn finish(&self, context: &Context<'_>) -> Result<(), OperationError> {
        let (aws, names, tenant) = (context.aws, &context.names, self.tenant());
        let stack = names.tenant(tenant);
        if !self.back {
            self.keep(aws, names, |record| record.stage = Stage::Arrived).await?;
        }
        let (left, goal) = (self.left_behind(), self.goal());
        let own = tenant.database();
        if left.pooled && !(goal.pooled && goal.cell == left.cell) {
            let work = cleanup::forget_hosts(context, left, &own);
            context.step(&stack, HOSTS, work).await?;
        }
        let work = cleanup::drop_data(context, tenant, left, goal);
        context.step(&stack, OLD_DATA, work).await?;
        if !goal.pooled {
            let work = cleanup::leave_pool(context, tenant, goal);
            context.step(&stack, RIGHTS, work).await?;
        }
        if left.cell != goal.cell {
            let work = steps::release_priorities(aws, names, tenant, left.cell());
            context.step(&stack, PRIORITY, work).await?;
        }
        if left.own_cluster && !goal.own_cluster {
            let observed = context.observed();
            if let Some(addon) = observed.get(&names.addon(tenant, AURORA)) {
                let deleter = Deleter::new(context);
                deleter.addon(addon, tenant).await?;
            }
        }
        Ok(aws.delete_parameter(&names.moving_tenant(tenant)).await?)
    }
}

impl DataSource for Relocation<'_> {
    fn fill<'a>(
        &'a self,
        context: &'a Context<'_>,
        new: &'a NewTenant<'a>,
    ) -> LocalBoxFuture<'a, Result<(), OperationError>> {
        Box::pin(async move {
            let store = BackupStore::at(context, new)?;
            let id = self.record().backup.ok_or_else(|| OperationError::MissingOutput {
                stack: new.stack.to_owned(),
                missing: "the backup that it left with".to_owned(),
            })?;
            let wanted = Wanted { source: self.tenant().as_str(), id: &id, neutralized_at: None, again: false };
            restore::restore_into(context, &store, &wanted).await.map(|_| ())
        })
    }
}
