//! The operator's files in a folder of the workspace, and those among them that konta would ignore.

use std::path::{Path, PathBuf};

use super::error::TemplateError;

/// Endings of files that an operator expects konta to read, but that it does not.
const OTHER_ENDINGS: &[&str] = &["yaml", "json", "template"];

/// A file that konta reads.
#[derive(Debug)]
pub(super) struct Found {
    /// Its path within the folder without `.yml`, with `/`.
    pub(super) stem: String,
    /// Its path within the workspace, for errors.
    pub(super) shown: String,
    path: PathBuf,
}

impl Found {
    /// The text.
    pub(super) fn read(&self) -> Result<String, TemplateError> {
        std::fs::read_to_string(&self.path).map_err(|error| unreadable(&self.shown, &error))
    }
}

/// The `.yml` files of a folder and its subfolders, sorted; none if the folder does not exist. A file that looks like
/// one but cannot be read is noted. Hidden files, and those that no one would mistake for a template, are skipped.
pub(super) fn files(root: &Path, folder: &str, wrong: &mut Vec<TemplateError>) -> Vec<Found> {
    let mut found = Vec::new();
    if root.join(folder).is_dir() {
        walk(root, folder, folder, &mut found, wrong);
    }
    found.sort_by(|a, b| a.stem.cmp(&b.stem));
    found
}

fn walk(root: &Path, folder: &str, within: &str, found: &mut Vec<Found>, wrong: &mut Vec<TemplateError>) {
    let entries = match std::fs::read_dir(root.join(within)) {
        Ok(entries) => entries,
        Err(error) => return wrong.push(unreadable(within, &error)),
    };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let shown = format!("{within}/{name}");
        let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
        let ending = ending.to_ascii_lowercase();
        let meant = ending == "yml" || OTHER_ENDINGS.contains(&ending.as_str());
        if name.starts_with('.') {
            continue;
        }
        // Reading a pipe would never end; a link counts as what it leads to.
        match std::fs::metadata(&path) {
            Ok(kind) if kind.is_dir() && !meant => walk(root, folder, &shown, found, wrong),
            _ if !meant => {}
            Ok(kind) if !kind.is_file() => {
                let problem = if kind.is_dir() { "is a folder" } else { "is not a regular file" };
                let help = "rename or remove it: konta reads only regular files";
                wrong.push(unknown(&shown, problem, help));
            }
            Ok(_) if ending != "yml" || !name.ends_with(&ending) => {
                let help =
                    format!("konta reads `.yml` files, which may also contain JSON: rename it to {within}/{stem}.yml");
                wrong.push(unknown(&shown, "would be ignored", &help));
            }
            Ok(_) => {
                let stem = shown[folder.len() + 1..].trim_end_matches(".yml").to_owned();
                found.push(Found { stem, shown, path });
            }
            Err(error) => wrong.push(unreadable(&shown, &error)),
        }
    }
}

/// The error for a file that konta would ignore.
pub(super) fn unknown(shown: &str, problem: &str, help: &str) -> TemplateError {
    TemplateError::UnknownFile { name: shown.to_owned(), problem: problem.to_owned(), help: help.to_owned() }
}

fn unreadable(shown: &str, error: &std::io::Error) -> TemplateError {
    TemplateError::Unreadable { name: shown.to_owned(), problem: error.to_string() }
}
