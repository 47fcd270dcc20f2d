//! Sessions kept between runs, in `$XDG_CACHE_HOME/konta/sessions`: only the owner can read them, and they are written
//! atomically. Commands that run side by side ask for a session once.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::chain::Keys;
use super::private_dir::Folder;
use super::surroundings::Surroundings;

pub use super::private_dir::{CacheError, Lock};

/// How long before its end a session counts as ended.
pub const EARLY: SignedDuration = SignedDuration::from_mins(5);

/// How long after its end a session is removed, so that a command that is renewing it does not lose the new one.
const LEFTOVER: SignedDuration = SignedDuration::from_hours(1);

/// What distinguishes one session from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The access key id of the user.
    pub access_key_id: String,
    /// The device.
    pub serial: String,
    /// The role, if the code went to AssumeRole.
    pub role: Option<String>,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// The requested duration, in seconds.
    pub duration_seconds: i64,
}

impl Key {
    /// The name of the file: SHA-256 of every part with its length.
    fn file(&self) -> String {
        let seconds = self.duration_seconds.to_string();
        let role = self.role.as_deref().unwrap_or_default();
        format!("{}.json", digest(&[&self.access_key_id, &self.serial, role, &self.partition, &seconds]))
    }
}

/// Whether a file's name is that of a session: a digest and `.json`.
fn is_session(name: &str) -> bool {
    name.strip_suffix(".json").is_some_and(|digest| digest.len() == 64)
}

fn lock_name(serial: &str) -> String {
    format!("device-{}.lock", digest(&[serial]))
}

/// SHA-256 of the parts, each preceded by its length.
pub(super) fn digest(parts: &[&str]) -> String {
    use std::fmt::Write as _;
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A session as it is kept.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its keys, with their expiration.
    pub keys: Keys,
    /// When it ends.
    pub ends: Timestamp,
    /// When it was requested.
    pub begun: Timestamp,
    /// The user's access key id.
    pub user_key: String,
    /// The device whose code opened it.
    pub serial: String,
    /// The role, if the code went to AssumeRole.
    pub role: Option<String>,
    /// The user or role.
    pub arn: String,
}

impl Entry {
    /// Whether it lasts for more than [`EARLY`] after `now`.
    #[must_use]
    pub fn lasts(&self, now: Timestamp) -> bool {
        self.ends - EARLY > now
    }

    /// Whether it belongs to the key's user, device and role, whatever its duration.
    fn is_of(&self, key: &Key) -> bool {
        self.user_key == key.access_key_id && self.serial == key.serial && self.role == key.role
    }
}

/// An entry as it is on disk. Its secrets are wiped on drop.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    /// RFC 3339, like `begun`.
    expiration: String,
    begun: String,
    user_key: String,
    serial: String,
    role: Option<String>,
    arn: String,
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.secret_access_key.zeroize();
        self.session_token.zeroize();
    }
}

/// The folder of sessions.
#[derive(Debug, Clone)]
pub struct Cache {
    pub(super) folder: Folder,
}

impl Cache {
    /// The user's: `$XDG_CACHE_HOME/konta/sessions`, else `~/.cache/konta/sessions`. A relative XDG_CACHE_HOME counts
    /// as absent, as the XDG specification says.
    pub fn of(around: &Surroundings) -> Result<Self, CacheError> {
        let named = around.variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let base = named.or_else(|| Some(around.home.as_ref()?.join(".cache"))).ok_or(CacheError::Nowhere)?;
        Ok(Self::at(base.join("konta/sessions")))
    }

    /// A cache in a folder, which is created when the first session is kept.
    #[must_use]
    pub fn at(folder: PathBuf) -> Self {
        Self { folder: Folder::at(folder) }
    }

    /// The session of a user, device and role that was begun last, while it lasts: a later login for a shorter time is
    /// meant to count. A file that cannot be read as a session counts as absent.
    pub fn find(&self, key: &Key, now: Timestamp) -> Result<Option<Entry>, CacheError> {
        let fits = |entry: &Entry| entry.lasts(now) && entry.is_of(key);
        let entries = self.entries()?.into_iter().map(|(_, entry)| entry).filter(fits);
        Ok(entries.max_by_key(|entry| entry.begun))
    }

