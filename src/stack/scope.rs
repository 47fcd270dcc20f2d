//! Which stacks a command concerns: the tenants it names, and what must exist before them.

use std::collections::BTreeSet;

use crate::model::{CellNumber, Environment, Tenant, TenantName, Workspace};
use crate::stack::placement::{has_pooled, placements};
use crate::template::TemplateError;

use super::build::Builder;
use super::desired::DesiredStack;
use super::observed::{Observed, ObservedStack};
use super::plan::{Action, action};

/// How much of the environment itself a command concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// The environment and its cells, whatever their state.
    All,
    /// Only what the tenants need.
    Needed,
}

/// What a command concerns.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    /// How much of the environment.
    pub shared: Shared,
    /// The tenants.
    pub tenants: Vec<&'a Tenant>,
}

/// Stacks in the order of deployment, and notes for the reader.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The stacks.
    pub stacks: Vec<DesiredStack>,
    /// Notes on what was left out.
    pub notes: Vec<String>,
}

/// The stacks of a scope, given what is deployed.
pub fn wanted(
    builder: &Builder<'_>,
    workspace: &Workspace,
    environment: &Environment,
    scope: &Scope<'_>,
    observed: &Observed,
) -> Result<Wanted, TemplateError> {
    let placements = placements(workspace, environment, &scope.tenants, observed);
    let mut cells: BTreeSet<CellNumber> = placements.values().map(|placement| placement.cell).collect();
    if scope.shared == Shared::All {
        cells.insert(CellNumber::FIRST);
        cells.extend(observed.iter().filter_map(ObservedStack::own_cell));
    }
    let mut wanted = Wanted::default();
    for stack in builder.environment(environment)? {
        take(scope.shared, stack, observed, &mut wanted);
    }
    for cell in cells {
        take(scope.shared, builder.cell(environment, cell, has_pooled(observed, cell))?, observed, &mut wanted);
    }
    for tenant in &scope.tenants {
        let Some(placement) = placements.get(&tenant.name) else { continue };
        wanted.stacks.extend(builder.tenant(environment, tenant, *placement)?);
    }
    wanted.notes.extend(scope.tenants.iter().filter_map(|tenant| {
        let (lives, asked) = (placements.get(&tenant.name)?.cell, tenant.cell?);
        let stands = observed.get(&builder.names(environment).tenant(&tenant.name)).is_some();
        (stands && lives != asked).then(|| {
            format!(
                "{0} is in cell {lives}; `konta tenant move {0}` moves it to cell {asked}, as its manifest says",
                tenant.name
            )
        })
    }));
    let paged: Vec<String> = scope
        .tenants
        .iter()
        .filter_map(|tenant| Some(format!("{} is {}", tenant.name, placements.get(&tenant.name)?.page.state()?)))
        .collect();
    if !paged.is_empty() {
        wanted.notes.push(format!(
            "{}: deployments leave it alone until `konta tenant resume NAME` brings it back",
            paged.join(", ")
        ));
    }
    // Only a command for many tenants reports those that a removed manifest left behind.
    if scope.shared == Shared::All || scope.tenants.len() > 1 {
        let known: BTreeSet<&str> = workspace.tenants.keys().map(TenantName::as_str).collect();
        let strangers = observed.iter().filter_map(ObservedStack::tenant).filter(|tenant| !known.contains(tenant));
        wanted.notes.extend(strangers.map(|tenant| {
            format!("the tenant {tenant} is deployed without a manifest; `konta delete tenant {tenant}` deletes it")
        }));
    }
    Ok(wanted)
}

/// Takes a shared stack, unless only what is needed is wanted and the deployed stack is good enough.
fn take(shared: Shared, stack: DesiredStack, observed: &Observed, wanted: &mut Wanted) {
    if shared == Shared::All {
        wanted.stacks.push(stack);
        return;
    }
    match action(&stack, observed) {
        Action::Nothing => {}
        Action::Update if !lacks_service(&stack, observed) => {
            wanted.notes.push(format!("{} differs from its manifest; `konta deploy env` would update it", stack.title));
        }
        _ => wanted.stacks.push(stack),
    }
}

/// Whether a deployed cell lacks the pool that its tenants need now.
fn lacks_service(stack: &DesiredStack, observed: &Observed) -> bool {
    stack.wait_condition.is_some_and(|condition| {
        observed.get(&stack.name).is_some_and(|standing| {
            observed.output(&stack.name, condition.passed).is_none() || standing.rollback_is_stuck()
        })
    })
}
