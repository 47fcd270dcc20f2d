//! Route 53: hosted zones and their queries.

use rust_decimal::Decimal;

use super::{Missing, Sheet};
use crate::cost::range::Range;

/// `AWS::Route53::HostedZone`: the first 25 of an account cost more than the others. Queries for aliases of AWS are free; those
/// given as usage are the others.
pub fn hosted_zone(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    sheet.charge(id, "AmazonRoute53", "HostedZone", Range::exact(Decimal::ONE), None);
    let queries = sheet.used(id, "queries");
    sheet.charge(id, "AmazonRoute53", "DNS-Queries", queries, None);
    Ok(())
}
