//! What a process's environment says about credentials.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The process's surroundings, passed in so that tests need no global state.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// Its environment variables.
    pub variables: BTreeMap<String, String>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process. Variables that are not UTF-8 are left out: AWS's names and values are ASCII.
    #[must_use]
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { variables: std::env::vars_os().filter_map(text).collect(), home: etcetera::home_dir().ok() }
    }

    /// A variable; an empty one counts as absent.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secrets.
        f.debug_struct("Surroundings").field("variables", &self.variables.keys()).field("home", &self.home).finish()
    }
}
