//! What there is beside what it could be.

use std::fmt::Write as _;

use serde::Serialize;

use super::{amount, money, paragraph};
use crate::cost::estimate::Unknown;
use crate::cost::scenario::Scenario;
use crate::cost::{Estimate, LineItem, Range};
use crate::report::{table, text};

/// A comparison.
#[derive(Debug, Clone, Serialize)]
pub struct CompareReport {
    /// The currency of every amount.
    pub currency: &'static str,
    /// The region.
    pub region: String,
    /// The environment or tenant that is changed.
    pub of: String,
    /// How many tenants the environment has.
    pub tenants: u32,
    /// The workspace as it is, then each change.
    pub rows: Vec<Row>,
    /// The same tenants elsewhere.
    pub elsewhere: Elsewhere,
}

/// One change.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
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

impl Row {
    /// Of a scenario; `before` is what the environment costs as it is.
    #[must_use]
    pub fn new(scenario: &Scenario, total_usd: Range, before: Range, unknown: usize) -> Self {
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

/// A reference that konta neither deploys nor measures.
#[derive(Debug, Clone, Serialize)]
pub struct Elsewhere {
    /// What it is.
    pub title: &'static str,
    /// What was priced, for people.
    pub holds: &'static str,
    /// US dollars a month, of what has a dated price.
    pub total_usd: Range,
    /// What has one.
    pub items: Vec<LineItem>,
    /// What has none.
    pub unknown: Vec<Unknown>,
}

impl Elsewhere {
    /// On Google.
    #[must_use]
    pub fn google(estimate: &Estimate, one: bool) -> Self {
        Self {
            title: "Cloud Run + Cloud SQL",
            holds: if one {
                "this tenant alone: a service of 1 vCPU and 1 GiB that is always on, a Cloud SQL of 1 vCPU and 3.75 GB; us-central1"
            } else {
                "a service of 1 vCPU and 1 GiB that is always on for each tenant, one Cloud SQL of 1 vCPU and 3.75 GB; us-central1"
            },
            total_usd: estimate.total_usd,
            items: estimate.items.clone(),
            unknown: estimate.unknown.clone(),
        }
    }
}

/// The comparison for people.
#[must_use]
pub fn text(report: &CompareReport) -> String {
    let mut out = String::new();
    let width = text::stdout_width();
    let rows = report.rows.iter().map(|row| {
        let sign = if row.difference_usd.expected.is_sign_positive() { "+" } else { "-" };
        let difference = format!("{sign}{}", money(row.difference_usd.expected.abs()));
        let title = if row.deployable { row.title.to_owned() } else { format!("{} *", row.title) };
        vec![title, amount(row.total_usd), difference, row.loses.to_owned()]
    });
    let headers = ["what", "usd a month", "difference", "what it loses or gains"];
    let _ = writeln!(out, "{}\n", table::table_at(width, &headers, rows.collect()));
    for row in &report.rows[1.min(report.rows.len())..] {
        paragraph(&mut out, width, &format!("{}: {}", row.title, row.changes));
        if row.unknown > 0 {
            paragraph(
                &mut out,
                width,
                &format!("{}: {} without a price, in no total", row.title, text::count(row.unknown, "part")),
            );
        }
    }
    if report.rows.iter().any(|row| !row.deployable) {
        paragraph(&mut out, width, "* not deployable by konta as it stands: priced to compare");
    }
    let elsewhere = &report.elsewhere;
    let dates: Vec<&str> = elsewhere.items.iter().map(|item| item.price.date.as_str()).collect();
    let dates = format!("{} to {}", dates.iter().min().unwrap_or(&"?"), dates.iter().max().unwrap_or(&"?"));
    let missing: Vec<&str> = elsewhere.unknown.iter().filter_map(|unknown| unknown.usage_type.as_deref()).collect();
    let line = format!(
        "for reference, {}: {} USD a month without what is unknown ({}); {}; prices of {dates}",
        elsewhere.title,
        money(elsewhere.total_usd.expected),
        missing.join(", "),
        elsewhere.holds,
    );
    paragraph(&mut out, width, &line);
    paragraph(
        &mut out,
        width,
        &format!(
            "{} of {}: the whole environment with {}",
            report.of,
            report.region,
            text::count(report.tenants as usize, "tenant")
        ),
    );
    out
}
