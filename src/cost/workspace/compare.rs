//! The environment with one thing changed at a time.

use serde::Serialize;

use crate::cost::estimate;
use crate::cost::range::Range;
use crate::cost::scenario::{Change, SCENARIOS, Scenario};
use crate::cost::usage::Profile;
use crate::model::{Tenant, Workspace};
use crate::template::TemplateError;

use super::{Basis, Patch, StackPricer};

/// One change, and what the whole environment costs with it.
#[derive(Debug, Clone, Serialize)]
pub struct ScenarioCost {
    /// Its name.
    pub title: &'static str,
    /// What it changes.
    pub changes: &'static str,
    /// What it loses.
    pub loses: &'static str,
    /// Whether manifests can say it; else konta prices it and cannot deploy it.
    pub deployable: bool,
    /// The whole environment, US dollars a month.
    pub total_usd: Range,
    /// How much more than as it is.
    pub difference_usd: Range,
    /// How many parts have no price and are in no total.
    pub unknown: usize,
}

impl ScenarioCost {
    /// Of a scenario; `before` is what the environment costs as it is.
    fn new(scenario: &Scenario, total_usd: Range, before: Range, unknown: usize) -> Self {
        Self {
            title: scenario.title,
            changes: scenario.changes,
            loses: scenario.loses,
            deployable: scenario.deployable,
            total_usd,
            difference_usd: total_usd.zip(before, |now, before| now - before),
            unknown,
        }
    }
}

impl Basis<'_> {
    /// The environment as it is, then each change to it, or to the one tenant; without changes that make no difference.
    ///
    /// # Errors
    /// When a stack cannot be composed.
    pub fn scenarios(&self, tenant: Option<&str>) -> Result<Vec<ScenarioCost>, TemplateError> {
        let mut rows: Vec<ScenarioCost> = Vec::new();
        for scenario in SCENARIOS {
            let Some(changed) = scenario.changed(&self.loaded.workspace, &self.environment.name, tenant) else {
                continue;
            };
            let (total_usd, unknown) = self.changed_total(&changed, scenario, tenant)?;
            let before = rows.first().map_or(total_usd, |row| row.total_usd);
            let same = !matches!(scenario.change, Change::None) && before == total_usd;
            if !same {
                rows.push(ScenarioCost::new(scenario, total_usd, before, unknown));
            }
        }
        Ok(rows)
    }

    /// The total of a changed workspace's environment, and how much of it has no price.
    fn changed_total(
        &self,
        changed: &Workspace,
        scenario: &Scenario,
        only: Option<&str>,
    ) -> Result<(Range, usize), TemplateError> {
        let patch: Option<Patch> = match scenario.change {
            Change::Documents(patch) => Some(patch),
            _ => None,
        };
        let Some(environment) = changed.environments.get(&self.environment.name) else { return Ok((Range::ZERO, 0)) };
        let (composer, usage, table) = (&self.loaded.composer, &self.usage.usage, self.prices);
        let tenants: Vec<&Tenant> = changed.tenants_of(&environment.name).collect();
        let of_account = usage.over(Profile::of_tenants(tenants.iter().copied()));
        let account = estimate::of_account(environment.region.as_str(), &of_account, table);
        let mut pricer =
            StackPricer::new(changed, composer, environment, usage.clone(), table.clone()).patched_by(patch, only);
        let stacks = pricer.everything(&tenants, &pricer.places(&tenants))?;
        let total = stacks.iter().map(|stack| stack.estimate.total_usd).sum::<Range>() + account.total_usd;
        let unknown = stacks.iter().map(|stack| stack.estimate.unknown.len()).sum::<usize>() + account.unknown.len();
        Ok((total, unknown))
    }
}
