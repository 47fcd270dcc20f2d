//! The Odoo that runs a sandbox's tasks: fetched once for all workspaces, by the Python side.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use super::error::SandboxError;
use super::home::{self, Home};
use super::python_files;

/// The variable that names a folder instead of the user's cache.
const FOLDER: &str = "KONTA_SANDBOX_ODOO";
/// The program of the Python side that fetches it.
const PROGRAM: &str = "odoo_image.py";
/// A file in the sandbox's folder: this sandbox runs tasks, also after it was stopped.
const WISH: &str = "with-odoo";

/// Whether this sandbox ran tasks before.
pub(super) fn is_wanted(home: &Home) -> bool {
    home.join(WISH).exists()
}

/// The folder of an Odoo, which is fetched if it does not exist.
pub(super) async fn prepare(home: &Home, python: &Path, tell: &dyn Fn(&str)) -> Result<PathBuf, SandboxError> {
    let what = "the Odoo of the local AWS";
    let folder = folder()?;
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(SandboxError::system(format!("create the folder of {what}")))?;
    }
    let _lock = home::lock(&folder.with_extension("lock"), what, tell).await?;
    if !folder.join("image.json").exists() {
        tell("fetching an Odoo (once; about 350 MB, 1.2 GB on disk)");
    }
    let mut child = Command::new(python)
        .arg("-I")
        .arg(python_files::folder(home).join(PROGRAM))
        .arg(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(SandboxError::system("run Python"))?;
    if let Some(said) = child.stdout.take() {
        let mut lines = BufReader::new(said).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            // Its last line is the version, which `konta sandbox status` shows.
            if !line.starts_with("Odoo ") {
                tell(&line);
            }
        }
    }
    let mut problem = Vec::new();
    if let Some(mut said) = child.stderr.take() {
        said.read_to_end(&mut problem).await.map_err(SandboxError::system("read Python's output"))?;
    }
    let ended = child.wait().await.map_err(SandboxError::system("wait for Python"))?;
    if !ended.success() {
        return Err(SandboxError::NoOdoo { lines: home::last_lines(&problem) });
    }
    fs::write(home.join(WISH), "").map_err(SandboxError::system("write to .konta/sandbox"))?;
    Ok(folder)
}

fn folder() -> Result<PathBuf, SandboxError> {
    use etcetera::BaseStrategy as _;
    if let Some(named) = std::env::var_os(FOLDER).filter(|folder| !folder.is_empty()) {
        return std::path::absolute(named).map_err(SandboxError::system(format!("use {FOLDER}")));
    }
    let base = etcetera::choose_base_strategy().map_err(SandboxError::system("find the cache folder"))?;
    Ok(base.cache_dir().join("konta").join("odoo-19"))
}
