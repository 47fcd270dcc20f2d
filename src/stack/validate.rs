//! Composes every document of a workspace without AWS, and reports everything that is wrong with them in one run.

use std::collections::BTreeSet;

use crate::model::{CellNumber, Environment, HostedZone, Tenant, nearest};
use crate::template::TemplateError;

use super::build::addons_of;
use super::desired::DesiredStack;
use super::observed::Observed;
use super::placement::placements;
use super::workspace::LoadedWorkspace;

/// The names of all stacks of a workspace, as an empty account would get them.
///
/// # Errors
/// Everything wrong in overrides and addons, each thing once however many tenants it concerns.
pub fn everything(loaded: &LoadedWorkspace) -> Result<BTreeSet<String>, TemplateError> {
    let mut found = Found::default();
    found.take("", override_names(loaded));
    for environment in loaded.workspace.environments.values() {
        check_environment(loaded, environment, &mut found);
    }
    TemplateError::gathered(found.wrong)?;
    Ok(found.names)
}

/// The error that stopped a command, with all others that are to be fixed.
pub fn with_all_others(loaded: &LoadedWorkspace, first: TemplateError) -> TemplateError {
    everything(loaded).err().unwrap_or(first)
}

#[derive(Default)]
struct Found {
    names: BTreeSet<String>,
    reported: BTreeSet<String>,
    wrong: Vec<TemplateError>,
}

impl Found {
    /// Keeps what went wrong with a stack, unless it went wrong in the same way with another.
    fn take<T>(&mut self, stack: &str, outcome: Result<T, TemplateError>) -> Option<T> {
        let error = match outcome {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        for error in error.each() {
            let text = error.to_string();
            let key = if stack.is_empty() { text } else { text.replace(stack, "") };
            if self.reported.insert(key) {
                self.wrong.push(error);
            }
        }
        None
    }

    fn take_stacks(&mut self, stack: &str, outcome: Result<Vec<DesiredStack>, TemplateError>) {
        let stacks = self.take(stack, outcome).unwrap_or_default();
        self.names.extend(stacks.into_iter().map(|stack| stack.name));
    }
}

fn check_environment(loaded: &LoadedWorkspace, environment: &Environment, found: &mut Found) {
    let (composer, workspace) = (&loaded.composer, &loaded.workspace);
    let builder = loaded.builder();
    let names = loaded.names(environment);
    let tenants: Vec<&Tenant> = workspace.tenants_of(&environment.name).collect();
    let placements = placements(workspace, environment, &tenants, &Observed::default());
    let mut cells: BTreeSet<CellNumber> = placements.values().map(|placement| placement.cell).collect();
    cells.insert(CellNumber::FIRST);
    let before = found.wrong.len();
    // Document by document first: a stack's parameters are unknown while one that it depends on is wrong.
    if environment.hosted_zone == HostedZone::Create {
        found.take(&names.dns(), composer.shared("dns", &names.dns()));
    }
    found.take(&names.environment(), composer.shared("environment", &names.environment()));
    for cell in &cells {
        found.take(&names.cell(*cell), composer.shared("cell", &names.cell(*cell)));
    }
    for tenant in &tenants {
        for addon in addons_of(tenant) {
            let stack = names.addon(&tenant.name, addon);
            found.take(&stack, composer.addon(addon, &stack));
        }
        let stack = names.tenant(&tenant.name);
        found.take(&stack, composer.tenant(tenant, &environment.domain, &stack));
    }
    if found.wrong.len() > before {
        return;
    }
    found.take_stacks(&names.environment(), builder.environment(environment));
    for cell in cells {
        found.take_stacks(&names.cell(cell), builder.cell(environment, cell, false).map(|stack| vec![stack]));
    }
    for tenant in tenants {
        if let Some(placement) = placements.get(&tenant.name) {
            found.take_stacks(&names.tenant(&tenant.name), builder.tenant(environment, tenant, *placement));
        }
    }
}

/// Refuses patch files that belong to no template and no stack, and so would never be used.
///
/// # Errors
/// Each such file, with what was probably meant.
pub fn override_names(loaded: &LoadedWorkspace) -> Result<(), TemplateError> {
    let sources = loaded.composer.sources();
    let mut known: Vec<String> = sources.names().map(|name| name.replace('/', "-")).collect();
    let templates = known.join(", ");
    let mut cells = Vec::new();
    for environment in loaded.workspace.environments.values() {
        let names = loaded.names(environment);
        cells.push(format!("{}-cell-", names.environment()));
        known.extend([names.environment(), names.cell(CellNumber::FIRST)]);
        known.extend((environment.hosted_zone == HostedZone::Create).then(|| names.dns()));
        for tenant in loaded.workspace.tenants_of(&environment.name) {
            known.push(names.tenant(&tenant.name));
            known.extend(addons_of(tenant).into_iter().map(|addon| names.addon(&tenant.name, addon)));
        }
    }
    // How many cells there are, only AWS knows.
    let is_cell = |name: &str| {
        let numbers = cells.iter().filter_map(|prefix| name.strip_prefix(prefix.as_str()));
        numbers.filter_map(|number| number.parse().ok()).any(|number| CellNumber::new(number).is_some())
    };
    let unused = sources.patch_names().filter(|name| !known.iter().any(|known| known == name) && !is_cell(name));
    let wrong = unused.map(|name| {
        let nearest = nearest(name, known.iter().map(String::as_str));
        let meant = nearest.map_or_else(String::new, |nearest| format!("did you mean overrides/{nearest}.yml? "));
        TemplateError::UnknownFile {
            name: format!("overrides/{name}.yml"),
            problem: "belongs to no template and no stack".to_owned(),
            help: format!("{meant}name it after a template ({templates}) or a stack of `konta render`"),
        }
    });
    TemplateError::gathered(wrong.collect())
}
