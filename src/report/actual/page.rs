//! The estimate beside the bill, as a page.

use super::{ActualReport, money};
use crate::cost::Range;
use crate::cost::actual::Beside;
use crate::report::cost::Page;
use crate::report::cost::page::{Bars, Cell, Chart, Column, Grid, Section};
use crate::report::text;

/// So many bars are told apart at a glance.
const BARS: usize = 10;

impl ActualReport {
    /// The comparison as a page.
    #[must_use]
    pub fn page(&self) -> Page {
        let mut facts = vec![("days".to_owned(), format!("from {} up to {}", self.from, self.to))];
        if !self.month_is_over {
            facts.push(("not over".to_owned(), "the bill is of its days so far, the estimate of the month".to_owned()));
        }
        if self.bill_is_estimated {
            facts.push(("not final".to_owned(), "AWS may still change this bill".to_owned()));
        }
        if !self.tags_found {
            facts.push(("no tags".to_owned(), format!("nothing is billed under the tags {}", self.tags.join(", "))));
        }
        facts.push(("asked".to_owned(), format!("{} of Cost Explorer", text::count(self.calls, "call"))));
        let headline = match &self.comparison.total {
            Some(total) if self.tags_found => {
                format!("{} USD billed, {} USD estimated", money(total.billed_usd), money(total.estimate_usd.expected))
            }
            _ => "Nothing is billed under konta's tags".to_owned(),
        };
        let found = |rows: &[Beside]| if self.tags_found { rows.to_vec() } else { Vec::new() };
        let sections = [
            beside("By service", &found(&self.comparison.services)),
            beside("By tenant", &found(&self.comparison.tenants)),
            self.without_tag(),
        ];
        Page {
            title: format!("What {} cost", self.environment),
            headline,
            facts,
            sections: sections.into_iter().flatten().collect(),
        }
    }

    fn without_tag(&self) -> Option<Section> {
        let rows = self.untagged.iter().map(|row| {
            let billed = Cell::Money(Range::exact(row.billed_usd));
            vec![Cell::text(&row.service), billed]
        });
        (!self.untagged.is_empty()).then(|| Section {
            title: "Without konta's tag".to_owned(),
            intro: Some("It may belong to others in the account, or be traffic, tax or support.".to_owned()),
            grid: Some(Grid {
                columns: vec![Column::text("service"), Column::figures("billed usd")],
                rows: rows.collect(),
            }),
            ..Section::default()
        })
    }
}

fn beside(title: &str, rows: &[Beside]) -> Option<Section> {
    let columns = [
        Column::text("name"),
        Column::figures("estimate usd"),
        Column::figures("billed usd"),
        Column::figures("difference"),
    ];
    let cells = rows.iter().map(|row| {
        vec![
            Cell::text(&row.name),
            Cell::Money(row.estimate_usd),
            Cell::Money(Range::exact(row.billed_usd)),
            Cell::Text(money(row.difference_usd)),
        ]
    });
    let bars = rows.iter().map(|row| (row.name.clone(), Range::exact(row.billed_usd))).collect();
    (!rows.is_empty()).then(|| Section {
        title: title.to_owned(),
        chart: Some(Chart::Bars(Bars { title: "USD billed".to_owned(), bars }.largest(BARS))),
        grid: Some(Grid { columns: columns.to_vec(), rows: cells.collect() }),
        ..Section::default()
    })
}
