//! Moving a tenant: into the pool or out of it, to another cell, into a cluster of its own or out of it.
//!
//! It leaves, arrives, and is tidied after. Leaving: a page of maintenance, a backup of what nobody can change any more, and of its stack
//! only the page is left. Arriving is a deployment like any other, but for the data, which comes from the backup before the service is
//! made. What was left behind is dropped only when the new place has been seen to answer. How far it has come is kept in a parameter,
//! so that the same command goes on, and every other leaves the tenant alone.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use futures::future::LocalBoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aws::data::DataTarget;
use crate::aws::{Aws, AwsError};
use crate::deploy::arrival::{Arrival, NewPlace};
use crate::deploy::delete::Deleter;
use crate::deploy::steps::{self, REGISTRY, StepResult};
use crate::deploy::wait::Wish;
use crate::deploy::{DeployError, Deployer, StepOutcome};
use crate::model::{CellNumber, DatabaseChoice, Isolation, Page, Tenant, TenantName};
use crate::odoo::backup::BackupId;
use crate::odoo::database;
use crate::stack::build::{AURORA, POOL_USER};
use crate::stack::desired::{CELL_TAG, DATABASE_TAG, Gate};
use crate::stack::names::Names;
use crate::stack::{DesiredStack, Observed, ObservedStack, StackKind};

use super::restore::{self, Wanted};
use super::vault::Vault;
use super::{backup, suspension};

/// Where a tenant lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// The cell's number.
    pub cell: u32,
    /// Whether the cell's pool serves it.
    pub pooled: bool,
    /// Whether its database is in a cluster of its own.
    pub own_cluster: bool,
}

impl Home {
    /// Of a tenant as its manifest wants it, in a cell.
    #[must_use]
    pub fn wanted(tenant: &Tenant, cell: CellNumber) -> Self {
        Self {
            cell: cell.get(),
            pooled: tenant.isolation == Isolation::Pooled,
            own_cluster: tenant.database == DatabaseChoice::Dedicated,
        }
    }

    /// Of a tenant's stack as it stands; `None` where it has no cell.
    #[must_use]
    pub fn standing(stack: &ObservedStack) -> Option<Self> {
        let own_cluster = stack.tags.get(DATABASE_TAG).is_some_and(|tag| tag == "dedicated");
        Some(Self { cell: stack.cell()?.get(), pooled: stack.is_pooled(), own_cluster })
    }

    /// Its cell.
    #[must_use]
    pub fn cell(self) -> CellNumber {
        CellNumber::new(self.cell).unwrap_or(CellNumber::FIRST)
    }

    /// The stack whose cluster holds its database.
    fn database_stack(self, names: &Names, tenant: &TenantName) -> String {
        if self.own_cluster { names.addon(tenant, AURORA) } else { names.cell(self.cell()) }
    }
}

impl fmt::Display for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = if self.pooled { "the pool" } else { "a service of its own" };
        let cluster = if self.own_cluster { ", in a cluster of its own" } else { "" };
        write!(f, "{service} in cell {}{cluster}", self.cell)
    }
}

/// How far a move has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It stands where it was, perhaps with a page in its place.
    Leaving,
    /// Its data is in the backup, and of its stack the page is left.
    Left,
    /// It is turned back. It may serve and take what visitors write, so the backup no longer holds its data: it cannot go on.
    Returning,
    /// It has been seen to answer in its new place; what it left behind is there still.
    Arrived,
}

/// What is kept about a move until its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Where it comes from.
    pub from: Home,
    /// The tier it had there.
    pub tier: String,
    /// Where it goes.
    pub to: Home,
    /// The backup that holds its data.
    pub backup: Option<BackupId>,
    /// How far it has come.
    pub stage: Stage,
}

impl Record {
    /// What is kept about a tenant's move; `None` where it does not move.
    ///
    /// # Errors
    /// When what is kept cannot be read.
    pub fn of(observed: &Observed, names: &Names, tenant: &TenantName) -> Result<Option<Self>, DeployError> {
        let Some(kept) = observed.moving(tenant) else { return Ok(None) };
        let mut record: Self = serde_json::from_str(kept).map_err(|error| DeployError::Preflight {
            problem: format!("what is kept about the move of {tenant} cannot be read: {error}"),
            help: format!("look at the SSM parameter {}; it was made by another konta", names.moving_tenant(tenant)),
        })?;
        if observed.get(&names.tenant(tenant)).is_some_and(|standing| has_arrived(&record, standing)) {
            record.stage = Stage::Arrived;
        }
        Ok(Some(record))
    }
}

