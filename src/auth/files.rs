//! The profiles of `~/.aws/config` and `~/.aws/credentials`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use thiserror::Error;
use zeroize::Zeroizing;

use super::ini::{self, Section, Value, Values};
use super::shell_words;
use super::surroundings::Surroundings;

/// The profiles of both files.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// The configuration file, whether it exists or not.
    pub config: PathBuf,
    /// The credentials file, whether it exists or not.
    pub credentials: PathBuf,
    profiles: BTreeMap<String, Profile>,
    sso_sessions: BTreeMap<String, Values>,
    /// Sections of the configuration file that are not profiles, with their lines.
    strays: BTreeMap<String, usize>,
}

/// What the two files say about one profile.
#[derive(Debug, Clone, Default)]
pub(super) struct Profile {
    /// In the configuration file.
    pub(super) configured: Option<Values>,
    /// In the credentials file.
    pub(super) shared: Option<Values>,
}

impl Profile {
    /// A value; the credentials file wins.
    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        [&self.shared, &self.configured].into_iter().flatten().find_map(|values| values.get(key))
    }
}

impl Files {
    /// Reads `AWS_CONFIG_FILE` (else `~/.aws/config`) and `AWS_SHARED_CREDENTIALS_FILE` (else `~/.aws/credentials`).
    ///
    /// A file that does not exist counts as empty.
    pub fn read(around: &Surroundings) -> Result<Self, FileError> {
        let config = located(around, "AWS_CONFIG_FILE", "config");
        let credentials = located(around, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
        let (configured, shared) = (content(&config)?, content(&credentials)?);
        Self { config, credentials, ..Self::default() }.with(&configured, &shared)
    }

    /// From the bytes of both files, as if read from `config` and `credentials`.
    pub fn of(config: &[u8], credentials: &[u8]) -> Result<Self, FileError> {
        Self { config: "config".into(), credentials: "credentials".into(), ..Self::default() }.with(config, credentials)
    }

    fn with(mut self, config: &[u8], credentials: &[u8]) -> Result<Self, FileError> {
        for section in parsed(&self.config, config)? {
            self.add_configured(section);
        }
        for section in parsed(&self.credentials, credentials)? {
            self.profiles.entry(section.name).or_default().shared = Some(section.values);
        }
        Ok(self)
    }

    /// The kind of a section follows from how its name begins, as in botocore; of several with one name, the last
    /// counts.
    fn add_configured(&mut self, section: Section) {
        let Section { name, line, values } = section;
        if name == "default" {
            self.profiles.entry(name).or_default().configured = Some(values);
        } else if name.starts_with("profile") {
            match second_word(&name) {
                Some(profile) => self.profiles.entry(profile).or_default().configured = Some(values),
                None => self.strays.extend([(name, line)]),
            }
        } else if name.starts_with("sso-session") {
            self.sso_sessions.extend(second_word(&name).map(|session| (session, values)));
        } else {
            self.strays.insert(name, line);
        }
    }

    /// The names of all profiles, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// The names of all `sso-session` sections, in order.
    pub fn sso_session_names(&self) -> impl Iterator<Item = &str> {
        self.sso_sessions.keys().map(String::as_str)
    }

    /// The text of a profile's value; the credentials file wins.
    #[must_use]
    pub fn text(&self, profile: &str, key: &str) -> Option<&str> {
        match &self.profiles.get(profile)?.value(key)?.body {
            ini::Body::Text(text) => Some(text),
            ini::Body::Block => None,
        }
    }

    /// Where a profile's value is, as `path:line`.
    #[must_use]
    pub fn place(&self, profile: &str, key: &str) -> Option<String> {
        let profile = self.profiles.get(profile)?;
        let shared = profile.shared.as_ref().and_then(|values| values.get(key));
        let path = if shared.is_some() { &self.credentials } else { &self.config };
        Some(format!("{}:{}", path.display(), profile.value(key)?.line))
    }

    pub(super) fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    pub(super) fn sso_session(&self, name: &str) -> Option<&Values> {
        self.sso_sessions.get(name)
    }

    /// The line of a section of the configuration file that is not a profile: `[x]` instead of `[profile x]`.
    pub(super) fn stray(&self, name: &str) -> Option<usize> {
        self.strays.get(name).copied()
    }

    /// Known names similar to an unknown one, the most similar first.
    pub(super) fn near(&self, name: &str) -> Vec<&str> {
        let mut near: BTreeSet<(usize, &str)> = BTreeSet::new();
        for known in self.names() {
            let distance = strsim::damerau_levenshtein(&known.to_lowercase(), &name.to_lowercase());
            if distance <= 1 + name.chars().count() / 4 {
                near.insert((distance, known));
            }
        }
        near.into_iter().map(|(_, known)| known).collect()
    }
}

fn second_word(name: &str) -> Option<String> {
    shell_words::split(name).filter(|words| words.len() == 2).and_then(|mut words| words.pop())
}

/// An empty variable means no file, as in botocore.
fn located(around: &Surroundings, variable: &str, name: &str) -> PathBuf {
    let home = around.home.clone().unwrap_or_default();
    match around.variables.get(variable) {
        Some(path) => match path.strip_prefix("~/") {
            Some(rest) => home.join(rest),
            None => PathBuf::from(path),
        },
        None => home.join(".aws").join(name),
    }
}

fn content(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    if !path.is_file() {
        return Ok(Zeroizing::default());
    }
    let bytes = std::fs::read(path);
    bytes.map(Zeroizing::new).map_err(|e| FileError::Unreadable { path: path.to_owned(), problem: e.to_string() })
}

fn parsed(path: &Path, bytes: &[u8]) -> Result<Vec<Section>, FileError> {
    ini::parse(bytes).map_err(|ini::Wrong { line, problem, help }| FileError::Line {
        path: path.to_owned(),
        line,
        problem,
        help,
    })
}

/// Why a file cannot be read.
#[derive(Debug, Error, Diagnostic)]
pub enum FileError {
    /// The system refuses.
    #[error("cannot read {path}: {problem}", path = path.display())]
    #[diagnostic(
        code(konta::auth::file_unreadable),
        help("the file must belong to you and be readable: see `ls -l {path}`, and run `chmod 600 {path}`", path = path.display())
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        problem: String,
    },
    /// A line cannot be parsed.
    #[error("{path}:{line}: {problem}", path = path.display())]
    #[diagnostic(code(konta::auth::file_line), help("{help}"))]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
        /// What to do.
        help: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::{FileError, Files, Surroundings};

