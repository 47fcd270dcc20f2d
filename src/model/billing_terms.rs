//! The terms on which customers pay: tax, payment fees, and what a customer costs in addition to AWS.

use rust_decimal::Decimal;

/// What is taken off a tier's price before AWS is paid. Amounts are in the workspace's currency; all are zero by
/// default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// Value added tax, in percent.
    pub vat_percent: Decimal,
    /// Whether the tiers' prices include that tax; otherwise it is added.
    pub vat_included: bool,
    /// What the payment service keeps of each payment, in percent of what the customer pays.
    pub fee_percent: Decimal,
    /// What it keeps of each payment in addition.
    pub fee_fixed: Decimal,
    /// What each tenant costs per month in addition to AWS and payment fees: support, licences, labour.
    pub other_monthly: Decimal,
}

impl Terms {
    /// What a customer pays per month for a price, including tax.
    #[must_use]
    pub fn paid(&self, price: Decimal) -> Decimal {
        if self.vat_included { price } else { price + price * self.vat_percent / Decimal::ONE_HUNDRED }
    }

    /// The tax in a price, owed to the state.
    #[must_use]
    pub fn tax(&self, price: Decimal) -> Decimal {
        if self.vat_included {
            price - price * Decimal::ONE_HUNDRED / (Decimal::ONE_HUNDRED + self.vat_percent)
        } else {
            price * self.vat_percent / Decimal::ONE_HUNDRED
        }
    }

    /// What the payment service keeps; nothing if the price is zero, since nothing is paid.
    #[must_use]
    pub fn fees(&self, price: Decimal) -> Decimal {
        let paid = self.paid(price);
        if paid.is_zero() { paid } else { paid * self.fee_percent / Decimal::ONE_HUNDRED + self.fee_fixed }
    }

    /// What is left of a price to pay AWS; may be negative.
    #[must_use]
    pub fn left_of(&self, price: Decimal) -> Decimal {
        self.paid(price) - self.tax(price) - self.fees(price) - self.other_monthly
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn a_price_with_tax_in_it_leaves_less_than_one_without() {
        let terms = Terms { vat_percent: decimal("21"), vat_included: true, ..Terms::default() };
        assert_eq!(terms.left_of(decimal("121")), decimal("100"));
        assert_eq!(Terms { vat_included: false, ..terms }.left_of(decimal("121")), decimal("121"));
    }

    #[test]
    fn fees_are_of_what_is_paid_and_nothing_is_paid_for_nothing() {
        let terms = Terms {
            vat_percent: decimal("20"),
            fee_percent: decimal("1.5"),
            fee_fixed: decimal("0.25"),
            other_monthly: decimal("2"),
            ..Terms::default()
        };
        assert_eq!(terms.fees(decimal("100")), decimal("2.05"));
        assert_eq!(terms.left_of(decimal("100")), decimal("95.95"));
        assert_eq!(terms.left_of(Decimal::ZERO), decimal("-2"));
        assert_eq!(Terms::default().left_of(decimal("15")), decimal("15"));
    }
}
