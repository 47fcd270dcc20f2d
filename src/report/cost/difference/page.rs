//! A difference as a page, mainly for pull requests.

use crate::report::cost::Page;
use crate::report::cost::page::{Bars, Cell, Chart, Column, Grid, Section};

use super::{ADDRESSES, Base, DifferenceReport, amount, plain, row, symbol_of};

/// How many bars can be distinguished at a glance.
const BARS: usize = 10;

impl DifferenceReport {
    /// The difference as a page.
    #[must_use]
    pub fn page(&self) -> Page {
        let difference = &self.difference;
        let mut facts = vec![
            ("compared with".to_owned(), self.base.shown()),
            ("before".to_owned(), format!("{} USD", plain(difference.before_usd))),
            ("after".to_owned(), format!("{} USD", plain(difference.after_usd))),
        ];
        let addresses = difference.of_it(ADDRESSES);
        if !addresses.is_zero() {
            facts.push(("public IPv4 in it".to_owned(), amount(addresses)));
        }
        facts.push(("region".to_owned(), self.region.clone()));
        Page {
            title: "What the change costs".to_owned(),
            headline: format!("{} USD a month", amount(difference.difference_usd)),
            facts,
            sections: [self.parts(), self.missing(), self.changes()].into_iter().flatten().collect(),
        }
    }

    fn parts(&self) -> Option<Section> {
        let columns =
            [Column::text("what"), Column::figures("before"), Column::figures("after"), Column::figures("change")];
        let stacks = &self.difference.stacks;
        let rows = stacks.iter().map(|stack| {
            vec![
                Cell::Text(format!("{} {}", symbol_of(stack), stack.title)),
                Cell::Money(stack.before_usd),
                Cell::Money(stack.after_usd),
                Cell::Text(amount(stack.difference_usd)),
            ]
        });
        let bars = stacks.iter().map(|stack| (stack.title.clone(), stack.difference_usd)).collect();
        let chart = Bars { title: "Change in USD a month".to_owned(), bars }.largest(BARS);
        (!stacks.is_empty()).then(|| Section {
            title: "By part".to_owned(),
            chart: Some(Chart::Bars(chart)),
            grid: Some(Grid { columns: columns.to_vec(), rows: rows.collect() }),
            ..Section::default()
        })
    }

    fn missing(&self) -> Option<Section> {
        let difference = &self.difference;
        let unread = difference.unread.iter().map(|unread| [unread.title.clone(), unread.reason.clone()]);
        let unknown = difference.stacks.iter().flat_map(|stack| {
            let named = |resource: &str| format!("{}: {resource}", stack.title);
            let unknown = stack.unknown.iter().map(move |unknown| [named(&unknown.resource), unknown.reason.clone()]);
            let unpriced = stack.unpriced.iter().map(move |unpriced| {
                [named(&unpriced.resource), format!("konta does not price {}", unpriced.resource_type)]
            });
            unknown.chain(unpriced).collect::<Vec<_>>()
        });
        let rows: Vec<Vec<Cell>> = unread.chain(unknown).map(|row| row.map(Cell::Text).to_vec()).collect();
        (!rows.is_empty()).then(|| Section {
            title: "Unknown costs, not in the sum".to_owned(),
            grid: Some(Grid { columns: vec![Column::text("what"), Column::text("why")], rows }),
            ..Section::default()
        })
    }

    fn changes(&self) -> Option<Section> {
        let columns = [
            Column::text("part"),
            Column::text("resource"),
            Column::text("what"),
            Column::figures("before"),
            Column::figures("after"),
            Column::figures("usd/month"),
        ];
        let rows: Vec<Vec<Cell>> = self
            .difference
            .stacks
            .iter()
            .flat_map(|stack| stack.items.iter().map(move |item| (stack, row(item))))
            .map(|(stack, cells)| {
                // The symbol goes before the resource: a column only for it would have no name.
                let [symbol, resource, rest @ ..] = cells;
                let first = [stack.title.clone(), format!("{symbol} {resource}")];
                first.into_iter().chain(rest).map(Cell::Text).collect()
            })
            .collect();
        (!rows.is_empty()).then(|| Section {
            title: "Item by item".to_owned(),
            detail: true,
            grid: Some(Grid { columns: columns.to_vec(), rows }),
            ..Section::default()
        })
    }
}

impl Base {
    /// What the workspace is compared with, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Deployed => "what is deployed".to_owned(),
            Self::Revision { revision, commit } => format!("{revision} ({})", &commit[..commit.len().min(12)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::difference::Difference;
    use crate::cost::{Estimate, LineItem, Price, Range};

    #[test]
    fn a_pull_request_is_told_what_becomes_dearer_and_what_is_not_known() {
        let price = Price {
            service: "AmazonVPC".into(),
            usage_type: "PublicIPv4:InUseAddress".into(),
            region: "eu-west-1".into(),
            unit: "hour".into(),
            usd: "0.005".parse().unwrap(),
            from: 0.into(),
            source: "a price list".into(),
            date: "2026-09-11".into(),
        };
        let item = LineItem::new("Service", std::sync::Arc::new(price), Range::exact(730.into()), None);
        let dearer = Estimate { total_usd: item.monthly_usd, items: vec![item], ..Estimate::default() };
        let mut difference = Difference::default();
        difference.add("konta-prod-tenant-a", "tenant <b> | a", None, Some(&dearer));
        difference.add_unread("konta-prod-tenant-c", "tenant c", "its template could not be read".into());
        let base = Base::Revision { revision: "main".into(), commit: "0123456789abcdef".into() };
        let page = DifferenceReport::new(base, "eu-west-1", 730.into(), difference).page();
        insta::assert_snapshot!(page.markdown());
        assert!(page.html().unwrap().contains("tenant &#60;b&#62; | a"));
    }

    #[test]
    fn nothing_that_changes_is_a_page_without_sections() {
        let page = DifferenceReport::new(Base::Deployed, "eu-west-1", 730.into(), Difference::default()).page();
        assert_eq!((page.headline.as_str(), page.sections.len()), ("0.00 USD a month", 0));
    }
}
