//! Designs that hold to the limits, the cheapest first, and those that do not.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rust_decimal::Decimal;
use serde::Serialize;

use super::{amount, as_amount, paragraph};
use crate::cost::Range;
use crate::cost::estimate::Unknown;
use crate::report::{table, text};

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct AdviseReport {
    /// The currency of every amount.
    pub currency: &'static str,
    /// The region.
    pub region: String,
    /// For how many tenants.
    pub tenants: u32,
    /// What holds to the limits, the cheapest first.
    pub offers: Vec<Offer>,
    /// What does not.
    pub rejected: Vec<Rejected>,
}

/// A design that holds to the limits.
#[derive(Debug, Clone, Serialize)]
pub struct Offer {
    /// The design.
    pub design: String,
    /// US dollars a month.
    pub total_usd: Range,
    /// The same for each tenant.
    pub per_tenant_usd: Range,
    /// In how many cells.
    pub cells: u32,
    /// vCPUs of tasks on demand.
    #[serde(serialize_with = "as_amount")]
    pub vcpu_on_demand: Decimal,
    /// vCPUs of tasks on Spot.
    #[serde(serialize_with = "as_amount")]
    pub vcpu_spot: Decimal,
    /// What has no price and is in no total.
    pub unknown: Vec<Unknown>,
    /// What to write in the manifests.
    pub write: String,
}

/// A design that breaks a limit.
#[derive(Debug, Clone, Serialize)]
pub struct Rejected {
    /// The design.
    pub design: String,
    /// Which limit, and how.
    pub reason: String,
}

/// The advice for people.
#[must_use]
pub fn text(report: &AdviseReport) -> String {
    let mut out = String::new();
    let width = text::stdout_width();
    if report.offers.is_empty() {
        paragraph(&mut out, width, "no design holds to all the limits");
    } else {
        let rows = report.offers.iter().map(|offer| {
            vec![offer.design.clone(), amount(offer.total_usd), amount(offer.per_tenant_usd), offer.cells.to_string()]
        });
        let headers = ["design", "usd a month", "usd a tenant", "cells"];
        let _ = writeln!(out, "{}\n", table::table_at(width, &headers, rows.collect()));
    }
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for rejected in &report.rejected {
        *reasons.entry(&rejected.reason).or_default() += 1;
    }
    for (reason, count) in reasons {
        paragraph(&mut out, width, &format!("rejected {}: {reason}", text::count(count, "design")));
    }
    for offer in report.offers.iter().filter(|offer| !offer.unknown.is_empty()) {
        let parts = text::count(offer.unknown.len(), "part");
        paragraph(&mut out, width, &format!("{}: {parts} without a price, in no total", offer.design));
    }
    if let Some(best) = report.offers.first() {
        paragraph(&mut out, width, "how many tenants a pool serves well is not measured; konta only counts quotas");
        let _ = write!(out, "\nwrite for the first:\n\n{}", best.write);
    }
    out
}
