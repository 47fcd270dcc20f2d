//! Deletes an environment's stacks, after its tenants.

use crate::deploy::deletion_protection;
use crate::model::CellNumber;
use crate::operation::error::OperationError;
use crate::operation::event::StepOutcome;
use crate::operation::step::Step;

use super::{Deleter, STACK};

const RECORDS: Step = Step::new("records", "delete the zone's records, which would block its deletion");
const ZONE: Step = Step::new("zone", "delete the zone itself");

/// The steps of an environment's deletion.
#[must_use]
pub fn environment_steps(purge: bool) -> Vec<Step> {
    let mut steps = vec![deletion_protection::TAKE_OFF, STACK];
    if purge {
        steps.extend([RECORDS, ZONE]);
    }
    steps
}

impl Deleter<'_> {
    /// Deletes an environment's stacks: cells, the environment and, with `purge`, the zone.
    ///
    /// Clusters leave a snapshot and file systems remain, as their templates say. Delete the tenants first.
    pub async fn environment(&self, purge: bool) -> Result<(), OperationError> {
        let prefix = format!("{}-cell-", self.context.names.environment());
        for cell in self.observed.iter().filter(|stack| stack.name.starts_with(&prefix)) {
            let number = cell.name.trim_start_matches(&prefix);
            self.unprotect_data(&cell.name).await?;
            self.protected_stack(cell, &format!("cell {number}")).await?;
            self.context.aws.delete_parameter(&self.context.names.unverified_stack(&cell.name)).await?;
            if let Some(number) = number.parse().ok().and_then(CellNumber::new) {
                self.context.aws.delete_parameter(&self.context.names.pool_password(number)).await?;
            }
        }
        if let Some(environment) = self.observed.get_with_shells(&self.context.names.environment()) {
            self.protected_stack(environment, "environment").await?;
        }
        let Some(dns) = self.observed.get_with_shells(&self.context.names.dns()).filter(|_| purge) else {
            return Ok(());
        };
        // The template retains the zone, so that no rollback ever deletes it; a purge must. konta deletes it before its
        // stack, which alone knows its id: an interruption between the two would leave the zone for ever.
        if let Some(zone) = dns.outputs.get("HostedZoneId") {
            let work = async {
                let count = self.context.aws.empty_zone(zone).await?;
                Ok((StepOutcome::Done, Some(format!("{count} records"))))
            };
            self.context.step(&dns.name, RECORDS, work).await?;
            let work = async {
                self.context.aws.delete_zone(zone).await?;
                Ok((StepOutcome::Done, Some(zone.clone())))
            };
            self.context.step(&dns.name, ZONE, work).await?;
        }
        self.protected_stack(dns, "zone").await
    }
}
