//! RDS and Aurora instances: hours, storage and backups.

use rust_decimal::Decimal;

use crate::cost::decimal::dec;

use super::small::charge_secret;
use super::{Missing, Sheet, aurora};
use crate::cost::evaluate::Properties;
use crate::cost::range::Range;

const RDS: &str = "AmazonRDS";

/// `AWS::RDS::DBInstance`.
pub fn instance(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let properties = sheet.properties(id);
    let class = properties.text("DBInstanceClass")?.ok_or_else(|| "DBInstanceClass is absent".to_owned())?;
    let cluster = properties.linked("DBClusterIdentifier");
    if class == "db.serverless" {
        match cluster {
            Some(cluster) => sheet.free(id, &format!("its capacity is priced with the cluster {cluster}")),
            None => sheet.unknown(id, "its capacity is set by a cluster that is not in the template"),
        }
        return Ok(());
    }
    let name = match (properties.text("Engine")?, &cluster) {
        (Some(name), _) => name,
        (None, Some(cluster)) => sheet.properties(cluster).text("Engine")?.unwrap_or_default(),
        (None, None) => return Err(Missing("Engine is absent".to_owned())),
    };
    let month = Range::exact(sheet.hours());
    let hours = sheet.used_or(id, "hours", Some((month, "")));
    if let Some(engine) = aurora::engine(&name) {
        let optimized = match &cluster {
            Some(cluster) => aurora::is_io_optimized(sheet, cluster)?,
            None => false,
        };
        let mode = if optimized { "InstanceUsageIOOptimized" } else { "InstanceUsage" };
        sheet.charge(id, RDS, &format!("{mode}:{class}:Aurora{engine}"), hours, None);
        return Ok(());
    }
    if cluster.is_some() || !matches!(properties.get("DBClusterIdentifier"), crate::cost::evaluate::Node::Absent) {
        sheet.free(id, "priced with its cluster");
        return Ok(());
    }
    let twice = properties.is_true("MultiAZ")?;
    let mode = if twice { "Multi-AZUsage" } else { "InstanceUsage" };
    sheet.charge(id, RDS, &format!("{mode}:{class}:{}", engine(&name)), hours, None);
    if properties.is_true("ManageMasterUserPassword").unwrap_or(false) {
        charge_secret(sheet, id, 1, Some("the master user's password"));
    }
    storage(sheet, id, &properties, &name, twice)
}

/// The engine's name in usage types.
fn engine(name: &str) -> String {
    match name {
        "postgres" => "PostgreSQL".to_owned(),
        "mysql" => "MySQL".to_owned(),
        "mariadb" => "MariaDB".to_owned(),
        other => other.to_owned(),
    }
}

fn storage(
    sheet: &mut Sheet<'_, '_>,
    id: &str,
    properties: &Properties<'_, '_>,
    engine: &str,
    twice: bool,
) -> Result<(), Missing> {
    let allocated = properties.number("AllocatedStorage")?.unwrap_or_default();
    let stored = sheet.used_or(id, "storage_gb", Some((Range::exact(allocated), "")));
    let iops = properties.number("Iops")?;
    let kind = properties.text("StorageType")?.unwrap_or_else(|| if iops.is_some() { "io1" } else { "gp2" }.to_owned());
    let both = if twice { "Multi-AZ-" } else { "" };
    let usage_type = match kind.as_str() {
        "gp3" => format!("RDS:{both}GP3-Storage"),
        "gp2" => format!("RDS:{both}GP2-Storage"),
        "io1" | "io2" => format!("RDS:{both}PIOPS-Storage"),
        "standard" => format!("RDS:{both}StorageUsage"),
        other => return Err(Missing(format!("there is no storage type `{other}`"))),
    };
    sheet.charge(id, RDS, &usage_type, stored, None);
    // Storage of a size that AWS stripes brings more. Source: RDS user guide, gp3 storage.
    let striped = if engine.starts_with("sqlserver") { Decimal::MAX } else { dec!(400) };
    let brought = if allocated >= striped { dec!(12_000) } else { dec!(3_000) };
    let beyond = iops.unwrap_or_default().saturating_sub(if kind == "gp3" { brought } else { Decimal::ZERO });
    if beyond > Decimal::ZERO {
        let usage_type = format!("RDS:{both}{}", if kind == "gp3" { "GP3-PIOPS" } else { "PIOPS" });
        sheet.charge(id, RDS, &usage_type, Range::exact(beyond), None);
    }
    let operations = sheet.used(id, "io_millions");
    if kind == "standard" {
        sheet.charge(id, RDS, "RDS:StorageIOUsage", operations * dec!(1_000_000), None);
    } else if !operations.is_zero() {
        sheet.free(id, &format!("I/O is in the price of {kind} storage"));
    }
    let backups = sheet.used(id, "backup_gb");
    let note = "beyond the allocated storage, which is free";
    sheet.charge(id, RDS, "RDS:ChargedBackupUsage", backups, Some(note));
    Ok(())
}
