//! The Price List of AWS beside konta's table: how a price of the table is asked for, and what an answer says.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Deserialize;

use super::price::Price;

/// What AWS puts before a usage type in each region. Source: the usage types of the Price List itself.
const PREFIXES: &[(&str, &str)] = &[
    ("ap-northeast-1", "APN1-"),
    ("ap-northeast-2", "APN2-"),
    ("ap-south-1", "APS3-"),
    ("ap-southeast-1", "APS1-"),
    ("ap-southeast-2", "APS2-"),
    ("ca-central-1", "CAN1-"),
    ("eu-central-1", "EUC1-"),
    ("eu-central-2", "EUC2-"),
    ("eu-north-1", "EUN1-"),
    ("eu-south-1", "EUS1-"),
    ("eu-south-2", "EUS2-"),
    ("eu-west-1", "EU-"),
    ("eu-west-2", "EUW2-"),
    ("eu-west-3", "EUW3-"),
    ("global", ""),
    ("sa-east-1", "SAE1-"),
    ("us-east-1", ""),
    ("us-east-2", "USE2-"),
    ("us-west-1", "USW1-"),
    ("us-west-2", "USW2-"),
];

/// The units of konta's table with the Price List's words for them.
const UNITS: &[(&str, &[&str])] = &[
    ("hour", &["Hrs", "Hours", "hours", "Hour"]),
    ("endpoint-AZ-hour", &["Hrs", "Hours"]),
    ("parameter-hour", &["Param-Hrs", "Hrs", "Parameter-Hours"]),
    ("vCPU-hour", &["hours", "Hours", "vCPU-Hours", "Hrs"]),
    ("GB-hour", &["hours", "GB-Hours", "Hours", "Hrs"]),
    ("ACU-hour", &["ACU-Hr", "ACU-Hrs", "ACU-hour"]),
    ("LCU-hour", &["LCU-Hrs", "LCU-Hours"]),
    ("NLCU-hour", &["LCU-Hrs", "NLCU-Hrs", "LCU-Hours"]),
    ("GB", &["GB", "Gigabytes"]),
    ("GB-month", &["GB-Mo", "GB-month", "GB-Month"]),
    ("GB-second", &["Lambda-GB-Second", "GB-Second", "Second", "seconds"]),
    ("IO", &["IOs", "IO"]),
    ("MiBps-month", &["MiBps-Mo", "MiBps-month"]),
    ("request", &["Requests", "Request", "API Requests", "API Calls", "requests"]),
    ("query", &["Queries", "queries"]),
    ("recipient", &["Count", "Recipients", "Messages"]),
    ("secret-month", &["Secrets", "Secret"]),
    ("key-month", &["Keys", "Key", "Months"]),
    ("zone-month", &["HostedZone", "Mo", "Months"]),
    ("alarm-month", &["Alarms", "Alarm"]),
    ("metric-month", &["Metrics", "Metric"]),
    ("rule-month", &["Rules", "Rule-Months", "Months"]),
    ("ACL-month", &["WebACL", "WebACLs", "Months"]),
];

/// Prices that the Price List does not carry under the names of konta's table, with the reason.
const NOT_ASKED: &[(&str, &str)] = &[
    ("FargateSpot-", "Spot prices float and have a feed of their own"),
    ("Backup:", "the usage type is konta's own name"),
    ("ETDataAccess-Bytes:", "the Price List has reading and writing under one usage type"),
    ("IADataAccess-Bytes:", "the Price List has reading and writing under one usage type"),
    ("1yr-", "Savings Plans have a price list of their own"),
    ("3yr-", "Savings Plans have a price list of their own"),
    ("PublicCertificate", "it is no product"),
    ("Global-DataTransfer-Out-Bytes", "it is an allowance"),
];

/// A question for one price of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The service's code.
    pub service: String,
    /// Attributes that a product must have, by name.
    pub attributes: Vec<(&'static str, String)>,
}

