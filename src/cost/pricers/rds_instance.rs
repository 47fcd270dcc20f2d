//! RDS and Aurora instances: hours, storage and backups.

use rust_decimal::Decimal;

use crate::cost::decimal::dec;
use crate::cost::evaluate::Properties;
use crate::cost::range::Range;

use super::secrets::charge_secret;
use super::{Missing, Sheet, aurora};

const RDS: &str = "AmazonRDS";

/// `AWS::RDS::DBInstance`.
pub fn instance(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let properties = sheet.properties(id);
    let class = properties.text("DBInstanceClass")?.ok_or_else(|| "DBInstanceClass is absent".to_owned())?;
    let cluster = cluster_of(sheet, id)?;
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
    if properties.is_true("ManageMasterUserPassword")? {
        charge_secret(sheet, id, 1, Some("the master user's password"));
    }
    storage(sheet, id, &properties, &name, twice)
}

/// The cluster of the template that an instance belongs to.
fn cluster_of(sheet: &Sheet<'_, '_>, id: &str) -> Result<Option<String>, Missing> {
    let Some(cluster) = sheet.properties(id).linked("DBClusterIdentifier") else { return Ok(None) };
    // A parameter's value may come from a resource of another stack.
    let kind = sheet.document().resource_type(&cluster);
    if cluster == id || !matches!(kind, "" | "AWS::RDS::DBCluster") {
        return Err(Missing(format!("its DBClusterIdentifier names {cluster}, which is no cluster")));
    }
    Ok(Some(cluster))
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
    let allocated = properties.measure("AllocatedStorage", MOST_STORAGE)?;
    let iops = properties.measure("Iops", MOST_IOPS)?;
    let kind = properties.text("StorageType")?.unwrap_or_else(|| if iops.is_some() { "io1" } else { "gp2" }.to_owned());
    if allocated.is_none() && sheet.said(id, "storage_gb").is_none() {
        return Err(Missing(
            "AllocatedStorage is absent: a snapshot or AWS decides how much storage it has".to_owned(),
        ));
    }
    let allocated = allocated.unwrap_or_default();
    let stored = sheet.used_or(id, "storage_gb", Some((Range::exact(allocated), "")));
    let both = if twice { "Multi-AZ-" } else { "" };
    let usage_type = match kind.as_str() {
        "gp3" => format!("RDS:{both}GP3-Storage"),
        "gp2" => format!("RDS:{both}GP2-Storage"),
        "io1" | "io2" => format!("RDS:{both}PIOPS-Storage"),
        "standard" => format!("RDS:{both}StorageUsage"),
        other => return Err(Missing(format!("there is no storage type `{other}`"))),
    };
    sheet.charge(id, RDS, &usage_type, stored, None);
    let both = format!("RDS:{both}");
    performance(sheet, id, (&kind, &both, engine), (allocated, iops.unwrap_or_default()))?;
    if kind == "standard" {
        let operations = sheet.used(id, "io_millions");
        sheet.charge(id, RDS, "RDS:StorageIOUsage", operations * dec!(1_000_000), None);
    } else if sheet.said(id, "io_millions").is_some() {
        sheet.free(id, &format!("I/O is in the price of {kind} storage"));
    }
    let most = stored.high * aurora::CHANGED.high * aurora::retention(sheet, id)?;
    let origin = "backups fit into the allocated storage, which is free, unless the disk is full and a fifth of it changes a day";
    let backups = sheet.used_or(id, "backup_gb", Some((Range::new(Decimal::ZERO, Decimal::ZERO, most), origin)));
    let note = "beyond the allocated storage, which is free";
    sheet.charge(id, RDS, "RDS:ChargedBackupUsage", backups, Some(note));
    Ok(())
}

/// The most of an instance: storage in GB, I/O a second, MiB a second. Source: RDS user guide, quotas; engines and classes have less.
const MOST_STORAGE: u32 = 262_144;
const MOST_IOPS: u32 = 256_000;
const MOST_THROUGHPUT: u32 = 16_000;

/// I/O and throughput beyond what gp3 brings; all I/O of io1 and io2.
fn performance(
    sheet: &mut Sheet<'_, '_>,
    id: &str,
    (kind, both, engine): (&str, &str, &str),
    (allocated, iops): (Decimal, Decimal),
) -> Result<(), Missing> {
    // Storage of a size that AWS stripes brings more. Source: RDS user guide, gp3 storage.
    let striped = if engine.starts_with("sqlserver") { Decimal::MAX } else { dec!(400) };
    let (operations, throughput) =
        if allocated >= striped { (dec!(12_000), dec!(500)) } else { (dec!(3_000), dec!(125)) };
    let beyond = iops.saturating_sub(if kind == "gp3" { operations } else { Decimal::ZERO });
    if beyond > Decimal::ZERO {
        let usage_type = format!("{both}{}", if kind == "gp3" { "GP3-PIOPS" } else { "PIOPS" });
        sheet.charge(id, RDS, &usage_type, Range::exact(beyond), None);
    }
    let asked = sheet.properties(id).measure("StorageThroughput", MOST_THROUGHPUT)?.unwrap_or_default();
    if kind == "gp3" && asked > throughput {
        let note = format!("beyond the {throughput} MiB/s that the storage brings");
        sheet.charge(id, RDS, &format!("{both}GP3-Throughput"), Range::exact(asked - throughput), Some(&note));
    }
    Ok(())
}
