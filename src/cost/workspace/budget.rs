//! Whether a cost keeps to a budget.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::cost::range::as_amount;

/// A budget, and what it is compared with: all of an estimate, or a tenant's own cost and its share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// In US dollars.
    #[serde(serialize_with = "as_amount")]
    pub usd: Decimal,
    /// As it was said.
    pub said: String,
    /// The expected cost that is compared with it.
    #[serde(serialize_with = "as_amount")]
    pub compared_usd: Decimal,
    /// Costs that are not in it, because they have no price.
    pub missing: usize,
    /// Whether what is known of the cost is above the budget.
    pub above: bool,
    /// What came of it.
    pub verdict: Verdict,
}

/// Whether a cost keeps to a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It does, and nothing of it is unknown.
    Within,
    /// What is known of it is above already.
    Above,
    /// What is known of it is not above, and something is not known.
    CannotBeTold,
}

impl Budget {
    /// Compares `compared_usd`, in which so many costs are missing, with a budget of `usd`.
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