/// Ends an update under way that waits for the data of a tenant that is to turn back, and waits until its stack rests.
///
/// # Errors
/// When AWS does not answer, and when the stack does not come to rest.
pub async fn stop(deployer: &Deployer<'_>, tenant: &TenantName) -> Result<(), DeployError> {
    let stack = deployer.names.tenant(tenant);
    match deployer.aws.signal(&stack, Gate::TENANT.condition, "konta-back", false).await {
        // It waits for nothing any more, or for something else.
        Err(error) if error.is("ValidationError") => {}
        done => done?,
    }
    deployer.until_rest(StackKind::Tenant(tenant.clone()), &stack, &format!("tenant {tenant}")).await
}

/// Whether a tenant serves in its new place already, though nobody noted it.
fn has_arrived(record: &Record, standing: &ObservedStack) -> bool {
    let rests = matches!(standing.status.as_str(), "UPDATE_COMPLETE" | "CREATE_COMPLETE");
    rests && standing.page() == Page::None && Home::standing(standing) == Some(record.to) && record.stage == Stage::Left
}

/// Refuses to touch a tenant that is on its way.
///
/// # Errors
/// When it is.
pub fn refuse(observed: &Observed, tenant: &TenantName) -> Result<(), DeployError> {
    if !observed.is_on_its_way(tenant) {
        return Ok(());
    }
    Err(DeployError::Preflight {
        problem: format!("{tenant} is being moved"),
        help: format!(
            "go on with `konta tenant move {tenant}`, or back with `konta tenant move {tenant} --back`; then it is free again"
        ),
    })
}

/// A move of one tenant.
#[derive(Debug)]
pub struct Journey<'a> {
    tenant: &'a Tenant,
    back: bool,
    begun: AtomicBool,
    /// What is left of its stack while it is on its way; `None` for one of the pool, whose stack is that already.
    parked: Option<DesiredStack>,
    record: Mutex<Record>,
}

impl<'a> Journey<'a> {
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
    pub fn goal(&self) -> Home {
        let record = self.record();
        if self.back { record.from } else { record.to }
    }

    /// What it ends with leaving behind.
    fn left_behind(&self) -> Home {
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
        self.back && Home::standing(standing).is_some_and(|home| (home.cell, home.pooled) == (from.cell, from.pooled))
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

    async fn keep(&self, aws: &Aws, names: &Names, change: impl FnOnce(&mut Record)) -> Result<(), AwsError> {
        let text = {
            let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut record);
            serde_json::to_string(&*record).unwrap_or_default()
        };
        self.begun.store(true, Ordering::Relaxed);
        aws.put_parameter(&names.moving_tenant(self.tenant()), &text).await
    }

    /// Takes the tenant out of its old place, and makes the new one ready to take it. What is done already is passed.
    ///
    /// # Errors
    /// When a step fails; the tenant's visitors may see a page of maintenance then, and the same call goes on.
    pub async fn leave(&self, deployer: &Deployer<'_>) -> Result<(), DeployError> {
        let (aws, names, tenant) = (deployer.aws, &deployer.names, self.tenant());
        let stack = names.tenant(tenant);
        if self.back {
            self.keep(aws, names, |record| record.stage = Stage::Returning).await?;
        } else if self.record().stage == Stage::Leaving {
            // Before anything is touched: from now on every other command leaves the tenant alone.
            self.keep(aws, names, |_| ()).await?;
            if self.record().backup.is_none() {
                suspension::off(deployer, tenant, Page::Maintenance).await?;
                begin_nothing_new(deployer, &stack)?;
                let made = backup::back_up(deployer, tenant, Timestamp::now()).await?;
                self.keep(aws, names, |record| record.backup = Some(made.manifest.id)).await?;
            }
            begin_nothing_new(deployer, &stack)?;
            if let Some(parked) = &self.parked {
                deployer.reshape(parked).await?;
            }
            self.keep(aws, names, |record| record.stage = Stage::Left).await?;
        }
        // A task of another cell reads passwords of that cell only.
        let (password, cell) = (names.tenant_password(tenant), self.goal().cell.to_string());
        let work = async {
            aws.tag_parameter(&password, CELL_TAG, &cell).await?;
            Ok((StepOutcome::Done, None))
        };
        deployer.events.step(&stack, "password", "the password of its role, readable in its cell", work).await?;
        begin_nothing_new(deployer, &stack)
    }

