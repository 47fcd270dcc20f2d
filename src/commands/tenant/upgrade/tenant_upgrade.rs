//! The upgrade of one tenant: from which image to which, and the edit of its manifest for that.

use std::path::PathBuf;

use crate::commands::context;
use crate::commands::{CommandError, Context};
use crate::manifest::edit;
use crate::model::{ServingState, Tenant};
use crate::stack::names::Names;
use crate::stack::{LoadedWorkspace, Observed, ObservedStack};
use crate::tenant::upgrade;

use super::UpgradeArgs;

/// The upgrade of one tenant.
pub(super) struct TenantUpgrade<'a> {
    pub(super) name: String,
    pub(super) tenant: &'a Tenant,
    /// The image that serves it now.
    now: String,
    /// The image that will serve it; `None` keeps the current one.
    pub(super) new_image: Option<String>,
    /// The edit of its manifest.
    pub(super) edit: Option<Edit>,
    modules: String,
}

/// Why a tenant is not upgraded.
pub(super) enum Refusal {
    /// As intended with `--all`: the tenant is skipped.
    Passed(CommandError),
    Error(CommandError),
}

impl From<Refusal> for CommandError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Passed(error) | Refusal::Error(error) => error,
        }
    }
}

/// A new text of a manifest.
pub(super) struct Edit {
    /// The file's path from the workspace's root.
    pub(super) path: String,
    file: PathBuf,
    before: String,
    after: String,
}

impl Edit {
    pub(super) fn write(&self) -> Result<(), CommandError> {
        Ok(edit::replace(&self.file, &self.after)?)
    }

    /// Restores the former text, unless somebody has changed the file meanwhile.
    pub(super) fn take_back(&self) -> Result<(), CommandError> {
        if std::fs::read_to_string(&self.file)? == self.after {
            edit::replace(&self.file, &self.before)?;
        }
        Ok(())
    }
}

impl<'a> TenantUpgrade<'a> {
    pub(super) fn of(
        context: &Context,
        loaded: &'a LoadedWorkspace,
        observed: &Observed,
        names: &Names,
        name: &str,
        args: &UpgradeArgs,
    ) -> Result<Self, Refusal> {
        let tenant = context::tenant(&loaded.workspace, name).map_err(Refusal::Error)?;
        let Some(stack) = observed.get(&names.tenant(&tenant.name)) else {
            return Err(Refusal::Passed(CommandError::Unknown {
                message: format!("the tenant {name} is not deployed in {}", tenant.environment),
                help: format!("deploy it with `konta deploy tenant {name}`"),
            }));
        };
        if stack.page() == ServingState::Suspended {
            return Err(Refusal::Passed(upgrade::refused(&tenant.name).into()));
        }
        if stack.is_pooled() && args.image.is_some() {
            return Err(Refusal::Passed(CommandError::Usage {
                message: format!("{name} is served by its cell's pool, and so by the pool's image"),
                help: "change `image` in `konta.yml` and run `konta deploy env`, which rolls it out for every tenant of the pool; \
                       without `--image`, konta upgrades only the modules"
                    .to_owned(),
            }));
        }
        let now = image(observed, stack, names).unwrap_or_else(|| tenant.image.clone());
        let edit = match &args.image {
            Some(image) if tenant.image != *image => {
                Some(edited(context, loaded, name, image).map_err(Refusal::Error)?)
            }
            _ => None,
        };
        let new_image = match &args.image {
            Some(image) => Some(image.clone()),
            None if args.keep_image || stack.is_pooled() => None,
            None => Some(tenant.image.clone()),
        };
        Ok(Self { name: name.to_owned(), tenant, now, new_image, edit, modules: args.modules.join(", ") })
    }

    /// What will happen to it, for the question.
    fn text(&self) -> String {
        let modules = if self.modules == "base" { "all its modules" } else { &self.modules };
        let image = match &self.new_image {
            Some(new) if *new != self.now && self.edit.is_some() => {
                format!("and from image {} to {new}, which konta writes into its manifest", self.now)
            }
            Some(new) if *new != self.now => {
                format!("and from image {} to its manifest's, {new} (`--keep-image` keeps the current one)", self.now)
            }
            _ => "its image does not change".to_owned(),
        };
        format!("{}: {modules}; {image}", self.name)
    }
}

/// The question before the upgrades.
pub(super) fn question(interrupts: &[TenantUpgrade<'_>]) -> String {
    let each: Vec<String> = interrupts.iter().map(TenantUpgrade::text).collect();
    format!("Upgrade {}? Visitors see a maintenance page meanwhile, usually for about a minute", each.join(". "))
}

/// The image that serves a tenant: its own, or its pool's.
pub(super) fn image(observed: &Observed, stack: &ObservedStack, names: &Names) -> Option<String> {
    let cell = stack.cell().map(|cell| names.cell(cell)).unwrap_or_default();
    let (holder, parameter) =
        if stack.is_pooled() { (observed.get(&cell), "PoolImage") } else { (Some(stack), "Image") };
    holder?.parameters.get(parameter).cloned()
}

/// The tenant's manifest with another image. Loads the new text, and refuses it if it does not name that image.
fn edited(context: &Context, loaded: &LoadedWorkspace, name: &str, image: &str) -> Result<Edit, CommandError> {
    let path = format!("tenants/{name}.yml");
    let file = loaded.root.join(&path);
    let before = std::fs::read_to_string(&file)?;
    let by_hand = || CommandError::Usage {
        message: format!("konta cannot edit {path}: it is written in a form that konta does not change"),
        help: format!("write `image: {image}` into {path} yourself, then run the command without --image"),
    };
    let after = edit::with_image(&before, image).ok_or_else(by_hand)?;
    let wanted = context.load_with(&loaded.root, &path, &after)?;
    if context::tenant(&wanted.workspace, name)?.image != image {
        return Err(by_hand());
    }
    Ok(Edit { path, file, before, after })
}
