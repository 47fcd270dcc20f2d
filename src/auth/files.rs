//! The profiles of `~/.aws/config` and `~/.aws/credentials`.

use std::path::PathBuf;

use miette::Diagnostic;
use thiserror::Error;

use super::chain::Surroundings;

/// The profiles of both files.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// The configuration file, whether it exists or not.
    pub config: PathBuf,
    /// The credentials file, whether it exists or not.
    pub credentials: PathBuf,
}

impl Files {
    /// Reads `AWS_CONFIG_FILE` (else `~/.aws/config`) and `AWS_SHARED_CREDENTIALS_FILE` (else `~/.aws/credentials`). An absent file is an empty one.
    pub fn read(around: &Surroundings) -> Result<Self, FileError> {
        let of_home = |name: &str| around.home.clone().unwrap_or_default().join(".aws").join(name);
        let named = |variable: &str, name: &str| around.variable(variable).map_or_else(|| of_home(name), PathBuf::from);
        Ok(Self {
            config: named("AWS_CONFIG_FILE", "config"),
            credentials: named("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        })
    }
}

/// Why a file cannot be read.
#[derive(Debug, Error, Diagnostic)]
pub enum FileError {
    /// The system refuses.
    #[error("cannot read {path}: {problem}", path = path.display())]
    #[diagnostic(code(konta::auth::file_unreadable), help("the file must belong to you and be readable: chmod 600"))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        problem: String,
    },
    /// A line is not understood.
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
        help: String,
    },
}