    /// Lets a tenant that has not left serve again, where it was.
    ///
    /// # Errors
    /// When a step fails; the same call goes on.
    pub async fn resume(&self, deployer: &Deployer<'_>) -> Result<Vec<String>, DeployError> {
        self.leave(deployer).await?;
        let not_run = suspension::resume(deployer, self.tenant()).await?;
        self.finish(deployer).await?;
        Ok(not_run)
    }

    /// Drops what was left behind, once the tenant serves where it ends.
    ///
    /// # Errors
    /// When a step fails; the same call goes on.
    pub async fn finish(&self, deployer: &Deployer<'_>) -> Result<(), DeployError> {
        let (aws, names, tenant) = (deployer.aws, &deployer.names, self.tenant());
        let stack = names.tenant(tenant);
        if !self.back {
            self.keep(aws, names, |record| record.stage = Stage::Arrived).await?;
        }
        let (left, goal) = (self.left_behind(), self.goal());
        let own = tenant.database();
        if left.pooled && !(goal.pooled && goal.cell == left.cell) {
            let work = forget_hosts(deployer, left, &own);
            deployer.events.step(&stack, "hosts", "its hosts, out of the registry of the pool it left", work).await?;
        }
        let work = drop_data(deployer, tenant, left, goal);
        deployer.events.step(&stack, "old data", "the database it left behind, dropped", work).await?;
        if !goal.pooled {
            let work = leave_pool(deployer, tenant, goal);
            deployer.events.step(&stack, "rights", "its database, closed to the pool", work).await?;
        }
        if left.cell != goal.cell {
            let work = release_priorities(aws, names, tenant, left.cell());
            deployer.events.step(&stack, "priority", "its listener rule's priority in the cell it left", work).await?;
        }
        if left.own_cluster && !goal.own_cluster {
            let observed = deployer.observed();
            if let Some(addon) = observed.get(&names.addon(tenant, AURORA)) {
                let deleter = Deleter {
                    aws,
                    names: names.clone(),
                    pace: deployer.pace,
                    events: deployer.events.clone(),
                    wishes: deployer.wishes.clone(),
                    observed: &observed,
                };
                deleter.addon(addon, tenant).await?;
            }
        }
        Ok(aws.delete_parameter(&names.moving_tenant(tenant)).await?)
    }
}

impl Arrival for Journey<'_> {
    fn arrive<'a>(
        &'a self,
        deployer: &'a Deployer<'_>,
        place: &'a NewPlace<'a>,
    ) -> LocalBoxFuture<'a, Result<(), DeployError>> {
        Box::pin(async move {
            let vault = Vault::at(deployer, place)?;
            let id = self.record().backup.ok_or_else(|| DeployError::MissingOutput {
                stack: place.stack.to_owned(),
                missing: "the backup that it left with".to_owned(),
            })?;
            let wanted = Wanted { source: self.tenant().as_str(), id: &id, neutralized_at: None, again: false };
            restore::restore_into(deployer, &vault, &wanted).await.map(|_| ())
        })
    }
}

/// Ends a move between two of its steps when the operator has asked for that.
fn begin_nothing_new(deployer: &Deployer<'_>, stack: &str) -> Result<(), DeployError> {
    if *deployer.wishes.borrow() == Wish::GoOn {
        return Ok(());
    }
    Err(DeployError::Cancelled { what: format!("the move of {stack} stopped between two steps") })
}

fn data_of(deployer: &Deployer<'_>, tenant: &TenantName, home: Home) -> Option<DataTarget> {
    steps::data_target(&deployer.observed(), &[home.database_stack(&deployer.names, tenant)])
}

async fn forget_hosts(deployer: &Deployer<'_>, left: Home, own: &str) -> StepResult {
    let cell = deployer.names.cell(left.cell());
    let Some(data) = steps::data_target(&deployer.observed(), &[cell]) else {
        return Ok((StepOutcome::AlreadyDone, None));
    };
    let question = database::database_exists(REGISTRY);
    if deployer.aws.sql(&data, &question.database, &question.sql, &[]).await?.is_empty() {
        return Ok((StepOutcome::AlreadyDone, None));
    }
    steps::run(deployer.aws, &data, &[database::forget_hosts(REGISTRY, own)]).await?;
    Ok((StepOutcome::Done, None))
}

