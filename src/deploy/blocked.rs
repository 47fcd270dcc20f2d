//! Tenants whose visitors see a page, and those on their way to another place: a deployment leaves them as they are.

use std::collections::BTreeMap;

use crate::model::TenantName;
use crate::operation::error::OperationError;
use crate::stack::names::Names;
use crate::stack::{Action, Observed, StackKind};

use super::plan::{Planned, PlannedStack};

/// How a tenant stands that is not yet where it is brought to.
pub const MOVING: &str = "being moved";

/// The tenants of a plan that would change while a page is shown in their place or they are being moved, each with how it stands.
///
/// The first cannot be deployed: its target group belongs to no load balancer, so ECS refuses its service. The second must not be:
/// only the move knows which data belongs into the place that is being made.
#[must_use]
pub fn changing(planned: &Planned, observed: &Observed, names: &Names) -> BTreeMap<TenantName, &'static str> {
    let state = |stack: &PlannedStack| {
        let tenant = tenant(stack)?;
        if observed.is_on_its_way(tenant) {
            return (stack.plan.action != Action::Nothing).then(|| (tenant.clone(), MOVING));
        }
        // Who is brought somewhere by the command at hand shows a page until it is there.
        let page = observed.get(&names.tenant(tenant)).filter(|_| observed.bound(tenant).is_none())?.page().state()?;
        stack.plan.changes_anything().then(|| (tenant.clone(), page))
    };
    planned.stacks.iter().filter_map(state).collect()
}

/// The tenant to whom a stack belongs.
#[must_use]
pub fn tenant(stack: &PlannedStack) -> Option<&TenantName> {
    match &stack.desired.kind {
        StackKind::Tenant(tenant) | StackKind::Addon(tenant, _) => Some(tenant),
        StackKind::Dns | StackKind::Environment | StackKind::Cell(_) => None,
    }
}

/// Why a deployment of these is refused.
#[must_use]
pub fn refusal(paged: &BTreeMap<TenantName, &'static str>) -> OperationError {
    let each = paged.iter().map(|(tenant, state)| format!("{tenant} is {state}"));
    let first = paged.iter().next();
    let (name, verb) = first.map_or(("NAME", "resume"), |(tenant, state)| {
        (tenant.as_str(), if *state == MOVING { "move" } else { "resume" })
    });
    OperationError::Preflight {
        problem: format!("{}, so its changes are not deployed", each.collect::<Vec<_>>().join(", ")),
        help: format!("first `konta tenant {verb} {name}`; `--all` passes such tenants over"),
    }
}
