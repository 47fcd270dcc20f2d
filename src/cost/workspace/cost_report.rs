//! What was priced, and what came out: a workspace's stacks, or one template.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::cost::estimate::{Assumption, Estimate, Free, Unknown, Unpriced};
use crate::cost::item::LineItem;
use crate::cost::range::{Range, as_amount};

use super::budget::{Budget, Verdict};
use super::shares::{Shares, TenantShare};
use super::stack_cost::StackCost;

/// What was priced, and what came out.
#[derive(Debug, Clone, Serialize)]
pub struct CostReport {
    /// The sum of all items, in US dollars a month.
    pub total_usd: Range,
    /// The currency of every amount.
    pub currency: &'static str,
    /// The region.
    pub region: String,
    /// Hours of the month.
    #[serde(serialize_with = "as_amount")]
    pub hours: Decimal,
    /// The budget, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Each stack's sum; none for a template.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stacks: Vec<StackSum>,
    /// What has a price.
    pub items: Vec<LineItem>,
    /// Resources of types that konta does not price.
    pub unpriced: Vec<Unpriced>,
    /// What has a price that could not be worked out.
    pub unknown: Vec<Unknown>,
    /// What costs nothing, with the reason.
    pub free: Vec<Free>,
    /// What was assumed, the one that moves the sum most first.
    pub assumptions: Vec<Assumption>,
    /// By field, what moves the sum most over all resources.
    pub most_moving: Option<Moving>,
    /// Costs without a price in what a tenant shares with others; they are in the estimate of the environment.
    #[serde(skip)]
    pub shared_missing: usize,
    /// Each tenant's part, price and margin; none for a template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shares: Option<Shares>,
}

/// One stack's sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StackSum {
    /// The stack's name, or `account`.
    pub stack: String,
    /// What it is.
    pub title: String,
    /// US dollars a month.
    pub total_usd: Range,
}

/// A field of usage, and how much hangs on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moving {
    /// The field.
    pub field: String,
    /// Where its figure comes from.
    pub origin: String,
    /// How many resources have it.
    pub resources: usize,
    /// By how much the sum moves between low and high, US dollars a month.
    #[serde(serialize_with = "as_amount")]
    pub swing_usd: Decimal,
}

impl CostReport {
    /// Of one template.
    #[must_use]
    pub fn of_template(region: &str, hours: Decimal, estimate: Estimate) -> Self {
        let most_moving = most_moving(&estimate.assumptions);
        Self {
            total_usd: estimate.total_usd,
            currency: "USD",
            region: region.to_owned(),
            hours,
            budget: None,
            stacks: Vec::new(),
            items: estimate.items,
            unpriced: estimate.unpriced,
            unknown: estimate.unknown,
            free: estimate.free,
            assumptions: estimate.assumptions,
            most_moving,
            shared_missing: 0,
            shares: None,
        }
    }

    /// Of the stacks of a workspace.
    #[must_use]
    pub fn of_stacks(region: &str, hours: Decimal, stacks: Vec<StackCost>) -> Self {
        let whole = Estimate::of_parts(stacks.iter().map(|stack| (stack.stack.as_str(), &*stack.estimate)));
        let sums = stacks.into_iter().map(|stack| StackSum {
            total_usd: stack.estimate.total_usd,
            stack: stack.stack,
            title: stack.title,
        });
        Self { stacks: sums.collect(), ..Self::of_template(region, hours, whole) }
    }

    /// The one tenant that is shown with its share.
    #[must_use]
    pub fn only_tenant(&self) -> Option<&TenantShare> {
        match self.shares.as_ref().filter(|shares| shares.break_even.is_empty()).map(|shares| &*shares.tenants) {
            Some([only]) => Some(only),
            _ => None,
        }
    }

    /// Costs that are in no sum, because they have no price; of a tenant also those of what it shares.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.unknown.len() + self.unpriced.len() + self.shared_missing
    }

    /// Compares with a budget what is paid in the end: of a tenant its own cost and its share.
    pub fn hold_to(&mut self, usd: Decimal, said: String) -> Verdict {
        let cost = self.only_tenant().map_or(self.total_usd, |tenant| tenant.cost.total_usd);
        let budget = Budget::compare(usd, said, cost.expected, self.missing());
        self.budget.insert(budget).verdict
    }
}

/// Swings of one field of many resources add up: they move together when tenants turn out to use more.
fn most_moving(assumptions: &[Assumption]) -> Option<Moving> {
    let mut moving: BTreeMap<(&str, &str), (usize, Decimal)> = BTreeMap::new();
    for assumption in assumptions.iter().filter(|assumption| !assumption.swing_usd.is_zero()) {
        let sum = moving.entry((&assumption.field, &assumption.origin)).or_default();
        *sum = (sum.0 + 1, sum.1.saturating_add(assumption.swing_usd));
    }
    let ((field, origin), (resources, swing_usd)) = moving.into_iter().max_by_key(|(_, (_, swing))| *swing)?;
    Some(Moving { field: field.to_owned(), origin: origin.to_owned(), resources, swing_usd })
}