/// Drops the database in the cluster that was left; in one that holds both, the one that the restored database took the place of. A
/// cluster of its own goes as a whole.
async fn drop_data(deployer: &Deployer<'_>, tenant: &TenantName, left: Home, goal: Home) -> StepResult {
    let (Some(old), Some(new)) = (data_of(deployer, tenant, left), data_of(deployer, tenant, goal)) else {
        return Ok((StepOutcome::AlreadyDone, None));
    };
    if old.cluster == new.cluster {
        return steps::drop_beside(deployer.aws, &old, tenant).await;
    }
    if left.own_cluster {
        return Ok((StepOutcome::AlreadyDone, Some("it goes with its cluster".to_owned())));
    }
    steps::drop_tenant(deployer.aws, &old, tenant).await
}

async fn leave_pool(deployer: &Deployer<'_>, tenant: &TenantName, goal: Home) -> StepResult {
    let own = tenant.database();
    let Some(data) = data_of(deployer, tenant, goal) else { return Ok((StepOutcome::AlreadyDone, None)) };
    let question = database::role_exists(POOL_USER);
    if deployer.aws.sql(&data, &question.database, &question.sql, &[]).await?.is_empty() {
        return Ok((StepOutcome::AlreadyDone, None));
    }
    steps::run(deployer.aws, &data, &database::leave_pool(&own, &own, POOL_USER)).await?;
    Ok((StepOutcome::Done, None))
}

/// The reservations of a tenant in a cell; which number it had there nobody remembers.
async fn release_priorities(aws: &Aws, names: &Names, tenant: &TenantName, cell: CellNumber) -> StepResult {
    let reserved = aws.parameters_under(&names.priorities(cell)).await?;
    let mut released = Vec::new();
    for (number, _) in reserved.into_iter().filter(|(_, holder)| holder == tenant.as_str()) {
        if let Ok(priority) = number.parse() {
            aws.delete_parameter(&names.priority(cell, priority)).await?;
            released.push(number);
        }
    }
    let outcome = if released.is_empty() { StepOutcome::AlreadyDone } else { StepOutcome::Done };
    Ok((outcome, Some(released.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(cell: &str, pooled: bool, page: &str, status: &str) -> ObservedStack {
        let mut stack = ObservedStack { status: status.to_owned(), ..ObservedStack::default() };
        stack.tags.insert(CELL_TAG.to_owned(), cell.to_owned());
        stack.parameters.insert("Page".to_owned(), page.to_owned());
        if pooled {
            stack.parameters.insert("PoolTargetGroupArn".to_owned(), "none".to_owned());
        }
        stack
    }

    fn record(stage: Stage) -> Record {
        let home = |cell, pooled| Home { cell, pooled, own_cluster: false };
        Record { from: home(1, false), tier: "t".to_owned(), to: home(1, true), backup: None, stage }
    }

    #[test]
    fn a_parked_stack_is_not_taken_for_one_that_has_arrived_in_the_pool() {
        let left = record(Stage::Left);
        assert!(!has_arrived(&left, &stack("1", true, "maintenance", "UPDATE_COMPLETE")), "it waits with its page");
        assert!(!has_arrived(&left, &stack("1", true, "none", "UPDATE_IN_PROGRESS")), "it may yet roll back");
        assert!(has_arrived(&left, &stack("1", true, "none", "UPDATE_COMPLETE")));
        assert!(!has_arrived(&record(Stage::Returning), &stack("1", true, "none", "UPDATE_COMPLETE")));
    }

    #[test]
    fn what_is_kept_about_a_move_is_read_as_it_was_written() {
        let tenant = TenantName::new("bread").unwrap();
        let names = Names::new("konta", "prod");
        let kept = |text: &str| Observed::default().with_moving([(tenant.clone(), text.to_owned())].into());
        let mut wanted = record(Stage::Left);
        wanted.backup = BackupId::parse("20261130T125545Z");
        let text = serde_json::to_string(&wanted).unwrap();
        assert_eq!(Record::of(&kept(&text), &names, &tenant).unwrap(), Some(wanted));
        assert_eq!(Record::of(&Observed::default(), &names, &tenant).unwrap(), None);
        let error = Record::of(&kept("{}"), &names, &tenant).unwrap_err();
        assert!(error.to_string().contains("cannot be read"), "{error}");
        assert!(refuse(&kept(&text), &tenant).is_err(), "nobody else touches it");
        let cell = CellNumber::FIRST;
        assert!(refuse(&kept(&text).bound_for(tenant.clone(), cell), &tenant).is_ok(), "but the move itself");
    }
}