/// How a price of the table is asked for.
///
/// # Errors
/// Why it is not asked for.
pub fn question(service: &str, usage_type: &str, region: &str) -> Result<Question, String> {
    if let Some((_, reason)) = NOT_ASKED.iter().find(|(start, _)| usage_type.starts_with(start)) {
        return Err((*reason).to_owned());
    }
    let Some((_, prefix)) = PREFIXES.iter().find(|(name, _)| *name == region) else {
        return Err(format!("how AWS names usage types in {region} is not known to konta"));
    };
    // The labels that konta's table puts behind a usage type, and the attribute they stand for.
    let labels: [(&str, &'static str, &str); 4] = [
        (":AuroraPostgreSQL", "databaseEngine", "Aurora PostgreSQL"),
        (
            ":PostgreSQL",
            "databaseEngine",
            if usage_type.starts_with("Aurora:") { "Aurora PostgreSQL" } else { "PostgreSQL" },
        ),
        (":Application", "operation", "LoadBalancing:Application"),
        (":Network", "operation", "LoadBalancing:Network"),
    ];
    let mut attributes = Vec::new();
    let mut name = usage_type;
    for (label, attribute, value) in labels {
        if let Some(rest) = name.strip_suffix(label) {
            name = rest;
            attributes.push((attribute, value.to_owned()));
        }
    }
    attributes.push(("usagetype", format!("{prefix}{name}")));
    Ok(Question { service: service.to_owned(), attributes })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    #[serde(default)]
    publication_date: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    terms: Terms,
}

#[derive(Deserialize, Default)]
struct Terms {
    #[serde(rename = "OnDemand", default)]
    on_demand: BTreeMap<String, Term>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    price_dimensions: BTreeMap<String, Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    unit: String,
    begin_range: Option<String>,
    rate_code: String,
    price_per_unit: BTreeMap<String, String>,
}

/// What the answers say of a price, tier by tier, in the table's terms. `known` are the table's own tiers, lowest first.
///
/// # Errors
/// Why the answers are not taken: nothing found, several prices for one thing, an unknown unit, other tiers.
pub fn read(products: &[String], known: &[Price]) -> Result<Vec<Price>, String> {
    let first = known.first().ok_or("the table has no such price")?;
    let mut found: BTreeMap<Decimal, Price> = BTreeMap::new();
    for text in products {
        let product: Product = serde_json::from_str(text).map_err(|e| format!("the answer is no product: {e}"))?;
        for dimension in product.terms.on_demand.values().flat_map(|term| term.price_dimensions.values()) {
            let price = tier(dimension, &product, first)?;
            match found.get(&price.from) {
                Some(other) if other.usd != price.usd => {
                    return Err(format!("several products answer, with {} and {} USD", other.usd, price.usd));
                }
                _ => found.insert(price.from, price),
            };
        }
    }
    let mut tiers: Vec<Price> = found.into_values().collect();
    // A product may carry an allowance as a first tier of nothing; the table has it as where its first tier begins.
    if tiers.len() == known.len() + 1 && tiers[0].usd.is_zero() {
        tiers.remove(0);
    }
    if tiers.is_empty() {
        return Err("the Price List has no such product".to_owned());
    }
    // Where the table's first tier begins may be konta's own knowledge (20 GB of disk are free for each task).
    let same = tiers.len() == known.len() && tiers.iter().zip(known).skip(1).all(|(new, old)| new.from == old.from);
    if !same {
        let list =
            |prices: &[Price]| prices.iter().map(|p| p.from.normalize().to_string()).collect::<Vec<_>>().join(", ");
        return Err(format!("its tiers begin at {}, those of the table at {}", list(&tiers), list(known)));
    }
    tiers[0].from = first.from;
    Ok(tiers)
}

fn tier(dimension: &Dimension, product: &Product, like: &Price) -> Result<Price, String> {
    let accepted = UNITS.iter().find(|(unit, _)| *unit == like.unit).map_or(&[][..], |(_, words)| *words);
    if !accepted.contains(&dimension.unit.as_str()) {
        return Err(format!("its unit is {}, the table's {}", dimension.unit, like.unit));
    }
    let usd = dimension.price_per_unit.get("USD").and_then(|text| text.parse::<Decimal>().ok());
    let usd = usd.filter(|usd| !usd.is_sign_negative()).ok_or("it has no price in USD")?;
    let from =
        dimension.begin_range.as_deref().unwrap_or("0").parse::<Decimal>().map_err(|_| "its tier has no bound")?;
    let date = product.publication_date.get(..10).unwrap_or_default().to_owned();
    if date.parse::<jiff::civil::Date>().is_err() {
        return Err("it has no date of publication".to_owned());
    }
    Ok(Price {
        usd: usd.normalize(),
        from: from.normalize(),
        date,
        source: format!("AWS Price List {} rateCode={}", product.version, dimension.rate_code),
        ..like.clone()
    })
}

/// What became of a price that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceChange {
    /// As the table has it.
    Same,
    /// Another price, believable.
    Changed,
    /// Not believable: nothing where there was a price, or more than ten times as much or as little.
    Absurd,
}

/// Compares the tiers of one price, old and new.
#[must_use]
pub fn compare(old: &[Price], new: &[Price]) -> PriceChange {
    let absurd = |(old, new): (&Price, &Price)| {
        !old.usd.is_zero()
            && (new.usd.is_zero() || new.usd > old.usd * Decimal::TEN || new.usd * Decimal::TEN < old.usd)
    };
    if old.iter().zip(new).any(absurd) {
        PriceChange::Absurd
    } else if old.iter().map(|price| price.usd).eq(new.iter().map(|price| price.usd)) {
        PriceChange::Same
    } else {
        PriceChange::Changed
    }
}
