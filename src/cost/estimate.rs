//! An estimate: what a document costs a month.

use rust_decimal::Decimal;
use serde::Serialize;

use super::error::CostError;
use super::evaluate::{self, Evaluator, Inputs};
use super::item::LineItem;
use super::price::PriceTable;
use super::pricers::{self, Focus, Sheet};
use super::range::{Range, as_amount};
use super::usage::Usage;
use crate::template::Document;

/// What something costs a month, with everything that is not in the sum.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// The sum of all items, in US dollars a month.
    pub total_usd: Range,
    /// What has a price.
    pub items: Vec<LineItem>,
    /// What costs nothing, with the reason; also allowances taken off.
    pub free: Vec<Free>,
    /// Resources of types that konta does not price.
    pub unpriced: Vec<Unpriced>,
    /// What has a price that could not be worked out; never in the sum.
    pub unknown: Vec<Unknown>,
    /// What was assumed, the one that moves the sum most first.
    pub assumptions: Vec<Assumption>,
}

/// A resource, or a part of its use, that costs nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Free {
    /// The logical id.
    pub resource: String,
    /// Its type.
    pub resource_type: String,
    /// Why.
    pub reason: String,
}

/// A resource of a type that konta does not price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unpriced {
    /// The logical id.
    pub resource: String,
    /// Its type.
    pub resource_type: String,
}

/// A cost that could not be worked out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// The logical id.
    pub resource: String,
    /// The service, where a price is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The usage type, where a price is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_type: Option<String>,
    /// The region.
    pub region: String,
    /// Why.
    pub reason: String,
}

/// A figure that nobody gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assumption {
    /// The logical id, or `account`.
    pub resource: String,
    /// The field, as in a usage file.
    pub field: String,
    /// The figure.
    pub value: Range,
    /// Where it comes from.
    pub origin: String,
    /// By how much the sum moves between its low and its high, all else as expected; US dollars a month.
    #[serde(serialize_with = "as_amount")]
    pub swing_usd: Decimal,
}

impl Estimate {
    /// The assumption that moves the sum most; `None` when none moves it.
    #[must_use]
    pub fn most_moving(&self) -> Option<&Assumption> {
        self.assumptions.first().filter(|assumption| !assumption.swing_usd.is_zero())
    }

    /// Adds another estimate of the same document.
    pub fn add(&mut self, other: &Self) {
        self.take(other, ToOwned::to_owned);
        self.sort_assumptions();
    }

    /// The sum of several estimates, each resource named after the part it stands in.
    #[must_use]
    pub fn of_parts<'a>(parts: impl Iterator<Item = (&'a str, &'a Self)>) -> Self {
        let mut whole = Self::default();
        for (part, estimate) in parts {
            whole.take(
                estimate,
                |resource| if part == resource { resource.to_owned() } else { format!("{part}/{resource}") },
            );
        }
        whole.sort_assumptions();
        whole
    }

    fn take(&mut self, other: &Self, named: impl Fn(&str) -> String) {
        self.total_usd = self.total_usd + other.total_usd;
        self.items.extend(other.items.iter().map(|item| LineItem { resource: named(&item.resource), ..item.clone() }));
        self.free.extend(other.free.iter().map(|free| Free { resource: named(&free.resource), ..free.clone() }));
        self.unpriced.extend(other.unpriced.iter().map(|u| Unpriced { resource: named(&u.resource), ..u.clone() }));
        self.unknown.extend(other.unknown.iter().map(|u| Unknown { resource: named(&u.resource), ..u.clone() }));
        let theirs = other.assumptions.iter().map(|a| Assumption { resource: named(&a.resource), ..a.clone() });
        self.assumptions.extend(theirs);
    }

    /// The assumption that moves most first; equal ones by name.
    pub(super) fn sort_assumptions(&mut self) {
        self.assumptions.sort_by(|a, b| {
            b.swing_usd.cmp(&a.swing_usd).then_with(|| (&a.resource, &a.field).cmp(&(&b.resource, &b.field)))
        });
    }
}

/// What a document costs a month.
///
/// # Errors
/// When the document is no template, or a parameter is given that it does not declare.
pub fn of_document(
    name: &str,
    document: &Document,
    inputs: &Inputs,
    usage: &Usage,
    prices: &PriceTable,
) -> Result<Estimate, CostError> {
    evaluate::check(name, document, &inputs.parameters)?;
    let evaluator = Evaluator::new(document, inputs);
    Ok(of_evaluated(&evaluator, usage, prices))
}

/// What an evaluated document costs a month. The evaluator knows afterwards which parameters the sum hangs on.
#[must_use]
pub fn of_evaluated(evaluator: &Evaluator<'_>, usage: &Usage, prices: &PriceTable) -> Estimate {
    estimated(|focus| {
        let mut sheet = Sheet::new(evaluator, usage, prices, focus);
        pricers::price_resources(&mut sheet);
        sheet.finish()
    })
}

/// Only the sum of what an evaluated document costs a month: for many numbers of tenants, where nobody asks what moves it.
#[must_use]
pub fn total_of_evaluated(evaluator: &Evaluator<'_>, usage: &Usage, prices: &PriceTable) -> Range {
    let mut sheet = Sheet::new(evaluator, usage, prices, &Focus::Everything);
    pricers::price_resources(&mut sheet);
    sheet.finish().total_usd
}

/// Only the sum of what an account's traffic costs a month.
#[must_use]
pub fn total_of_account(region: &str, usage: &Usage, prices: &PriceTable) -> Range {
    let document = Document::from_value(serde_json::Value::Null);
    let inputs = Inputs { region: region.to_owned(), ..Inputs::default() };
    let evaluator = Evaluator::new(&document, &inputs);
    let mut sheet = Sheet::new(&evaluator, usage, prices, &Focus::Everything);
    pricers::account::price(&mut sheet);
    sheet.finish().total_usd
}

/// What an account's traffic costs a month: it belongs to no resource, and its free allowance is the account's.
#[must_use]
pub fn of_account(region: &str, usage: &Usage, prices: &PriceTable) -> Estimate {
    let document = Document::from_value(serde_json::Value::Null);
    let inputs = Inputs { region: region.to_owned(), ..Inputs::default() };
    let evaluator = Evaluator::new(&document, &inputs);
    estimated(|focus| {
        let mut sheet = Sheet::new(&evaluator, usage, prices, focus);
        pricers::account::price(&mut sheet);
        sheet.finish()
    })
}

/// Prices once with every range, and once for each assumption with that range alone.
fn estimated(price: impl Fn(&Focus) -> Estimate) -> Estimate {
    let mut estimate = price(&Focus::Everything);
    for index in 0..estimate.assumptions.len() {
        let assumption = &estimate.assumptions[index];
        if assumption.value.is_exact() {
            continue;
        }
        let only = Focus::Only { resource: assumption.resource.clone(), field: assumption.field.clone() };
        let total = price(&only).total_usd;
        estimate.assumptions[index].swing_usd = total.high.saturating_sub(total.low).abs();
    }
    estimate.sort_assumptions();
    estimate
}
