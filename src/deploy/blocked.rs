//! Blocked tenants: their visitors see a page, or they are being moved. A deployment leaves them as they are.

use std::collections::BTreeMap;

use crate::aws::Aws;
use crate::model::TenantName;
use crate::operation::error::OperationError;
use crate::operation::polling::Polling;
use crate::stack::names::Names;
use crate::stack::{Action, Observed, StackKind};

use super::plan::{self, Online, Planned, PlannedStack};

/// The state of a tenant that is being moved.
pub const MOVING: &str = "being moved";

/// The tenants of a plan that would change while they show a page or are being moved, each with its state.
///
/// A tenant that shows a page cannot be deployed: its target group belongs to no load balancer, so ECS refuses its
/// service. A tenant that is being moved must not be deployed: only the move knows which data belongs in its new
/// location.
#[must_use]
pub fn changing(planned: &Planned, observed: &Observed, names: &Names) -> BTreeMap<TenantName, &'static str> {
    let state = |stack: &PlannedStack| {
        let tenant = tenant(stack)?;
        if observed.is_on_its_way(tenant) {
            return (stack.plan.action != Action::Nothing).then(|| (tenant.clone(), MOVING));
        }
        // A tenant that this command moves shows a page until it has arrived.
        let page = observed.get(&names.tenant(tenant)).filter(|_| observed.bound(tenant).is_none())?.page().state()?;
        stack.plan.changes_anything().then(|| (tenant.clone(), page))
    };
    planned.stacks.iter().filter_map(state).collect()
}

/// The plan without the tenants that [`changing`] names. Without `all`, refuses the plan instead.
///
/// # Errors
/// The refusal, and what AWS answers if their change sets cannot be deleted.
pub async fn leave_out(
    mut online: Online,
    aws: &Aws,
    polling: Polling,
    names: &Names,
    all: bool,
) -> Result<Online, OperationError> {
    let blocked = changing(&online.planned, &online.observed, names);
    if blocked.is_empty() {
        return Ok(online);
    }
    if !all {
        plan::discard(aws, polling, &online.planned).await?;
        return Err(refusal(&blocked));
    }
    let is_left = |stack: &PlannedStack| tenant(stack).is_some_and(|tenant| blocked.contains_key(tenant));
    let (left, stacks): (Vec<_>, Vec<_>) = online.planned.stacks.into_iter().partition(is_left);
    plan::discard(aws, polling, &Planned { stacks: left }).await?;
    online.plan.stacks = stacks.iter().map(|stack| stack.plan.clone()).collect();
    online.planned = Planned { stacks };
    let each: Vec<String> = blocked.iter().map(|(tenant, state)| format!("{tenant} ({state})")).collect();
    online.plan.notes.push(format!(
        "skipped, with changes that wait for `konta tenant resume` or `konta tenant move`: {}",
        each.join(", ")
    ));
    Ok(online)
}

/// The tenant that a stack belongs to.
#[must_use]
pub fn tenant(stack: &PlannedStack) -> Option<&TenantName> {
    match &stack.desired.kind {
        StackKind::Tenant(tenant) | StackKind::Addon(tenant, _) => Some(tenant),
        StackKind::Dns | StackKind::Environment | StackKind::Cell(_) => None,
    }
}

/// Why a deployment of these tenants is refused.
#[must_use]
pub fn refusal(paged: &BTreeMap<TenantName, &'static str>) -> OperationError {
    let each = paged.iter().map(|(tenant, state)| format!("{tenant} is {state}"));
    let first = paged.iter().next();
    let (name, verb) = first.map_or(("NAME", "resume"), |(tenant, state)| {
        (tenant.as_str(), if *state == MOVING { "move" } else { "resume" })
    });
    OperationError::Preflight {
        problem: format!("{}, so its changes are not deployed", each.collect::<Vec<_>>().join(", ")),
        help: format!("run `konta tenant {verb} {name}` first; `--all` skips such tenants"),
    }
}
