//! What there is beside what it could be.

use serde::Serialize;

use super::amount::{money, quantity};
use super::page::{Bars, Cell, Chart, Column, Grid, Page, Section};
use crate::cost::estimate::Unknown;
use crate::cost::workspace::ScenarioCost;
use crate::cost::{Estimate, LineItem, Range};
use crate::report::text;

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
    pub rows: Vec<ScenarioCost>,
    /// The same tenants elsewhere.
    pub elsewhere: Elsewhere,
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

impl CompareReport {
    /// The comparison as a page.
    #[must_use]
    pub fn page(&self) -> Page {
        let cheapest = self.rows.iter().min_by_key(|row| row.total_usd.expected);
        let headline = cheapest.map_or_else(String::new, |row| {
            format!("{} USD a month at the least: {}", money(row.total_usd.expected), row.title)
        });
        let tenants = text::count(self.tenants as usize, "tenant");
        Page {
            title: format!("What {} could cost", self.of),
            headline,
            facts: vec![
                ("region".to_owned(), self.region.clone()),
                ("priced".to_owned(), format!("the whole environment with {tenants}, one thing changed in each row")),
            ],
            sections: vec![self.choices(), self.changes(), self.elsewhere.section()],
        }
    }

    fn choices(&self) -> Section {
        let columns = vec![Column::text("what"), Column::figures("usd/month"), Column::figures("difference")];
        let name = |row: &ScenarioCost| if row.deployable { row.title.to_owned() } else { format!("{} *", row.title) };
        let rows = self.rows.iter().map(|row| {
            let sign = if row.difference_usd.expected.is_sign_positive() { "+" } else { "-" };
            let difference = format!("{sign}{}", money(row.difference_usd.expected.abs()));
            vec![Cell::Text(name(row)), Cell::Money(row.total_usd), Cell::Text(difference)]
        });
        let bars = self.rows.iter().map(|row| (name(row), row.total_usd)).collect();
        let mut notes = Vec::new();
        if self.rows.iter().any(|row| !row.deployable) {
            notes.push("* not deployable by konta as it stands: priced to compare.".to_owned());
        }
        let missing = self.rows.iter().map(|row| (row.title, row.unknown));
        notes.extend(super::without_price(&missing.collect::<Vec<_>>()));
        Section {
            title: "Choices".to_owned(),
            chart: Some(Chart::Bars(Bars { title: "USD a month".to_owned(), bars })),
            grid: Some(Grid { columns, rows: rows.collect() }),
            notes,
            ..Section::default()
        }
    }

    fn changes(&self) -> Section {
        let columns =
            vec![Column::text("what"), Column::text("what it changes"), Column::text("what it loses or gains")];
        let rows = self
            .rows
            .iter()
            .skip(1)
            .map(|row| vec![Cell::text(row.title), Cell::text(row.changes), Cell::text(row.loses)]);
        Section {
            title: "What each changes, and loses or gains".to_owned(),
            grid: Some(Grid { columns, rows: rows.collect() }),
            ..Section::default()
        }
    }
}

impl Elsewhere {
    fn section(&self) -> Section {
        let columns = vec![
            Column::text("what"),
            Column::figures("quantity"),
            Column::figures("usd for one"),
            Column::figures("usd/month"),
            Column::text("price of"),
            Column::text("source"),
        ];
        let known = self.items.iter().map(|item| {
            vec![
                Cell::Text(format!("{} {}", item.service(), item.usage_type())),
                Cell::Text(quantity(item.quantity)),
                Cell::Text(item.price.usd.normalize().to_string()),
                Cell::Money(item.monthly_usd),
                Cell::text(&item.price.date),
                Cell::text(&item.price.source),
            ]
        });
        let unknown: Vec<&str> = self.unknown.iter().filter_map(|unknown| unknown.usage_type.as_deref()).collect();
        let mut notes = vec![format!(
            "{} USD a month of what has a dated price; konta neither deploys nor measures it.",
            money(self.total_usd.expected)
        )];
        if !unknown.is_empty() {
            notes.push(format!("Unknown, in no total: {}.", unknown.join(", ")));
        }
        Section {
            title: format!("For reference: {}", self.title),
            intro: Some(self.holds.to_owned()),
            grid: Some(Grid { columns, rows: known.collect() }),
            notes,
            ..Section::default()
        }
    }
}
