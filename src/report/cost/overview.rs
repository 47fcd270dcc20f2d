//! The page of an estimate.

use std::collections::BTreeMap;

use super::amount::{amount, bounds, money, quantity};
use super::page::{Bars, Cell, Chart, Column, Grid, Page, Section};
use crate::cost::Range;
use crate::cost::workspace::{CostReport, Shares, Verdict};
use crate::report::text;

/// So many bars are told apart at a glance.
const BARS: usize = 10;

impl CostReport {
    /// The report as a page; `title` says what was priced.
    #[must_use]
    pub fn page(&self, title: &str) -> Page {
        let (tenant, tier) = match self.shares.as_ref().map(Shares::sections) {
            Some(shares) => {
                let mut shares = shares.into_iter();
                (shares.next(), shares.next())
            }
            None => (None, None),
        };
        let sections = [
            self.parts(),
            tenant,
            tier,
            self.services(),
            self.resources(),
            self.unknowns(),
            self.without_price(),
            self.lines(),
            self.assumed(),
            self.for_nothing(),
        ];
        Page {
            title: title.to_owned(),
            headline: match bounds(self.total_usd) {
                Some(bounds) => format!("{} USD a month ({bounds})", money(self.total_usd.expected)),
                None => format!("{} USD a month", money(self.total_usd.expected)),
            },
            facts: self.facts(),
            sections: sections.into_iter().flatten().collect(),
        }
    }

    fn facts(&self) -> Vec<(String, String)> {
        let mut facts = Vec::new();
        // The sum above is the tenant's own; what it shares with others is more.
        if let Some(only) = self.only_tenant() {
            facts.push(("with its share".to_owned(), format!("{} USD a month", amount(only.cost.total_usd))));
        }
        facts.extend([
            ("region".to_owned(), self.region.clone()),
            ("month".to_owned(), format!("{} hours, without VAT", self.hours.normalize())),
        ]);
        let dates = self.items.iter().map(|item| item.price.date.as_str());
        if let (Some(first), Some(last)) = (dates.clone().min(), dates.max()) {
            facts.push((
                "prices of".to_owned(),
                if first == last { first.into() } else { format!("{first} to {last}") },
            ));
        }
        if let Some(budget) = &self.budget {
            let said = format!("{} {} {}", money(budget.compared_usd), words(budget.verdict), budget.said);
            facts.push(("budget".to_owned(), said));
        }
        if let Some(moving) = &self.most_moving {
            let on = text::count(moving.resources, "resource");
            let swing = money(moving.swing_usd);
            let said = format!("{} of {on}, by {swing} USD between low and high; {}", moving.field, moving.origin);
            facts.push(("moves most".to_owned(), said));
        }
        let missing = self.missing();
        if missing > 0 {
            let of_shared = if self.shared_missing == missing { ", all in what it shares" } else { "" };
            let said = format!("{} without a price{of_shared}", text::count(missing, "cost"));
            facts.push(("not in the sum".to_owned(), said));
        }
        facts
    }

    fn parts(&self) -> Option<Section> {
        let rows = self.stacks.iter().map(|sum| vec![Cell::text(&sum.title), Cell::Money(sum.total_usd)]);
        (self.stacks.len() > 1).then(|| Section {
            title: "By part".into(),
            grid: Some(grid(&[Column::text("what"), Column::figures("usd/month")], rows)),
            ..Section::default()
        })
    }

    fn services(&self) -> Option<Section> {
        let columns = [Column::text("service"), Column::text("what"), Column::figures("usd/month")];
        let sums = sums(self.items.iter().map(|item| ((item.service(), item.usage_type()), item.monthly_usd)));
        let rows = sums
            .into_iter()
            .map(|((service, what), sum)| vec![Cell::text(service), Cell::text(what), Cell::Money(sum)]);
        let bars = sums_of_services(self);
        (!self.items.is_empty()).then(|| Section {
            title: "By service".into(),
            chart: Some(Chart::Bars(Bars { title: "USD a month by service".into(), bars }.largest(BARS))),
            grid: Some(if self.stacks.len() > 1 { grid(&columns, rows) } else { self.items_grid() }),
            ..Section::default()
        })
    }

    /// Every item of one stack or template: few enough to say of each how it comes about.
    fn items_grid(&self) -> Grid {
        let columns = [
            Column::text("resource"),
            Column::text("what"),
            Column::figures("quantity"),
            Column::text("price"),
            Column::figures("usd/month"),
        ];
        let prefix = self.stacks.first().map(|sum| format!("{}/", sum.stack)).unwrap_or_default();
        let rows = self.items.iter().map(|item| {
            vec![
                Cell::text(item.resource.strip_prefix(&prefix).unwrap_or(&item.resource)),
                Cell::Text(format!("{} {}", item.service(), item.usage_type())),
                Cell::Text(quantity(item.quantity)),
                Cell::Text(format!("{}/{}", item.price.usd.normalize(), item.price.unit)),
                Cell::Money(item.monthly_usd),
            ]
        });
        grid(&columns, rows)
    }

