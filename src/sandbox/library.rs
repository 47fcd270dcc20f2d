//! The Python side, embedded in the binary and written to `.konta/sandbox/lib`.

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

/// The packages that the program needs.
pub(super) const REQUIREMENTS: &str = include_str!("../../sandbox/requirements.txt");

/// Every file of the Python side, by name.
const FILES: &[(&str, &str)] = &[
    (PROGRAM, include_str!("../../sandbox/konta_sandbox.py")),
    ("containers.py", include_str!("../../sandbox/containers.py")),
    ("data_api.py", include_str!("../../sandbox/data_api.py")),
    ("databases.py", include_str!("../../sandbox/databases.py")),
    ("extras.py", include_str!("../../sandbox/extras.py")),
    ("handlers.py", include_str!("../../sandbox/handlers.py")),
    ("imports.py", include_str!("../../sandbox/imports.py")),
    ("names.py", include_str!("../../sandbox/names.py")),
    ("odoo_image.py", include_str!("../../sandbox/odoo_image.py")),
    ("resources.py", include_str!("../../sandbox/resources.py")),
    ("router.py", include_str!("../../sandbox/router.py")),
    ("strict.py", include_str!("../../sandbox/strict.py")),
    ("unprivileged.py", include_str!("../../sandbox/unprivileged.py")),
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
        let sandbox = Path::new(env!("CARGO_MANIFEST_DIR")).join("sandbox");
        for entry in fs::read_dir(sandbox).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if Path::new(&name).extension().is_some_and(|kind| kind == "py") && !name.starts_with("test_") {
                assert!(FILES.iter().any(|(embedded, _)| *embedded == name), "{name} is missing from FILES");
            }
        }
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
