//! A workspace compared with itself at another time, each with its own tenants.

use std::collections::BTreeMap;

use crate::cost::difference::Difference;
use crate::cost::error::CostError;

use super::{Basis, StackCost};

/// What an environment, or one tenant of it, costs more or less after than before; a side that lacks the environment is `None`.
///
/// # Errors
/// When a stack cannot be composed, or the usage file names a resource that the later side does not have.
pub fn between(
    before: Option<Basis<'_>>,
    after: Option<Basis<'_>>,
    tenant: Option<&str>,
) -> Result<Difference, CostError> {
    let side =
        |basis: Option<Basis<'_>>, checked| basis.map_or(Ok(Vec::new()), |basis| stacks(&basis, tenant, checked));
    let (after, before) = (side(after, true)?, side(before, false)?);
    let mut difference = Difference::default();
    let mut old: BTreeMap<&str, &StackCost> = before.iter().map(|stack| (stack.stack.as_str(), stack)).collect();
    for stack in &after {
        let before = old.remove(stack.stack.as_str()).map(|stack| &*stack.estimate);
        difference.add(&stack.stack, &stack.title, before, Some(&stack.estimate));
    }
    for stack in old.into_values() {
        difference.add(&stack.stack, &stack.title, Some(&stack.estimate), None);
    }
    Ok(difference.without_same())
}

/// The stacks of one side; none where it has no such tenant.
fn stacks(basis: &Basis<'_>, tenant: Option<&str>, checked: bool) -> Result<Vec<StackCost>, CostError> {
    let mut pricer = basis.pricer();
    let stacks = if let Some(name) = tenant {
        match basis.loaded.workspace.tenants.values().find(|tenant| tenant.name.as_str() == name) {
            Some(tenant) => pricer.tenant(tenant)?,
            None => Vec::new(),
        }
    } else {
        let tenants = basis.tenants();
        let mut stacks = pricer.everything(&tenants, &pricer.places(&tenants))?;
        stacks.push(StackCost::of_account(basis.traffic(tenants.into_iter())));
        stacks
    };
    if checked {
        basis.usage.check(&pricer.resources())?;
    }
    Ok(stacks)
}
