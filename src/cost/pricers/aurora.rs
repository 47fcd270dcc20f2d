//! Aurora clusters: serverless capacity, storage, I/O and backups. Provisioned instances are priced as instances.

use rust_decimal::Decimal;

use crate::cost::decimal::dec;

use super::secrets::charge_secret;
use super::{Missing, Sheet};
use crate::cost::range::Range;

const RDS: &str = "AmazonRDS";
/// The most capacity of an instance, ACU. Source: Aurora user guide.
const MOST_CAPACITY: u32 = 256;

/// The engine's name in usage types; `None` when the cluster is no Aurora.
pub(super) fn engine(name: &str) -> Option<&'static str> {
    match name {
        "aurora-postgresql" => Some("PostgreSQL"),
        "aurora-mysql" | "aurora" => Some("MySQL"),
        _ => None,
    }
}

/// `AWS::RDS::DBCluster`.
pub fn cluster(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let properties = sheet.properties(id);
    let name = properties.text("Engine")?.unwrap_or_default();
    let Some(engine) = engine(&name) else {
        let reason = format!("the table has no price of Multi-AZ clusters of the engine `{name}`");
        sheet.unknown_price(id, RDS, "Multi-AZClusterUsage", &reason);
        return Ok(());
    };
    let optimized = is_io_optimized(sheet, id)?;
    if properties.is_true("ManageMasterUserPassword")? {
        charge_secret(sheet, id, 1, Some("the master user's password"));
    }
    let stored = storage(sheet, id, optimized);
    if properties.text("EngineMode")?.as_deref() == Some("serverless") {
        let reason = "the table has no price of the capacity of Aurora Serverless v1";
        sheet.unknown_price(id, RDS, &format!("Aurora:ServerlessUsage:{engine}"), reason);
    } else if has_capacity(sheet, id) {
        capacity(sheet, id, engine, optimized)?;
    }
    backups(sheet, id, stored)
}

/// Whether a cluster pays more for storage and capacity, and nothing for I/O.
pub(super) fn is_io_optimized(sheet: &Sheet<'_, '_>, id: &str) -> Result<bool, Missing> {
    Ok(sheet.properties(id).text("StorageType")?.as_deref() == Some("aurora-iopt1"))
}

/// Storage and I/O; how much is stored.
fn storage(sheet: &mut Sheet<'_, '_>, id: &str, optimized: bool) -> Range {
    let stored = sheet.used(id, "storage_gb");
    let usage_type = if optimized { "Aurora:IO-OptimizedStorageUsage" } else { "Aurora:StorageUsage" };
    sheet.charge(id, RDS, usage_type, stored, None);
    if !optimized {
        let operations = sheet.used(id, "io_millions") * dec!(1_000_000);
        sheet.charge(id, RDS, "Aurora:StorageIOUsage", operations, None);
    }
    stored
}

/// Backups beyond the size of the database, which is free: the pages that change while they are kept.
fn backups(sheet: &mut Sheet<'_, '_>, id: &str, stored: Range) -> Result<(), Missing> {
    let days = retention(sheet, id)?;
    let origin = format!(
        "a twentieth of the database changes a day (a hundredth to a fifth), {} of changes are kept; assumed, not measured",
        if days == Decimal::ONE { "1 day".to_owned() } else { format!("{days} days") }
    );
    let changed = sheet.used_or(id, "backup_gb", Some((stored * CHANGED * days, &origin)));
    sheet.charge(id, RDS, "Aurora:BackupUsage", changed, Some("beyond the size of the database, which is free"));
    Ok(())
}

/// The part of a database that changes in a day.
pub(super) const CHANGED: Range = Range::new(dec!(0.01), dec!(0.05), dec!(0.2));

/// Days for which automatic backups are kept; 1 when the template says nothing. Source: `CloudFormation` user guide.
pub(super) fn retention(sheet: &Sheet<'_, '_>, id: &str) -> Result<Decimal, Missing> {
    Ok(sheet.properties(id).measure("BackupRetentionPeriod", 35)?.unwrap_or(Decimal::ONE))
}

fn has_capacity(sheet: &Sheet<'_, '_>, id: &str) -> bool {
    !matches!(sheet.properties(id).get("ServerlessV2ScalingConfiguration"), crate::cost::evaluate::Node::Absent)
}

/// Capacity: the average while awake, for each serverless instance.
fn capacity(sheet: &mut Sheet<'_, '_>, id: &str, engine: &str, optimized: bool) -> Result<(), Missing> {
    let properties = sheet.properties(id);
    let bound = |name: &str| properties.measure(&format!("ServerlessV2ScalingConfiguration.{name}"), MOST_CAPACITY);
    let (least, most) = (bound("MinCapacity")?.unwrap_or(dec!(0.5)), bound("MaxCapacity")?);
    let most = most.ok_or_else(|| "ServerlessV2ScalingConfiguration.MaxCapacity is absent".to_owned())?;
    if least > most {
        return Err(Missing(format!("the capacity from {least} to {most} ACU is no range")));
    }
    let instances = serverless_instances(sheet, id);
    let said = sheet.said(id, "acu");
    let count = match (instances, &said) {
        // Who says what a cluster takes means one that runs.
        (0, Some(_)) => 1,
        (0, None) => {
            sheet.free(id, "no instance of the template takes capacity");
            return Ok(());
        }
        (count, _) => count,
    };
    let awake = awake_hours(sheet, id, least);
    let average = if said.is_some() || sheet.usage().default_of(id, "AWS::RDS::DBCluster", "acu").is_some() {
        sheet.used(id, "acu").map(|acu| acu.max(least).min(most))
    } else {
        let told = Range::new(least, least.max(dec!(0.5)).min(most), most);
        let origin = "the template's least and most capacity; an idle database rests at the least, 0.5 while awake";
        sheet.used_or(id, "acu", Some((told, origin)))
    };
    let mode = if optimized { "ServerlessV2IOOptimizedUsage" } else { "ServerlessV2Usage" };
    let quantity = average * awake * Decimal::from(count);
    let mut notes: Vec<String> = (count > 1).then(|| format!("{count} instances")).into_iter().collect();
    if said.is_some_and(|said| said.low < least || said.high > most) {
        notes.push(format!("the usage file's acu is cut to the {least} to {most} ACU that the cluster may take"));
    }
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    sheet.charge(id, RDS, &format!("Aurora:{mode}:{engine}"), quantity, note.as_deref());
    Ok(())
}

/// Hours in which the cluster does not pause. Only a least capacity of 0 pauses.
fn awake_hours(sheet: &mut Sheet<'_, '_>, id: &str, least: Decimal) -> Range {
    let month = sheet.hours();
    if !least.is_zero() {
        let awake = sheet.said(id, "awake_hours").unwrap_or(Range::exact(month));
        return awake.map(|hours| hours.min(month));
    }
    // Eight hours a day at the least.
    let told = Range::new(month / dec!(3), month, month);
    let origin = "it pauses only while no connection is open, and an application that runs keeps one open";
    sheet.used_or(id, "awake_hours", Some((told, origin))).map(|hours| hours.min(month))
}

fn serverless_instances(sheet: &Sheet<'_, '_>, id: &str) -> usize {
    let instances = sheet.of_type("AWS::RDS::DBInstance");
    let of_cluster = instances.into_iter().map(|instance| sheet.properties(instance)).filter(|instance| {
        instance.linked("DBClusterIdentifier").as_deref() == Some(id)
            && instance.text("DBInstanceClass").ok().flatten().as_deref() == Some("db.serverless")
    });
    of_cluster.count()
}