    /// Keeps a session instead of any older one of the same user, device and role, and removes those that ended long
    /// ago.
    pub fn write(&self, key: &Key, entry: &Entry, now: Timestamp) -> Result<(), CacheError> {
        self.sweep(now)?;
        let token = entry.keys.session_token.as_ref().map(|token| token.expose_secret().to_owned());
        let stored = Stored {
            version: 1,
            access_key_id: entry.keys.access_key_id.clone(),
            secret_access_key: entry.keys.secret_access_key.expose_secret().to_owned(),
            session_token: token.unwrap_or_default(),
            expiration: entry.ends.to_string(),
            begun: entry.begun.to_string(),
            user_key: entry.user_key.clone(),
            serial: entry.serial.clone(),
            role: entry.role.clone(),
            arn: entry.arn.clone(),
        };
        // Large enough from the start: a buffer that grows leaves copies of its content in memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(16_384));
        serde_json::to_writer(&mut *bytes, &stored).map_err(|e| self.folder.failed("write a file to", e.into()))?;
        self.folder.put(&key.file(), &bytes)?;
        self.forget(|other| other.is_of(key) && other.begun < entry.begun).map(drop)
    }

    /// Every session, ended or not, with its file's name.
    pub fn entries(&self) -> Result<Vec<(String, Entry)>, CacheError> {
        let mut found = Vec::new();
        for name in self.folder.names()?.into_iter().filter(|name| is_session(name)) {
            found.extend(self.entry(&name)?.map(|entry| (name, entry)));
        }
        Ok(found)
    }

    /// Forgets the sessions that `which` selects, and returns how many.
    pub fn forget(&self, which: impl Fn(&Entry) -> bool) -> Result<usize, CacheError> {
        let chosen: Vec<_> = self.entries()?.into_iter().filter(|(_, entry)| which(entry)).collect();
        for (name, _) in &chosen {
            self.folder.remove(name)?;
        }
        Ok(chosen.len())
    }

    /// The right to ask for a device's code; `None` if another command has it.
    pub fn try_lock(&self, serial: &str) -> Result<Option<Lock>, CacheError> {
        self.folder.try_lock(&lock_name(serial))
    }

    /// Waits for the right to ask for a device's code. Blocks.
    pub fn lock(&self, serial: &str) -> Result<Lock, CacheError> {
        self.folder.lock(&lock_name(serial))
    }

    /// Removes sessions that ended long ago or cannot be read, and what a killed command left half-written.
    fn sweep(&self, now: Timestamp) -> Result<(), CacheError> {
        for name in self.folder.names()? {
            let old = if name.starts_with(".new-") {
                self.folder.age(&name).is_some_and(|age| age > 60)
            } else {
                is_session(&name) && self.entry(&name)?.is_none_or(|entry| entry.ends + LEFTOVER < now)
            };
            if old {
                self.folder.remove(&name)?;
            }
        }
        Ok(())
    }

    fn entry(&self, name: &str) -> Result<Option<Entry>, CacheError> {
        let Some(bytes) = self.folder.get(name)? else { return Ok(None) };
        let Ok(stored) = serde_json::from_slice::<Stored>(&bytes) else { return Ok(None) };
        let times = stored.expiration.parse::<Timestamp>().ok().zip(stored.begun.parse::<Timestamp>().ok());
        let Some((ends, begun)) = times.filter(|_| stored.version == 1) else { return Ok(None) };
        Ok(Some(Entry {
            keys: Keys {
                access_key_id: stored.access_key_id.clone(),
                secret_access_key: stored.secret_access_key.as_str().into(),
                session_token: Some(stored.session_token.as_str().into()),
                expiration: Some(ends),
            },
            ends,
            begun,
            user_key: stored.user_key.clone(),
            serial: stored.serial.clone(),
            role: stored.role.clone(),
            arn: stored.arn.clone(),
        }))
    }
}

#[cfg(test)]
mod tests;
