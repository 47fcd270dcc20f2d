//! What a usage file says.

use std::collections::{BTreeMap, BTreeSet};

use super::{Profile, Usage};
use crate::cost::error::CostError;

/// What a usage file says, and the file's name for errors.
#[derive(Debug, Clone)]
pub struct UsageFile {
    name: String,
    /// The usage; what the file leaves out is assumed for each stack.
    pub usage: Usage,
}

impl UsageFile {
    /// No file: nothing is said.
    #[must_use]
    pub fn none() -> Self {
        Self { name: String::new(), usage: Usage::of(Profile::none()) }
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// When it says something that cannot be.
    pub fn parse(name: &str, text: &str) -> Result<Self, CostError> {
        Ok(Self { name: name.to_owned(), usage: Usage::parse(name, text, Profile::none())? })
    }

    /// Refuses a file that names resources which are not among the known ones, by logical id with their types.
    ///
    /// # Errors
    /// The first such name.
    pub fn check(&self, known: &BTreeMap<&str, BTreeSet<&str>>) -> Result<(), CostError> {
        self.usage.check_resources(&self.name, known)
    }
}
