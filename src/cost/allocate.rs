//! Shared cost -> tenants, by a rule that is shown with the figures.
//!
//! Amounts are cut into shares by running sums: each share is the rounded running sum minus the one before it, and the
//! last running sum is the amount itself. So the shares add up to the amount to the last digit, and none is off by
//! more than one such digit.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use super::estimate::Estimate;
use super::range::Range;

/// How many decimals of an amount are kept: with more, sums of many amounts would lose digits silently.
const DIGITS: u32 = 12;

/// Who causes a cost.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// The account's traffic: every tenant of the environment causes it.
    Account,
    /// The environment and its zone: all its tenants use them.
    Environment,
    /// A cell, by its number: the tenants in it use it.
    Cell(u32),
    /// A tenant's own stacks, including addons.
    Tenant(String),
}

/// How shared cost is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The same for each.
    Even,
    /// In proportion to weights.
    Weight,
    /// In proportion to measured use.
    Use,
}

impl Rule {
    /// What the rule means, for people.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Even => "each tenant bears an equal share of the cost of its cell and environment",
            Self::Weight => {
                "each tenant bears the cost of its cell and environment in proportion to its weight in the usage file, \
                 or else to its tier's price"
            }
            Self::Use => {
                "each tenant bears the cost of its cell's database in proportion to its ACU, and other shared cost in \
                 proportion to its requests; both from the usage file, or else 0.02 ACU and 0.05 requests a second"
            }
        }
    }
}

/// A tenant that bears a share of shared cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub tenant: String,
    /// The cell that holds it.
    pub cell: u32,
    /// Its weight under [`Rule::Weight`].
    pub weight: Decimal,
    /// The database capacity that it uses, in ACU.
    pub acu: Decimal,
    /// Requests a second.
    pub requests: Decimal,
}

/// What one tenant costs a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TenantCost {
    /// Its name.
    pub tenant: String,
    /// The cell that holds it.
    pub cell: u32,
    /// Its own stacks, US dollars.
    pub own_usd: Range,
    /// Its share of shared cost, US dollars.
    pub shared_usd: Range,
    /// Both.
    pub total_usd: Range,
}

/// Cost divided between tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Allocation {
    /// The rule.
    pub rule: Rule,
    /// What the rule means.
    pub meaning: &'static str,
    /// Each tenant's cost.
    pub tenants: Vec<TenantCost>,
    /// What no tenant bears, because there is none: an empty cell, or an environment without tenants.
    pub unallocated_usd: Range,
    /// The sum: the tenants' totals and what no tenant bears.
    pub total_usd: Range,
}

/// The key of a shared amount: the cell whose tenants bear it (`None`: all tenants), and
/// whether it is for the database.
type Pot = (Option<u32>, bool);

/// Divides the cost of parts between tenants.
#[must_use]
pub fn allocate<'a>(
    rule: Rule,
    members: &[Member],
    parts: impl Iterator<Item = (&'a Owner, &'a Estimate)>,
) -> Allocation {
    let mut own: BTreeMap<&str, Range> = BTreeMap::new();
    let mut pots: BTreeMap<Pot, Range> = BTreeMap::new();
    for (owner, estimate) in parts {
        match owner {
            Owner::Tenant(name) => {
                let sum = own.entry(name.as_str()).or_default();
                *sum = *sum + cut(estimate.total_usd);
            }
            Owner::Cell(cell) => add(&mut pots, Some(*cell), estimate),
            Owner::Account | Owner::Environment => add(&mut pots, None, estimate),
        }
    }
    let mut shared = vec![Range::ZERO; members.len()];
    let mut unallocated = Range::ZERO;
    for ((cell, database), amount) in pots {
        let bearers: Vec<usize> =
            (0..members.len()).filter(|index| cell.is_none_or(|cell| members[*index].cell == cell)).collect();
        if bearers.is_empty() {
            unallocated = unallocated + amount;
            continue;
        }
        let weights: Vec<Decimal> = bearers.iter().map(|index| weight(rule, &members[*index], database)).collect();
        for (index, share) in bearers.into_iter().zip(split_range(amount, &weights)) {
            shared[index] = shared[index] + share;
        }
    }
    let tenants: Vec<TenantCost> = members
        .iter()
        .zip(shared)
        .map(|(member, shared_usd)| {
            let own_usd = own.remove(member.tenant.as_str()).unwrap_or_default();
            let total_usd = own_usd + shared_usd;
            TenantCost { tenant: member.tenant.clone(), cell: member.cell, own_usd, shared_usd, total_usd }
        })
        .collect();
    // No tenant bears the cost of a stack whose tenant is not a member, but the cost must not vanish.
    let unallocated_usd = own.into_values().fold(unallocated, |sum, amount| sum + amount);
    let total_usd = tenants.iter().map(|tenant| tenant.total_usd).sum::<Range>() + unallocated_usd;
    Allocation { rule, meaning: rule.meaning(), tenants, unallocated_usd, total_usd }
}

