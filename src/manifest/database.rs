//! The `database` of an environment.

use super::diagnostic::{Code, choose};
use super::read::{Field, Fields, Reader, Refusal};
use crate::model::{CapacityRange, DatabaseSettings};

const KEYS: &[&str] = &["engine_version", "capacity", "auto_pause", "instances", "backup_retention_days"];

/// Versions of Aurora PostgreSQL with which a cluster can be created.
/// Source: CloudFormation's schema of `AWS::RDS::DBCluster`, 2026-10-20, majors 16 to 18.
const ENGINE_VERSIONS: &[&str] = &[
    "16.8", "16.9", "16.10", "16.11", "16.13", "16.14", "16.15", "17.4", "17.5", "17.6", "17.7", "17.9", "17.10",
    "17.11", "18.3", "18.4", "18.6",
];
const DEFAULT_ENGINE_VERSION: &str = "17.9";

/// Seconds; also AWS's own default. Source: RDS API, `ServerlessV2ScalingConfiguration`.
const DEFAULT_AUTO_PAUSE: u32 = 300;

/// The database of an environment whose manifest does not describe one.
pub(super) fn default() -> Option<DatabaseSettings> {
    Some(DatabaseSettings {
        engine_version: DEFAULT_ENGINE_VERSION.to_owned(),
        capacity: CapacityRange::parse("0.5", "4").ok()?,
        auto_pause_seconds: None,
        instances: 1,
        backup_retention_days: 7,
    })
}

/// Reads `database`.
pub(super) fn read(reader: &mut Reader<'_>, field: Field<'_>) -> Option<DatabaseSettings> {
    let fields = reader.fields(field, "database", KEYS)?;
    let given = default()?;
    let engine_version =
        fields.get("engine_version").map_or(Some(given.engine_version), |field| reader.checked(field, engine_version));
    let capacity = fields.get("capacity").map_or(Some(given.capacity), |field| capacity(reader, field));
    let instances = fields.get("instances").map_or(Some(given.instances), |field| reader.whole(field, 1..=2));
    let backup_retention_days = fields
        .get("backup_retention_days")
        .map_or(Some(given.backup_retention_days), |field| reader.whole(field, 1..=35));
    let capacity = capacity?;
    Some(DatabaseSettings {
        engine_version: engine_version?,
        capacity,
        auto_pause_seconds: auto_pause(reader, &fields, capacity)?,
        instances: instances?,
        backup_retention_days: backup_retention_days?,
    })
}

fn engine_version(text: &str) -> Result<String, Refusal> {
    if ENGINE_VERSIONS.contains(&text) {
        return Ok(text.to_owned());
    }
    let problem = format!("`{text}` is not a version of Aurora PostgreSQL with which a cluster can be created");
    Err(Refusal::new(problem, choose(text, ENGINE_VERSIONS.iter().copied())))
}

fn capacity(reader: &mut Reader<'_>, field: Field<'_>) -> Option<CapacityRange> {
    let fields = reader.fields(field, "capacity", &["min", "max"])?;
    let (min, max) = (fields.required("min", "min: 0.5", reader), fields.required("max", "max: 4", reader));
    let (min, max) = (min?, max?);
    let (low, high) = (reader.number(min)?.to_owned(), reader.number(max)?.to_owned());
    let refused = CapacityRange::parse(&low, &high);
    // If one bound is not a capacity by itself, the problem points at it; otherwise the pair does not fit.
    let at = if CapacityRange::parse(&low, "256").is_err() { min } else { max };
    reader.taken(at, refused)
}

/// `Some(None)` is a cluster that never pauses; `None` is a refused value.
#[expect(clippy::option_option, reason = "the outer one is whether the value was accepted, as everywhere in this room")]
fn auto_pause(reader: &mut Reader<'_>, fields: &Fields<'_>, capacity: CapacityRange) -> Option<Option<u32>> {
    let Some(field) = fields.get("auto_pause") else {
        return Some(capacity.can_pause().then_some(DEFAULT_AUTO_PAUSE));
    };
    let seconds = reader.whole(field, 300..=86_400)?;
    if capacity.can_pause() {
        return Some(Some(seconds));
    }
    let message = format!("a cluster with a minimum of {} ACU never pauses", capacity.min());
    reader.add(
        Code::NotAllowed,
        &field.key.span,
        "not with this capacity",
        message,
        "set `capacity.min` to 0, or remove the line",
    );
    None
}
