//! What something costs, as text and as JSON, from one struct.

pub mod advise;
pub mod compare;
pub mod curve;
pub mod shares;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;
use serde::ser::Serializer;

use super::{table, text};
use crate::cost::allocate::Owner;
use crate::cost::estimate::{Assumption, Free, Unknown, Unpriced};
use crate::cost::range::Amount;
use crate::cost::{Estimate, LineItem, Range};

/// One stack's cost.
#[derive(Debug, Clone)]
pub struct StackCost {
    /// The stack's name.
    pub stack: String,
    /// What it is, for people.
    pub title: String,
    /// Whose cost it is.
    pub owner: Owner,
    /// What it costs; stacks of one shape share one estimate.
    pub estimate: Arc<Estimate>,
}

impl StackCost {
    /// A stack's.
    #[must_use]
    pub fn new(stack: &str, title: &str, estimate: Arc<Estimate>) -> Self {
        Self { stack: stack.to_owned(), title: title.to_owned(), owner: Owner::Account, estimate }
    }

    /// The same, somebody's.
    #[must_use]
    pub fn owned_by(self, owner: Owner) -> Self {
        Self { owner, ..self }
    }

    /// The account's traffic, which belongs to no stack.
    #[must_use]
    pub fn of_account(estimate: Estimate) -> Self {
        Self::new("account", "traffic of the account", Arc::new(estimate))
    }
}

/// A budget, and whether the expected cost is above it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// In US dollars.
    #[serde(serialize_with = "as_amount")]
    pub usd: Decimal,
    /// As it was said.
    pub said: String,
    /// Whether the expected cost is above it.
    pub above: bool,
}

fn as_amount<S: Serializer>(amount: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    Amount(*amount).serialize(serializer)
}

/// What was priced, and what came out.
#[derive(Debug, Clone, Serialize)]
pub struct CostReport {
    /// The sum of all items, in US dollars a month.
    pub total_usd: Range,
    /// The currency of every amount.
    pub currency: &'static str,
    /// The region.
    pub region: String,
    /// Hours of the month.
    #[serde(serialize_with = "as_amount")]
    pub hours: Decimal,
    /// The budget, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Each stack's sum; none for a template.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stacks: Vec<StackSum>,
    /// What has a price.
    pub items: Vec<LineItem>,
    /// Resources of types that konta does not price.
    pub unpriced: Vec<Unpriced>,
    /// What has a price that could not be worked out.
    pub unknown: Vec<Unknown>,
    /// What costs nothing, with the reason.
    pub free: Vec<Free>,
    /// What was assumed, the one that moves the sum most first.
    pub assumptions: Vec<Assumption>,
    /// By field, what moves the sum most over all resources.
    pub most_moving: Option<Moving>,
    /// Each tenant's part, price and margin; none for a template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shares: Option<shares::Shares>,
}

/// One stack's sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StackSum {
    /// The stack's name, or `account`.
    pub stack: String,
    /// What it is.
    pub title: String,
    /// US dollars a month.
    pub total_usd: Range,
}

/// A field of usage, and how much hangs on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moving {
    /// The field.
    pub field: String,
    /// Where its figure comes from.
    pub origin: String,
    /// How many resources have it.
    pub resources: usize,
    /// By how much the sum moves between low and high, US dollars a month.
    #[serde(serialize_with = "as_amount")]
    pub swing_usd: Decimal,
}

impl CostReport {
    /// Of one template.
    #[must_use]
    pub fn of_template(region: &str, hours: Decimal, estimate: Estimate) -> Self {
        let most_moving = most_moving(&estimate.assumptions);
        Self {
            total_usd: estimate.total_usd,
            currency: "USD",
            region: region.to_owned(),
            hours,
            budget: None,
            stacks: Vec::new(),
            items: estimate.items,
            unpriced: estimate.unpriced,
            unknown: estimate.unknown,
            free: estimate.free,
            assumptions: estimate.assumptions,
            most_moving,
            shares: None,
        }
    }

    /// Of the stacks of a workspace.
    #[must_use]
    pub fn of_stacks(region: &str, hours: Decimal, stacks: Vec<StackCost>) -> Self {
        let whole = Estimate::of_parts(stacks.iter().map(|stack| (stack.stack.as_str(), &*stack.estimate)));
        let sums = stacks.into_iter().map(|stack| StackSum {
            total_usd: stack.estimate.total_usd,
            stack: stack.stack,
            title: stack.title,
        });
        Self { stacks: sums.collect(), ..Self::of_template(region, hours, whole) }
    }
}

/// Swings of one field of many resources add up: they move together when tenants turn out to use more.
fn most_moving(assumptions: &[Assumption]) -> Option<Moving> {
    let mut moving: BTreeMap<(&str, &str), (usize, Decimal)> = BTreeMap::new();
    for assumption in assumptions.iter().filter(|assumption| !assumption.swing_usd.is_zero()) {
        let sum = moving.entry((&assumption.field, &assumption.origin)).or_default();
        *sum = (sum.0 + 1, sum.1.saturating_add(assumption.swing_usd));
    }
    let ((field, origin), (resources, swing_usd)) = moving.into_iter().max_by_key(|(_, (_, swing))| *swing)?;
    Some(Moving { field: field.to_owned(), origin: origin.to_owned(), resources, swing_usd })
}

