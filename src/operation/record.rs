//! What is kept about a move until its end, and that nobody else touches the tenant meanwhile.

use serde::{Deserialize, Serialize};

use crate::model::{ServingState, TenantName};
use crate::odoo::backup::BackupId;
use crate::stack::location::Location;
use crate::stack::names::Names;
use crate::stack::{Observed, ObservedStack};

use super::OperationError;

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
    pub from: Location,
    /// The tier it had there.
    pub tier: String,
    /// Where it goes.
    pub to: Location,
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
    pub fn of(observed: &Observed, names: &Names, tenant: &TenantName) -> Result<Option<Self>, OperationError> {
        let Some(kept) = observed.moving(tenant) else { return Ok(None) };
        let mut record: Self = serde_json::from_str(kept).map_err(|error| OperationError::Preflight {
            problem: format!("what is kept about the move of {tenant} cannot be read: {error}"),
            help: format!("look at the SSM parameter {}; it was made by another konta", names.moving_tenant(tenant)),
        })?;
        if observed.get(&names.tenant(tenant)).is_some_and(|standing| has_arrived(&record, standing)) {
            record.stage = Stage::Arrived;
        }
        Ok(Some(record))
    }
}

/// Whether a tenant serves in its new place already, though nobody noted it.
fn has_arrived(record: &Record, standing: &ObservedStack) -> bool {
    let rests = matches!(standing.status.as_str(), "UPDATE_COMPLETE" | "CREATE_COMPLETE");
    rests
        && standing.page() == ServingState::Serving
        && Location::standing(standing) == Some(record.to)
        && record.stage == Stage::Left
}

/// Refuses to touch a tenant that is on its way.
///
/// # Errors
/// When it is.
pub fn refuse(observed: &Observed, tenant: &TenantName) -> Result<(), OperationError> {
    if !observed.is_on_its_way(tenant) {
        return Ok(());
    }
    Err(OperationError::Preflight {
        problem: format!("{tenant} is being moved"),
        help: format!(
            "go on with `konta tenant move {tenant}`, or back with `konta tenant move {tenant} --back`; then it is free again"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CellNumber;
    use crate::stack::tags::CELL_TAG;

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
        let home = |cell, pooled| Location { cell, pooled, own_cluster: false };
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
