//! The Python environment of the sandbox: created once; its packages are installed again only if their list has
//! changed.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::error::SandboxError;
use super::home::{self, Home};
use super::python_files;

/// The variable that names a folder for a Python environment that several workspaces share, for tests and CI.
const SHARED: &str = "KONTA_SANDBOX_VENV";
/// The file that is written into the environment last: what was installed, and for which Python.
const MARKER: &str = "konta-requirements";

/// The interpreter of an environment in which everything is installed.
pub(super) async fn prepare(home: &Home, tell: &dyn Fn(&str)) -> Result<PathBuf, SandboxError> {
    let shared = std::env::var_os(SHARED).filter(|folder| !folder.is_empty());
    let is_shared = shared.is_some();
    let venv = match shared {
        Some(folder) => std::path::absolute(folder).map_err(SandboxError::system(format!("use {SHARED}")))?,
        None => home.join("venv"),
    };
    let python = venv.join("bin").join("python");
    // Checked without the lock first: konta may be allowed only to read the folder.
    if is_complete(&venv, &python).await {
        return Ok(python);
    }
    let what = "the Python environment of the local AWS";
    let lock = lock_of(&venv);
    if let Some(folder) = lock.parent() {
        fs::create_dir_all(folder).map_err(SandboxError::system(format!("create the folder of {what}")))?;
    }
    let _lock = home::lock(&lock, what, tell).await?;
    if is_complete(&venv, &python).await {
        return Ok(python);
    }
    // A partial installation must not look complete.
    let _ = fs::remove_file(venv.join(MARKER));
    if version(&python).await.is_none() {
        tell("creating the Python environment of the local AWS");
        make(&venv, is_shared).await?;
    }
    tell("installing the packages of the local AWS (once; about 150 MB)");
    install(&python, &python_files::folder(home).join("requirements.txt")).await?;
    let version = version(&python).await.unwrap_or_default();
    // Readable like the rest of the environment: other users may share it. Half a marker counts as none.
    fs::write(venv.join(MARKER), marker(&version)).map_err(SandboxError::system(format!("write to {what}")))?;
    Ok(python)
}

/// Next to the folder, not in it: creating the environment may empty the folder.
fn lock_of(venv: &Path) -> PathBuf {
    let mut name = venv.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    venv.with_file_name(name)
}

async fn is_complete(venv: &Path, python: &Path) -> bool {
    let Ok(installed) = fs::read_to_string(venv.join(MARKER)) else { return false };
    // An environment remains when the system's Python is upgraded, but then finds none of its packages.
    version(python).await.is_some_and(|version| installed == marker(&version))
}

fn marker(version: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(python_files::REQUIREMENTS.as_bytes());
    format!("{} {version}\n", python_files::hexadecimal(hasher))
}

/// "3.11"; `None` if that Python does not run.
async fn version(python: &Path) -> Option<String> {
    let code = "import sys, pip; print('%d.%d' % sys.version_info[:2])";
    let answer = quiet(python).args(["-I", "-c", code]).output().await.ok()?;
    answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).trim().to_owned())
}

async fn make(venv: &Path, is_shared: bool) -> Result<(), SandboxError> {
    // konta empties only its own folder: one that the operator names may hold more than konta put there.
    let clear: &[&str] = if is_shared { &[] } else { &["--clear"] };
    let made = quiet(Path::new("python3")).args(["-m", "venv"]).args(clear).arg(venv).output().await;
    match made {
        Ok(made) if made.status.success() => Ok(()),
        Ok(made) => Err(SandboxError::VenvFailed { lines: said(&made) }),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(SandboxError::PythonMissing),
        Err(error) => Err(SandboxError::system("run python3")(error)),
    }
}

async fn install(python: &Path, requirements: &Path) -> Result<(), SandboxError> {
    let installed = quiet(python)
        .args(["-I", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--requirement"])
        .arg(requirements)
        .env("PIP_ROOT_USER_ACTION", "ignore")
        .output()
        .await
        .map_err(SandboxError::system("run pip"))?;
    if installed.status.success() { Ok(()) } else { Err(SandboxError::PipFailed { lines: said(&installed) }) }
}

/// A program that ends with this one, asks nothing, and ignores another environment that is active.
fn quiet(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).kill_on_drop(true);
    for name in ["PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_REQUIRE_VIRTUALENV", "PIP_TARGET", "PIP_USER"] {
        command.env_remove(name);
    }
    command
}

fn said(output: &std::process::Output) -> String {
    home::last_lines(&[output.stdout.as_slice(), output.stderr.as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_lies_beside_the_environment() {
        assert_eq!(lock_of(Path::new("/cache/venv")), Path::new("/cache/venv.lock"));
    }

    #[tokio::test]
    async fn an_environment_without_its_marker_or_its_python_is_not_complete() {
        let venv = tempfile::tempdir().unwrap();
        let python = venv.path().join("bin/python");
        assert!(!is_complete(venv.path(), &python).await);
        fs::write(venv.path().join(MARKER), marker("3.11")).unwrap();
        assert!(!is_complete(venv.path(), &python).await);
    }
}
