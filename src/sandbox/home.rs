//! The sandbox's folder, `.konta/sandbox` of a workspace: its files and its lock.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::error::SandboxError;

/// How long one command waits for another that starts the sandbox: the first start may install packages over a slow
/// line.
const WAIT: Duration = Duration::from_mins(10);
/// A log longer than this, in bytes, is replaced by a new one.
const LONGEST_LOG: u64 = 4 * 1024 * 1024;
/// How many lines of a log or of pip's output an error shows.
const LINES_SHOWN: usize = 15;
/// What [`Home::clear`] keeps: it takes long to create again, or is in use.
const KEPT: [&str; 4] = ["venv", "venv.lock", "lib", LOCK];
const LOCK: &str = "konta.lock";

/// `ready.json`: written by the Python process once everything answers.
#[derive(Debug, Deserialize)]
pub(super) struct Ready {
    pub(super) endpoint: String,
    pub(super) port: u16,
    pub(super) postgres_port: Option<u16>,
    pub(super) pid: u32,
    pub(super) account: String,
    pub(super) region: String,
    #[serde(default)]
    pub(super) started_at: String,
    /// The version of the Odoo that runs the tasks; `None` if they are only shown.
    #[serde(default)]
    pub(super) odoo: Option<String>,
    #[serde(default)]
    pub(super) https_port: Option<u16>,
    #[serde(default)]
    pub(super) http_port: Option<u16>,
    /// What could not be read at the start: the names that these files have now, within the folder.
    #[serde(default)]
    pub(super) set_aside: Vec<String>,
}

/// The sandbox's folder.
#[derive(Debug)]
pub(super) struct Home(PathBuf);

impl Home {
    /// Creates the folder, readable only for its owner: it will hold passwords.
    pub(super) fn make(workspace_root: &Path) -> Result<Self, SandboxError> {
        let konta = workspace_root.join(".konta");
        fs::create_dir_all(&konta).map_err(SandboxError::system("create the folder .konta"))?;
        // The workspace is usually a git repository, and nothing in this folder belongs in it.
        let ignore = konta.join(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n").map_err(SandboxError::system("write .konta/.gitignore"))?;
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(konta.join("sandbox"))
            .map_err(SandboxError::system("create the folder .konta/sandbox"))?;
        Self::find(workspace_root).ok_or_else(|| SandboxError::System {
            what: "open the folder .konta/sandbox".into(),
            problem: "it does not exist".into(),
        })
    }

    /// The folder, if it exists, as an absolute path without links: processes are recognised by it.
    pub(super) fn find(workspace_root: &Path) -> Option<Self> {
        workspace_root.join(".konta").join("sandbox").canonicalize().ok().map(Self)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What the running process says about itself; `None` if there is none or it is not ready.
    pub(super) fn ready(&self) -> Option<Ready> {
        serde_json::from_slice(&fs::read(self.join("ready.json")).ok()?).ok()
    }

    /// Removes what a killed process said about itself.
    pub(super) fn forget_ready(&self) {
        // It may already be absent.
        let _ = fs::remove_file(self.join("ready.json"));
    }

    /// The lock to hold while the sandbox is started or stopped; released on drop, and if the process is killed.
    pub(super) async fn lock(&self, tell: &dyn Fn(&str)) -> Result<File, SandboxError> {
        lock(&self.join(LOCK), "the local AWS", tell).await
    }

    /// Deletes stacks, databases and logs. Returns whether there was anything.
    pub(super) fn clear(&self) -> Result<bool, SandboxError> {
        let what = "empty the folder .konta/sandbox";
        let mut found = false;
        for entry in fs::read_dir(&self.0).map_err(SandboxError::system(what))? {
            let entry = entry.map_err(SandboxError::system(what))?;
            if KEPT.iter().any(|kept| entry.file_name() == *kept) {
                continue;
            }
            found = true;
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let removed = if is_folder { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
            removed.map_err(SandboxError::system(format!("delete .konta/sandbox/{}", entry.file_name().display())))?;
        }
        Ok(found)
    }

    /// Opens the log for a new run.
    pub(super) fn open_log(&self) -> Result<Log, SandboxError> {
        let folder = self.join("log");
        let path = folder.join("sandbox.log");
        let what = "write .konta/sandbox/log/sandbox.log";
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(SandboxError::system(what))?;
        if fs::metadata(&path).is_ok_and(|log| log.len() > LONGEST_LOG) {
            fs::remove_file(&path).map_err(SandboxError::system(what))?;
        }
        let file =
            OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map_err(SandboxError::system(what))?;
        let start = file.metadata().map_or(0, |log| log.len());
        Ok(Log { path, file, start })
    }
}

/// The process's log, from where its run begins.
pub(super) struct Log {
    path: PathBuf,
    pub(super) file: File,
    start: u64,
}

impl Log {
    /// The last lines of this run.
    pub(super) fn last_lines(&self) -> String {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.start))?;
            file.read_to_end(&mut bytes)
        });
        match read {
            Ok(0) => "(no output)".to_owned(),
            Ok(_) => last_lines(&bytes),
            Err(error) => format!("(its log cannot be read: {error})"),
        }
    }
}

