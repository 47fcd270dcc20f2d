//! Secrets, parameters, keys and functions.

use rust_decimal::Decimal;

use crate::cost::decimal::dec;

use super::{Missing, Sheet};
use crate::cost::range::Range;

/// Charges one secret and its copies in other regions.
pub(super) fn charge_secret(sheet: &mut Sheet<'_, '_>, id: &str, count: usize, note: Option<&str>) {
    let count = Range::exact(Decimal::from(count));
    sheet.charge(id, "AWSSecretsManager", "AWSSecretsManager-Secrets", count, note);
}

/// `AWS::SecretsManager::Secret`; a copy in another region is a secret of its own, here at this region's price.
pub fn secret(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let copies = sheet.properties(id).count("ReplicaRegions")?;
    charge_secret(sheet, id, 1 + copies, (copies > 0).then_some("with its copies in other regions"));
    let requests = sheet.used(id, "api_requests");
    sheet.charge(id, "AWSSecretsManager", "AWSSecretsManager-APIRequests", requests, None);
    Ok(())
}

/// `AWS::SSM::Parameter`: only the advanced tier costs.
pub fn parameter(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    match sheet.properties(id).text("Tier")?.as_deref() {
        None | Some("Standard") => sheet.free(id, "standard parameters cost nothing"),
        Some("Advanced") => {
            let hours = Range::exact(sheet.hours());
            sheet.charge(id, "AWSSystemsManager", "PS-Advanced-Param-Tier1", hours, None);
        }
        Some(_) => return Err(Missing("whether it is advanced hangs on the length of its value".to_owned())),
    }
    Ok(())
}

/// `AWS::KMS::Key` and `AWS::KMS::ReplicaKey`.
pub fn key(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let note = sheet.properties(id).is_true("EnableKeyRotation").unwrap_or(false);
    let note = note.then_some("each of the first two yearly rotations adds one more");
    sheet.charge(id, "awskms", "KMS-Keys", Range::exact(Decimal::ONE), note);
    let requests = sheet.used(id, "requests");
    sheet.charge(id, "awskms", "KMS-Requests", requests, None);
    Ok(())
}

/// Memory a function has when its template says nothing, in MB. Source: Lambda developer guide.
const FUNCTION_MEMORY: Decimal = dec!(128);

/// `AWS::Lambda::Function`: requests, and memory by the time it is taken. The account's free tier is not taken off.
pub fn function(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let properties = sheet.properties(id);
    let memory = properties.number("MemorySize")?.unwrap_or(FUNCTION_MEMORY);
    let arm = properties.list("Architectures")?.unwrap_or_default().iter().any(|node| node.text() == Some("arm64"));
    let invocations = sheet.used(id, "invocations");
    let duration = sheet.used(id, "duration_ms");
    sheet.charge(id, "AWSLambda", "Request", invocations, None);
    let seconds = (invocations * duration).per(dec!(1000));
    let gb_seconds = (seconds * memory).per(dec!(1024));
    let usage_type = if arm { "Lambda-GB-Second-ARM" } else { "Lambda-GB-Second" };
    sheet.charge(id, "AWSLambda", usage_type, gb_seconds, None);
    Ok(())
}
