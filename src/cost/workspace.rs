//! What a workspace costs: the stacks that would be deployed, priced with the parameters that konta would send.
//!
//! Deployed templates and bills are handed in: nothing here asks AWS.

mod actual;
mod advise;
mod against_deployed;
mod between;
mod budget;
mod compare;
mod cost_report;
mod footprint;
mod outputs;
mod plan_cost;
mod shares;
mod stack_cost;
mod stack_pricer;

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::cost::allocate::{Owner, Rule};
use crate::cost::error::CostError;
use crate::cost::estimate::{self, Estimate};
use crate::cost::price::PriceTable;
use crate::cost::usage::{Profile, UsageFile};
use crate::model::{Environment, Tenant, TenantName, Terms};
use crate::stack::LoadedWorkspace;
use crate::stack::placement::Placement;

pub use actual::{ActualReport, Untagged};
pub use advise::{Offer, Rejected};
pub use against_deployed::AgainstDeployed;
pub use between::between;
pub use budget::{Budget, Verdict};
pub use compare::ScenarioCost;
pub use cost_report::{CostReport, Moving, StackSum};
pub use footprint::Typical;
pub use plan_cost::{PlanCost, of_creations};
pub use shares::{Shares, TenantShare, TierBreakEven};
pub use stack_cost::StackCost;
pub use stack_pricer::{Patch, StackPricer};

/// What an estimate of an environment rests on.
#[derive(Debug, Clone, Copy)]
pub struct Basis<'a> {
    /// The workspace and its templates.
    pub loaded: &'a LoadedWorkspace,
    /// The environment.
    pub environment: &'a Environment,
    /// How much is used.
    pub usage: &'a UsageFile,
    /// What it costs.
    pub prices: &'a PriceTable,
}

/// An environment with all its tenants, priced.
#[derive(Debug, Clone)]
pub struct EnvironmentCost {
    /// Its stacks, and the traffic that belongs to none of them.
    pub stacks: Vec<StackCost>,
    /// Which cell holds which tenant.
    pub places: BTreeMap<TenantName, Placement>,
    /// The month's hours.
    pub hours: Decimal,
}

impl<'a> Basis<'a> {
    /// Prices single stacks of the environment.
    #[must_use]
    pub fn pricer(&self) -> StackPricer<'a> {
        let (workspace, composer) = (&self.loaded.workspace, &self.loaded.composer);
        StackPricer::new(workspace, composer, self.environment, self.usage.usage.clone(), self.prices.clone())
    }

    /// The environment's tenants.
    fn tenants(&self) -> Vec<&'a Tenant> {
        self.loaded.workspace.tenants_of(&self.environment.name).collect()
    }

    /// The account's traffic that these tenants cause.
    fn traffic<'t>(&self, tenants: impl Iterator<Item = &'t Tenant>) -> Estimate {
        let usage = self.usage.usage.over(Profile::of_tenants(tenants));
        estimate::of_account(self.environment.region.as_str(), &usage, self.prices)
    }

    /// Prices the environment with all its tenants.
    ///
    /// # Errors
    /// When a stack cannot be composed, or the usage file names a resource that there is not.
    pub fn environment_cost(&self) -> Result<EnvironmentCost, CostError> {
        let tenants = self.tenants();
        let mut pricer = self.pricer();
        let places = pricer.places(&tenants);
        let mut stacks = pricer.everything(&tenants, &places)?;
        self.usage.check(&pricer.resources())?;
        let traffic = self.traffic(tenants.into_iter());
        if traffic != Estimate::default() {
            stacks.push(StackCost::of_account(traffic));
        }
        Ok(EnvironmentCost { stacks, places, hours: pricer.hours() })
    }

    /// What the environment costs, and who bears it: shared cost divided by `rule`, customers paying on `terms`.
    ///
    /// # Errors
    /// As [`Basis::environment_cost`].
    pub fn report(&self, rule: Rule, terms: Terms) -> Result<CostReport, CostError> {
        let all = self.environment_cost()?;
        let mut shares = self.shares(&all, rule, terms);
        shares.break_even = self.break_even(&shares.terms)?;
        let mut report = CostReport::of_stacks(self.environment.region.as_str(), all.hours, all.stacks);
        report.shares = Some(shares);
        Ok(report)
    }

    /// A tenant's own stacks, and its part of what the environment's tenants share.
    ///
    /// # Errors
    /// As [`Basis::environment_cost`].
    pub fn report_of_tenant(&self, tenant: &Tenant, rule: Rule, terms: Terms) -> Result<CostReport, CostError> {
        let mut pricer = self.pricer();
        let stacks = pricer.tenant(tenant)?;
        let mut report = CostReport::of_stacks(self.environment.region.as_str(), pricer.hours(), stacks);
        let all = self.environment_cost()?;
        let bears = |owner: &Owner| match owner {
            Owner::Account | Owner::Environment => true,
            Owner::Cell(cell) => all.places.get(&tenant.name).is_some_and(|place| place.cell.get() == *cell),
            Owner::Tenant(_) => false,
        };
        let borne = all.stacks.iter().filter(|stack| bears(&stack.owner));
        report.shared_missing = borne.map(|stack| stack.estimate.unknown.len() + stack.estimate.unpriced.len()).sum();
        let mut shares = self.shares(&all, rule, terms);
        shares.tenants.retain(|share| share.cost.tenant == tenant.name.as_str());
        report.shares = Some(shares);
        Ok(report)
    }
}
