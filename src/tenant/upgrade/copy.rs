//! The copy of the database, which for a large tenant takes longer than one call of the RDS Data API may.

use std::time::Duration;

use jiff::Timestamp;

use crate::aws::rds_data::Sent;
use crate::odoo::{database, upgrade};
use crate::operation::event::StepResult;
use crate::operation::retry::Retry;
use crate::operation::{OperationError, StepOutcome};
use crate::stack::names::POOL_USER;

use super::databases::{Databases, TRIES};

/// How long PostgreSQL may take for one copy.
const LONGEST: Duration = Duration::from_hours(2);

impl Databases<'_> {
    /// Copies the database, and gives the copy the rights and the pool's settings, which PostgreSQL does not copy.
    pub(super) async fn copy(&self, now: Timestamp) -> StepResult {
        let copy = upgrade::copy_name(&self.own);
        let mut tries = 1;
        loop {
            self.data.run(&upgrade::clear(&self.own)).await?;
            let mark = format!("konta{:x}x{tries}", now.as_millisecond());
            match self.copied(&mark).await {
                Ok(true) => break,
                // PostgreSQL aborted the copy, or never began it.
                Ok(false) if tries < TRIES => {}
                // A task that is ending may open one more connection, or an interrupted run's copy may just be finished.
                Err(OperationError::Aws(error))
                    if (error.says_it_is_in_use() || error.says_it_exists()) && tries < TRIES => {}
                Ok(false) => {
                    return Err(OperationError::StepFailed {
                        stack: self.stack.clone(),
                        step: "the copy".to_owned(),
                        reason: format!("PostgreSQL did not make the database {copy}"),
                        help: "read the log of the database cluster, which says why".to_owned(),
                    });
                }
                Err(error) => return Err(error),
            }
            tries += 1;
            tokio::time::sleep(self.context.polling.poll).await;
        }
        self.data.run(&database::secure_database(&copy, &self.own)).await?;
        if self.runtime.is_pooled {
            self.data.run(&database::join_pool(&copy, &self.own, POOL_USER)).await?;
        }
        Ok((StepOutcome::Done, Some(copy)))
    }

    /// Makes one copy; returns false if PostgreSQL ended without one. If the call ended earlier, konta asks PostgreSQL until
    /// the copying has ended: a copy that exists then is this one, since none existed before.
    async fn copied(&self, mark: &str) -> Result<bool, OperationError> {
        let copying = upgrade::copy(&self.own, &self.own, mark);
        if self.data.send_once(&copying).await? == Sent::Done {
            return Ok(true);
        }
        let what = format!("the copy of {}", self.own);
        self.context.events.note(format!("{what} takes longer than one call to PostgreSQL may; waiting for it"));
        let begun = tokio::time::Instant::now();
        let mut retry = Retry::new(self.context.polling, Some(&self.context.events), what.clone());
        let is_copying = upgrade::is_copying(mark);
        while self.data.holds_in_the_end(&mut retry, &is_copying).await? {
            if begun.elapsed() > LONGEST {
                return Err(OperationError::Timeout { what, minutes: LONGEST.as_secs() / 60 });
            }
            tokio::time::sleep(self.context.polling.poll).await;
        }
        self.data.holds_in_the_end(&mut retry, &database::database_exists(&upgrade::copy_name(&self.own))).await
    }
}
