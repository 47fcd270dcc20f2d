//! Where tenants go: to which cell, and with which priority at its listener.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::placement::{Candidate, Room, place};
use crate::model::{CellNumber, Environment, ServingState, Tenant, TenantName, Workspace};

use super::observed::Observed;
use super::priority;

/// Where a tenant goes: its cell and the priority of its listener rule. Also what its visitors see,
/// which no deployment changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The cell.
    pub cell: CellNumber,
    /// The rule's priority, 3 to 50,000; 1 and 2 are the cell's own.
    pub priority: u32,
    /// What visitors see instead of Odoo.
    pub page: ServingState,
}

/// Whether a cell has pooled tenants, with or without a manifest: then it needs its pool.
pub(super) fn has_pooled(observed: &Observed, cell: CellNumber) -> bool {
    observed.iter().any(|stack| stack.tenant().is_some() && stack.cell() == Some(cell) && stack.is_pooled())
}

/// Where each tenant goes: where it is; else where its manifest wants it; else the lowest cell with room for it.
///
/// Deployed tenants without a manifest take room, too.
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
    let mut pages: BTreeMap<&str, ServingState> = BTreeMap::new();
    // A kept database waits in its cell; a deployed stack knows better.
    homes.extend(observed.kept().map(|(tenant, cell)| (tenant.as_str(), cell)));
    for stack in observed.iter() {
        let (Some(tenant), Some(cell)) = (stack.tenant(), stack.cell()) else { continue };
        let bound = TenantName::new(tenant).ok().and_then(|tenant| observed.bound(&tenant));
        homes.insert(tenant, bound.unwrap_or(cell));
        // A tenant that arrives shows its Odoo, and in another cell its rule gets another priority.
        pages.insert(tenant, if bound.is_some() { ServingState::Serving } else { stack.page() });
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
