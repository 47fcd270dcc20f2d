//! What a backup is: its name, its objects, its manifest, and the task that makes or reads it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The tool that runs inside the task, in this konta's version.
pub const TOOL: &str = include_str!("../../templates/odoo/backup_tool.py");

/// The format of backups that this konta writes and reads; `FORMAT` in the tool.
pub const FORMAT: u32 = 1;

/// The object that says that a backup is whole.
pub const MANIFEST: &str = "manifest.json";

/// The tool's verb that gives each file of the former database a second link, so that Odoo's garbage collection
/// cannot remove its content.
pub const PIN_FILES: &str = "pin-files";

/// The tool's verb that links pinned files back into the filestore and counts those that are lost.
pub const RELINK_FILES: &str = "relink-files";

/// The tool's verb that removes the second links.
pub const UNPIN_FILES: &str = "unpin-files";

/// CPU units and MiB of a task that backs up or restores: compression and `PostgreSQL` itself keep
/// one processor busy each.
pub const SIZE: (u32, u32) = (1024, 2048);

/// Fetches the tool from where konta put it, and runs it only if its digest is right.
const STARTER: &str = "import hashlib, sys, urllib.request
tool = urllib.request.urlopen(sys.argv[1], timeout=60).read()
if hashlib.sha256(tool).hexdigest() != sys.argv[2]:
    sys.exit('this is not the tool that konta sent')
del sys.argv[1:3]
exec(compile(tool, 'backup_tool.py', 'exec'))";

const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// A backup's name: when it began, in UTC, such as `20261125T033000Z`. Sorted as text, names are in the order of time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BackupId(String);

impl BackupId {
    /// The name of a backup that began at this moment.
    #[must_use]
    pub fn at(moment: Timestamp) -> Self {
        Self(moment.strftime(STAMP).to_string())
    }

    /// Reads a name; `None` if the text is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = Self(text.to_owned());
        (id.moment().strftime(STAMP).to_string() == text).then_some(id)
    }

    /// When the backup began.
    #[must_use]
    pub fn moment(&self) -> Timestamp {
        let read = DateTime::strptime(STAMP, &self.0).and_then(|civil| TimeZone::UTC.to_timestamp(civil));
        read.unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BackupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a finished backup says about itself. Written last: without it, a backup is not valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format.
    pub format: u32,
    /// The tenant.
    pub tenant: String,
    /// The backup's name.
    pub id: BackupId,
    /// The image of the task that made it.
    pub image: Option<String>,
    /// The version of Odoo's `base` in the database, such as `19.0.1.3`.
    pub odoo: Option<String>,
    /// `PostgreSQL`'s version.
    pub postgresql: String,
    /// Installed modules with their versions.
    pub modules: BTreeMap<String, Option<String>>,
    /// The objects next to the manifest.
    pub objects: BTreeMap<String, Object>,
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// The attachments' files.
    pub files: Files,
    /// When it was finished, RFC 3339, UTC.
    pub finished_at: String,
}

/// An object of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// The attachments' files of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// How many there are.
    pub count: u64,
    /// Those that the database names but the filestore did not have.
    pub missing: Vec<String>,
    /// Those whose content is not what their name says.
    pub damaged: Vec<String>,
}

impl Files {
    /// How many are missing or damaged.
    #[must_use]
    pub fn lost(&self) -> u64 {
        (self.missing.len() + self.damaged.len()) as u64
    }
}

impl Manifest {
    /// Bytes of all objects.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.objects.values().map(|object| object.bytes).sum()
    }

    /// The release of Odoo, such as `19.0`.
    #[must_use]
    pub fn series(&self) -> Option<String> {
        let version = self.odoo.as_deref()?;
        Some(version.split('.').take(2).collect::<Vec<_>>().join("."))
    }
}

/// What a task must do.
#[derive(Debug, Clone, Serialize)]
pub struct Job<'a> {
    /// `backup`, `restore` or `check`; [`PIN_FILES`], [`RELINK_FILES`] or [`UNPIN_FILES`].
    pub verb: &'a str,
    /// The bucket.
    pub bucket: &'a str,
    /// Its region.
    pub region: &'a str,
    /// Where the backup's objects are: the tenant's name and the backup's name.
    pub prefix: String,
    /// The key of the object with the task's outcome.
    pub result: String,
    /// The tenant whose backup it is.
    pub tenant: &'a str,
    /// The database to read or to fill.
    pub database: &'a str,
    /// The role that owns it.
    pub role: &'a str,
    /// The folder of the filestore: the name of the tenant's own database.
    pub filestore: &'a str,
    /// The task's image, for the manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<&'a str>,
    /// This version of konta, for the manifest.
    pub konta: &'a str,
    /// Whether the copy must be neutralised.
    pub neutralize: bool,
    /// The address of a neutralised copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<&'a str>,
}

