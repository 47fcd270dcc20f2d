//! What something costs: JSON from the struct; text, Markdown and HTML from one [`Page`] made of it.

pub mod actual;
mod amount;
mod bars;
pub mod difference;

mod html;
mod markdown;
mod overview;
pub mod page;
mod plain;
mod plot;
#[cfg(test)]
mod tests;

pub mod advise;
pub mod compare;
pub mod curve;
pub mod shares;

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::Serialize;
use serde::ser::Serializer;

use crate::cost::allocate::Owner;
use crate::cost::estimate::{Assumption, Free, Unknown, Unpriced};
use crate::cost::range::Amount;
use crate::cost::{Estimate, LineItem, Range};
use crate::report::text;

pub use html::HtmlError;
pub use page::Page;

/// One stack's cost.
#[derive(Debug, Clone)]
pub struct StackCost {
    /// The stack's name.
    pub stack: String,
    /// What it is, for people.
    pub title: String,
    /// Whose cost it is.
    pub owner: Owner,
    /// What it costs; stacks of one shape share one estimate.
    pub estimate: Arc<Estimate>,
}

impl StackCost {
    /// A stack's.
    #[must_use]
    pub fn new(stack: &str, title: &str, estimate: Arc<Estimate>) -> Self {
        Self { stack: stack.to_owned(), title: title.to_owned(), owner: Owner::Account, estimate }
    }

    /// The same, somebody's.
    #[must_use]
    pub fn owned_by(self, owner: Owner) -> Self {
        Self { owner, ..self }
    }

    /// The account's traffic, which belongs to no stack.
    #[must_use]
    pub fn of_account(estimate: Estimate) -> Self {
        Self::new("account", "traffic of the account", Arc::new(estimate))
    }
}

/// A budget, and what it is compared with: all of an estimate, or a tenant's own cost and its share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// In US dollars.
    #[serde(serialize_with = "as_amount")]
    pub usd: Decimal,
    /// As it was said.
    pub said: String,
    /// The expected cost that is compared with it.
    #[serde(serialize_with = "as_amount")]
    pub compared_usd: Decimal,
    /// Costs that are not in it, because they have no price.
    pub missing: usize,
    /// Whether what is known of the cost is above the budget.
    pub above: bool,
    /// What came of it.
    pub verdict: Verdict,
}

/// Whether a cost keeps to a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It does, and nothing of it is unknown.
    Within,
    /// What is known of it is above already.
    Above,
    /// What is known of it is not above, and something is not known.
    CannotBeTold,
}

impl Verdict {
    /// In words, between the cost and the budget.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Within => "is within",
            Self::Above => "is above",
            Self::CannotBeTold => "is the known part alone: it cannot be told whether all keeps to",
        }
    }
}

fn as_amount<S: Serializer>(amount: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    Amount(*amount).serialize(serializer)
}

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
    pub shares: Option<shares::Shares>,
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
}

impl CostReport {
    /// The one tenant that is shown with its share.
    #[must_use]
    pub(super) fn only_tenant(&self) -> Option<&shares::TenantShare> {
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
        let (compared_usd, missing) = (cost.expected, self.missing());
        let verdict = match (compared_usd > usd, missing) {
            (true, _) => Verdict::Above,
            (false, 0) => Verdict::Within,
            (false, _) => Verdict::CannotBeTold,
        };
        self.budget = Some(Budget { usd, said, compared_usd, missing, above: verdict == Verdict::Above, verdict });
        verdict
    }
}

/// Notes on choices with costs that have no price; a single note if all have the same number.
fn without_price(missing: &[(&str, usize)]) -> Vec<String> {
    let said = |name: &str, count| format!("{name}: {} without a price, not in any total.", text::count(count, "cost"));
    match missing {
        [(_, first), _, ..] if *first > 0 && missing.iter().all(|(_, count)| count == first) => {
            vec![said("each", *first)]
        }
        _ => missing.iter().filter(|(_, count)| *count > 0).map(|(name, count)| said(name, *count)).collect(),
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
