//! The estimate beside the bill, as a page and as JSON.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Serialize, Serializer};

use crate::cost::actual::{Beside, Comparison};
use crate::cost::range::Amount;
use crate::report::text;

use super::page::{Cell, Column, Grid, Page, Section};

/// The estimate beside the bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActualReport {
    /// The environment.
    pub environment: String,
    /// The first day of the bill.
    pub from: String,
    /// The day after its last.
    pub to: String,
    /// Whether the month is over; else the bill is of a part of it, and the estimate of the whole.
    pub month_is_over: bool,
    /// Whether AWS may still change the bill.
    pub bill_is_estimated: bool,
    /// Calls of Cost Explorer, each of which costs 0.01 USD.
    pub calls: usize,
    /// The currency of every amount.
    pub currency: &'static str,
    /// Whether anything is billed under konta's tags.
    pub tags_found: bool,
    /// The tags.
    pub tags: Vec<&'static str>,
    /// Service by service and tenant by tenant.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// What the account was billed for without konta's tag, the largest first; it may belong to others.
    pub untagged: Vec<Untagged>,
}

/// A service's bill without konta's tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Untagged {
    /// The service, as the bill names it.
    pub service: String,
    /// US dollars.
    #[serde(serialize_with = "amount")]
    pub billed_usd: Decimal,
}

impl Untagged {
    /// The largest first, without what rounds to no cent.
    #[must_use]
    pub fn sorted(sums: BTreeMap<&str, Decimal>) -> Vec<Self> {
        let rows = sums.into_iter().filter(|(_, usd)| !usd.is_zero());
        let mut rows: Vec<Self> =
            rows.map(|(service, billed_usd)| Self { service: service.to_owned(), billed_usd }).collect();
        rows.sort_by_key(|row| Reverse(row.billed_usd));
        rows
    }
}

fn amount<S: Serializer>(amount: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    Amount(*amount).serialize(serializer)
}

impl ActualReport {
    /// The comparison as a page.
    #[must_use]
    pub fn page(&self) -> Page {
        let mut page = Page { title: format!("{}: estimate and bill", self.environment), ..Page::default() };
        page.headline = match &self.comparison.total {
            Some(total) if self.tags_found => {
                format!("{} USD billed, {} USD estimated", money(total.billed_usd), money(total.estimate_usd.expected))
            }
            _ => format!("nothing is billed under the tags {}", self.tags.join(", ")),
        };
        let cents = Decimal::new(1, 2) * Decimal::from(self.calls);
        let asked = format!("{} to Cost Explorer, {cents:.2} USD", text::count(self.calls, "call"));
        page.facts = vec![
            ("from".to_owned(), self.from.clone()),
            ("until before".to_owned(), self.to.clone()),
            ("calls".to_owned(), asked),
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
            intro: Some("This may be other workloads in the account, traffic, tax or support.".to_owned()),
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
            // A credit can make a bill negative, so these are not ranges of a cost.
            Cell::text(money(row.billed_usd)),
            Cell::text(money(row.difference_usd)),
        ]
    };
    let rows = rows.iter().chain(total).map(row).collect();
    Section { title: title.to_owned(), grid: Some(Grid { columns, rows }), ..Section::default() }
}

const PARTIAL: &str = "the bill covers its days so far, the estimate the whole month";
/// What to do if nothing on the bill has the tags.
const ACTIVATE: &str = "\
    Activate them as cost allocation tags in the account that pays: in Billing and Cost Management under Cost allocation \
    tags, or with `aws ce update-cost-allocation-tags-status`. It takes up to a day after the first resource has a tag \
    until the tag can be activated, and up to another day until it counts. `aws ce \
    start-cost-allocation-tag-backfill` makes it count for up to twelve months before.";

fn money(amount: Decimal) -> String {
    format!("{:.2}", amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
}
