//! The processes of a sandbox: started separately from this one, recognised by their command lines, ended in an orderly
//! way.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::error::SandboxError;
use super::home::{Home, Log};
use super::{LOOK, python_files};

/// How long a process may take to end in an orderly way: Python gives its servers 20 seconds, and its databases another
/// 20.
const GRACE: Duration = Duration::from_secs(45);
/// How long the system may take to end a killed process.
const KILL: Duration = Duration::from_secs(5);

/// The environment variables that the process gets: not the operator's credentials, and no settings meant for another
/// emulator or Python.
const PASSED: [&str; 7] = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/// Starts the Python process in its own process group, so that Ctrl-C in this terminal does not reach it.
pub(super) fn launch(
    home: &Home,
    python: &Path,
    wanted: super::Wanted<'_>,
    odoo: Option<&Path>,
    log: &Log,
) -> Result<Child, SandboxError> {
    let what = "start the local AWS";
    let output = || log.file.try_clone().map_err(SandboxError::system(what));
    let kept = std::env::vars_os()
        .filter(|(name, _)| PASSED.iter().any(|passed| name == passed) || name.to_string_lossy().starts_with("KONTA_"));
    Command::new(python)
        .arg(python_files::folder(home).join(python_files::PROGRAM))
        .args([OsStr::new("--home"), home.path().as_os_str()])
        .args(["--account", wanted.account, "--region", wanted.region])
        .args(odoo.into_iter().flat_map(|folder| [OsStr::new("--odoo"), folder.as_os_str()]))
        .env_clear()
        .envs(kept)
        .env("PYTHONUNBUFFERED", "1")
        .current_dir(home.path())
        .stdin(Stdio::null())
        .stdout(output()?)
        .stderr(output()?)
        .process_group(0)
        .spawn()
        .map_err(SandboxError::system(what))
}

/// Whether a process is the Python process of this sandbox: its id alone may meanwhile belong to another process.
pub(super) fn is_sandbox(pid: u32, home: &Home) -> bool {
    command_line(pid).is_some_and(|line| is_sandbox_line(&line, home.path()))
}

/// Every Python process of this sandbox, including one that is not ready or whose `ready.json` was lost.
pub(super) fn sandboxes(home: &Home) -> Vec<u32> {
    let mut found: Vec<u32> = match fs::read_dir("/proc") {
        Ok(entries) => entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|&pid| is_sandbox(pid, home))
            .collect(),
        // Without /proc (macOS) only what the process said about itself is known.
        Err(_) => home.ready().map(|ready| ready.pid).filter(|&pid| is_sandbox(pid, home)).into_iter().collect(),
    };
    found.sort_unstable();
    found
}

/// Ends a process: asks, waits, kills. `lives` says whether the id still is that process's.
pub(super) async fn end(pid: u32, lives: impl Fn() -> bool) -> Result<(), SandboxError> {
    for (signal, patience) in [(Signal::TERM, GRACE), (Signal::KILL, KILL)] {
        if !lives() {
            return Ok(());
        }
        send(pid, signal)?;
        // A process that was stopped (Ctrl-Z, a debugger) gets the signal only once it continues.
        send(pid, Signal::CONT)?;
        if gone(&lives, patience).await {
            return Ok(());
        }
    }
    Err(SandboxError::DoesNotEnd { pid, problem: "it was killed but still exists".into() })
}

/// Ends the PostgreSQL servers that a killed sandbox left running on its data. Returns whether there were any.
pub(super) async fn end_databases(home: &Home) -> Result<bool, SandboxError> {
    let Ok(folders) = fs::read_dir(home.join("postgres")) else { return Ok(false) };
    let mut found = false;
    for folder in folders.flatten() {
        let data = folder.path().join("data");
        let pid = fs::read_to_string(data.join("postmaster.pid"))
            .ok()
            .and_then(|text| text.lines().next()?.trim().parse::<u32>().ok());
        let Some(pid) = pid else { continue };
        let lives = || command_line(pid).is_some_and(|line| is_database_line(&line, &data));
        if lives() {
            found = true;
            // PostgreSQL's fast shutdown: it disconnects its clients and writes its data.
            send(pid, Signal::INT)?;
            if !gone(lives, GRACE).await {
                end(pid, lives).await?;
            }
        }
    }
    Ok(found)
}

async fn gone(lives: impl Fn() -> bool, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while lives() {
        if Instant::now() >= deadline {
            return false;
        }
        sleep(LOOK).await;
    }
    true
}

fn send(pid: u32, signal: Signal) -> Result<(), SandboxError> {
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
    match number.map(|pid| kill_process(pid, signal)) {
        // It has ended meanwhile.
        Some(Ok(()) | Err(rustix::io::Errno::SRCH)) => Ok(()),
        Some(Err(error)) => Err(SandboxError::DoesNotEnd { pid, problem: error.to_string() }),
        None => Err(SandboxError::DoesNotEnd { pid, problem: "that is not a process id".into() }),
    }
}

fn is_sandbox_line(line: &str, home: &Path) -> bool {
    line.contains(python_files::PROGRAM) && line.contains(&format!("--home {} --account", home.display()))
}

fn is_database_line(line: &str, data: &Path) -> bool {
    line.contains("postgres") && line.contains(&format!("-D {} -p", data.display()))
}

/// A process's command line, its arguments separated by spaces; `None` if there is no such process or it has ended (a
/// zombie has no command line).
fn command_line(pid: u32) -> Option<String> {
    let bytes = if Path::new("/proc/self").exists() {
        fs::read(format!("/proc/{pid}/cmdline")).ok()?
    } else {
        let pid = pid.to_string();
        std::process::Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid]).output().ok()?.stdout
    };
    let line = String::from_utf8_lossy(&bytes).replace('\0', " ").trim().to_owned();
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ours_by_program_and_folder() {
        let line = "python /w/.konta/sandbox/lib/konta_sandbox.py --home /w/.konta/sandbox --account 1 --region r";
        assert!(is_sandbox_line(line, Path::new("/w/.konta/sandbox")));
        assert!(!is_sandbox_line(line, Path::new("/w/.konta/sand")));
        assert!(!is_sandbox_line("vim /w/.konta/sandbox/lib/konta_sandbox.py", Path::new("/w/.konta/sandbox")));
        let line = "/v/bin/postgres -D /w/.konta/sandbox/postgres/a/data -p 4711";
        assert!(is_database_line(line, Path::new("/w/.konta/sandbox/postgres/a/data")));
        assert!(!is_database_line(line, Path::new("/w/.konta/sandbox/postgres/a")));
    }

    #[tokio::test]
    async fn a_process_is_ended_and_then_has_no_command_line() {
        let mut child = Command::new("sleep").arg("47").spawn().unwrap();
        let pid = child.id().unwrap();
        let lives = || command_line(pid).is_some_and(|line| line.contains("sleep"));
        // Between fork and exec the line is still that of this test.
        while !lives() {
            sleep(LOOK).await;
        }
        end(pid, lives).await.unwrap();
        assert!(!lives());
        child.wait().await.unwrap();
    }
}
