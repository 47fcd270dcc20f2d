//! Tenants whose visitors see a page: a deployment leaves them as they are.

use std::collections::BTreeMap;

use crate::model::{Page, TenantName};
use crate::stack::names::Names;
use crate::stack::{Observed, StackKind};

use super::error::DeployError;
use super::prepare::{Planned, PlannedStack};

/// The tenants of a plan that would change while a page is shown in their place.
///
/// Such a tenant cannot be deployed: its target group belongs to no load balancer, so ECS refuses its service.
#[must_use]
pub fn changing(planned: &Planned, observed: &Observed, names: &Names) -> BTreeMap<TenantName, Page> {
    let changing = planned.stacks.iter().filter(|stack| stack.plan.changes_anything());
    let page = |tenant: &TenantName| observed.get(&names.tenant(tenant)).map(crate::stack::ObservedStack::page);
    changing
        .filter_map(tenant)
        .filter_map(|tenant| Some((tenant.clone(), page(tenant)?)))
        .filter(|(_, page)| *page != Page::None)
        .collect()
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
pub fn refusal(paged: &BTreeMap<TenantName, Page>) -> DeployError {
    let each = paged.iter().map(|(tenant, page)| format!("{tenant} is {}", page.state().unwrap_or_default()));
    let names: Vec<&str> = paged.keys().map(TenantName::as_str).collect();
    DeployError::Preflight {
        problem: format!("{}, so its changes are not deployed", each.collect::<Vec<_>>().join(", ")),
        help: format!(
            "bring it back first with `konta tenant resume {}`; `--all` passes such tenants over",
            names.first().copied().unwrap_or("NAME")
        ),
    }
}
