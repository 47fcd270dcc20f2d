//! Splits a quantity over the tiers of a price.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::cost::decimal::dec;
use crate::cost::price::Price;
use crate::cost::range::Range;

/// The quantities at which AWS changes a price, for prices whose upper tiers the table may lack. Source: the
/// services' pricing pages.
const STEPS: &[(&str, &str, &[Decimal])] = &[
    ("AWSDataTransfer", "DataTransfer-Out-Bytes", &[dec!(10_240), dec!(51_200), dec!(153_600)]),
    ("AmazonS3", "TimedStorage-ByteHrs", &[dec!(51_200), dec!(512_000)]),
    ("AmazonCloudWatch", "CW:MetricMonitorUsage", &[dec!(10_000), dec!(250_000), dec!(1_000_000)]),
    ("AmazonRoute53", "DNS-Queries", &[dec!(1_000_000_000)]),
    ("AWSLambda", "Lambda-GB-Second", &[dec!(6_000_000_000), dec!(15_000_000_000)]),
    ("AWSLambda", "Lambda-GB-Second-ARM", &[dec!(7_500_000_000), dec!(18_750_000_000)]),
    ("AmazonApiGateway", "ApiGatewayHttpRequest", &[dec!(300_000_000)]),
];

/// A quantity by tier.
#[derive(Debug, Default)]
pub(super) struct Split {
    /// Price, portion, and which tier that is (if there are several).
    pub(super) portions: Vec<(Arc<Price>, Range, Option<String>)>,
    /// What is below the first tier, and so costs nothing.
    pub(super) free: Range,
    /// What is beyond the table's last tier.
    pub(super) beyond: Range,
    /// Where the table's last tier ends.
    pub(super) until: Decimal,
}

/// Where the next price begins, which the table may lack.
fn step_after(last: &Price) -> Option<Decimal> {
    STEPS
        .iter()
        .find(|(service, usage_type, _)| *service == last.service && *usage_type == last.usage_type)
        .and_then(|(_, _, steps)| steps.iter().find(|step| **step > last.from).copied())
}

/// Whether a price applies to any quantity, so that nothing needs to be counted across resources.
pub(super) fn is_only(price: &Price) -> bool {
    price.from.is_zero() && step_after(price).is_none()
}

/// Splits `quantity`, on top of what is `used` already. `tiers` are those of one price, in order.
pub(super) fn split(tiers: &[Arc<Price>], used: Range, quantity: Range) -> Split {
    let mut split = Split::default();
    let Some((first, last)) = tiers.first().zip(tiers.last()) else { return split };
    let until = step_after(last);
    let within = |from: Decimal, to: Option<Decimal>| {
        used.zip(quantity, |used, quantity| {
            let end = used.saturating_add(quantity);
            let end = to.map_or(end, |to| end.min(to));
            end.saturating_sub(used.max(from)).max(Decimal::ZERO)
        })
    };
    split.free = within(Decimal::ZERO, Some(first.from));
    for (index, tier) in tiers.iter().enumerate() {
        let to = tiers.get(index + 1).map(|next| next.from).or(until);
        let portion = within(tier.from, to);
        if portion.is_zero() {
            continue;
        }
        let from = tier.from;
        let note = match to {
            _ if tiers.len() == 1 && from.is_zero() => None,
            Some(to) => Some(format!("from {from} to {to} {}", tier.unit)),
            None => Some(format!("from {from} {} on", tier.unit)),
        };
        split.portions.push((Arc::clone(tier), portion, note));
    }
    if let Some(until) = until {
        split.beyond = within(until, None);
        split.until = until;
    }
    split
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::PriceTable;

    fn portions(
        service: &str,
        usage_type: &str,
        region: &str,
        used: Decimal,
        quantity: Decimal,
    ) -> Vec<(Decimal, Decimal)> {
        let tiers = PriceTable::embedded().lookup(service, usage_type, region);
        let split = split(&tiers, Range::exact(used), Range::exact(quantity));
        split.portions.iter().map(|(price, portion, _)| (portion.expected, price.usd)).collect()
    }

    #[test]
    fn traffic_pays_each_tier_for_its_own_part_and_nothing_for_the_allowance() {
        let out =
            |quantity| portions("AWSDataTransfer", "DataTransfer-Out-Bytes", "us-east-1", Decimal::ZERO, quantity);
        assert_eq!(out(dec!(100)), []);
        assert_eq!(out(dec!(150)), [(dec!(50), dec!(0.09))]);
        assert_eq!(out(dec!(20_000)), [(dec!(10_140), dec!(0.09)), (dec!(9_760), dec!(0.085))]);
    }

    #[test]
    fn a_tier_goes_on_from_what_others_used() {
        let zones = portions("AmazonRoute53", "HostedZone", "eu-west-1", dec!(24), dec!(3));
        assert_eq!(zones, [(dec!(1), dec!(0.5)), (dec!(2), dec!(0.1))]);
    }

    #[test]
    fn beyond_the_tiers_of_the_table_nothing_is_guessed() {
        let tiers = PriceTable::embedded().lookup("AmazonS3", "TimedStorage-ByteHrs", "eu-central-1");
        let split = split(&tiers, Range::ZERO, Range::exact(dec!(512_760)));
        let portions: Vec<Decimal> = split.portions.iter().map(|(_, portion, _)| portion.expected).collect();
        assert_eq!(portions, [dec!(51_200), dec!(460_800)]);
        assert_eq!((split.beyond.expected, split.until), (dec!(760), dec!(512_000)));
    }
}
