//! Each tenant's part of the cost, and what is left of its price.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::amount::{amount, money};
use super::page::{Bars, Cell, Chart, Column, Grid, Section};
use crate::cost::Range;
use crate::cost::curve::BreakEven;
use crate::cost::workspace::Shares;
use crate::model::Terms;

impl Shares {
    /// Who pays what, and what is left by tier.
    #[must_use]
    pub(super) fn sections(&self) -> Vec<Section> {
        [self.by_tenant(), self.by_tier()].into_iter().flatten().collect()
    }

    fn by_tenant(&self) -> Option<Section> {
        let currency = self.currency.to_ascii_lowercase();
        let columns = vec![
            Column::text("tenant"),
            Column::text("tier"),
            Column::figures("own"),
            Column::figures("shared"),
            Column::figures("total usd"),
            Column::figures(format!("price {currency}")),
            Column::figures(format!("margin {currency}")),
        ];
        let rows = self.tenants.iter().map(|share| {
            vec![
                Cell::text(&share.cost.tenant),
                Cell::text(&share.tier),
                Cell::Text(money(share.cost.own_usd.expected)),
                Cell::Text(money(share.cost.shared_usd.expected)),
                Cell::Text(money(share.cost.total_usd.expected)),
                Cell::Text(money(share.margin.price)),
                Cell::Money(share.margin.margin),
            ]
        });
        let word = serde_json::to_value(self.rule).ok().and_then(|rule| rule.as_str().map(ToOwned::to_owned));
        let mut notes = vec![format!("Shared cost: {}: {}.", word.unwrap_or_default(), self.meaning)];
        if !self.unallocated_usd.is_zero() {
            notes.push(format!("Borne by no tenant: {} USD a month.", amount(self.unallocated_usd)));
        }
        notes.push(format!(
            "1 {} = {} USD of {}; {}.",
            self.currency,
            self.exchange_rate_usd,
            self.exchange_rate_date,
            terms(&self.terms, &self.currency)
        ));
        (!self.tenants.is_empty()).then(|| Section {
            title: "By tenant".to_owned(),
            grid: Some(Grid { columns, rows: rows.collect() }),
            notes,
            ..Section::default()
        })
    }

    /// The average of each tier's tenants, and from how many tenants on it pays.
    fn by_tier(&self) -> Option<Section> {
        let mut tiers: BTreeMap<&str, (u32, Range)> = BTreeMap::new();
        for share in &self.tenants {
            let (count, sum) = tiers.entry(&share.tier).or_default();
            (*count, *sum) = (*count + 1, *sum + share.margin.margin);
        }
        for tier in &self.break_even {
            tiers.entry(&tier.tier).or_default();
        }
        let averages: Vec<(&str, u32, Range)> =
            tiers.into_iter().map(|(tier, (count, sum))| (tier, count, sum.per(Decimal::from(count)))).collect();
        let columns = vec![
            Column::text("tier"),
            Column::figures("tenants"),
            Column::figures(format!("margin {}", self.currency.to_ascii_lowercase())),
            Column::text("pays for an environment of its own"),
        ];
        let rows = averages.iter().map(|(name, count, margin)| {
            let pays = self.break_even.iter().find(|tier| tier.tier == *name);
            let pays =
                pays.map(|tier| format!("at {} {} {}", tier.price.normalize(), self.currency, from(&tier.tenants)));
            let margin = if *count == 0 { Cell::text("") } else { Cell::Money(*margin) };
            vec![Cell::text(*name), Cell::Text(count.to_string()), margin, Cell::Text(pays.unwrap_or_default())]
        });
        let bars = averages.iter().filter(|tier| tier.1 > 0);
        let bars = bars.map(|(name, _, margin)| ((*name).to_owned(), *margin)).collect();
        let title = format!("{} a month left of a tenant's price", self.currency);
        (!self.break_even.is_empty()).then(|| Section {
            title: "Margin by tier".to_owned(),
            chart: Some(Chart::Bars(Bars { title, bars })),
            grid: Some(Grid { columns, rows: rows.collect() }),
            ..Section::default()
        })
    }
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
