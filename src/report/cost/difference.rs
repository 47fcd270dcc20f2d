//! What a change costs, as text and as a page.

mod page;

use std::fmt::Write as _;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;

use crate::cost::difference::{Difference, ItemChange, Kind, StackDifference};
use crate::cost::range::{Amount, Range};
use crate::report::style::{ADDED, ATTENTION, CHANGED, REMOVED};
use crate::report::{table, text};

/// What the workspace is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Base {
    /// What is deployed.
    Deployed,
    /// The workspace at a git revision.
    Revision {
        /// The revision as given.
        revision: String,
        /// The commit.
        commit: String,
    },
}

/// A difference, and what it compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DifferenceReport {
    /// What the workspace is compared with.
    pub base: Base,
    /// The currency of every amount.
    pub currency: &'static str,
    /// The region.
    pub region: String,
    /// Hours of the month.
    pub hours: Amount,
    /// The difference.
    #[serde(flatten)]
    pub difference: Difference,
}

impl DifferenceReport {
    /// A difference in US dollars.
    #[must_use]
    pub fn new(base: Base, region: &str, hours: Decimal, difference: Difference) -> Self {
        Self { base, currency: "USD", region: region.to_owned(), hours: Amount(hours), difference }
    }
}

/// More changed stacks than this are not all listed, unless the output is verbose.
const LISTED: usize = 12;
/// The prefix of the usage types of public addresses, whose cost often surprises.
const ADDRESSES: &str = "PublicIPv4";

/// The monthly cost of a plan's changes: a line for each stack and the total. Empty when nothing changes.
#[must_use]
pub fn of_plan(difference: &Difference, verbose: bool, width: usize) -> String {
    let mut out = String::new();
    if difference.stacks.is_empty() && difference.unread.is_empty() {
        return out;
    }
    let _ = writeln!(out, "Monthly cost of the change (USD, usage as assumed):");
    let mut stacks: Vec<&StackDifference> = difference.stacks.iter().collect();
    if stacks.len() > LISTED && !verbose {
        stacks.sort_by_key(|stack| std::cmp::Reverse(stack.difference_usd.expected.abs()));
        stacks.truncate(LISTED);
    }
    let hidden = difference.stacks.len() - stacks.len();
    for stack in stacks {
        let unknown = if stack.unknown.is_empty() {
            String::new()
        } else {
            format!("; {} unknown", text::count(stack.unknown.len(), "cost"))
        };
        let words = format!("{}{}{unknown}", amount(stack.difference_usd), of_it(stack.of_it(ADDRESSES)));
        line(&mut out, width, &stack.title, &words);
    }
    if hidden > 0 {
        line(&mut out, width, &format!("{} more", text::count(hidden, "stack")), "--verbose lists them");
    }
    for unread in &difference.unread {
        line(&mut out, width, &unread.title, &format!("{ATTENTION} unknown: {}", unread.reason));
    }
    let words = format!(
        "{} USD a month{} ({} before, {} after)",
        amount(difference.difference_usd),
        of_it(difference.of_it(ADDRESSES)),
        plain(difference.before_usd),
        plain(difference.after_usd)
    );
    line(&mut out, width, "total", &words);
    out
}

fn line(out: &mut String, width: usize, title: &str, words: &str) {
    let line = format!("{}: {words}", text::one_line(title));
    let _ = writeln!(out, "  {}", text::wrap(&line, width, 4));
}

fn of_it(addresses: Range) -> String {
    if addresses.is_zero() { String::new() } else { format!(", including public IPv4 {}", amount(addresses)) }
}

/// The difference item by item, for people.
#[must_use]
pub fn text(report: &DifferenceReport, width: usize) -> String {
    let mut out = String::new();
    let difference = &report.difference;
    let _ = writeln!(out, "Compared with {}:\n", text::one_line(&report.base.shown()));
    for stack in &difference.stacks {
        let _ = writeln!(
            out,
            "{} {}: {} USD a month",
            symbol_of(stack),
            text::one_line(&stack.title),
            amount(stack.difference_usd)
        );
        if !stack.items.is_empty() {
            let rows = stack.items.iter().map(|item| row(item).to_vec()).collect();
            let headers = ["", "resource", "what", "before", "after", "usd a month"];
            let _ = writeln!(out, "{}\n", table::table_at(width, &headers, rows));
        }
        for unknown in &stack.unknown {
            let _ = writeln!(
                out,
                "{}",
                text::wrap(&format!("unknown: {}: {}", unknown.resource, unknown.reason), width, 2)
            );
        }
        for unpriced in &stack.unpriced {
            let _ = writeln!(out, "unpriced: {}: {}", unpriced.resource, unpriced.resource_type);
        }
    }
    for unread in &difference.unread {
        let _ = writeln!(out, "{}", text::wrap(&format!("unknown: {}: {}", unread.title, unread.reason), width, 2));
    }
    let (before, after) = (plain(difference.before_usd), plain(difference.after_usd));
    let words = format!(
        "{} USD a month{}: {before} before, {after} after",
        amount(difference.difference_usd),
        of_it(difference.of_it(ADDRESSES))
    );
    let _ = writeln!(out, "{}", text::wrap(&words, width, 2));
    out
}

fn symbol_of(stack: &StackDifference) -> &'static str {
    if stack.before_usd.is_zero() && !stack.after_usd.is_zero() {
        ADDED
    } else if stack.after_usd.is_zero() && !stack.before_usd.is_zero() {
        REMOVED
    } else {
        CHANGED
    }
}

fn row(item: &ItemChange) -> [String; 6] {
    let symbol = match item.change {
        Kind::Added => ADDED,
        Kind::Removed => REMOVED,
        Kind::Changed => CHANGED,
    };
    let quantity = |quantity: Range| quantity.expected.round_dp(3).normalize().to_string();
    [
        symbol.to_owned(),
        item.resource.clone(),
        format!("{} {}", item.service, item.usage_type),
        quantity(item.before_quantity),
        format!("{} {}", quantity(item.after_quantity), item.unit),
        amount(item.difference_usd),
    ]
}

/// A signed amount, with its range if it has one.
fn amount(range: Range) -> String {
    if range.is_exact() {
        return signed(range.expected);
    }
    format!("{} ({} to {})", signed(range.expected), signed(range.low), signed(range.high))
}

fn plain(range: Range) -> String {
    format!("{:.2}", cents(range.expected))
}

fn signed(amount: Decimal) -> String {
    let cents = cents(amount);
    match (cents.is_zero(), amount.is_zero(), amount.is_sign_negative()) {
        (true, true, _) => "0.00".to_owned(),
        (true, false, false) => "+<0.01".to_owned(),
        (true, false, true) => "-<0.01".to_owned(),
        (false, _, false) => format!("+{cents:.2}"),
        (false, _, true) => format!("{cents:.2}"),
    }
}

fn cents(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_says_which_way_it_goes() {
        let range = |low: &str, expected: &str, high: &str| {
            Range::new(low.parse().unwrap(), expected.parse().unwrap(), high.parse().unwrap())
        };
        assert_eq!(amount(range("3.65", "3.65", "3.65")), "+3.65");
        assert_eq!(amount(range("-1", "-3.655", "-4")), "-3.66 (-1.00 to -4.00)");
        assert_eq!(amount(range("0", "0.0001", "0.0001")), "+<0.01 (0.00 to +<0.01)");
    }
}