fn add(pots: &mut BTreeMap<Pot, Range>, cell: Option<u32>, estimate: &Estimate) {
    let of_database = estimate.items.iter().filter(|item| item.service() == "AmazonRDS");
    let database = cut(of_database.map(|item| item.monthly_usd).sum());
    let rest = cut(estimate.total_usd).zip(database, |all, part| all - part);
    for (is_database, amount) in [(true, database), (false, rest)] {
        let pot = pots.entry((cell, is_database)).or_default();
        *pot = *pot + amount;
    }
}

fn cut(amount: Range) -> Range {
    amount.map(|amount| amount.round_dp(DIGITS))
}

fn weight(rule: Rule, member: &Member, database: bool) -> Decimal {
    match rule {
        Rule::Even => Decimal::ONE,
        Rule::Weight => member.weight,
        Rule::Use if database => member.acu,
        Rule::Use => member.requests,
    }
}

fn split_range(amount: Range, weights: &[Decimal]) -> Vec<Range> {
    let (low, expected, high) =
        (split(amount.low, weights), split(amount.expected, weights), split(amount.high, weights));
    low.into_iter().zip(expected).zip(high).map(|((low, expected), high)| Range::new(low, expected, high)).collect()
}

/// Cuts an amount in proportion to weights; evenly if all weights are zero. The shares add up to exactly the amount.
#[must_use]
pub fn split(amount: Decimal, weights: &[Decimal]) -> Vec<Decimal> {
    let even = weights.iter().all(Decimal::is_zero);
    let weight_of = |weight: Decimal| if even { Decimal::ONE } else { weight.max(Decimal::ZERO) };
    let whole = weights.iter().fold(Decimal::ZERO, |sum, weight| sum.saturating_add(weight_of(*weight)));
    let digits = amount.scale().max(DIGITS);
    let (mut running, mut before) = (Decimal::ZERO, Decimal::ZERO);
    weights
        .iter()
        .enumerate()
        .map(|(index, weight)| {
            running = running.saturating_add(weight_of(*weight));
            let last = index + 1 == weights.len();
            let part = running.checked_div(whole).unwrap_or_default();
            let until = if last { amount } else { amount.saturating_mul(part).round_dp(digits) };
            let until = until.max(before).min(amount);
            let share = until - before;
            before = until;
            share
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cost::PriceTable;
    use crate::cost::decimal::dec;
    use crate::cost::item::LineItem;

    fn member(tenant: &str, cell: u32, weight: i64) -> Member {
        let weight = Decimal::from(weight);
        Member { tenant: tenant.to_owned(), cell, weight, acu: weight, requests: Decimal::ONE }
    }

    fn estimate(database: Decimal, rest: Decimal) -> Estimate {
        let table = PriceTable::embedded();
        let item = |service: &str, usage: &str, amount: Decimal| {
            let price = table.lookup(service, usage, "eu-west-1").remove(0);
            LineItem { monthly_usd: Range::exact(amount), ..LineItem::new("X", price, Range::ZERO, None) }
        };
        Estimate {
            total_usd: Range::exact(database + rest),
            items: vec![
                item("AmazonRDS", "Aurora:StorageUsage", database),
                item("AmazonVPC", "PublicIPv4:InUseAddress", rest),
            ],
            ..Estimate::default()
        }
    }

    #[test]
    fn a_cell_is_borne_by_those_it_holds_and_the_environment_by_all() {
        let (cell, environment) = (estimate(dec!(0), dec!(30)), estimate(dec!(0), dec!(9)));
        let members = [member("a", 1, 1), member("b", 1, 1), member("c", 2, 1)];
        let parts = [(Owner::Cell(1), &cell), (Owner::Environment, &environment)];
        let found = allocate(Rule::Even, &members, parts.iter().map(|(owner, estimate)| (owner, *estimate)));
        let shared: Vec<_> = found.tenants.iter().map(|tenant| tenant.shared_usd.expected).collect();
        assert_eq!(shared, [dec!(18), dec!(18), dec!(3)]);
        assert_eq!(found.unallocated_usd, Range::ZERO);
    }

    #[test]
    fn by_use_the_database_follows_capacity_and_the_rest_requests() {
        let cell = estimate(dec!(40), dec!(10));
        let members = [member("a", 1, 3), member("b", 1, 1)];
        let found = allocate(Rule::Use, &members, [(&Owner::Cell(1), &cell)].into_iter());
        assert_eq!(found.tenants.iter().map(|t| t.total_usd.expected).collect::<Vec<_>>(), [dec!(35), dec!(15)]);
    }

    #[test]
    fn what_nobody_lives_in_is_borne_by_nobody_and_still_counted() {
        let cell = estimate(dec!(40), dec!(10));
        let found = allocate(Rule::Weight, &[member("a", 1, 3)], [(&Owner::Cell(2), &cell)].into_iter());
        assert_eq!((found.unallocated_usd.expected, found.total_usd.expected), (dec!(50), dec!(50)));
    }

    #[test]
    fn a_third_three_times_is_the_whole() {
        assert_eq!(split(dec!(1), &[dec!(1), dec!(1), dec!(1)]).into_iter().sum::<Decimal>(), dec!(1));
        assert_eq!(split(dec!(7), &[dec!(0), dec!(0)]), [dec!(3.5), dec!(3.5)]);
    }

    proptest! {
        #[test]
        fn shares_add_up_to_the_amount_to_the_last_digit(
            units in 0_u64..10_000_000_000_000, scale in 0_u32..13,
            weights in proptest::collection::vec((0_i64..1_000_000, 0_u32..6), 1..200),
        ) {
            let amount = Decimal::new(i64::try_from(units).unwrap(), scale);
            let weights: Vec<Decimal> = weights.into_iter().map(|(units, scale)| Decimal::new(units, scale)).collect();
            let shares = split(amount, &weights);
            prop_assert!(shares.iter().all(|share| !share.is_sign_negative() || share.is_zero()));
            prop_assert_eq!(shares.iter().copied().sum::<Decimal>(), amount);
        }

        #[test]
        fn the_tenants_and_what_nobody_bears_are_the_whole_by_every_rule(
            amounts in proptest::collection::vec((0_i64..9_000_000_000_000, 0_i64..9_000_000_000_000), 5),
            tenants in proptest::collection::vec((1_u32..4, 0_i64..50), 0..30),
        ) {
            let estimates: Vec<Estimate> =
                amounts.iter().map(|(a, b)| estimate(Decimal::new(*a, 9), Decimal::new(*b, 11))).collect();
            let members: Vec<Member> =
                tenants.iter().enumerate().map(|(n, (cell, weight))| member(&format!("t{n}"), *cell, *weight)).collect();
            let owners = [Owner::Account, Owner::Environment, Owner::Cell(1), Owner::Cell(2), Owner::Tenant("t0".to_owned())];
            let whole: Decimal = estimates.iter().map(|estimate| estimate.total_usd.expected).sum();
            for rule in [Rule::Even, Rule::Weight, Rule::Use] {
                let found = allocate(rule, &members, owners.iter().zip(&estimates));
                let borne: Decimal = found.tenants.iter().map(|tenant| tenant.total_usd.expected).sum();
                prop_assert_eq!(borne + found.unallocated_usd.expected, whole);
                prop_assert_eq!(found.total_usd.expected, whole);
            }
        }
    }
}
