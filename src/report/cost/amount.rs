//! Amounts for display: rounded, with their range.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::cost::Range;

/// Rounded to cents, only for display; an amount that rounds to zero but is not zero is shown as `<0.01`.
pub(super) fn money(amount: Decimal) -> String {
    let rounded = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    if rounded.is_zero() && !amount.is_zero() { "<0.01".to_owned() } else { format!("{rounded:.2}") }
}

/// `6.40–14.20`; `None` if low and high look the same.
pub(super) fn bounds(range: Range) -> Option<String> {
    let (low, high) = (money(range.low), money(range.high));
    // A dash before a minus would look like another minus.
    let between = if range.low.is_sign_negative() { " to " } else { "–" };
    (low != high).then(|| format!("{low}{between}{high}"))
}

/// `9.75 (6.40–14.20)`, or only `9.75` if it has no range.
pub(super) fn amount(range: Range) -> String {
    with_bounds(money(range.expected), bounds(range))
}

/// A quantity to three decimals, with its range.
pub(super) fn quantity(range: Range) -> String {
    let one = |amount: Decimal| amount.round_dp(3).normalize().to_string();
    let (low, high) = (one(range.low), one(range.high));
    with_bounds(one(range.expected), (low != high).then(|| format!("{low}–{high}")))
}

fn with_bounds(expected: String, bounds: Option<String>) -> String {
    match bounds {
        Some(bounds) => format!("{expected} ({bounds})"),
        None => expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::decimal::dec;

    #[test]
    fn a_range_is_shown_only_where_the_eye_sees_one() {
        assert_eq!(amount(Range::new(dec!(6.4), dec!(9.745), dec!(14.2))), "9.75 (6.40–14.20)");
        assert_eq!(amount(Range::new(dec!(1.001), dec!(1.002), dec!(1.003))), "1.00");
        assert_eq!(amount(Range::exact(dec!(0.004))), "<0.01");
        assert_eq!(quantity(Range::new(dec!(1.0), dec!(2.50), dec!(3))), "2.5 (1–3)");
    }
}
