//! Each tenant's part of the cost, and what is left of its price.

use std::fmt::Write as _;

use rust_decimal::Decimal;
use serde::Serialize;

use super::{amount, as_amount, money, paragraph};
use crate::cost::Range;
use crate::cost::allocate::{Allocation, TenantCost};
use crate::cost::curve::BreakEven;
use crate::cost::margin::Margin;
use crate::model::{Terms, Workspace};
use crate::report::table;

/// Who pays what.
#[derive(Debug, Clone, Serialize)]
pub struct Shares {
    /// How shared cost is divided.
    pub rule: crate::cost::allocate::Rule,
    /// What that rule means.
    pub meaning: &'static str,
    /// The currency of prices and margins.
    pub currency: String,
    /// US dollars for one unit of that currency.
    #[serde(serialize_with = "as_amount")]
    pub exchange_rate_usd: Decimal,
    /// The day of that rate.
    pub exchange_rate_date: String,
    /// What is taken off a price.
    #[serde(serialize_with = "of_terms")]
    pub terms: Terms,
    /// Each tenant.
    pub tenants: Vec<TenantShare>,
    /// What no tenant bears, US dollars.
    pub unallocated_usd: Range,
    /// The tenants' costs and what nobody bears.
    pub total_usd: Range,
    /// From how many tenants on each tier pays.
    pub break_even: Vec<TierBreakEven>,
}

/// One tenant's cost and margin.
#[derive(Debug, Clone, Serialize)]
pub struct TenantShare {
    /// What it costs, US dollars.
    #[serde(flatten)]
    pub cost: TenantCost,
    /// The tier it buys.
    pub tier: String,
    /// What is left of its price, in the workspace's currency.
    #[serde(flatten)]
    pub margin: Margin,
}

/// From how many tenants on a tier pays for an environment that holds nothing else.
#[derive(Debug, Clone, Serialize)]
pub struct TierBreakEven {
    /// The tier.
    pub tier: String,
    /// Its price.
    #[serde(serialize_with = "as_amount")]
    pub price: Decimal,
    /// How many, in each scenario.
    pub tenants: BreakEven,
}

fn of_terms<S: serde::Serializer>(terms: &Terms, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let number = |amount: Decimal| crate::cost::range::Amount(amount);
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("vat_percent", &number(terms.vat_percent))?;
    map.serialize_entry("vat_included", &terms.vat_included)?;
    map.serialize_entry("fee_percent", &number(terms.fee_percent))?;
    map.serialize_entry("fee_fixed", &number(terms.fee_fixed))?;
    map.serialize_entry("other_monthly", &number(terms.other_monthly))?;
    map.end()
}

impl Shares {
    /// Of an allocation.
    #[must_use]
    pub fn new(workspace: &Workspace, terms: Terms, allocation: &Allocation, tenants: Vec<TenantShare>) -> Self {
        Self {
            rule: allocation.rule,
            meaning: allocation.meaning,
            currency: workspace.currency.clone(),
            exchange_rate_usd: workspace.exchange_rate.usd,
            exchange_rate_date: workspace.exchange_rate.date.clone(),
            terms,
            tenants,
            unallocated_usd: allocation.unallocated_usd,
            total_usd: allocation.total_usd,
            break_even: Vec::new(),
        }
    }
}

/// How many tenants are shown to people; JSON has all.
const SHOWN: usize = 40;

/// The shares for people.
#[must_use]
pub(super) fn text(shares: &Shares, width: usize) -> String {
    let mut out = String::new();
    let currency = shares.currency.to_ascii_lowercase();
    let (price, margin) = (format!("price {currency}"), format!("margin {currency}"));
    let rows = shares.tenants.iter().take(SHOWN).map(|share| {
        vec![
            share.cost.tenant.clone(),
            money(share.cost.own_usd.expected),
            money(share.cost.shared_usd.expected),
            amount(share.cost.total_usd),
            money(share.margin.price),
            amount(share.margin.margin),
        ]
    });
    let headers = ["tenant", "own usd", "shared usd", "total usd", price.as_str(), margin.as_str()];
    let _ = writeln!(out, "{}", table::table_at(width, &headers, rows.collect()));
    if shares.tenants.len() > SHOWN {
        let more = shares.tenants.len() - SHOWN;
        paragraph(&mut out, width, &format!("and {more} more; --output json has all"));
    }
    let word = serde_json::to_value(shares.rule).ok().and_then(|rule| rule.as_str().map(ToOwned::to_owned));
    paragraph(&mut out, width, &format!("shared cost: {}: {}", word.unwrap_or_default(), shares.meaning));
    if !shares.unallocated_usd.is_zero() {
        paragraph(&mut out, width, &format!("borne by no tenant: {} USD a month", amount(shares.unallocated_usd)));
    }
    let rate = format!("1 {} = {} USD of {}", shares.currency, shares.exchange_rate_usd, shares.exchange_rate_date);
    paragraph(&mut out, width, &format!("{rate}; {}", terms(&shares.terms, &shares.currency)));
    for tier in &shares.break_even {
        let line =
            format!("{} at {} {} pays {}", tier.tier, tier.price.normalize(), shares.currency, from(&tier.tenants));
        paragraph(&mut out, width, &line);
    }
    out
}

fn terms(terms: &Terms, currency: &str) -> String {
    if *terms == Terms::default() {
        return "no tax, fees or other cost are taken off: none are said (cost: in konta.yml, or --vat, --fee, --other)"
            .to_owned();
    }
    let place = if terms.vat_included { "in the price" } else { "on top of the price" };
    format!(
        "VAT {} % {place}, payment fee {} % and {} {currency}, other cost {} {currency} a tenant",
        terms.vat_percent.normalize(),
        terms.fee_percent.normalize(),
        terms.fee_fixed.normalize(),
        terms.other_monthly.normalize()
    )
}

fn from(tenants: &BreakEven) -> String {
    let one = |tenants: Option<u32>| tenants.map_or("never".to_owned(), |tenants| tenants.to_string());
    match tenants.expected {
        None => format!("from no number of tenants up to 1000 (best case: {})", one(tenants.low)),
        Some(expected) => {
            format!("from {expected} tenants on ({} to {})", one(tenants.low), one(tenants.high))
        }
    }
}
