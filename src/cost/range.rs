//! An amount in three scenarios: low, expected and high.

use std::iter::Sum;
use std::ops::{Add, Mul};

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// An amount in three scenarios. Scenarios are computed one by one: the low total is the sum of the low amounts.
///
/// No operation can panic: what outgrows a decimal stays at its largest value, which no line item takes ([`Range::LARGEST`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range {
    /// When little is used.
    pub low: Decimal,
    /// What is most likely.
    pub expected: Decimal,
    /// When much is used.
    pub high: Decimal,
}

impl Range {
    /// Nothing in every scenario.
    pub const ZERO: Self = Self::exact(Decimal::ZERO);

    /// Above this an amount is no measure of anything, but a slip of the pen: 10^15.
    pub const LARGEST: Decimal = Decimal::from_parts(2_764_472_320, 232_830, 0, false, 0);

    /// The same in every scenario.
    #[must_use]
    pub const fn exact(amount: Decimal) -> Self {
        Self { low: amount, expected: amount, high: amount }
    }

    /// Three scenarios.
    #[must_use]
    pub const fn new(low: Decimal, expected: Decimal, high: Decimal) -> Self {
        Self { low, expected, high }
    }

    /// Whether every scenario has the same amount.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.low == self.expected && self.expected == self.high
    }

    /// Whether every scenario has nothing.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.low.is_zero() && self.expected.is_zero() && self.high.is_zero()
    }

    /// Whether every scenario has a believable amount: none below zero, none above [`Range::LARGEST`].
    #[must_use]
    pub fn is_believable(&self) -> bool {
        [self.low, self.expected, self.high]
            .iter()
            .all(|amount| (amount.is_zero() || !amount.is_sign_negative()) && *amount <= Self::LARGEST)
    }

    /// Each scenario changed by `change`.
    #[must_use]
    pub fn map(self, change: impl Fn(Decimal) -> Decimal) -> Self {
        Self { low: change(self.low), expected: change(self.expected), high: change(self.high) }
    }

    /// Each scenario combined with the same scenario of another amount.
    #[must_use]
    pub fn zip(self, other: Self, combine: impl Fn(Decimal, Decimal) -> Decimal) -> Self {
        Self {
            low: combine(self.low, other.low),
            expected: combine(self.expected, other.expected),
            high: combine(self.high, other.high),
        }
    }

    /// The larger in each scenario.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        self.zip(other, Decimal::max)
    }

    /// The difference in each scenario, never below zero.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        self.zip(other, |a, b| a.saturating_sub(b).max(Decimal::ZERO))
    }

    /// Divided by a divisor; by zero it is zero.
    #[must_use]
    pub fn per(self, divisor: Decimal) -> Self {
        self.map(|amount| amount.checked_div(divisor).unwrap_or_default())
    }

    /// Only the expected scenario.
    #[must_use]
    pub fn collapsed(self) -> Self {
        Self::exact(self.expected)
    }
}

impl From<Decimal> for Range {
    fn from(amount: Decimal) -> Self {
        Self::exact(amount)
    }
}

impl Add for Range {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.zip(other, Decimal::saturating_add)
    }
}

impl Mul for Range {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        self.zip(other, Decimal::saturating_mul)
    }
}

impl Mul<Decimal> for Range {
    type Output = Self;

    fn mul(self, factor: Decimal) -> Self {
        self.map(|amount| amount.saturating_mul(factor))
    }
}

impl Sum for Range {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// A plain amount when all scenarios are equal, else an object `low/expected/high`.
impl Serialize for Range {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_exact() {
            return Amount(self.expected).serialize(serializer);
        }
        let mut object = serializer.serialize_struct("Range", 3)?;
        object.serialize_field("low", &Amount(self.low))?;
        object.serialize_field("expected", &Amount(self.expected))?;
        object.serialize_field("high", &Amount(self.high))?;
        object.end()
    }
}

/// A decimal in JSON: a number where the number has every digit, else (beyond about 15 digits) the digits as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount(pub Decimal);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let amount = self.0.normalize();
        if amount.is_integer()
            && let Some(whole) = amount.to_i64().filter(|whole| whole.unsigned_abs() < 1 << 53)
        {
            return serializer.serialize_i64(whole);
        }
        let text = amount.to_string();
        match text.parse::<f64>() {
            Ok(number) if number.to_string() == text => serializer.serialize_f64(number),
            _ => serializer.serialize_str(&text),
        }
    }
}

/// A decimal as [`Amount`] writes it, for `serialize_with`.
pub(crate) fn as_amount<S: Serializer>(amount: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    Amount(*amount).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::decimal::dec;

    #[test]
    fn an_exact_amount_is_a_plain_number_and_a_range_an_object() {
        let json = |range: Range| serde_json::to_string(&range).unwrap();
        assert_eq!(json(Range::exact(dec!(730.0))), "730");
        assert_eq!(json(Range::exact(dec!(0.00979124))), "0.00979124");
        assert_eq!(json(Range::new(dec!(1), dec!(2.5), dec!(3))), r#"{"low":1,"expected":2.5,"high":3}"#);
    }

    #[test]
    fn digits_that_a_number_would_lose_are_kept_as_text() {
        let long: Decimal = "0.1234567890123456789012345678".parse().unwrap();
        assert_eq!(serde_json::to_string(&Range::exact(long)).unwrap(), "\"0.1234567890123456789012345678\"");
    }

    #[test]
    fn the_largest_believable_amount_is_a_thousand_million_million() {
        assert_eq!(Range::LARGEST, dec!(1_000_000_000_000_000));
        assert!(!(Range::exact(Decimal::MAX) * Range::exact(Decimal::MAX)).is_believable());
        assert!(!Range::exact(dec!(-1)).is_believable());
    }
}
