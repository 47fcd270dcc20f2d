//! Suspended tenants, those in maintenance and those that are being moved: refused where they are named, passed over where all are meant.

use crate::commands::CommandError;
use crate::commands::context::Session;
use crate::deploy::blocked;
use crate::deploy::plan::{self, Online, Planned};
use crate::stack::names::Names;

/// The plan without the tenants whose visitors see a page or that are being moved; those that would change are refused unless `all` are meant.
pub(super) async fn left_alone(
    mut online: Online,
    session: &Session,
    names: &Names,
    all: bool,
) -> Result<Online, CommandError> {
    let paged = blocked::changing(&online.planned, &online.observed, names);
    if paged.is_empty() {
        return Ok(online);
    }
    if !all {
        plan::discard(&session.aws, session.polling, &online.planned).await?;
        return Err(blocked::refusal(&paged).into());
    }
    let is_left = |stack: &plan::PlannedStack| blocked::tenant(stack).is_some_and(|tenant| paged.contains_key(tenant));
    let (left, stacks): (Vec<_>, Vec<_>) = online.planned.stacks.into_iter().partition(is_left);
    plan::discard(&session.aws, session.polling, &Planned { stacks: left }).await?;
    online.plan.stacks = stacks.iter().map(|stack| stack.plan.clone()).collect();
    online.planned = Planned { stacks };
    let each: Vec<String> = paged.iter().map(|(tenant, state)| format!("{tenant} ({state})")).collect();
    online.plan.notes.push(format!(
        "passed over, with changes that wait for `konta tenant resume` or `konta tenant move`: {}",
        each.join(", ")
    ));
    Ok(online)
}
