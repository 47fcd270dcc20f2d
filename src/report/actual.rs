//! The estimate beside the bill: as text, as JSON and as a page.

mod page;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Serialize, Serializer};

use super::{table, text};
use crate::cost::actual::{Beside, Comparison};
use crate::cost::range::Amount;

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

/// The comparison for people.
#[must_use]
pub fn text(report: &ActualReport, width: usize) -> String {
    let mut out = String::new();
    let (from, to) = (&report.from, &report.to);
    let _ = writeln!(out, "{} from {from} up to {to}, in USD\n", text::one_line(&report.environment));
    if report.tags_found {
        let _ = writeln!(out, "{}\n", beside("service", &report.comparison.services, report, width));
        let _ = writeln!(out, "{}\n", beside("tenant", &report.comparison.tenants, report, width));
    } else {
        say(&mut out, width, &format!("nothing is billed under the tags {}", report.tags.join(", ")));
        say(
            &mut out,
            width,
            "activate them as cost allocation tags, in the account that pays: Billing and Cost Management, Cost allocation tags, or `aws ce update-cost-allocation-tags-status`. A tag can be activated about a day after the first resource bears it, counts about a day later, and only for what is used from then on",
        );
    }
    if !report.untagged.is_empty() {
        let rows =
            report.untagged.iter().map(|row| vec![text::one_line(&row.service).into_owned(), money(row.billed_usd)]);
        let _ = writeln!(out, "{}\n", table::table_at(width, &["without konta's tag", "billed"], rows.collect()));
        say(&mut out, width, "what has no tag may belong to others in the account, or be traffic, tax or support");
    }
    if !report.month_is_over {
        say(&mut out, width, "the month is not over: the bill is of its days so far, the estimate of the whole month");
    }
    if report.bill_is_estimated {
        say(&mut out, width, "AWS may still change this bill");
    }
    let cents = Decimal::new(1, 2) * Decimal::from(report.calls);
    say(&mut out, width, &format!("{} of Cost Explorer, {cents:.2} USD", text::count(report.calls, "call")));
    out
}

fn say(out: &mut String, width: usize, line: &str) {
    let _ = writeln!(out, "{}", text::wrap(line, width, 0));
}

fn beside(what: &str, rows: &[Beside], report: &ActualReport, width: usize) -> String {
    let row = |row: &Beside| {
        let range = row.estimate_usd;
        let estimate = if range.is_exact() {
            money(range.expected)
        } else {
            format!("{} ({} to {})", money(range.expected), money(range.low), money(range.high))
        };
        vec![text::one_line(&row.name).into_owned(), estimate, money(row.billed_usd), money(row.difference_usd)]
    };
    let rows = rows.iter().chain(&report.comparison.total).map(row).collect();
    table::table_at(width, &[what, "estimate", "billed", "difference"], rows)
}

fn money(amount: Decimal) -> String {
    format!("{:.2}", amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
}
