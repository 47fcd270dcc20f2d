//! Storage: EFS, S3, ECR and backup vaults.

use rust_decimal::Decimal;

use crate::cost::decimal::dec;
use crate::cost::range::Range;

use super::{Missing, Sheet};

const EFS: &str = "AmazonEFS";

/// Standard storage that includes a throughput of one MiB per second, in GB. Source: EFS pricing
/// page (50 KiB/s for each GB).
const GB_FOR_ONE_MIBPS: Decimal = dec!(20);

/// The most throughput that can be provisioned, in MiB/s. Source: EFS user guide, quotas; some regions allow less.
const MOST_THROUGHPUT: u32 = 10_240;

/// `AWS::EFS::FileSystem`.
pub fn file_system(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let properties = sheet.properties(id);
    let mode = properties.text("ThroughputMode")?.unwrap_or_else(|| "bursting".to_owned());
    let one_zone = !matches!(properties.get("AvailabilityZoneName"), crate::cost::evaluate::Node::Absent);
    let backed_up = properties.text("BackupPolicy.Status")?.as_deref() == Some("ENABLED");
    let elastic = mode == "elastic";
    let zone = if one_zone { "-Z" } else { "" };
    let standard = sheet.used(id, "standard_gb");
    sheet.charge(id, EFS, &format!("TimedStorage{zone}-ByteHrs"), standard, None);
    let infrequent = match (one_zone, elastic) {
        (true, _) => "IATimedStorage-Z-ByteHrs",
        (false, true) => "IATimedStorage-ET-ByteHrs",
        (false, false) => "IATimedStorage-ByteHrs",
    };
    let mut stored = standard;
    for (field, usage_type) in [("ia_gb", infrequent), ("archive_gb", "ArchiveTimedStorage-ByteHrs")] {
        let used = sheet.used(id, field);
        stored = stored + used;
        sheet.charge(id, EFS, usage_type, used, None);
    }
    for (field, usage_type) in [("ia_read_gb", "IADataAccess-Bytes:Read"), ("ia_write_gb", "IADataAccess-Bytes:Write")]
    {
        let used = sheet.used(id, field);
        sheet.charge(id, EFS, usage_type, used, None);
    }
    let written = if elastic || backed_up { sheet.used(id, "write_gb") } else { Range::ZERO };
    match mode.as_str() {
        "elastic" => {
            let read = sheet.used(id, "read_gb");
            sheet.charge(id, EFS, "ETDataAccess-Bytes:Read", read, None);
            sheet.charge(id, EFS, "ETDataAccess-Bytes:Write", written, None);
        }
        "provisioned" => provisioned(sheet, id, standard)?,
        _ => {}
    }
    if backed_up || sheet.said(id, "backup_gb").is_some() {
        backups(sheet, id, stored, written);
    }
    Ok(())
}

fn provisioned(sheet: &mut Sheet<'_, '_>, id: &str, standard: Range) -> Result<(), Missing> {
    let asked = sheet.properties(id).measure("ProvisionedThroughputInMibps", MOST_THROUGHPUT)?;
    if asked.is_none() && sheet.said(id, "throughput_mibps").is_none() {
        return Err(Missing("ProvisionedThroughputInMibps is missing".to_owned()));
    }
    let asked = sheet.used_or(id, "throughput_mibps", Some((Range::exact(asked.unwrap_or_default()), "")));
    let beyond = asked.less(standard.per(GB_FOR_ONE_MIBPS));
    let note = "beyond the 1 MiB/s that every 20 GB of standard storage include";
    sheet.charge(id, EFS, "ProvisionedTP-MiBpsHrs", beyond, Some(note));
    Ok(())
}

/// What AWS Backup keeps of a file system with its automatic plan: daily copies of what changed, for 35 days. Source:
/// EFS user guide, automatic backups.
fn backups(sheet: &mut Sheet<'_, '_>, id: &str, stored: Range, written: Range) {
    let kept = stored + Range::new(Decimal::ZERO, written.expected, written.high * dec!(35) / dec!(30));
    let origin = "AWS Backup's daily copies of 35 days: what is stored, and what is written in that time";
    let kept = sheet.used_or(id, "backup_gb", Some((kept, origin)));
    sheet.charge(id, "AWSBackup", "Backup:EFS-warm", kept, Some("automatic backups"));
}

/// `AWS::S3::Bucket`.
pub fn bucket(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    for (field, usage_type) in [
        ("standard_gb", "TimedStorage-ByteHrs"),
        ("ia_gb", "TimedStorage-SIA-ByteHrs"),
        ("glacier_ir_gb", "TimedStorage-GIR-ByteHrs"),
        ("glacier_gb", "TimedStorage-GlacierByteHrs"),
        ("deep_archive_gb", "TimedStorage-GDA-ByteHrs"),
        ("put_requests", "Requests-Tier1"),
        ("get_requests", "Requests-Tier2"),
    ] {
        let used = sheet.used(id, field);
        sheet.charge(id, "AmazonS3", usage_type, used, None);
    }
    Ok(())
}

/// `AWS::ECR::Repository`.
pub fn repository(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let stored = sheet.used(id, "stored_gb");
    sheet.charge(id, "AmazonECR", "TimedStorage-ByteHrs", stored, None);
    Ok(())
}

/// `AWS::Backup::BackupVault`; its content is priced as backups of file systems, which is what konta backs up there.
pub fn vault(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let stored = sheet.used(id, "stored_gb");
    sheet.charge(id, "AWSBackup", "Backup:EFS-warm", stored, Some("priced as warm backups of file systems"));
    Ok(())
}
