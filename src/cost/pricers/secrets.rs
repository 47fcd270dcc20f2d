//! Secrets Manager, parameters of Systems Manager, and KMS keys.

use rust_decimal::Decimal;

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
    let note = sheet.properties(id).is_true("EnableKeyRotation")?;
    let note = note.then_some("each of the first two yearly rotations adds one more");
    sheet.charge(id, "awskms", "KMS-Keys", Range::exact(Decimal::ONE), note);
    let requests = sheet.used(id, "requests");
    sheet.charge(id, "awskms", "KMS-Requests", requests, None);
    Ok(())
}
