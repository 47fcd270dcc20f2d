//! Lambda: functions and what keeps them ready.

use rust_decimal::Decimal;

use super::{Missing, Sheet};
use crate::cost::decimal::dec;
use crate::cost::evaluate::Node;

/// Memory a function has when its template says nothing, in MB. Source: Lambda developer guide.
const FUNCTION_MEMORY: Decimal = dec!(128);
/// The most of a function, in MB: memory, and disk of which the first 512 cost nothing. Source: Lambda quotas.
const MOST_MEMORY: u32 = 10_240;
const MOST_DISK: u32 = 10_240;
const DISK: Decimal = dec!(512);

/// `AWS::Lambda::Function`: requests, and memory by the time it is taken. The account's free tier is not taken off.
pub fn function(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let properties = sheet.properties(id);
    let memory = properties.measure("MemorySize", MOST_MEMORY)?.unwrap_or(FUNCTION_MEMORY);
    let disk = properties.measure("EphemeralStorage.Size", MOST_DISK)?.unwrap_or(DISK);
    let arm = properties.list("Architectures")?.unwrap_or_default().iter().any(|node| node.text() == Some("arm64"));
    let invocations = sheet.used(id, "invocations");
    let duration = sheet.used(id, "duration_ms");
    sheet.charge(id, "AWSLambda", "Request", invocations, None);
    let seconds = (invocations * duration).per(dec!(1000));
    let gb_seconds = (seconds * memory).per(dec!(1024));
    let usage_type = if arm { "Lambda-GB-Second-ARM" } else { "Lambda-GB-Second" };
    sheet.charge(id, "AWSLambda", usage_type, gb_seconds, None);
    if disk > DISK {
        let reason = "the table has no price of a function's disk beyond 512 MB";
        sheet.unknown_price(id, "AWSLambda", "Lambda-Storage-GB-Second", reason);
    }
    Ok(())
}

/// `AWS::Lambda::Version` and `AWS::Lambda::Alias`: nothing, unless they keep instances ready.
pub fn provisioned(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let ready = sheet.properties(id).get("ProvisionedConcurrencyConfig");
    if matches!(ready, Node::Absent) {
        sheet.free(id, "a name for a function that is priced where it stands");
    } else {
        let reason = "the table has no price of provisioned concurrency";
        sheet.unknown_price(id, "AWSLambda", "Lambda-Provisioned-Concurrency", reason);
    }
    Ok(())
}
