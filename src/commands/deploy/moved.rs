//! A plan, between what a tenant that moves does before and after it.

use crate::deploy::{DeployError, Deployer, Planned, PlannedStack, StackResult};
use crate::life::moving::Journey;
use crate::stack::StackKind;

/// Carries out a plan. Who moves leaves only when all that its new place stands on is there: a cell takes half an hour to be made.
pub(super) async fn carry_out(
    deployer: &Deployer<'_>,
    planned: &Planned,
    journey: Option<&Journey<'_>>,
) -> Result<Vec<StackResult>, DeployError> {
    let Some(journey) = journey else { return Ok(deployer.deploy(planned).await) };
    let is_own =
        |stack: &&PlannedStack| matches!(&stack.desired.kind, StackKind::Tenant(tenant) if tenant == journey.tenant());
    let (own, before): (Vec<&PlannedStack>, Vec<&PlannedStack>) = planned.stacks.iter().partition(is_own);
    let each = |stacks: Vec<&PlannedStack>| Planned { stacks: stacks.into_iter().cloned().collect() };
    let ended_well = |results: &[StackResult]| results.iter().all(|result| result.error.is_none());
    let mut results = deployer.deploy(&each(before)).await;
    if !ended_well(&results) {
        return Ok(results);
    }
    journey.leave(deployer).await?;
    results.extend(deployer.deploy(&each(own)).await);
    if ended_well(&results) {
        journey.finish(deployer).await?;
    }
    Ok(results)
}
