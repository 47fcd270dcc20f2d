//! `konta validate`: every manifest and cross-reference, and every document that would be rendered, without AWS.

use clap::Args;
use serde::Serialize;

use crate::report::output;
use crate::report::text::count;
use crate::stack::Observed;
use crate::stack::build::Builder;
use crate::stack::scope::{Scope, Shared, wanted};

use super::{CommandError, Context};

/// Check every manifest, override and addon, without AWS.
#[derive(Debug, Args)]
pub struct ValidateArgs {}

#[derive(Debug, Serialize)]
struct Summary {
    application: String,
    environments: usize,
    tiers: usize,
    tenants: usize,
    stacks: usize,
}

/// Checks and counts.
pub fn run(context: &Context, _args: &ValidateArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let builder = Builder::new(&loaded.workspace, &loaded.composer);
    let mut names = std::collections::BTreeSet::new();
    for environment in loaded.workspace.environments.values() {
        let tenants = loaded.workspace.tenants_of(&environment.name).collect();
        let scope = Scope { shared: Shared::All, tenants };
        let all = wanted(&builder, &loaded.workspace, environment, &scope, &Observed::default())?;
        names.extend(all.stacks.into_iter().map(|stack| stack.name));
    }
    check_override_names(&loaded, &names)?;
    let stacks = names.len();
    let summary = Summary {
        application: loaded.workspace.application.to_string(),
        environments: loaded.workspace.environments.len(),
        tiers: loaded.workspace.tiers.len(),
        tenants: loaded.workspace.tenants.len(),
        stacks,
    };
    if context.format().is_json() {
        output::print_json(&summary)?;
    } else {
        output::print_text(&format!(
            "{}: all is well ({}, {}, {}, {})",
            summary.application,
            count(summary.environments, "environment"),
            count(summary.tiers, "tier"),
            count(summary.tenants, "tenant"),
            count(stacks, "stack")
        ))?;
    }
    Ok(0)
}

/// A patch file that belongs to no template and no stack would never be used: most likely its name is misspelt.
fn check_override_names(
    loaded: &super::gather::Loaded,
    stacks: &std::collections::BTreeSet<String>,
) -> Result<(), CommandError> {
    let sources = loaded.composer.sources();
    let templates: Vec<String> = sources.names().map(|name| name.replace('/', "-")).collect();
    for name in sources.patch_names() {
        if !templates.iter().any(|template| template == name) && !stacks.contains(name) {
            return Err(crate::template::TemplateError::Override {
                name: format!("overrides/{name}.yml"),
                problem: "no template and no stack has this name".to_owned(),
                help: format!("name it after a template ({}) or a stack of `konta render`", templates.join(", ")),
            }
            .into());
        }
    }
    Ok(())
}