/// The last lines of a program's output, without control characters.
pub(super) fn last_lines(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let shown = lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n");
    shown.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}

/// Waits for the lock on a file, and says once that it waits.
pub(super) async fn lock(path: &Path, what: &'static str, tell: &dyn Fn(&str)) -> Result<File, SandboxError> {
    let failed = || SandboxError::system(format!("lock {what}"));
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(failed())?;
    let deadline = Instant::now() + WAIT;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(failed()(error)),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(SandboxError::Busy { what, minutes: WAIT.as_secs() / 60 });
            }
            Err(TryLockError::WouldBlock) => {}
        }
        if !told {
            tell(&format!("waiting for another konta that is busy with {what}"));
            told = true;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clearing_leaves_what_takes_long_to_make() {
        let workspace = tempfile::tempdir().unwrap();
        let home = Home::make(workspace.path()).unwrap();
        for folder in ["venv", "lib", "state", "postgres/eu-west-1-a/data"] {
            fs::create_dir_all(home.join(folder)).unwrap();
        }
        fs::write(home.join("requests.jsonl"), "").unwrap();
        assert!(home.clear().unwrap());
        let mut left: Vec<_> = fs::read_dir(home.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["lib", "venv"]);
        assert!(!home.clear().unwrap());
        assert_eq!(fs::read_to_string(workspace.path().join(".konta/.gitignore")).unwrap(), "*\n");
    }

    #[tokio::test]
    async fn a_second_command_waits_for_the_first_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = lock(&path, "the local AWS", &|_| {}).await.unwrap();
        let told = std::cell::Cell::new(0);
        let tell = |_: &str| told.set(told.get() + 1);
        let second = lock(&path, "the local AWS", &tell);
        let release = async {
            sleep(Duration::from_millis(120)).await;
            drop(first);
        };
        let (second, ()) = tokio::join!(second, release);
        second.unwrap();
        assert_eq!(told.get(), 1);
    }

    #[test]
    fn a_log_shows_the_lines_of_its_own_run_only() {
        let workspace = tempfile::tempdir().unwrap();
        let home = Home::make(workspace.path()).unwrap();
        let write = |log: &Log, text: &str| std::io::Write::write_all(&mut &log.file, text.as_bytes()).unwrap();
        write(&home.open_log().unwrap(), "an old run\n");
        let log = home.open_log().unwrap();
        assert_eq!(log.last_lines(), "(no output)");
        write(&log, "Traceback\n\n  \u{1b}[31mred\r\n");
        assert_eq!(log.last_lines(), "Traceback\n  [31mred");
    }
}
