//! The Python files of the sandbox, embedded in the binary and written to `.konta/sandbox/lib`.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::SandboxError;
use super::home::Home;

/// The program that is run.
pub(super) const PROGRAM: &str = "konta_sandbox.py";

/// What the program needs installed.
pub(super) const REQUIREMENTS: &str = include_str!("python/requirements.txt");

/// Every file of the Python side, by name.
const FILES: &[(&str, &str)] = &[
    (PROGRAM, include_str!("python/konta_sandbox.py")),
    ("api_answers.py", include_str!("python/api_answers.py")),
    ("aws_checks.py", include_str!("python/aws_checks.py")),
    ("cfn_added_types.py", include_str!("python/cfn_added_types.py")),
    ("cfn_adjusted_types.py", include_str!("python/cfn_adjusted_types.py")),
    ("containers.py", include_str!("python/containers.py")),
    ("data_api.py", include_str!("python/data_api.py")),
    ("databases.py", include_str!("python/databases.py")),
    ("ecs_names.py", include_str!("python/ecs_names.py")),
    ("emulator.py", include_str!("python/emulator.py")),
    ("imports.py", include_str!("python/imports.py")),
    ("odoo_image.py", include_str!("python/odoo_image.py")),
    ("request_log.py", include_str!("python/request_log.py")),
    ("router.py", include_str!("python/router.py")),
    ("state_files.py", include_str!("python/state_files.py")),
    ("unprivileged.py", include_str!("python/unprivileged.py")),
    ("requirements.txt", REQUIREMENTS),
];

/// Holds the digest of the files next to it, by which a running process of another version is recognised.
const VERSION: &str = "VERSION";

/// The folder of the Python side.
pub(super) fn folder(home: &Home) -> PathBuf {
    home.join("lib")
}

/// Whether the files written there are those of this binary.
pub(super) fn is_current(home: &Home) -> bool {
    fs::read_to_string(folder(home).join(VERSION)).is_ok_and(|version| version == digest())
}

/// Writes the files. To be called only while no process runs from there.
pub(super) fn write(home: &Home) -> Result<(), SandboxError> {
    if is_current(home) {
        return Ok(());
    }
    let folder = folder(home);
    let what = "write .konta/sandbox/lib";
    // A module of another version must not remain importable.
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(SandboxError::system(what))?;
    }
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(SandboxError::system(what))?;
    for (name, text) in FILES {
        put(&folder, name, text).map_err(SandboxError::system(what))?;
    }
    put(&folder, VERSION, &digest()).map_err(SandboxError::system(what))
}

/// Writes a file so that a reader sees all of it or none.
fn put(folder: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(folder.join(name)).map(drop).map_err(|error| error.error)
}

/// SHA-256 in hexadecimal.
pub(super) fn hexadecimal(hasher: Sha256) -> String {
    hasher.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn digest() -> String {
    let mut hasher = Sha256::new();
    for (name, text) in FILES {
        hasher.update(name.as_bytes());
        hasher.update([0]);
        hasher.update(text.as_bytes());
        hasher.update([0]);
    }
    hexadecimal(hasher)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_of_the_python_side_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sandbox/python");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        let mut names: Vec<String> = files.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
        let mut embedded: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        embedded.sort_unstable();
        assert_eq!(embedded, names);
    }

    #[test]
    fn a_folder_of_another_version_is_replaced_whole() {
        let workspace = tempfile::tempdir().unwrap();
        let home = Home::make(workspace.path()).unwrap();
        assert!(!is_current(&home));
        write(&home).unwrap();
        assert!(is_current(&home));
        fs::write(folder(&home).join(VERSION), "another").unwrap();
        fs::write(folder(&home).join("json.py"), "a module that would hide another").unwrap();
        assert!(!is_current(&home));
        write(&home).unwrap();
        assert!(is_current(&home));
        assert!(!folder(&home).join("json.py").exists());
    }
}
