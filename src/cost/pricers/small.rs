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

/// `AWS::SecretsManager::Secret`; a copy in another region is another secret, priced here at this region's price.
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
        Some(_) => return Err(Missing("whether it is advanced depends on the length of its value".to_owned())),
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

/// Memory of a function if its template does not say, in MB. Source: Lambda developer guide.
const FUNCTION_MEMORY: Decimal = dec!(128);
/// The limits of a function, in MB: memory, and disk, of which the first 512 cost nothing. Source: Lambda quotas.
const MOST_MEMORY: u32 = 10_240;
const MOST_DISK: u32 = 10_240;
const DISK: Decimal = dec!(512);

/// `AWS::Lambda::Function`: requests, and memory by the time it is used. The account's free tier is not subtracted.
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
        let reason = "the price table has no price for a function's disk beyond 512 MB";
        sheet.unknown_price(id, "AWSLambda", "Lambda-Storage-GB-Second", reason);
    }
    Ok(())
}

/// `AWS::Lambda::Version` and `AWS::Lambda::Alias`: free, unless they keep instances ready.
pub fn provisioned(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let ready = sheet.properties(id).get("ProvisionedConcurrencyConfig");
    if matches!(ready, crate::cost::evaluate::Node::Absent) {
        sheet.free(id, "a name for a function that is priced separately");
    } else {
        let reason = "the price table has no price for provisioned concurrency";
        sheet.unknown_price(id, "AWSLambda", "Lambda-Provisioned-Concurrency", reason);
    }
    Ok(())
}

/// `AWS::CertificateManager::Certificate`: a public one that stays inside AWS costs nothing.
pub fn certificate(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    const SERVICE: &str = "AWSCertificateManager";
    let properties = sheet.properties(id);
    if !matches!(properties.get("CertificateAuthorityArn"), crate::cost::evaluate::Node::Absent) {
        let reason =
            "a private authority issues it and bills each certificate, and the price table has no price for that";
        sheet.unknown_price(id, SERVICE, "PrivateCertificatesIssued", reason);
    } else if properties.text("CertificateExport")?.as_deref() == Some("ENABLED") {
        let reason = "it can be exported, which is billed per name, and the price table has no price for that";
        sheet.unknown_price(id, SERVICE, "ExportablePublicCertificate", reason);
    } else {
        sheet.free(id, "public certificates cost nothing while they cannot be exported");
    }
    Ok(())
}
