//! A plan, between what a tenant that moves does before and after it.

use crate::deploy::{Deployer, Planned, PlannedStack, StackResult};
use crate::operation::OperationError;
use crate::stack::StackKind;
use crate::tenant::relocation::Relocation;

/// Carries out a plan. Who moves leaves only when all that its new place stands on is there: a cell takes half an hour to be made.
pub(super) async fn carry_out(
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
    relocation.leave(deployer).await?;
    results.extend(deployer.deploy(&each(own)).await);
    if ended_well(&results) {
        relocation.finish(deployer).await?;
    }
    Ok(results)
}
