//! Reads the workspace as it was at a git revision.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::commands::CommandError;
use crate::manifest;
use crate::stack::LoadedWorkspace;

/// A workspace of the past. Its folder is deleted with it.
pub(super) struct Past {
    /// The commit.
    pub(super) commit: String,
    /// The workspace.
    pub(super) loaded: LoadedWorkspace,
    _folder: TempDir,
}

/// Reads the workspace in `root` as it was at `revision`. Touches neither the working tree nor the repository's index.
///
/// # Errors
/// When there is no git, no repository, no such revision, no workspace in it, or a wrong workspace.
pub(super) fn read(root: &Path, revision: &str) -> Result<Past, CommandError> {
    let unknown = |message: String, help: &str| CommandError::Unknown { message, help: help.to_owned() };
    let repository = git(root, &["rev-parse", "--absolute-git-dir"])?.map_err(|_| {
        unknown(
            format!("{} is not in a git repository", root.display()),
            "leave out --base to compare with what is deployed",
        )
    })?;
    let commit = format!("{revision}^{{commit}}");
    let commit = git(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])?.map_err(|_| {
        unknown(
            format!("the repository has no revision `{revision}`"),
            "name a branch, a tag or a commit; in a pipeline, fetch the base first",
        )
    })?;
    // `:./` is this folder in that revision.
    let no_workspace = || {
        let help = "choose a revision in which the workspace's folder exists and has a konta.yml";
        unknown(format!("there is no workspace at `{revision}`"), help)
    };
    let tree = git(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{commit}:./")])?
        .map_err(|_| no_workspace())?;
    let folder = tempfile::tempdir()?;
    let files = folder.path().join("workspace");
    std::fs::create_dir(&files)?;
    check_out(&repository, &tree, folder.path(), &files)?;
    if !files.join("konta.yml").is_file() {
        return Err(no_workspace());
    }
    let loaded =
        load(&files).map_err(|error| CommandError::Revision { revision: revision.to_owned(), related: vec![error] })?;
    Ok(Past { commit, loaded, _folder: folder })
}

fn load(root: &Path) -> Result<LoadedWorkspace, CommandError> {
    Ok(LoadedWorkspace::with_templates_of(root.to_owned(), manifest::load(root)?)?)
}

/// Writes a tree's files into a folder, with a separate index.
fn check_out(repository: &str, tree: &str, scratch: &Path, files: &Path) -> Result<(), CommandError> {
    let index = scratch.join("index");
    for arguments in [&["read-tree", tree][..], &["checkout-index", "--all", "--force"]] {
        let mut command = command();
        command.arg("--git-dir").arg(repository).arg("--work-tree").arg(files).args(arguments);
        command.current_dir(files).env("GIT_INDEX_FILE", &index);
        run(command)?.map_err(|said| CommandError::Io {
            what: format!("git {} failed", arguments[0]),
            reason: std::io::Error::other(said),
        })?;
    }
    Ok(())
}

/// Runs git in a folder: its output, trimmed, or its error.
fn git(folder: &Path, arguments: &[&str]) -> Result<Result<String, String>, CommandError> {
    let mut command = command();
    command.arg("-C").arg(folder).args(arguments);
    run(command)
}

/// git, without the variables that a hook which calls konta sets for its own repository.
fn command() -> Command {
    let mut command = Command::new("git");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

fn run(mut command: Command) -> Result<Result<String, String>, CommandError> {
    let output = command.output().map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => CommandError::Unknown {
            message: "git is not installed".to_owned(),
            help: "install it, or leave out --base to compare with what is deployed".to_owned(),
        },
        _ => CommandError::Io { what: "cannot run git".to_owned(), reason: source },
    })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    Ok(if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) })
}
