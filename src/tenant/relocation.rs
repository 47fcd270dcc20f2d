//! Moving a tenant: into or out of the pool, to another cell, into or out of its own cluster.
//!
//! The tenant leaves, arrives, and konta cleans up. To leave, konta shows the maintenance page, backs up the data, which
//! nobody can change any more, and reduces the stack to the page. The arrival is a deployment like any other, except that
//! the data comes from the backup before the service is made. konta drops what the tenant left behind only when the
//! tenant answers in its new location. A parameter records the stage, so that the same command resumes the move, and
//! every other command leaves the tenant alone.

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
/// An update of the tenant's stack, after which only the page remains.
const PARK: Step = Step::new("park", "reduce its stack to the page");
const HOSTS: Step = Step::new("hosts", "remove its hosts from the registry of the pool that it left");
const OLD_DATA: Step = Step::new("old data", "drop the database that it left");
const RIGHTS: Step = Step::new("rights", "close its database to the pool");
const PRIORITY: Step = Step::new("priority", "release the priority of its listener rule in the cell that it left");

/// Stops the update under way of a tenant that must go back, which waits for its data, and waits until the stack has a
/// final status.
///
/// # Errors
/// When AWS does not answer, and when the stack reaches no final status.
pub async fn stop(context: &Context<'_>, tenant: &TenantName) -> Result<(), OperationError> {
    let stack = context.names.tenant(tenant);
    match context.aws.signal(&stack, WaitCondition::TENANT.condition, "konta-back", false).await {
        // The stack waits for nothing any more, or for something else.
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
    /// What remains of its stack during the move; `None` for a pooled tenant, whose stack is that small already.
    parked: Option<DesiredStack>,
    record: Mutex<Record>,
}

impl<'a> Relocation<'a> {
    /// A move to the location that the record names, or with `back` to the one that the tenant came from. `tenant` is the
    /// tenant as it must be there.
    #[must_use]
    pub fn new(tenant: &'a Tenant, record: Record, back: bool, parked: Option<DesiredStack>) -> Self {
        let begun = AtomicBool::new(record.backup.is_some() || record.stage != Stage::Leaving);
        Self { tenant, back, begun, parked, record: Mutex::new(record) }
    }

    /// The tenant that moves.
    #[must_use]
    pub fn tenant(&self) -> &TenantName {
        &self.tenant.name
    }

    /// Whether the move has changed anything of the tenant.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// The record of the move.
    #[must_use]
    pub fn record(&self) -> Record {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The location where the move ends.
    #[must_use]
    pub fn goal(&self) -> Location {
        let record = self.record();
        if self.back { record.from } else { record.to }
    }

    /// The location that the tenant leaves for good.
    fn left_behind(&self) -> Location {
        let record = self.record();
        if self.back { record.to } else { record.from }
    }

    /// Whether the data must be brought along. A tenant that goes back finds its data where it was.
    #[must_use]
    pub fn brings_data(&self) -> bool {
        !self.back && matches!(self.record().stage, Stage::Leaving | Stage::Left)
    }

    /// Whether going back only means removing the page, because the stack is still what it was.
    #[must_use]
    pub fn only_resumes(&self, standing: &ObservedStack) -> bool {
        let from = self.record().from;
        self.back
            && Location::standing(standing).is_some_and(|home| (home.cell, home.pooled) == (from.cell, from.pooled))
    }

    /// Notes for the plan: what is about to happen.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let (tenant, record) = (self.tenant(), self.record());
        if self.back {
            return vec![format!("{tenant} goes back to {}, where its data still is", record.from)];
        }
        let mut told = vec![format!("{tenant} moves from {} to {}", record.from, record.to)];
        if self.brings_data() {
            told.push(
                "visitors see a maintenance page during the move; database and files travel in a backup, and konta \
                 counts them on arrival"
                    .to_owned(),
            );
        }
        told.push(
            "konta drops what the tenant leaves behind once it answers in its new location, except its files"
                .to_owned(),
        );
        if record.from.cell != record.to.cell && !self.tenant.secrets.is_empty() {
            told.push(format!(
                "its own secrets must be readable in cell {0}: run `aws ssm add-tags-to-resource --resource-type Parameter --resource-id NAME --tags Key=konta:cell,Value={0}` for each of them",
                record.to.cell
            ));
        }
        told
    }

    /// The steps before the tenant's stack is deployed in the new location.
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

    /// The steps after the tenant answers in the new location.
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

    /// Takes the tenant out of its old location, and prepares the new one. Steps that are already done are skipped.
    ///
    /// # Errors
    /// When a step fails; visitors may then see the maintenance page, and the same call resumes the move.
    pub async fn leave(&self, context: &Context<'_>) -> Result<(), OperationError> {
        let (aws, names, tenant) = (context.aws, &context.names, self.tenant());
        let stack = names.tenant(tenant);
        if self.back {
            self.keep(aws, names, |record| record.stage = Stage::Returning).await?;
        } else if self.record().stage == Stage::Leaving {
            // Before anything changes: from now on every other command leaves the tenant alone.
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
        // The tasks of a cell can read only the passwords of that cell.
        let (password, cell) = (names.tenant_password(tenant), self.goal().cell.to_string());
        let work = async {
            aws.tag_parameter(&password, CELL_TAG, &cell).await?;
            Ok((StepOutcome::Done, None))
        };
        context.step(&stack, PASSWORD, work).await?;
        context.stop_if_interrupted(&stack)
    }

    /// Lets a tenant that has not left serve again where it was.
    ///
    /// # Errors
    /// When a step fails; the same call resumes it.
    pub async fn resume(&self, context: &Context<'_>) -> Result<Vec<String>, OperationError> {
        self.leave(context).await?;
        let not_run = suspension::resume(context, self.tenant()).await?;
        self.finish(context).await?;
        Ok(not_run)
    }

    /// Drops what the tenant left behind, once it serves where the move ends.
    ///
    /// # Errors
    /// When a step fails; the same call resumes it.
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
                missing: "the backup that holds its data".to_owned(),
            })?;
            let wanted = Wanted { source: self.tenant().as_str(), id: &id, neutralized_at: None, again: false };
            restore::restore_into(context, &store, &wanted).await.map(|_| ())
        })
    }
}
