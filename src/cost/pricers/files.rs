//! What stores: EFS, S3, ECR and backup vaults.

use rust_decimal::Decimal;

use crate::cost::decimal::dec;

use super::{Missing, Sheet};
use crate::cost::range::Range;

const EFS: &str = "AmazonEFS";

/// Standard storage that brings one MiB a second of throughput with it, in GB. Source: EFS pricing page (50 KiB/s for each GB).
const GB_FOR_ONE_MIBPS: Decimal = dec!(20);

/// `AWS::EFS::FileSystem`.
pub fn file_system(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let properties = sheet.properties(id);
    let mode = properties.text("ThroughputMode")?.unwrap_or_else(|| "bursting".to_owned());
    let one_zone = !matches!(properties.get("AvailabilityZoneName"), crate::cost::evaluate::Node::Absent);
    let elastic = mode == "elastic";
    let zone = if one_zone { "-Z" } else { "" };
    let standard = sheet.used(id, "standard_gb");
    sheet.charge(id, EFS, &format!("TimedStorage{zone}-ByteHrs"), standard, None);
    let infrequent = match (one_zone, elastic) {
        (true, _) => "IATimedStorage-Z-ByteHrs",
        (false, true) => "IATimedStorage-ET-ByteHrs",
        (false, false) => "IATimedStorage-ByteHrs",
    };
    for (field, usage_type) in [
        ("ia_gb", infrequent),
        ("archive_gb", "ArchiveTimedStorage-ByteHrs"),
        ("ia_read_gb", "IADataAccess-Bytes:Read"),
        ("ia_write_gb", "IADataAccess-Bytes:Write"),
    ] {
        let used = sheet.used(id, field);
        sheet.charge(id, EFS, usage_type, used, None);
    }
    match mode.as_str() {
        "elastic" => {
            for (field, usage_type) in
                [("read_gb", "ETDataAccess-Bytes:Read"), ("write_gb", "ETDataAccess-Bytes:Write")]
            {
                let used = sheet.used(id, field);
                sheet.charge(id, EFS, usage_type, used, None);
            }
        }
        "provisioned" => {
            let asked = properties.number("ProvisionedThroughputInMibps")?.unwrap_or_default();
            let asked = sheet.used_or(id, "throughput_mibps", Some((Range::exact(asked), "")));
            let beyond = asked.less(standard.per(GB_FOR_ONE_MIBPS));
            let note = "beyond the 1 MiB/s that 20 GB of standard storage bring";
            sheet.charge(id, EFS, "ProvisionedTP-MiBpsHrs", beyond, Some(note));
        }
        _ => {}
    }
    Ok(())
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

/// `AWS::Backup::BackupVault`; what is in it is taken for file systems, which is what konta backs up.
pub fn vault(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let stored = sheet.used(id, "stored_gb");
    sheet.charge(id, "AWSBackup", "Backup:EFS-warm", stored, Some("as warm backups of file systems"));
    Ok(())
}
