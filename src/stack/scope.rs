//! Which stacks a command concerns: the tenants it names, and what must stand before them.

use std::collections::{BTreeMap, BTreeSet};

use super::build::{Builder, Placement};
use super::desired::DesiredStack;
use super::observed::{Observed, ObservedStack};
use super::plan::{Action, action};
use super::priority;
use crate::model::placement::{Candidate, Room, place};
use crate::model::{CellNumber, Environment, Page, Tenant, TenantName, Workspace};
use crate::template::TemplateError;

/// How much of the environment itself a command concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// The environment and its cells, whatever their state.
    All,
    /// Only what the tenants cannot stand without.
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

/// Stacks in the order of deployment, and what the reader should know.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The stacks.
    pub stacks: Vec<DesiredStack>,
    /// Notes on what was left out.
    pub notes: Vec<String>,
}

/// The stacks of a scope, given what stands.
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
                "{0} lives in cell {lives}; `konta tenant move {0}` brings it to cell {asked}, as its manifest says",
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
            "{}: a deployment leaves it as it is until `konta tenant resume NAME` brings it back",
            paged.join(", ")
        ));
    }
    // Who deploys many is told of those that a removed manifest left behind.
    if scope.shared == Shared::All || scope.tenants.len() > 1 {
        let known: BTreeSet<&str> = workspace.tenants.keys().map(TenantName::as_str).collect();
        let strangers = observed.iter().filter_map(ObservedStack::tenant).filter(|tenant| !known.contains(tenant));
        wanted.notes.extend(strangers.map(|tenant| {
            format!("the tenant {tenant} runs without a manifest; `konta delete tenant {tenant}` deletes it")
        }));
    }
    Ok(wanted)
}

/// Takes a shared stack, unless only what is needed is wanted and it stands usably already.
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

/// Whether a cell stands without the pool that its tenants need now.
fn lacks_service(stack: &DesiredStack, observed: &Observed) -> bool {
    stack.gate.is_some_and(|gate| {
        observed
            .get(&stack.name)
            .is_some_and(|standing| observed.output(&stack.name, gate.passed).is_none() || standing.rollback_is_stuck())
    })
}

/// Whether pooled tenants stand in a cell, with or without a manifest: then it needs its pool.
fn has_pooled(observed: &Observed, cell: CellNumber) -> bool {
    observed.iter().any(|stack| stack.tenant().is_some() && stack.cell() == Some(cell) && stack.is_pooled())
}

/// Where each tenant goes: where it lives; else where its manifest wants it; else the lowest cell with room for it.
///
/// Tenants that live in the environment without a manifest take room too.
#[must_use]
pub fn placements(
    workspace: &Workspace,
    environment: &Environment,
    tenants: &[&Tenant],
    observed: &Observed,
) -> BTreeMap<TenantName, Placement> {
    let mut homes: BTreeMap<&str, CellNumber> = BTreeMap::new();
    let mut taken: BTreeMap<CellNumber, BTreeSet<u32>> = BTreeMap::new();
    let mut priorities: BTreeMap<&str, u32> = BTreeMap::new();
    let mut pages: BTreeMap<&str, Page> = BTreeMap::new();
    // A database that was kept waits in its cell; a stack that stands says it better.
    homes.extend(observed.kept().map(|(tenant, cell)| (tenant.as_str(), cell)));
    for stack in observed.iter() {
        let (Some(tenant), Some(cell)) = (stack.tenant(), stack.cell()) else { continue };
        let bound = TenantName::new(tenant).ok().and_then(|tenant| observed.bound(&tenant));
        homes.insert(tenant, bound.unwrap_or(cell));
        // Who arrives shows its Odoo, and in another cell its rule gets another place.
        pages.insert(tenant, if bound.is_some() { Page::None } else { stack.page() });
        if bound.is_some_and(|bound| bound != cell) {
            continue;
        }
        if let Some(priority) = stack.parameters.get("ListenerRulePriority").and_then(|p| p.parse().ok()) {
            priorities.insert(tenant, priority);
            taken.entry(cell).or_default().insert(priority);
        }
    }
    let selected: BTreeSet<&TenantName> = tenants.iter().map(|tenant| &tenant.name).collect();
    let candidate = |tenant: &Tenant| Candidate {
        tenant: tenant.name.clone(),
        demand: tenant.demand(),
        wanted: tenant.cell,
        lives_in: homes.get(tenant.name.as_str()).copied(),
    };
    let mut candidates: Vec<Candidate> = tenants.iter().map(|tenant| candidate(tenant)).collect();
    for name in homes.keys() {
        let Ok(name) = TenantName::new(name) else { continue };
        if selected.contains(&name) {
            continue;
        }
        match workspace.tenants.get(&name) {
            Some(tenant) => candidates.push(candidate(tenant)),
            None => candidates.push(Candidate {
                lives_in: homes.get(name.as_str()).copied(),
                tenant: name,
                demand: crate::model::placement::Demand { target_groups: 1, rules: 1, certificates: 0, connections: 0 },
                wanted: None,
            }),
        }
    }
    let pool = if workspace.has_pool(&environment.name) { environment.pool.connections() } else { 0 };
    let room = Room::of_empty_cell(environment.tenants_per_cell, environment.database.capacity.max_connections(), pool);
    let cells = place(&candidates, room);
    tenants
        .iter()
        .filter_map(|tenant| {
            let cell = *cells.get(&tenant.name)?;
            let priority = priorities.get(tenant.name.as_str()).copied().unwrap_or_else(|| {
                let taken = taken.entry(cell).or_default();
                let priority = priority::choose(&tenant.name, taken);
                taken.insert(priority);
                priority
            });
            let page = pages.get(tenant.name.as_str()).copied().unwrap_or_default();
            Some((tenant.name.clone(), Placement { cell, priority, page }))
        })
        .collect()
}
