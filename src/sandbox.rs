//! The local AWS of `konta --sandbox`: an emulator in a separate Python process, with real PostgreSQL servers, on
//! 127.0.0.1 only.
//!
//! The process outlives the command that started it, as AWS would; every later command of the workspace attaches to it.
//! All that it keeps is in `.konta/sandbox/` of the workspace. The Python side (`python/konta_sandbox.py`) is embedded
//! in this binary.

mod error;
mod health;
mod home;
pub mod imports;
mod odoo;
mod process;
mod python;
mod python_files;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep};

pub use error::SandboxError;
use home::{Home, Ready};
pub use imports::{Imports, take_for_existing};

/// How long a sandbox may take until it answers. It takes about a second, or a few with a dozen databases to start.
const START: Duration = Duration::from_mins(1);
/// How long a running sandbox, however busy, may leave a health check unanswered before it counts as dead.
const ANSWER: Duration = Duration::from_secs(10);
/// How often konta checks files and processes while it waits.
const LOOK: Duration = Duration::from_millis(25);

/// A local AWS that answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sandbox {
    /// The address for the SDK, `http://127.0.0.1:<port>`.
    pub endpoint: String,
    /// The account it plays.
    pub account: String,
    /// The region of calls that name none.
    pub region: String,
    /// The port of the oldest database cluster's PostgreSQL; `None` while no cluster is deployed.
    pub postgres_port: Option<u16>,
    /// Its process.
    pub pid: u32,
    /// Its folder, `.konta/sandbox` of the workspace.
    pub home: PathBuf,
    /// When it was started, RFC 3339, UTC.
    pub started_at: String,
    /// The version of the Odoo that runs its tasks; `None` if tasks are only shown.
    pub odoo: Option<String>,
    /// The port on which its load balancers answer HTTPS, if tasks run.
    pub https_port: Option<u16>,
    /// The port on which they answer HTTP.
    pub http_port: Option<u16>,
}

/// Which sandbox is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The account it plays.
    pub account: &'a str,
    /// The region of calls that name none.
    pub region: &'a str,
    /// Whether it must run tasks. A sandbox that runs tasks continues to do so even if this is `false`.
    pub with_odoo: bool,
}

/// The state of a workspace's sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Status {
    /// It answers.
    Running(Sandbox),
    /// Its process is alive but does not answer; the next start replaces it.
    NotAnswering {
        /// The process.
        pid: u32,
    },
    /// There is none.
    Stopped,
}

impl Sandbox {
    fn new(ready: Ready, home: &Home) -> Self {
        Self {
            endpoint: ready.endpoint,
            account: ready.account,
            region: ready.region,
            postgres_port: ready.postgres_port,
            pid: ready.pid,
            home: home.path().to_owned(),
            started_at: ready.started_at,
            odoo: ready.odoo,
            https_port: ready.https_port,
            http_port: ready.http_port,
        }
    }
}

/// Attaches to the workspace's sandbox, or starts it. `tell` gets messages for people about what takes time.
///
/// The first start creates a Python environment, for which it needs the package index. If two commands start the
/// sandbox at the same time, the second waits for the first.
pub async fn start(workspace_root: &Path, wanted: Wanted<'_>, tell: &dyn Fn(&str)) -> Result<Sandbox, SandboxError> {
    let home = Home::make(workspace_root)?;
    let _lock = home.lock(tell).await?;
    if let Some(ready) = home.ready().filter(|ready| process::is_sandbox(ready.pid, &home)) {
        if ready.account != wanted.account {
            return Err(SandboxError::OtherAccount { running: ready.account, wanted: wanted.account.to_owned() });
        }
        if !python_files::is_current(&home) {
            tell("restarting the local AWS: another version of konta started it");
        } else if wanted.with_odoo && ready.odoo.is_none() {
            tell("restarting the local AWS: it must run tasks now");
        } else if health::answers_within(ready.port, ANSWER).await {
            return Ok(Sandbox::new(ready, &home));
        } else {
            tell("restarting the local AWS: it does not answer");
        }
    }
    end(&home).await?;
    python_files::write(&home)?;
    let python = python::prepare(&home, tell).await?;
    let odoo = if wanted.with_odoo || odoo::is_wanted(&home) {
        Some(odoo::prepare(&home, &python, tell).await?)
    } else {
        None
    };
    tell("starting the local AWS");
    let sandbox = launch(&home, &python, wanted, odoo.as_deref()).await?;
    for file in home.ready().into_iter().flat_map(|ready| ready.set_aside) {
        tell(&format!(
            "a part of the local AWS starts empty: its file could not be read and is kept as `.konta/sandbox/{file}` \
             (to start from nothing, run `konta sandbox reset`)"
        ));
    }
    Ok(sandbox)
}

/// The state of the workspace's sandbox. Changes nothing and creates no folder.
pub async fn status(workspace_root: &Path) -> Status {
    let Some(home) = Home::find(workspace_root) else { return Status::Stopped };
    match home.ready().filter(|ready| process::is_sandbox(ready.pid, &home)) {
        Some(ready) if health::answers(ready.port).await => Status::Running(Sandbox::new(ready, &home)),
        Some(ready) => Status::NotAnswering { pid: ready.pid },
        None => process::sandboxes(&home).first().map_or(Status::Stopped, |&pid| Status::NotAnswering { pid }),
    }
}

/// Stops the workspace's sandbox in an orderly way; what it holds remains for the next start. Returns whether one was
/// running.
pub async fn stop(workspace_root: &Path, tell: &dyn Fn(&str)) -> Result<bool, SandboxError> {
    let Some(home) = Home::find(workspace_root) else { return Ok(false) };
    let _lock = home.lock(tell).await?;
    end(&home).await
}

/// Stops the workspace's sandbox and deletes what it holds: stacks, databases, logs. The Python environment remains.
/// Returns whether there was anything.
pub async fn reset(workspace_root: &Path, tell: &dyn Fn(&str)) -> Result<bool, SandboxError> {
    let Some(home) = Home::find(workspace_root) else { return Ok(false) };
    let _lock = home.lock(tell).await?;
    let ran = end(&home).await?;
    Ok(home.clear()? || ran)
}

/// Starts the process and waits until it answers.
async fn launch(home: &Home, python: &Path, wanted: Wanted<'_>, odoo: Option<&Path>) -> Result<Sandbox, SandboxError> {
    let log = home.open_log()?;
    let mut child = process::launch(home, python, wanted, odoo, &log)?;
    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        if let Some(ready) = home.ready().filter(|ready| Some(ready.pid) == child.id())
            && health::answers(ready.port).await
        {
            return Ok(Sandbox::new(ready, home));
        }
        if child.try_wait().is_ok_and(|ended| ended.is_some()) {
            return Err(SandboxError::Ended { lines: log.last_lines() });
        }
        sleep(LOOK).await;
    }
    // A half-started process would hold the folder's lock against the next attempt.
    end(home).await?;
    Err(SandboxError::NotReady { seconds: START.as_secs(), lines: log.last_lines() })
}

/// Ends every process of this sandbox: Python first, which stops its databases itself, then databases that a killed one
/// left behind.
async fn end(home: &Home) -> Result<bool, SandboxError> {
    let running = process::sandboxes(home);
    for &pid in &running {
        process::end(pid, || process::is_sandbox(pid, home)).await?;
    }
    let databases = process::end_databases(home).await?;
    home.forget_ready();
    Ok(!running.is_empty() || databases)
}
