//! Designs that hold to the limits, the cheapest first, and those that do not.

use std::collections::BTreeMap;

use serde::Serialize;

use super::amount::money;
use super::page::{Bars, Cell, Chart, Column, Grid, Page, Section};
use crate::cost::workspace::{Offer, Rejected};
use crate::report::text;

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

/// So many designs are told apart at a glance.
const BARS: usize = 10;

impl AdviseReport {
    /// The advice as a page.
    #[must_use]
    pub fn page(&self) -> Page {
        let headline = self.offers.first().map_or_else(
            || "no design holds to all the limits".to_owned(),
            |best| format!("{} USD a month for each tenant: {}", money(best.per_tenant_usd.expected), best.design),
        );
        Page {
            title: format!("What serves {} best", text::count(self.tenants as usize, "tenant")),
            headline,
            facts: vec![("region".to_owned(), self.region.clone())],
            sections: [self.found(), self.first(), self.refused()].into_iter().flatten().collect(),
        }
    }

    fn found(&self) -> Option<Section> {
        let columns = vec![
            Column::text("design"),
            Column::figures("usd/tenant"),
            Column::figures("usd/month"),
            Column::figures("cells"),
        ];
        let rows = self.offers.iter().map(|offer| {
            vec![
                Cell::text(&offer.design),
                Cell::Money(offer.per_tenant_usd),
                Cell::Text(money(offer.total_usd.expected)),
                Cell::Text(offer.cells.to_string()),
            ]
        });
        let cheapest = self.offers.iter().take(BARS);
        let bars = cheapest.map(|offer| (offer.design.clone(), offer.per_tenant_usd)).collect();
        let mut notes = vec![
            "A pool's memory is measured, not on AWS (docs/benchmarks.md); how much processor its tenants need is not: konta counts \
             memory and quotas."
                .to_owned(),
        ];
        let missing = self.offers.iter().map(|offer| (offer.design.as_str(), offer.unknown.len()));
        notes.extend(super::without_price(&missing.collect::<Vec<_>>()));
        (!self.offers.is_empty()).then(|| Section {
            title: "Designs, the cheapest first".to_owned(),
            chart: Some(Chart::Bars(Bars { title: "USD a month for each tenant".to_owned(), bars })),
            grid: Some(Grid { columns, rows: rows.collect() }),
            notes,
            ..Section::default()
        })
    }

    fn first(&self) -> Option<Section> {
        self.offers.first().map(|best| Section {
            title: "Write for the first".to_owned(),
            verbatim: Some(best.write.clone()),
            ..Section::default()
        })
    }

    fn refused(&self) -> Option<Section> {
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for rejected in &self.rejected {
            reasons.entry(&rejected.reason).or_default().push(&rejected.design);
        }
        let rows =
            reasons.into_iter().map(|(reason, designs)| vec![Cell::text(reason), Cell::Text(designs.join("; "))]);
        let columns = vec![Column::text("why"), Column::text("designs")];
        (!self.rejected.is_empty()).then(|| Section {
            title: "Rejected".to_owned(),
            grid: Some(Grid { columns, rows: rows.collect() }),
            ..Section::default()
        })
    }
}
