//! A folder that only its owner can access: small files, written atomically, and locks.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use rustix::fs::OFlags;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why the cache cannot be used.
#[derive(Debug, Error, Diagnostic)]
pub enum CacheError {
    /// Others could read it, or it is another user's.
    #[error("{path} is not private: {problem}", path = path.display())]
    #[diagnostic(
        code(konta::auth::cache_open),
        help("anyone who could read it may have your sessions. Run `chmod {right} {path}`, or delete it and log in again", path = path.display())
    )]
    Open {
        /// The folder or file.
        path: PathBuf,
        /// Its mode or owner.
        problem: String,
        /// The mode it must have.
        right: &'static str,
    },
    /// The system refuses.
    #[error("cannot {what} {path}: {reason}", path = path.display())]
    #[diagnostic(code(konta::auth::cache_io), help("set `XDG_CACHE_HOME` to keep konta's cache in another folder"))]
    System {
        /// What was tried.
        what: &'static str,
        /// The folder or file.
        path: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
    /// No home folder.
    #[error("there is no folder for the cache: neither XDG_CACHE_HOME nor HOME is set")]
    #[diagnostic(code(konta::auth::cache_nowhere))]
    Nowhere,
}

/// The folder; it is created when a file is first kept.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
}

/// A held lock, released on drop, or by the system when the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Folder {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The lock; `None` if another process has it.
    pub(super) fn try_lock(&self, name: &str) -> Result<Option<Lock>, CacheError> {
        let file = self.lock_file(name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(self.failed("lock a file in", error)),
        }
    }

    /// Waits for a lock. Blocks.
    pub(super) fn lock(&self, name: &str) -> Result<Lock, CacheError> {
        let file = self.lock_file(name)?;
        file.lock().map_err(|error| self.failed("lock a file in", error))?;
        Ok(Lock { _file: file })
    }

    fn lock_file(&self, name: &str) -> Result<File, CacheError> {
        self.make()?;
        let path = self.path.join(name);
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| CacheError::System { what: "open", path, reason: source })
    }

    /// A small file's bytes; `None` if it does not exist. An error if others could have read or written it.
    pub(super) fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, CacheError> {
        let path = self.path.join(name);
        if !self.check()? {
            return Ok(None);
        }
        let follow_not = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
        let mut file = match OpenOptions::new().read(true).custom_flags(follow_not).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(CacheError::System { what: "open", path, reason: source }),
        };
        let about = file.metadata().map_err(|source| CacheError::System {
            what: "inspect",
            path: path.clone(),
            reason: source,
        })?;
        alone(&path, &about, "600")?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(8192));
        file.read_to_end(&mut bytes).map_err(|source| CacheError::System { what: "read", path, reason: source })?;
        Ok(Some(bytes))
    }

    /// Writes a small file atomically: it is never half-written, whenever the process or the machine stops.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), CacheError> {
        self.make()?;
        let written = || -> io::Result<()> {
            // Created with mode 0600.
            let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.path)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(self.path.join(name)).map_err(|error| error.error)?;
            File::open(&self.path)?.sync_all()
        };
        written().map_err(|error| self.failed("write a file to", error))
    }

    pub(super) fn names(&self) -> Result<Vec<String>, CacheError> {
        if !self.check()? {
            return Ok(Vec::new());
        }
        let entries = fs::read_dir(&self.path).map_err(|error| self.failed("list", error))?;
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), CacheError> {
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed("remove a file from", error)),
            _ => Ok(()),
        }
    }

    /// Creates the folder, for its owner only.
    fn make(&self) -> Result<(), CacheError> {
        if !self.check()? {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
            made.map_err(|error| self.failed("create", error))?;
            self.check()?;
        }
        Ok(())
    }

    /// Whether the folder exists; an error if it is not private to its owner.
    fn check(&self) -> Result<bool, CacheError> {
        match fs::symlink_metadata(&self.path) {
            Ok(about) => alone(&self.path, &about, "700").map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.failed("inspect", error)),
        }
    }

    /// How long ago a file was last written, in seconds.
    pub(super) fn age(&self, name: &str) -> Option<u64> {
        let written = fs::metadata(self.path.join(name)).and_then(|about| about.modified()).ok()?;
        written.elapsed().ok().map(|age| age.as_secs())
    }

    pub(super) fn failed(&self, what: &'static str, source: io::Error) -> CacheError {
        CacheError::System { what, path: self.path.clone(), reason: source }
    }
}

/// Refuses a folder or file of another user, or one that others may read or write.
fn alone(path: &Path, about: &fs::Metadata, right: &'static str) -> Result<(), CacheError> {
    let open = |problem: String| Err(CacheError::Open { path: path.to_owned(), problem, right });
    let own = rustix::process::geteuid().as_raw();
    if about.file_type().is_symlink() {
        return open("it is a link".to_owned());
    }
    if about.uid() != own {
        return open(format!("it belongs to user {}", about.uid()));
    }
    let mode = about.mode() & 0o777;
    if mode & 0o077 != 0 { open(format!("its mode is {mode:o}")) } else { Ok(()) }
}