/// A task's outcome.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Whether it succeeded.
    pub ok: bool,
    /// The backup's name.
    pub id: Option<BackupId>,
    /// What went wrong.
    pub error: Option<String>,
    /// How long it took, in seconds.
    #[serde(default)]
    pub seconds: f64,
    /// Bytes written.
    pub bytes: Option<u64>,
    /// Rows counted.
    pub rows: Option<u64>,
    /// Files.
    pub files: Option<u64>,
    /// Files that the database names but that are lost.
    pub missing: Option<u64>,
    /// The first of them.
    pub first_missing: Option<String>,
    /// Scheduled jobs that stay active in a neutralised copy.
    pub active_crons: Option<u64>,
}

/// The SHA-256 of the tool, in hexadecimal.
#[must_use]
pub fn tool_digest() -> String {
    use std::fmt::Write as _;
    Sha256::digest(TOOL.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The command of a task that fetches the tool from an address and does a job with it. Only the address is secret: it
/// is valid for a limited time and leads to the tool alone.
#[must_use]
pub fn command(address: &str, job: &Job<'_>) -> Vec<String> {
    let job = serde_json::to_string(job).unwrap_or_default();
    ["python3", "-c", STARTER, address, &tool_digest(), &job].map(ToOwned::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backups_name_is_its_moment() {
        let id = BackupId::parse("20261125T033000Z").unwrap();
        assert_eq!(id.moment().to_string(), "2026-11-25T03:30:00Z");
        assert_eq!(BackupId::at(id.moment()), id);
        for other in ["", "latest", "20261125", "20261325T033000Z", "20261125T033000Z/x"] {
            assert_eq!(BackupId::parse(other), None, "{other}");
        }
    }

    #[test]
    fn tool_and_konta_mean_the_same_format() {
        assert!(TOOL.contains(&format!("\nFORMAT = {FORMAT}\n")));
    }

    #[test]
    fn the_tool_knows_every_verb_that_konta_sends() {
        let (_, verbs) = TOOL.split_once("\nVERBS = {\n").unwrap();
        let (verbs, _) = verbs.split_once("\n}").unwrap();
        let known: Vec<&str> = verbs.lines().filter_map(|line| line.split('\'').nth(1)).collect();
        assert_eq!(known, ["backup", "restore", "check", PIN_FILES, RELINK_FILES, UNPIN_FILES]);
    }

    /// No task definition contains the tool, and a bucket may hold the tools of several versions. A task runs the tool
    /// of the konta that sends the verb, or nothing.
    #[test]
    fn a_task_runs_the_tool_of_the_konta_that_sends_the_verb() {
        let digest = tool_digest();
        let job = Job {
            verb: PIN_FILES,
            bucket: "b",
            region: "eu-west-1",
            prefix: "t/1".to_owned(),
            result: "r".to_owned(),
            tenant: "t",
            database: "t",
            role: "t",
            filestore: "t",
            image: None,
            konta: "0.1.0",
            neutralize: false,
            base_url: None,
        };
        let command = command("https://example.com/tool", &job);
        assert_eq!(command[..2], ["python3", "-c"]);
        assert!(
            command[2].contains("if hashlib.sha256(tool).hexdigest() != sys.argv[2]:\n    sys.exit("),
            "{}",
            command[2]
        );
        assert_eq!(command[3..5], ["https://example.com/tool", digest.as_str()]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&command[5]).unwrap()["verb"], "pin-files");
    }

    /// Source: ECS API reference, `RunTask`: overrides of at most 8,192 characters.
    #[test]
    fn a_command_leaves_room_for_a_long_address() {
        let (long, url) = ("x".repeat(63), "https://staging.example.com");
        let job = Job {
            verb: "restore",
            bucket: &long,
            region: "ap-southeast-1",
            prefix: long.clone(),
            result: long.clone(),
            tenant: &long,
            database: &long,
            role: &long,
            filestore: &long,
            image: Some(&long),
            konta: "0.1.0",
            neutralize: true,
            base_url: Some(url),
        };
        let length: usize = command("", &job).iter().map(String::len).sum();
        assert!(length < 2_000, "{length}");
    }
}
