//! The scope of a plan or a deployment, as `konta plan` and `konta deploy` take it.

use clap::Subcommand;

use crate::model::{Environment, Tenant};
use crate::stack::LoadedWorkspace;
use crate::stack::scope::{Scope, Shared};

use super::{CommandError, Context, context};

/// The scope of a plan or a deployment.
#[derive(Debug, Clone, Subcommand)]
pub enum ScopeArgs {
    /// An environment with its cells
    Env {
        /// Environment [default: the only one]
        name: Option<String>,
    },
    /// Tenants, with the stacks that they depend on
    Tenant {
        /// Tenants
        #[arg(required_unless_present = "all")]
        names: Vec<String>,
        /// All tenants of the environment
        #[arg(long, conflicts_with = "names")]
        all: bool,
    },
}

impl ScopeArgs {
    /// Whether the scope is all tenants rather than the named ones.
    #[must_use]
    pub fn is_all(&self) -> bool {
        matches!(self, Self::Tenant { all: true, .. })
    }

    /// The environment and the scope.
    pub fn resolve<'a>(
        &self,
        context: &Context,
        loaded: &'a LoadedWorkspace,
    ) -> Result<(&'a Environment, Scope<'a>), CommandError> {
        match self {
            Self::Env { name } => {
                let environment = context.environment(&loaded.workspace, name.as_deref())?;
                Ok((environment, Scope { shared: Shared::All, tenants: Vec::new() }))
            }
            Self::Tenant { names, all } => {
                let environment = context.environment_of(&loaded.workspace, names)?;
                let tenants: Vec<&Tenant> = context::tenants(&loaded.workspace, environment, names, *all)?;
                Ok((environment, Scope { shared: Shared::Needed, tenants }))
            }
        }
    }
}
