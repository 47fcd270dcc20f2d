//! The deployment of a plan, with the steps of a move before and after it.

use crate::deploy::{Deployer, Planned, PlannedStack, StackResult};
use crate::operation::OperationError;
use crate::stack::StackKind;

use super::Relocation;

/// Deploys a plan. A tenant that moves leaves only when everything that its new location needs is deployed: a new cell
/// takes half an hour.
///
/// # Errors
/// When a step of the move fails; the same call resumes it.
pub async fn deploy(
    deployer: &Deployer<'_>,
    planned: &Planned,
    relocation: Option<&Relocation<'_>>,
) -> Result<Vec<StackResult>, OperationError> {
    let Some(relocation) = relocation else { return Ok(deployer.deploy(planned).await) };
    let is_own = |stack: &&PlannedStack| matches!(&stack.desired.kind, StackKind::Tenant(tenant) if tenant == relocation.tenant());
    let (own, before): (Vec<&PlannedStack>, Vec<&PlannedStack>) = planned.stacks.iter().partition(is_own);
    let each = |stacks: Vec<&PlannedStack>| Planned { stacks: stacks.into_iter().cloned().collect() };
    let ended_well = |results: &[StackResult]| results.iter().all(|result| result.error.is_none());
    let mut results = deployer.deploy(&each(before)).await;
    if !ended_well(&results) {
        return Ok(results);
    }
    relocation.leave(deployer.context).await?;
    results.extend(deployer.deploy(&each(own)).await);
    if ended_well(&results) {
        relocation.finish(deployer.context).await?;
    }
    Ok(results)
}
