//! The estimate beside the bill.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use super::error::CostError;
use super::estimate::Estimate;
use super::range::{Range, as_amount};

/// A month of a bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Month {
    /// Its first day.
    pub first: Date,
    /// The day after the last that is asked for.
    pub end: Date,
    /// Whether the month is over.
    pub over: bool,
}

impl Month {
    /// The month that is named, else the last one that is over.
    ///
    /// # Errors
    /// When it is no month, or has not begun.
    pub fn resolve(said: Option<&str>, today: Date) -> Result<Self, CostError> {
        let wrong = |problem| CostError::Month { month: said.unwrap_or_default().to_owned(), problem };
        let first = match said {
            None => today.first_of_month().saturating_sub(1.month()),
            Some(text) if text.len() == 7 => format!("{text}-01").parse().map_err(|_| wrong("that is no month"))?,
            Some(_) => return Err(wrong("that is no month")),
        };
        if first > today {
            return Err(wrong("that month has not begun"));
        }
        let next = first.saturating_add(1.month());
        let over = next <= today;
        // Cost Explorer takes tomorrow as the day that is not asked for any more.
        let end = if over { next } else { today.saturating_add(1.day()) };
        Ok(Self { first, end, over })
    }
}

/// A bill as it was given, in two parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bill {
    /// What bears konta's tags of the environment.
    pub tagged: Vec<BillRow>,
    /// What lacks konta's tag, and may belong to others.
    pub untagged: Vec<BillRow>,
    /// Whether it may still change.
    pub is_estimated: bool,
    /// Calls of Cost Explorer that it took, each of which costs 0.01 USD.
    pub calls: usize,
}

/// One service's bill for one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillRow {
    /// The service, as the bill names it.
    pub service: String,
    /// The tenant; `None` for what is shared.
    pub tenant: Option<String>,
    /// US dollars.
    pub usd: Decimal,
}

/// An estimate beside what was billed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Beside {
    /// The service as the bill names it, or the tenant; `shared` for what belongs to none.
    pub name: String,
    /// The estimate for the whole month, in US dollars.
    pub estimate_usd: Range,
    /// What was billed.
    #[serde(serialize_with = "as_amount")]
    pub billed_usd: Decimal,
    /// What was billed less the expected estimate.
    #[serde(serialize_with = "as_amount")]
    pub difference_usd: Decimal,
}

/// The comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// By service, the largest bill first.
    pub services: Vec<Beside>,
    /// By tenant, by name; what is shared last.
    pub tenants: Vec<Beside>,
    /// The sum.
    pub total: Option<Beside>,
}

/// What belongs to no tenant.
pub const SHARED: &str = "shared";

/// Names on a bill by service code. NAT gateways are billed with other parts of EC2; a service may be called anew one day, and then
/// stands on two rows.
const NAMES: &[(&str, &str)] = &[
    ("AWSBackup", "AWS Backup"),
    ("AWSDataTransfer", "EC2 - Other"),
    ("AWSELB", "Amazon Elastic Load Balancing"),
    ("AWSLambda", "AWS Lambda"),
    ("AWSSecretsManager", "AWS Secrets Manager"),
    ("AWSSystemsManager", "AWS Systems Manager"),
    ("AmazonApiGateway", "Amazon API Gateway"),
    ("AmazonCloudWatch", "AmazonCloudWatch"),
    ("AmazonEC2", "EC2 - Other"),
    ("AmazonECR", "Amazon EC2 Container Registry (ECR)"),
    ("AmazonECS", "Amazon Elastic Container Service"),
    ("AmazonEFS", "Amazon Elastic File System"),
    ("AmazonRDS", "Amazon Relational Database Service"),
    ("AmazonRoute53", "Amazon Route 53"),
    ("AmazonS3", "Amazon Simple Storage Service"),
    ("AmazonSES", "Amazon Simple Email Service"),
    ("AmazonVPC", "Amazon Virtual Private Cloud"),
    ("awskms", "AWS Key Management Service"),
    ("awswaf", "AWS WAF"),
];

/// What a bill calls a service.
#[must_use]
pub fn billed_name(service: &str) -> &str {
    NAMES.iter().find(|(code, _)| *code == service).map_or(service, |(_, name)| name)
}

/// Sets estimates, each with its tenant, beside a bill.
#[must_use]
pub fn compare<'a>(estimates: impl Iterator<Item = (Option<&'a str>, &'a Estimate)>, bill: &[BillRow]) -> Comparison {
    let mut services: BTreeMap<&str, (Range, Decimal)> = BTreeMap::new();
    let mut tenants: BTreeMap<&str, (Range, Decimal)> = BTreeMap::new();
    let mut total = (Range::ZERO, Decimal::ZERO);
    for (tenant, estimate) in estimates {
        for item in &estimate.items {
            let of_service = services.entry(billed_name(&item.price.service)).or_default();
            of_service.0 = of_service.0 + item.monthly_usd;
        }
        let of_tenant = tenants.entry(tenant.unwrap_or_default()).or_default();
        of_tenant.0 = of_tenant.0 + estimate.total_usd;
        total.0 = total.0 + estimate.total_usd;
    }
    for row in bill {
        let of_service = services.entry(&row.service).or_default();
        let of_tenant = tenants.entry(row.tenant.as_deref().unwrap_or_default()).or_default();
        for sum in [&mut of_service.1, &mut of_tenant.1, &mut total.1] {
            *sum = sum.saturating_add(row.usd);
        }
    }
    let shared = tenants.remove("");
    let mut services: Vec<Beside> = services.into_iter().map(|(name, sums)| beside(name, sums)).collect();
    services.sort_by_key(|row| Reverse(row.billed_usd));
    let mut tenants: Vec<Beside> = tenants.into_iter().map(|(name, sums)| beside(name, sums)).collect();
    tenants.extend(shared.map(|sums| beside(SHARED, sums)));
    Comparison { services, tenants, total: Some(beside("total", total)) }
}

fn beside(name: &str, (estimate_usd, billed_usd): (Range, Decimal)) -> Beside {
    let difference_usd = billed_usd.saturating_sub(estimate_usd.expected);
    Beside { name: name.to_owned(), estimate_usd, billed_usd, difference_usd }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::PriceTable;

    #[test]
    fn every_service_of_the_price_table_has_a_name_on_the_bill() {
        // A savings plan is a way to pay, and certificates are free.
        let nameless = ["ComputeSavingsPlans", "AWSCertificateManager"];
        for price in PriceTable::embedded().all() {
            let named = NAMES.iter().any(|(code, _)| *code == price.service);
            assert!(named || nameless.contains(&price.service.as_str()), "{}", price.service);
        }
    }
}
