//! A tenant at its upgrade: its databases with their notes, its page, and the tidying.

use crate::aws::rds_data::DataTarget;
use crate::deploy::{Deployer, steps};
use crate::model::{ServingState, TenantName};
use crate::odoo::database::Statement;
use crate::odoo::database_swap;
use crate::odoo::upgrade::{self, Note};
use crate::operation::event::StepResult;
use crate::operation::{OperationError, StepOutcome};
use crate::stack::runtime::TenantRuntime;

/// How often a statement is tried while connections of tasks that are ending are still there.
pub(super) const TRIES: usize = 60;

/// A tenant at its upgrade.
pub(super) struct Databases<'a> {
    pub(super) deployer: &'a Deployer<'a>,
    pub(super) tenant: &'a TenantName,
    pub(super) runtime: &'a TenantRuntime,
    pub(super) data: &'a DataTarget,
    /// Its database, and the role that owns it.
    pub(super) own: String,
    /// Its stack.
    pub(super) stack: String,
}

impl<'a> Databases<'a> {
    pub(super) fn of(
        deployer: &'a Deployer<'a>,
        tenant: &'a TenantName,
        runtime: &'a TenantRuntime,
        data: &'a DataTarget,
    ) -> Self {
        let (own, stack) = (tenant.database(), deployer.names.tenant(tenant));
        Self { deployer, tenant, runtime, data, own, stack }
    }

    /// What its visitors see.
    pub(super) fn page(&self) -> ServingState {
        self.deployer.observed().get(&self.stack).map(crate::stack::ObservedStack::page).unwrap_or_default()
    }

    /// Whether its tasks were seen to answer since its stack was last changed. A pool is seen by its own deployment.
    pub(super) async fn is_seen_healthy(&self) -> Result<bool, OperationError> {
        if self.runtime.is_pooled {
            return Ok(true);
        }
        Ok(self.deployer.aws.parameter(&self.deployer.names.unverified_stack(&self.stack)).await?.is_none())
    }

    /// A database's comment; `None` where there is no such database.
    pub(super) async fn comment(&self, database: &str) -> Result<Option<String>, OperationError> {
        let question = database_swap::marked(database);
        let rows = self.deployer.aws.sql(self.data, &question.database, &question.sql, &[]).await?;
        Ok(rows.into_iter().next().map(|row| row.into_iter().flatten().next().unwrap_or_default()))
    }

    /// What an upgrade has kept beside a database: `None` where there is no such database, an inner `None` where nothing was kept.
    pub(super) async fn note(&self, database: &str) -> Result<Option<Option<Note>>, OperationError> {
        Ok(self.comment(database).await?.map(|comment| Note::of(&comment)))
    }

    /// Runs a statement that wants its databases without connections, until no task that is ending has one.
    pub(super) async fn exchange(&self, statement: &Statement) -> Result<(), OperationError> {
        let mut tries = 1;
        loop {
            match steps::run(self.deployer.aws, self.data, std::slice::from_ref(statement)).await {
                Err(OperationError::Aws(error)) if error.says_it_is_in_use() && tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(self.deployer.polling.poll).await;
                }
                done => return done,
            }
        }
    }

    /// Drops what an upgrade that serves needs no more. The note goes last: without it nobody knew what the rest is.
    pub(super) async fn tidy(&self) -> Result<(), OperationError> {
        let work = self.tidied();
        self.deployer.events.step(&self.stack, "tidy", "the former database, dropped", work).await?;
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
        steps::run(self.deployer.aws, self.data, &statements).await?;
        Ok((StepOutcome::Done, None))
    }
}