    fn resources(&self) -> Option<Section> {
        let sums = sums(self.items.iter().map(|item| (item.resource.as_str(), item.monthly_usd)));
        let rows = sums.iter().map(|(name, sum)| vec![Cell::text(*name), Cell::Money(*sum)]);
        let bars = sums.iter().map(|(name, sum)| ((*name).to_owned(), *sum)).collect();
        (sums.len() > 1).then(|| Section {
            title: "By resource".into(),
            detail: self.stacks.len() > 1,
            chart: Some(Chart::Bars(Bars { title: "USD a month by resource".into(), bars }.largest(BARS))),
            grid: Some(grid(&[Column::text("resource"), Column::figures("usd/month")], rows)),
            ..Section::default()
        })
    }

    fn lines(&self) -> Option<Section> {
        let columns = [
            Column::text("resource"),
            Column::text("what"),
            Column::figures("quantity"),
            Column::text("unit"),
            Column::figures("usd for one"),
            Column::figures("usd/month"),
            Column::text("price of"),
            Column::text("source"),
        ];
        let rows = self.items.iter().map(|item| {
            vec![
                Cell::text(&item.resource),
                Cell::Text(match &item.note {
                    Some(note) => format!("{} {}: {note}", item.service(), item.usage_type()),
                    None => format!("{} {}", item.service(), item.usage_type()),
                }),
                Cell::Text(quantity(item.quantity)),
                Cell::text(&item.price.unit),
                Cell::Text(item.price.usd.normalize().to_string()),
                Cell::Money(item.monthly_usd),
                Cell::text(&item.price.date),
                Cell::text(&item.price.source),
            ]
        });
        section("Every line, with the price's date and source", true, &columns, rows)
    }

    fn unknowns(&self) -> Option<Section> {
        let columns = [Column::text("resource"), Column::text("what"), Column::text("region"), Column::text("why")];
        let rows = self.unknown.iter().map(|unknown| {
            let what = [unknown.service.as_deref(), unknown.usage_type.as_deref()];
            vec![
                Cell::text(&unknown.resource),
                Cell::Text(what.into_iter().flatten().collect::<Vec<_>>().join(" ")),
                Cell::text(&unknown.region),
                Cell::text(&unknown.reason),
            ]
        });
        section("Unknown: not in the sum", false, &columns, rows)
    }

    fn without_price(&self) -> Option<Section> {
        let columns = [Column::text("type"), Column::text("resources")];
        let mut unpriced: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for resource in &self.unpriced {
            unpriced.entry(&resource.resource_type).or_default().push(&resource.resource);
        }
        let rows = unpriced.into_iter().map(|(kind, names)| vec![Cell::text(kind), Cell::Text(names.join(", "))]);
        section("Unpriced: types that konta does not price", false, &columns, rows)
    }

    fn assumed(&self) -> Option<Section> {
        let columns = [
            Column::text("resource"),
            Column::text("field"),
            Column::figures("figure"),
            Column::figures("moves the sum by"),
            Column::text("where it comes from"),
        ];
        let rows = self.assumptions.iter().map(|assumption| {
            vec![
                Cell::text(&assumption.resource),
                Cell::text(&assumption.field),
                Cell::Text(quantity(assumption.value)),
                Cell::Text(money(assumption.swing_usd)),
                Cell::text(&assumption.origin),
            ]
        });
        section("Assumed, because nobody gave the figure", true, &columns, rows)
    }

    fn for_nothing(&self) -> Option<Section> {
        let columns = [Column::text("resource"), Column::text("type"), Column::text("why")];
        let rows = self
            .free
            .iter()
            .map(|free| vec![Cell::text(&free.resource), Cell::text(&free.resource_type), Cell::text(&free.reason)]);
        section("Free", true, &columns, rows)
    }
}

/// A verdict in words, between the cost and the budget.
fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Within => "is within",
        Verdict::Above => "is above",
        Verdict::CannotBeTold => "is the known part alone: it cannot be told whether all keeps to",
    }
}

fn section(title: &str, detail: bool, columns: &[Column], rows: impl Iterator<Item = Vec<Cell>>) -> Option<Section> {
    let grid = grid(columns, rows);
    (!grid.rows.is_empty()).then(|| Section { title: title.into(), detail, grid: Some(grid), ..Section::default() })
}

fn grid(columns: &[Column], rows: impl Iterator<Item = Vec<Cell>>) -> Grid {
    Grid { columns: columns.to_vec(), rows: rows.collect() }
}

/// The sum of each, the largest first.
fn sums<K: Ord + Copy>(amounts: impl Iterator<Item = (K, Range)>) -> Vec<(K, Range)> {
    let mut sums: BTreeMap<K, Range> = BTreeMap::new();
    for (key, amount) in amounts {
        let sum = sums.entry(key).or_default();
        *sum = *sum + amount;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.expected.cmp(&a.1.expected).then_with(|| a.0.cmp(&b.0)));
    sums
}

fn sums_of_services(report: &CostReport) -> Vec<(String, Range)> {
    sums(report.items.iter().map(|item| (item.service(), item.monthly_usd)))
        .into_iter()
        .map(|(service, sum)| (service.to_owned(), sum))
        .collect()
}
