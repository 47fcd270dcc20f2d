//! The estimate beside the bill, as a page.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::cost::actual::Beside;
use crate::cost::workspace::{ActualReport, Untagged};
use crate::report::text;

use super::page::{Cell, Column, Grid, Page, Section};

impl ActualReport {
    /// The comparison as a page.
    #[must_use]
    pub fn page(&self) -> Page {
        let mut page = Page { title: format!("{} beside its bill", self.environment), ..Page::default() };
        page.headline = match &self.comparison.total {
            Some(total) if self.tags_found => {
                format!("{} USD billed, {} USD estimated", money(total.billed_usd), money(total.estimate_usd.expected))
            }
            _ => format!("nothing is billed under the tags {}", self.tags.join(", ")),
        };
        let cents = Decimal::new(1, 2) * Decimal::from(self.calls);
        let asked = format!("{} of Cost Explorer, {cents:.2} USD", text::count(self.calls, "call"));
        page.facts = vec![
            ("from".to_owned(), self.from.clone()),
            ("up to and without".to_owned(), self.to.clone()),
            ("asked with".to_owned(), asked),
        ];
        if !self.month_is_over {
            page.facts.push(("the month is not over".to_owned(), PARTIAL.to_owned()));
        }
        if self.bill_is_estimated {
            page.facts.push(("not final".to_owned(), "AWS may still change this bill".to_owned()));
        }
        if self.tags_found {
            page.sections.push(beside(
                "By service",
                "service",
                &self.comparison.services,
                self.comparison.total.as_ref(),
            ));
            page.sections.push(beside("By tenant", "tenant", &self.comparison.tenants, self.comparison.total.as_ref()));
        } else {
            let intro = Some(ACTIVATE.to_owned());
            page.sections.push(Section { title: "Cost allocation tags".to_owned(), intro, ..Section::default() });
        }
        if !self.untagged.is_empty() {
            page.sections.push(self.without_tag());
        }
        page
    }

    fn without_tag(&self) -> Section {
        let columns = vec![Column::text("service"), Column::figures("billed")];
        let row = |row: &Untagged| vec![Cell::text(row.service.as_str()), Cell::text(money(row.billed_usd))];
        Section {
            title: "Without konta's tag".to_owned(),
            intro: Some("It may belong to others in the account, or be traffic, tax or support.".to_owned()),
            grid: Some(Grid { columns, rows: self.untagged.iter().map(row).collect() }),
            ..Section::default()
        }
    }
}

fn beside(title: &str, what: &'static str, rows: &[Beside], total: Option<&Beside>) -> Section {
    let columns =
        vec![Column::text(what), Column::figures("estimate"), Column::figures("billed"), Column::figures("difference")];
    let row = |row: &Beside| {
        vec![
            Cell::text(row.name.as_str()),
            Cell::Money(row.estimate_usd),
            // A credit makes a bill less than nothing, so these are no ranges of a cost.
            Cell::text(money(row.billed_usd)),
            Cell::text(money(row.difference_usd)),
        ]
    };
    let rows = rows.iter().chain(total).map(row).collect();
    Section { title: title.to_owned(), grid: Some(Grid { columns, rows }), ..Section::default() }
}

const PARTIAL: &str = "the bill is of its days so far, the estimate of the whole month";
/// What to do where nothing bears the tags.
const ACTIVATE: &str = "Activate them as cost allocation tags, in the account that pays: Billing and Cost Management, Cost allocation tags, or `aws ce update-cost-allocation-tags-status`. A tag can be activated up to a day after the first resource bears it, and counts up to a day later; for up to twelve months before, `aws ce start-cost-allocation-tag-backfill` makes it count.";

fn money(amount: Decimal) -> String {
    format!("{:.2}", amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
}
