//! Cost over the number of tenants, as a table of chosen points and every step.

use std::fmt::Write as _;

use serde::Serialize;

use super::{amount, paragraph};
use crate::cost::curve::{Curve, Point};
use crate::report::{table, text};

/// A curve, and what it is of.
#[derive(Debug, Clone, Serialize)]
pub struct CurveReport {
    /// The currency of every amount.
    pub currency: &'static str,
    /// The region.
    pub region: String,
    /// The tiers, in the proportion in which they come.
    pub tiers: Vec<TierPart>,
    /// The curve.
    #[serde(flatten)]
    pub curve: Curve,
}

/// How much of a tier there is among the tenants.
#[derive(Debug, Clone, Serialize)]
pub struct TierPart {
    /// The tier.
    pub tier: String,
    /// Its part, beside those of the others.
    pub part: u32,
}

/// The curve for people.
#[must_use]
pub fn text(report: &CurveReport) -> String {
    let mut out = String::new();
    let width = text::stdout_width();
    let rows = chosen(&report.curve).map(|point| {
        vec![
            point.tenants.to_string(),
            point.cells.to_string(),
            amount(point.total_usd),
            amount(point.per_tenant_usd),
            format!("{} + {}", point.vcpu_on_demand.normalize(), point.vcpu_spot.normalize()),
        ]
    });
    let headers = ["tenants", "cells", "usd a month", "usd a tenant", "vcpu + spot"];
    let _ = writeln!(out, "{}\n", table::table_at(width, &headers, rows.collect()));
    for step in &report.curve.steps {
        let line = format!("at {}: {}; adds {} USD a month", step.tenants, step.reason, amount(step.adds_usd));
        paragraph(&mut out, width, &line);
    }
    let parts: Vec<String> = report.tiers.iter().map(|part| format!("{} {}", part.part, part.tier)).collect();
    paragraph(&mut out, width, &format!("{}; tenants as {}", report.region, parts.join(" : ")));
    for unknown in &report.curve.unknown {
        paragraph(&mut out, width, &format!("unknown, in no total: {}: {}", unknown.resource, unknown.reason));
    }
    out
}

/// The first and last point, those at round numbers, and those on both sides of a step.
fn chosen(curve: &Curve) -> impl Iterator<Item = &Point> {
    let last = curve.points.last().map_or(0, |point| point.tenants);
    let first = curve.points.first().map_or(0, |point| point.tenants);
    curve.points.iter().filter(move |point| {
        let n = point.tenants;
        let round = [1, 2, 5, 10, 20, 25, 50, 100, 200, 300, 500, 1000, 2000, 5000, 10_000].contains(&n);
        let at_step =
            curve.steps.len() <= 12 && curve.steps.iter().any(|step| step.tenants == n || step.tenants == n + 1);
        round || at_step || n == first || n == last
    })
}
