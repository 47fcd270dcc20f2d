//! A workspace as every verb takes it: its folder, what its manifests say, and its templates.

use std::path::PathBuf;

use crate::model::{Environment, Workspace};
use crate::template::TemplateError;
use crate::template::compose::Composer;
use crate::template::source::Sources;

use super::build::Builder;
use super::names::Names;

/// A workspace whose manifests and templates are read.
#[derive(Debug)]
pub struct LoadedWorkspace {
    /// Its folder.
    pub root: PathBuf,
    /// What the manifests say.
    pub workspace: Workspace,
    /// Its templates.
    pub composer: Composer,
}

impl LoadedWorkspace {
    /// Reads the templates, overrides and addons in `root` for manifests that are read already.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn with_templates_of(root: PathBuf, workspace: Workspace) -> Result<Self, TemplateError> {
        let composer = Composer::new(Sources::of_workspace(&root)?);
        Ok(Self { root, workspace, composer })
    }

    /// Makes the desired stacks.
    #[must_use]
    pub fn builder(&self) -> Builder<'_> {
        Builder::new(&self.workspace, &self.composer)
    }

    /// The names in an environment.
    #[must_use]
    pub fn names(&self, environment: &Environment) -> Names {
        self.builder().names(environment)
    }
}
