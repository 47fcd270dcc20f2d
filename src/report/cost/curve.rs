//! Cost over the number of tenants: a table of chosen points, and every step.

use rust_decimal::Decimal;
use serde::Serialize;

use super::amount::money;
use super::page::{self, Cell, Chart, Column, Grid, Page, Section};
use crate::cost::curve::{Curve, Point};
use crate::report::text;

/// A curve, and what it is of.
#[derive(Debug, Clone, Serialize)]
pub struct CurveReport {
    /// The currency of every amount.
    pub currency: &'static str,
    /// The region.
    pub region: String,
    /// The tiers, with their proportion.
    pub tiers: Vec<TierPart>,
    /// The curve.
    #[serde(flatten)]
    pub curve: Curve,
}

/// A tier's share of the tenants.
#[derive(Debug, Clone, Serialize)]
pub struct TierPart {
    /// The tier.
    pub tier: String,
    /// Its part, relative to the parts of the others.
    pub part: u32,
}

impl CurveReport {
    /// The curve as a page; `levels` are prices to compare with, in US dollars.
    #[must_use]
    pub fn page(&self, levels: Vec<(String, Decimal)>) -> Page {
        let last = self.curve.points.last();
        let headline = last.map_or_else(String::new, |point| {
            format!("{} USD a month for each of {}", money(point.per_tenant_usd.expected), tenants(point.tenants))
        });
        let parts: Vec<String> = self.tiers.iter().map(|part| format!("{} {}", part.part, part.tier)).collect();
        let mut facts = vec![("region".to_owned(), self.region.clone()), ("tenant mix".to_owned(), parts.join(" : "))];
        if !self.curve.unknown.is_empty() {
            let count = text::count(self.curve.unknown.len(), "cost");
            facts.push(("not in the sum".to_owned(), format!("{count} without a price")));
        }
        Page {
            title: "What more tenants cost".to_owned(),
            headline,
            facts,
            sections: [Some(self.each(levels)), self.steps(), self.unknown()].into_iter().flatten().collect(),
        }
    }

    fn each(&self, levels: Vec<(String, Decimal)>) -> Section {
        let columns = vec![
            Column::figures("tenants"),
            Column::figures("cells"),
            Column::figures("usd/month"),
            Column::figures("usd/tenant"),
            Column::figures("vcpu"),
            Column::figures("spot"),
        ];
        let rows = chosen(&self.curve).map(|point| {
            vec![
                Cell::Text(point.tenants.to_string()),
                Cell::Text(point.cells.to_string()),
                Cell::Text(money(point.total_usd.expected)),
                Cell::Money(point.per_tenant_usd),
                Cell::Text(point.vcpu_on_demand.normalize().to_string()),
                Cell::Text(point.vcpu_spot.normalize().to_string()),
            ]
        });
        // If cells open for the same reason, the reason is shown once, with all numbers of tenants.
        let said = |reason: &str| match reason.split_once(" opens: ") {
            Some((cell, why)) if cell.starts_with("cell ") => format!("one more cell: {why}"),
            _ => reason.to_owned(),
        };
        let steps = self.curve.steps.iter().map(|step| (step.tenants, said(&step.reason))).collect();
        let chart = page::Curve {
            title: "USD a month for each tenant".to_owned(),
            count: "tenants".to_owned(),
            points: self.curve.points.iter().map(|point| (point.tenants, point.per_tenant_usd)).collect(),
            levels,
            steps,
        };
        Section {
            title: "Cost per tenant".to_owned(),
            chart: Some(Chart::Curve(chart)),
            grid: Some(Grid { columns, rows: rows.collect() }),
            ..Section::default()
        }
    }

    fn steps(&self) -> Option<Section> {
        let columns = vec![Column::figures("at"), Column::text("what"), Column::figures("adds usd")];
        let rows = self.curve.steps.iter().map(|step| {
            vec![Cell::Text(step.tenants.to_string()), Cell::text(&step.reason), Cell::Money(step.adds_usd)]
        });
        (!self.curve.steps.is_empty()).then(|| Section {
            title: "What each step adds".to_owned(),
            detail: true,
            grid: Some(Grid { columns, rows: rows.collect() }),
            ..Section::default()
        })
    }

    fn unknown(&self) -> Option<Section> {
        let rows =
            self.curve.unknown.iter().map(|unknown| vec![Cell::text(&unknown.resource), Cell::text(&unknown.reason)]);
        (!self.curve.unknown.is_empty()).then(|| Section {
            title: "Unknown costs, not in the sum".to_owned(),
            grid: Some(Grid { columns: vec![Column::text("resource"), Column::text("why")], rows: rows.collect() }),
            ..Section::default()
        })
    }
}

fn tenants(count: u32) -> String {
    if count == 1 { "1 tenant".to_owned() } else { format!("{count} tenants") }
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
