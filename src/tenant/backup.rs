//! Backups of a tenant: a task makes them, the bucket lists them, and konta deletes those that are no longer kept.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::aws::Aws;
use crate::model::{BackupsKept, TenantName};
use crate::odoo::backup::{BackupId, FORMAT, MANIFEST, Manifest, Outcome};
use crate::odoo::retention;
use crate::operation::context::Context;
use crate::operation::step::Step;
use crate::operation::{OperationError, StepOutcome};

use super::backup_store::BackupStore;
use super::backup_task::{self, Work, backup_prefix};

/// The object that records a test restore of a backup.
const CHECKED: &str = "checked.json";
/// How long a backup without a manifest may still be under way.
const UNDER_WAY: SignedDuration = SignedDuration::from_hours(48);

/// The one step of a backup.
pub const BACK_UP: Step = Step::harmless("backup", "copy its database and files to the bucket of backups");

/// A backup in the bucket.
#[derive(Debug, Clone, Serialize)]
pub struct StoredBackup {
    /// Its name.
    pub id: BackupId,
    /// When it began, RFC 3339, UTC.
    pub begun_at: String,
    /// Bytes of all its objects.
    pub bytes: u64,
    /// Whether it has its manifest; a backup without one cannot be restored.
    pub complete: bool,
    /// Odoo's version; `None` if the backup is not complete.
    pub odoo: Option<String>,
    /// Files that the database names but that were missing or damaged when the backup was made.
    pub files_lost: Option<u64>,
    /// Why its manifest cannot be read; `None` if it can. Such a backup can hardly be restored, and konta never deletes it
    /// by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// When a test last restored it whole.
    pub checked_at: Option<String>,
    #[serde(skip)]
    keys: Vec<String>,
}

/// The record of a test restore.
#[derive(Debug, Serialize, Deserialize)]
struct Checked {
    at: String,
}

/// A finished backup.
#[derive(Debug, Clone)]
pub struct FinishedBackup {
    /// The task's result.
    pub outcome: Outcome,
    /// Its manifest.
    pub manifest: Manifest,
}

/// Backs up a tenant, or waits for its backup that is under way.
///
/// # Errors
/// When the tenant is not deployed or the task fails; then there is no backup.
pub async fn back_up(
    context: &Context<'_>,
    tenant: &TenantName,
    now: Timestamp,
) -> Result<FinishedBackup, OperationError> {
    let store = BackupStore::of(context, tenant)?;
    let (id, database) = (BackupId::at(now), tenant.database());
    let work = Work { verb: "backup", source: tenant.as_str(), id: &id, database: &database, neutralized_at: None };
    let mut made = None;
    let running = async {
        let outcome = backup_task::run(context, &store, &work).await?;
        // A backup that was under way has its own name.
        let id = outcome.id.clone().unwrap_or_else(|| id.clone());
        let manifest = manifest(context.aws, &store.bucket, tenant.as_str(), &id).await?;
        let detail = format!("{id}, {} rows, {} files", manifest.rows.values().sum::<u64>(), manifest.files.count);
        made = Some(FinishedBackup { outcome, manifest });
        Ok((StepOutcome::Done, Some(detail)))
    };
    context.step(&store.stack, BACK_UP, running).await?;
    made.ok_or_else(|| OperationError::MissingOutput { stack: store.stack, missing: MANIFEST.to_owned() })
}

/// The backups of a tenant, oldest first.
///
/// # Errors
/// When the bucket cannot be read.
pub async fn list(aws: &Aws, bucket: &str, tenant: &str) -> Result<Vec<StoredBackup>, OperationError> {
    let mut by_id: BTreeMap<BackupId, StoredBackup> = BTreeMap::new();
    for object in aws.objects(bucket, &format!("{tenant}/")).await? {
        let mut parts = object.key.splitn(3, '/').skip(1);
        let (Some(Some(id)), Some(name)) = (parts.next().map(BackupId::parse), parts.next().map(ToOwned::to_owned))
        else {
            continue;
        };
        let kept = by_id.entry(id.clone()).or_insert_with(|| StoredBackup {
            begun_at: id.moment().to_string(),
            id,
            bytes: 0,
            complete: false,
            odoo: None,
            files_lost: None,
            unreadable: None,
            checked_at: None,
            keys: Vec::new(),
        });
        kept.bytes += object.bytes;
        kept.complete |= name == MANIFEST;
        kept.keys.push(object.key);
    }
    let mut found: Vec<StoredBackup> = by_id.into_values().collect();
    for kept in &mut found {
        let prefix = backup_prefix(tenant, &kept.id);
        if kept.complete {
            match manifest(aws, bucket, tenant, &kept.id).await {
                Ok(manifest) => {
                    kept.files_lost = Some(manifest.files.lost());
                    kept.odoo = manifest.odoo;
                }
                // An unreadable manifest must not hide the other backups.
                Err(OperationError::Preflight { problem, .. }) => kept.unreadable = Some(problem),
                Err(error) => return Err(error),
            }
        }
        let key = format!("{prefix}/{CHECKED}");
        if kept.keys.contains(&key)
            && let Some(text) = aws.object(bucket, &key).await?
        {
            kept.checked_at = serde_json::from_slice::<Checked>(&text).ok().map(|checked| checked.at);
        }
    }
    Ok(found)
}