    fn around(home: &std::path::Path, variables: &[(&str, &str)]) -> Surroundings {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Surroundings { variables, home: Some(home.to_owned()) }
    }

    #[test]
    fn both_files_are_read_from_the_users_folder_and_the_credentials_file_wins() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        std::fs::write(home.path().join(".aws/config"), "[profile a]\nregion = one\noutput = json\n").unwrap();
        std::fs::write(home.path().join(".aws/credentials"), "[a]\n\nregion = two\n").unwrap();
        let files = Files::read(&around(home.path(), &[])).unwrap();
        assert_eq!((files.text("a", "region"), files.text("a", "output")), (Some("two"), Some("json")));
        assert_eq!(files.place("a", "region"), Some(format!("{}:3", home.path().join(".aws/credentials").display())));
    }

    #[test]
    fn variables_name_other_files_and_nothing_means_none() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("elsewhere"), "[profile a]\n").unwrap();
        let files = Files::read(&around(home.path(), &[("AWS_CONFIG_FILE", "~/elsewhere")])).unwrap();
        assert_eq!(files.names().collect::<Vec<_>>(), ["a"]);
        let none = [("AWS_CONFIG_FILE", ""), ("AWS_SHARED_CREDENTIALS_FILE", "/no/such/file")];
        assert_eq!(Files::read(&around(home.path(), &none)).unwrap().names().count(), 0);
    }

    #[test]
    fn a_wrong_line_is_told_with_its_file() {
        let wrong = Files::of(b"", b"[a]\nnothing\n").unwrap_err();
        assert!(matches!(&wrong, FileError::Line { line: 2, path, .. } if path.ends_with("credentials")), "{wrong}");
    }
}
