//! The number of tenants from which a price covers the cost.

use rust_decimal::Decimal;
use serde::Serialize;

use super::Curve;
use crate::cost::range::Range;

/// The number of tenants from which revenue covers the cost, in each scenario; `None` if no point
/// of the curve reaches it.
///
/// It is searched among priced points, because cost jumps when a cell opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BreakEven {
    /// If little is used.
    pub low: Option<u32>,
    /// The most likely number.
    pub expected: Option<u32>,
    /// If much is used.
    pub high: Option<u32>,
}

impl BreakEven {
    /// Searches a curve; `revenue_usd` is the revenue of a number of tenants, after tax and fees, in US dollars.
    #[must_use]
    pub fn of(curve: &Curve, revenue_usd: impl Fn(u32) -> Decimal) -> Self {
        let first = |scenario: fn(&Range) -> Decimal| {
            curve.points.iter().find(|p| revenue_usd(p.tenants) >= scenario(&p.total_usd)).map(|p| p.tenants)
        };
        Self { low: first(|r| r.low), expected: first(|r| r.expected), high: first(|r| r.high) }
    }
}
