//! Certificate Manager.

use super::{Missing, Sheet};
use crate::cost::evaluate::Node;

/// `AWS::CertificateManager::Certificate`: a public one that stays inside AWS costs nothing.
pub fn certificate(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    const SERVICE: &str = "AWSCertificateManager";
    let properties = sheet.properties(id);
    if !matches!(properties.get("CertificateAuthorityArn"), Node::Absent) {
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
