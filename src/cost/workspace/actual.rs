//! The estimate of an environment beside its bill.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::cost::actual::{Bill, Comparison, Month, compare};
use crate::cost::error::CostError;
use crate::cost::estimate::Estimate;
use crate::cost::range::as_amount;
use crate::model::AddonName;
use crate::stack::tags::{APPLICATION_TAG, ENVIRONMENT_TAG, TENANT_TAG};
use crate::template::compose::AURORA;

use super::Basis;

/// The estimate beside the bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActualReport {
    /// The environment.
    pub environment: String,
    /// The first day of the bill.
    pub from: String,
    /// The day after its last.
    pub to: String,
    /// Whether the month is over; else the bill is of a part of it, and the estimate of the whole.
    pub month_is_over: bool,
    /// Whether AWS may still change the bill.
    pub bill_is_estimated: bool,
    /// Calls of Cost Explorer, each of which costs 0.01 USD.
    pub calls: usize,
    /// The currency of every amount.
    pub currency: &'static str,
    /// Whether anything is billed under konta's tags.
    pub tags_found: bool,
    /// The tags.
    pub tags: Vec<&'static str>,
    /// Service by service and tenant by tenant.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// What the account was billed for without konta's tag, the largest first; it may belong to others.
    pub untagged: Vec<Untagged>,
}

/// A service's bill without konta's tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Untagged {
    /// The service, as the bill names it.
    pub service: String,
    /// US dollars.
    #[serde(serialize_with = "as_amount")]
    pub billed_usd: Decimal,
}

impl Untagged {
    /// The largest first, without what costs nothing.
    fn sorted(sums: BTreeMap<&str, Decimal>) -> Vec<Self> {
        let rows = sums.into_iter().filter(|(_, usd)| !usd.is_zero());
        let mut rows: Vec<Self> =
            rows.map(|(service, billed_usd)| Self { service: service.to_owned(), billed_usd }).collect();
        rows.sort_by_key(|row| Reverse(row.billed_usd));
        rows
    }
}

impl Basis<'_> {
    /// The tags that a bill of the environment bears, and the values they have.
    #[must_use]
    pub fn bill_tags(&self) -> [(&'static str, &str); 2] {
        let application = self.loaded.workspace.application.as_str();
        [(APPLICATION_TAG, application), (ENVIRONMENT_TAG, self.environment.name.as_str())]
    }

    /// The estimate of the environment beside its bill of a month.
    ///
    /// # Errors
    /// As [`Basis::environment_cost`].
    pub fn beside_bill(&self, month: &Month, bill: &Bill) -> Result<ActualReport, CostError> {
        let stacks = self.environment_cost()?.stacks;
        let owners = self.tenants_by_stack();
        let estimates = stacks.iter().map(|stack| -> (Option<&str>, &Estimate) {
            (owners.get(&stack.stack).map(String::as_str), &stack.estimate)
        });
        let mut untagged: BTreeMap<&str, Decimal> = BTreeMap::new();
        for row in &bill.untagged {
            let sum = untagged.entry(&row.service).or_default();
            *sum = sum.saturating_add(row.usd);
        }
        Ok(ActualReport {
            environment: self.environment.name.to_string(),
            from: month.first.to_string(),
            to: month.end.to_string(),
            month_is_over: month.over,
            bill_is_estimated: bill.is_estimated,
            calls: bill.calls,
            currency: "USD",
            tags_found: bill.tagged.iter().any(|row| !row.usd.is_zero()),
            tags: vec![APPLICATION_TAG, ENVIRONMENT_TAG, TENANT_TAG],
            comparison: compare(estimates, &bill.tagged),
            untagged: Untagged::sorted(untagged),
        })
    }

    /// The tenant of each stack that has one.
    fn tenants_by_stack(&self) -> BTreeMap<String, String> {
        let names = self.loaded.names(self.environment);
        let mut owners = BTreeMap::new();
        for tenant in self.tenants() {
            owners.insert(names.tenant(&tenant.name), tenant.name.to_string());
            for addon in tenant.addons.iter().map(AddonName::as_str).chain([AURORA]) {
                owners.insert(names.addon(&tenant.name, addon), tenant.name.to_string());
            }
        }
        owners
    }
}
