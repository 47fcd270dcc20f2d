//! Whether a cost is within a budget.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::cost::range::as_amount;

/// A budget, and what it is compared with: all of an estimate, or a tenant's own cost and its share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// In US dollars.
    #[serde(serialize_with = "as_amount")]
    pub usd: Decimal,
    /// The budget as given.
    pub said: String,
    /// The expected cost that is compared with it.
    #[serde(serialize_with = "as_amount")]
    pub compared_usd: Decimal,
    /// How many costs are not in it, because they have no price.
    pub missing: usize,
    /// Whether the known part of the cost is above the budget.
    pub above: bool,
    /// The result.
    pub verdict: Verdict,
}

/// Whether a cost is within a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is, and no part of it is unknown.
    Within,
    /// Its known part is already above.
    Above,
    /// Its known part is not above, but another part is unknown.
    CannotBeTold,
}

impl Budget {
    /// Compares `compared_usd`, which lacks `missing` costs, with a budget of `usd`.
    #[must_use]
    pub fn compare(usd: Decimal, said: String, compared_usd: Decimal, missing: usize) -> Self {
        let verdict = match (compared_usd > usd, missing) {
            (true, _) => Verdict::Above,
            (false, 0) => Verdict::Within,
            (false, _) => Verdict::CannotBeTold,
        };
        Self { usd, said, compared_usd, missing, above: verdict == Verdict::Above, verdict }
    }
}
