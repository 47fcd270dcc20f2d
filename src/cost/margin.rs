//! What is left of a tier's price once AWS, tax and fees are paid.

use rust_decimal::Decimal;
use serde::Serialize;

use super::range::{Range, as_amount};
use crate::model::{ExchangeRate, Terms};

/// A price and what is left of it, a month, in the workspace's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Margin {
    /// The tier's price.
    #[serde(serialize_with = "as_amount")]
    pub price: Decimal,
    /// What is left of it after tax, payment fees and other cost, to pay AWS with.
    #[serde(serialize_with = "as_amount")]
    pub revenue: Decimal,
    /// What AWS costs.
    pub cost: Range,
    /// What is left in the end. `low` is the least margin: that of the high cost.
    pub margin: Range,
}

/// US dollars in the workspace's currency.
#[must_use]
pub fn converted(usd: Range, rate: &ExchangeRate) -> Range {
    usd.per(rate.usd)
}

impl Margin {
    /// The margin of a price over a cost in US dollars.
    #[must_use]
    pub fn of(price: Decimal, terms: &Terms, cost_usd: Range, rate: &ExchangeRate) -> Self {
        let revenue = terms.left_of(price);
        let cost = converted(cost_usd, rate);
        let left = |cost: Decimal| revenue.saturating_sub(cost);
        let margin = Range::new(left(cost.high), left(cost.expected), left(cost.low));
        Self { price, revenue, cost, margin }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cost::decimal::dec;

    fn rate(usd: Decimal) -> ExchangeRate {
        ExchangeRate { usd, date: "2026-09-25".to_owned() }
    }

    #[test]
    fn the_least_margin_is_that_of_the_highest_cost() {
        let cost = Range::new(dec!(2), dec!(4), dec!(20));
        let margin = Margin::of(dec!(15), &Terms::default(), cost, &rate(dec!(2)));
        assert_eq!(margin.cost, Range::new(dec!(1), dec!(2), dec!(10)));
        assert_eq!(margin.margin, Range::new(dec!(5), dec!(13), dec!(14)));
    }

    proptest! {
        #[test]
        fn currency_only_scales(cost in 0_i64..1_000_000_000, price in 0_i64..100_000, times in 1_i64..50) {
            let (cost, price, times) = (Range::exact(Decimal::new(cost, 4)), Decimal::new(price, 2), Decimal::from(times));
            let one = Margin::of(price, &Terms::default(), cost, &rate(dec!(1)));
            let weak = Margin::of(price * times, &Terms::default(), cost, &rate(Decimal::ONE / times));
            let difference = (weak.margin.expected - one.margin.expected * times).abs();
            prop_assert!(difference < dec!(0.000001), "{weak:?} {one:?}");
        }
    }
}
