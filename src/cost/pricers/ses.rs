//! SES: mail.

use super::{Missing, Sheet};

/// Types whose mail is one account's.
const MAIL: [&str; 2] = ["AWS::SES::ConfigurationSet", "AWS::SES::EmailIdentity"];

/// `AWS::SES::EmailIdentity` and `AWS::SES::ConfigurationSet`: nothing but what is sent. The same mail goes through several of them, so
/// what is said or assumed of the type is charged once, with the first.
pub fn email(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let first = MAIL.iter().flat_map(|kind| sheet.of_type(kind)).min().unwrap_or(id);
    if first != id && !sheet.is_named(id) {
        sheet.free(id, &format!("costs by the mail sent, which is counted with {first}"));
        return Ok(());
    }
    let emails = sheet.used(id, "emails");
    let attachments = sheet.used(id, "attachments_gb");
    sheet.charge(id, "AmazonSES", "Recipients", emails, None);
    sheet.charge(id, "AmazonSES", "AttachmentsSize-Bytes", attachments, None);
    Ok(())
}
