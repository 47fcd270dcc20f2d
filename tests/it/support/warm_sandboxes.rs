//! Sandboxes that run already: each is leased to one test at a time, and emptied before the next.
//!
//! A sandbox of its own costs a test the start of a process and the end of it. There are as many as tests that run at once. They end with
//! this process, however it ends: see [`while_this_process_lives`].

use std::fs::{DirBuilder, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

/// What a sandbox checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Neither signatures nor policies.
    Open,
    /// Signatures, tokens and policies.
    Checking,
}

/// A sandbox's folder, held by this process.
#[derive(Debug)]
pub struct Lease {
    pub kind: Kind,
    pub home: PathBuf,
    /// Whether this process has emptied it: what another process left in it is not to be trusted.
    pub is_clean: bool,
    /// Keeps other processes of tests out of the folder.
    _lock: File,
}

static FREE: Mutex<Vec<Lease>> = Mutex::new(Vec::new());

/// The folder of this target's temporary files.
fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// A sandbox that nobody uses. It runs if it was leased before; else the first command starts it.
pub fn lease(kind: Kind) -> Lease {
    let mut free = FREE.lock().unwrap();
    if let Some(place) = free.iter().position(|lease| lease.kind == kind) {
        return free.remove(place);
    }
    let folder = target().join("warm");
    std::fs::create_dir_all(&folder).unwrap();
    for number in 0.. {
        let home = folder.join(format!("{kind:?}-{number}").to_lowercase());
        let lock = File::create(home.with_extension("lock")).unwrap();
        if lock.try_lock().is_ok() {
            DirBuilder::new().recursive(true).mode(0o700).create(&home).unwrap();
            return Lease { kind, home, is_clean: false, _lock: lock };
        }
    }
    unreachable!("there are numbers enough")
}

/// Empties a sandbox and keeps it for the next test; false when it must be stopped and cleared by `konta sandbox reset` instead.
fn is_emptied(home: &Path) -> bool {
    let Ok(ready) = std::fs::read_to_string(home.join("ready.json")) else { return false };
    let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
    let address = ready["endpoint"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let Ok(mut stream) = TcpStream::connect(&address) else { return false };
    let request = format!("POST /_konta/reset HTTP/1.0\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n");
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.lines().next().is_some_and(|line| line.contains(" 200"))
}

/// Takes a sandbox back. `clear` stops it and deletes what it holds, where it cannot be emptied.
pub fn give_back(mut lease: Lease, clear: impl FnOnce()) {
    if !is_emptied(&lease.home) {
        clear();
    }
    lease.is_clean = true;
    FREE.lock().unwrap().push(lease);
}

/// A file that this process has locked as long as it lives. A sandbox that is started with its name in `KONTA_SANDBOX_WHILE_LOCKED` ends
/// when the system releases the lock, so that none outlives tests that were killed.
pub fn while_this_process_lives() -> &'static Path {
    static LOCKED: OnceLock<(PathBuf, File)> = OnceLock::new();
    &LOCKED
        .get_or_init(|| {
            let folder = target().join("running");
            std::fs::create_dir_all(&folder).unwrap();
            for old in std::fs::read_dir(&folder).unwrap().flatten() {
                // One of a process that has ended.
                if File::open(old.path()).is_ok_and(|file| file.try_lock().is_ok()) {
                    let _ = std::fs::remove_file(old.path());
                }
            }
            // A name that no other process sees before it is locked.
            let path = folder.join(std::process::id().to_string());
            let new = tempfile::NamedTempFile::new_in(target()).unwrap();
            new.as_file().lock().unwrap();
            let file = new.persist(&path).unwrap();
            (path, file)
        })
        .0
}
