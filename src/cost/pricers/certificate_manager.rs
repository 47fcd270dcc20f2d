//! Certificate Manager.

use super::{Missing, Sheet};
use crate::cost::evaluate::Node;

/// `AWS::CertificateManager::Certificate`: a public one that stays inside AWS costs nothing.
pub fn certificate(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    const SERVICE: &str = "AWSCertificateManager";
    let properties = sheet.properties(id);
    if !matches!(properties.get("CertificateAuthorityArn"), Node::Absent) {
        let reason =
            "it is issued by a private authority, which bills each certificate, and the table has no price of that";
        sheet.unknown_price(id, SERVICE, "PrivateCertificatesIssued", reason);
    } else if properties.text("CertificateExport")?.as_deref() == Some("ENABLED") {
        let reason = "it can be exported, which is billed by the name, and the table has no price of that";
        sheet.unknown_price(id, SERVICE, "ExportablePublicCertificate", reason);
    } else {
        sheet.free(id, "public certificates cost nothing while they cannot be exported");
    }
    Ok(())
}