/// Deletes the backups that are no longer kept, and what remains of those that were never finished. Returns their names.
///
/// # Errors
/// When the bucket cannot be read or written.
pub async fn thin_out(
    aws: &Aws,
    bucket: &str,
    tenant: &str,
    kept: BackupsKept,
    now: Timestamp,
) -> Result<Vec<BackupId>, OperationError> {
    let all = list(aws, bucket, tenant).await?;
    let whole: Vec<(BackupId, u64)> = all.iter().filter_map(|one| Some((one.id.clone(), one.files_lost?))).collect();
    let mut gone = retention::superseded(&whole, kept, now);
    gone.extend(
        all.iter()
            .filter(|one| !one.complete && now.duration_since(one.id.moment()) > UNDER_WAY)
            .map(|one| one.id.clone()),
    );
    gone.sort();
    for one in all.iter().filter(|one| gone.contains(&one.id)) {
        // The manifest first: what an interrupted deletion leaves is not a backup.
        let (manifest, rest): (Vec<String>, Vec<String>) =
            one.keys.iter().cloned().partition(|key| key.ends_with(MANIFEST));
        aws.delete_objects(bucket, &manifest).await?;
        aws.delete_objects(bucket, &rest).await?;
    }
    Ok(gone)
}

/// How many files the newest older backup reports as lost; `None` if there is no older backup that can be read.
///
/// # Errors
/// When the bucket cannot be read.
pub async fn lost_before(aws: &Aws, bucket: &str, tenant: &str, id: &BackupId) -> Result<Option<u64>, OperationError> {
    let all = list(aws, bucket, tenant).await?;
    Ok(all.iter().rev().filter(|one| one.id < *id).find_map(|one| one.files_lost))
}

/// The manifest of a backup.
///
/// # Errors
/// When there is no such backup, and when this konta cannot read its format.
pub async fn manifest(aws: &Aws, bucket: &str, tenant: &str, id: &BackupId) -> Result<Manifest, OperationError> {
    let problem = |problem: String| OperationError::Preflight {
        problem,
        help: format!("run `konta tenant backups {tenant}` to list its backups"),
    };
    let key = format!("{}/{MANIFEST}", backup_prefix(tenant, id));
    let Some(text) = aws.object(bucket, &key).await? else {
        return Err(problem(format!("{tenant} has no backup {id}")));
    };
    let format =
        serde_json::from_slice::<serde_json::Value>(&text).ok().and_then(|value| value.get("format")?.as_u64());
    if format.is_some_and(|format| format != u64::from(FORMAT)) {
        return Err(OperationError::Preflight {
            problem: format!(
                "the backup {id} of {tenant} has format {}, but this konta reads format {FORMAT}",
                format.unwrap_or_default()
            ),
            help: "use the version of konta that made the backup".to_owned(),
        });
    }
    serde_json::from_slice(&text)
        .map_err(|error| problem(format!("the manifest of {tenant}'s backup {id} cannot be read: {error}")))
}

/// The backup that the operator asks for: by its name, or the newest.
///
/// # Errors
/// When there is no such backup.
pub async fn find(aws: &Aws, bucket: &str, tenant: &str, asked: Option<&str>) -> Result<Manifest, OperationError> {
    let named = asked.filter(|asked| *asked != "latest");
    let id = if let Some(text) = named {
        BackupId::parse(text).ok_or_else(|| OperationError::Preflight {
            problem: format!("`{text}` is not the name of a backup, such as `20261125T033000Z`"),
            help: format!("run `konta tenant backups {tenant}` to list its backups"),
        })?
    } else {
        let all = aws.objects(bucket, &format!("{tenant}/")).await?;
        let whole = all.iter().filter_map(|object| object.key.strip_suffix("/manifest.json")?.rsplit('/').next());
        whole.filter_map(BackupId::parse).max().ok_or_else(|| OperationError::Preflight {
            problem: format!("{tenant} has no backup"),
            help: format!("make one with `konta tenant backup {tenant}`"),
        })?
    };
    manifest(aws, bucket, tenant, &id).await
}

/// Records next to a backup that a test restored it.
pub(super) async fn note_check(aws: &Aws, bucket: &str, tenant: &str, id: &BackupId) -> Result<(), OperationError> {
    let text = serde_json::to_vec(&Checked { at: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string() });
    let key = format!("{}/{CHECKED}", backup_prefix(tenant, id));
    Ok(aws.put_object(bucket, &key, text.unwrap_or_default()).await?)
}