/// The report for people. `verbose` lists what is free, and every assumption.
#[must_use]
pub fn text(report: &CostReport, verbose: bool) -> String {
    let mut out = String::new();
    let width = text::stdout_width();
    if report.stacks.len() > 1 {
        let rows = report.stacks.iter().map(|sum| vec![sum.title.clone(), amount(sum.total_usd)]).collect();
        let _ = writeln!(out, "{}\n", table::table_at(width, &["what", "usd a month"], rows));
    }
    if let Some(shares) = &report.shares {
        let _ = writeln!(out, "{}", shares::text(shares, width));
    }
    if report.items.is_empty() {
        // A tenant of the pool may have nothing of its own that costs.
    } else if report.stacks.len() <= 1 || verbose {
        let _ = writeln!(out, "{}\n", items(report, width));
    } else {
        let _ = writeln!(out, "{}\n", services(report, width));
    }
    paragraph(&mut out, width, &sum(report));
    if let Some(budget) = &report.budget {
        let place = if budget.above { "above" } else { "within" };
        paragraph(&mut out, width, &format!("budget: {} is {place} {}", money(report.total_usd.expected), budget.said));
    }
    if let Some(moving) = &report.most_moving {
        let on = text::count(moving.resources, "resource");
        let swing = money(moving.swing_usd);
        paragraph(&mut out, width, &format!("moves most: {} of {on}, by {swing} USD; {}", moving.field, moving.origin));
    }
    lists(&mut out, width, report, verbose);
    out
}

/// What is not in the sum, and what it rests on.
fn lists(out: &mut String, width: usize, report: &CostReport, verbose: bool) {
    for unknown in &report.unknown {
        paragraph(out, width, &format!("unknown: {}: {}", unknown.resource, unknown.reason));
    }
    let mut unpriced: BTreeMap<&str, usize> = BTreeMap::new();
    for resource in &report.unpriced {
        *unpriced.entry(&resource.resource_type).or_default() += 1;
    }
    for (kind, count) in unpriced {
        paragraph(
            out,
            width,
            &format!("unpriced: {}", if count == 1 { kind.to_owned() } else { format!("{kind} ({count})") }),
        );
    }
    if verbose {
        for assumption in &report.assumptions {
            let Assumption { resource, field, value, origin, swing_usd } = assumption;
            let moves = money(*swing_usd);
            paragraph(
                out,
                width,
                &format!("assumed: {resource} {field} {}: {origin}; moves {moves} USD", quantity(*value)),
            );
        }
        for free in &report.free {
            paragraph(out, width, &format!("free: {}: {}", free.resource, free.reason));
        }
    } else {
        let (assumed, free) = (report.assumptions.len(), report.free.len());
        let line = format!(
            "{} assumed, {} free; --verbose lists them",
            text::count(assumed, "figure"),
            text::count(free, "entry")
        );
        paragraph(out, width, &line.replace("entrys", "entries"));
    }
}

fn paragraph(out: &mut String, width: usize, line: &str) {
    let _ = writeln!(out, "{}", text::wrap(&text::one_line(line), width, 0));
}

fn sum(report: &CostReport) -> String {
    let Range { low, expected, high } = report.total_usd;
    let range =
        if report.total_usd.is_exact() { String::new() } else { format!(" (from {} to {})", money(low), money(high)) };
    let dates = report.items.iter().map(|item| item.price.date.as_str());
    let priced = match (dates.clone().min(), dates.max()) {
        (Some(first), Some(last)) => format!("; prices of {first} to {last}"),
        _ => String::new(),
    };
    format!("{} USD a month{range}, {} hours, {}{priced}", money(expected), report.hours, report.region)
}

fn items(report: &CostReport, width: usize) -> String {
    let rows = report.items.iter().map(|item| {
        vec![
            item.resource.clone(),
            format!("{} {}", item.service(), item.usage_type()),
            quantity(item.quantity),
            format!("{} {}", item.price.usd.normalize(), item.price.unit),
            amount(item.monthly_usd),
        ]
    });
    table::table_at(width, &["resource", "what", "quantity", "usd for one", "usd a month"], rows.collect())
}

fn services(report: &CostReport, width: usize) -> String {
    let mut sums: BTreeMap<(&str, &str), Range> = BTreeMap::new();
    for item in &report.items {
        let sum = sums.entry((item.service(), item.usage_type())).or_default();
        *sum = *sum + item.monthly_usd;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.expected.cmp(&a.1.expected).then(a.0.cmp(&b.0)));
    let rows = sums
        .into_iter()
        .map(|((service, usage_type), sum)| vec![service.to_owned(), usage_type.to_owned(), amount(sum)]);
    table::table_at(width, &["service", "what", "usd a month"], rows.collect())
}

/// An amount, and its range where it has one.
fn amount(range: Range) -> String {
    if range.is_exact() {
        return money(range.expected);
    }
    format!("{} ({} to {})", money(range.expected), money(range.low), money(range.high))
}

/// Rounded to cents, for the eye only.
fn money(amount: Decimal) -> String {
    let rounded = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    if rounded.is_zero() && !amount.is_zero() { "<0.01".to_owned() } else { format!("{rounded:.2}") }
}

fn quantity(range: Range) -> String {
    let one = |amount: Decimal| amount.round_dp(3).normalize().to_string();
    if range.is_exact() {
        one(range.expected)
    } else {
        format!("{} ({} to {})", one(range.expected), one(range.low), one(range.high))
    }
}
