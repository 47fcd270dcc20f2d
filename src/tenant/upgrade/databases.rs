//! A tenant during its upgrade: its databases with their notes, its page, and the cleanup.

use crate::model::{ServingState, TenantName};
use crate::odoo::database::Statement;
use crate::odoo::database_swap;
use crate::odoo::upgrade::{self, Note};
use crate::operation::context::Context;
use crate::operation::database::Database;
use crate::operation::event::StepResult;
use crate::operation::step::Step;
use crate::operation::{OperationError, StepOutcome};
use crate::stack::runtime::TenantRuntime;

/// How often a statement is tried while tasks that are ending still have connections.
pub(super) const TRIES: usize = 60;

/// Also runs before an upgrade that starts from the beginning after an earlier one.
pub(super) const TIDY: Step = Step::new("tidy", "drop the former database");

/// A tenant during its upgrade.
pub(super) struct Databases<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) tenant: &'a TenantName,
    pub(super) runtime: &'a TenantRuntime,
    pub(super) data: &'a Database<'a>,
    /// Its database, and the role that owns it.
    pub(super) own: String,
    /// Its stack.
    pub(super) stack: String,
}

impl<'a> Databases<'a> {
    pub(super) fn of(
        context: &'a Context<'a>,
        tenant: &'a TenantName,
        runtime: &'a TenantRuntime,
        data: &'a Database<'a>,
    ) -> Self {
        let (own, stack) = (tenant.database(), context.names.tenant(tenant));
        Self { context, tenant, runtime, data, own, stack }
    }

    /// What its visitors see.
    pub(super) fn page(&self) -> ServingState {
        self.context.observed().get(&self.stack).map(crate::stack::ObservedStack::page).unwrap_or_default()
    }

    /// Whether its tasks have answered since its stack was last changed. A pool's tasks are checked by its own deployment.
    pub(super) async fn is_seen_healthy(&self) -> Result<bool, OperationError> {
        if self.runtime.is_pooled {
            return Ok(true);
        }
        Ok(self.context.aws.parameter(&self.context.names.unverified_stack(&self.stack)).await?.is_none())
    }

    /// A database's comment; `None` if there is no such database.
    pub(super) async fn comment(&self, database: &str) -> Result<Option<String>, OperationError> {
        self.data.comment(database).await
    }

    /// The note of an upgrade in a database's comment: `None` if there is no such database, an inner `None` if it has no
    /// note.
    pub(super) async fn note(&self, database: &str) -> Result<Option<Option<Note>>, OperationError> {
        Ok(self.comment(database).await?.map(|comment| Note::of(&comment)))
    }

    /// Runs a statement that needs databases without connections, and retries it until no task that is ending has one.
    pub(super) async fn exchange(&self, statement: &Statement) -> Result<(), OperationError> {
        self.data.run_when_free(statement, TRIES, self.context.polling.poll).await
    }

    /// Drops what a finished upgrade no longer needs. The note goes last: without it konta would not know what the rest is.
    pub(super) async fn tidy(&self) -> Result<(), OperationError> {
        let work = self.tidied();
        self.context.step(&self.stack, TIDY, work).await?;
        Ok(())
    }

    async fn tidied(&self) -> StepResult {
        let mut statements: Vec<Statement> =
            [upgrade::former_name(&self.own), upgrade::copy_name(&self.own), upgrade::failed_name(&self.own)]
                .iter()
                .map(|name| database_swap::drop(name))
                .collect();
        if let Some(note) = self.note(&self.own).await?.flatten() {
            statements.push(upgrade::unmark(&self.own, &note));
        }
        self.data.run(&statements).await?;
        Ok((StepOutcome::Done, None))
    }
}
