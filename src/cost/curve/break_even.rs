//! From how many tenants on a price pays.

use rust_decimal::Decimal;
use serde::Serialize;

use super::Curve;
use crate::cost::range::Range;

/// The number of tenants from which revenue covers the cost, in each scenario; `None` where no point of the curve reaches it.
///
/// It is searched among priced points, since cells and quotas make cost jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BreakEven {
    /// When little is used.
    pub low: Option<u32>,
    /// What is most likely.
    pub expected: Option<u32>,
    /// When much is used.
    pub high: Option<u32>,
}

impl BreakEven {
    /// Searches a curve; `revenue_usd` is what is left of each tenant's price, in US dollars, in the curve's order.
    #[must_use]
    pub fn of(curve: &Curve, revenue_usd: impl Fn(u32) -> Decimal) -> Self {
        let first = |scenario: fn(&Range) -> Decimal| {
            curve.points.iter().find(|p| revenue_usd(p.tenants) >= scenario(&p.total_usd)).map(|p| p.tenants)
        };
        Self { low: first(|r| r.low), expected: first(|r| r.expected), high: first(|r| r.high) }
    }
}
