//! The record of a move, kept until the move is complete. Meanwhile no other command changes the tenant.

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
    /// The tenant is deployed where it was, perhaps behind a page.
    Leaving,
    /// Its data is in the backup, and its stack is reduced to the page.
    Left,
    /// The tenant goes back. It may serve and accept new data, which the backup does not hold, so the move cannot continue.
    Returning,
    /// The tenant has answered in its new location; what it left behind still exists.
    Arrived,
}

/// The record of a move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The location that the tenant leaves.
    pub from: Location,
    /// The tier it had there.
    pub tier: String,
    /// The location that the tenant goes to.
    pub to: Location,
    /// The backup that holds its data.
    pub backup: Option<BackupId>,
    /// How far the move has come.
    pub stage: Stage,
}

impl Record {
    /// The record of a tenant's move; `None` if it does not move.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn of(observed: &Observed, names: &Names, tenant: &TenantName) -> Result<Option<Self>, OperationError> {
        let Some(kept) = observed.moving(tenant) else { return Ok(None) };
        let mut record: Self = serde_json::from_str(kept).map_err(|error| OperationError::Preflight {
            problem: format!("the record of the move of {tenant} cannot be read: {error}"),
            help: format!(
                "use the version of konta that began the move; the record is the SSM parameter {}",
                names.moving_tenant(tenant)
            ),
        })?;
        if observed.get(&names.tenant(tenant)).is_some_and(|standing| has_arrived(&record, standing)) {
            record.stage = Stage::Arrived;
        }
        Ok(Some(record))
    }
}

/// Whether a tenant already serves in its new location although its record does not say so yet.
fn has_arrived(record: &Record, standing: &ObservedStack) -> bool {
    let rests = matches!(standing.status.as_str(), "UPDATE_COMPLETE" | "CREATE_COMPLETE");
    rests
        && standing.page() == ServingState::Serving
        && Location::standing(standing) == Some(record.to)
        && record.stage == Stage::Left
}

/// Refuses to change a tenant that is being moved.
///
/// # Errors
/// When it is being moved.
pub fn refuse(observed: &Observed, tenant: &TenantName) -> Result<(), OperationError> {
    if !observed.is_on_its_way(tenant) {
        return Ok(());
    }
    Err(OperationError::Preflight {
        problem: format!("{tenant} is being moved"),
        help: format!(
            "complete the move with `konta tenant move {tenant}`, or go back with `konta tenant move {tenant} --back`, then run the \
             command again"
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
