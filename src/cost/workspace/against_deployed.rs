//! The workspace compared with what is deployed.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;

use crate::cost::difference::Difference;
use crate::cost::error::CostError;
use crate::model::{Tenant, TenantName};
use crate::stack::plan::{action, touched};
use crate::stack::scope::{Scope, Shared, wanted};
use crate::stack::tags::{APPLICATION_TAG, TENANT_TAG};
use crate::stack::{Action, DesiredStack, Observed, ObservedStack, StackKind};
use crate::template::TemplateError;

use super::{Basis, StackPricer};

/// How much more or less an environment, or one tenant of it, costs than what is deployed.
#[derive(Debug)]
pub struct AgainstDeployed<'a> {
    basis: Basis<'a>,
    tenant: Option<&'a Tenant>,
    observed: &'a Observed,
    /// The desired stacks: all of the environment, or a tenant's own and those before them.
    wanted: Vec<DesiredStack>,
}

impl<'a> AgainstDeployed<'a> {
    /// Composes the desired stacks.
    ///
    /// # Errors If a stack cannot be composed.
    pub fn new(basis: Basis<'a>, tenant: Option<&'a Tenant>, observed: &'a Observed) -> Result<Self, TemplateError> {
        let (loaded, environment) = (basis.loaded, basis.environment);
        let tenants = tenant.map_or_else(|| basis.tenants(), |tenant| vec![tenant]);
        let scope = Scope { shared: Shared::All, tenants };
        let wanted = wanted(&loaded.builder(), &loaded.workspace, environment, &scope, observed)?.stacks;
        Ok(Self { basis, tenant, observed, wanted })
    }

    /// The deployed stacks whose templates are needed: those that differ, and those that no manifest names any more.
    #[must_use]
    pub fn templates(&self) -> Vec<&str> {
        let differing = self.compared().filter(|stack| action(stack, self.observed) != Action::Nothing);
        let asked = differing.filter_map(|stack| self.deployed(&stack.name)).chain(self.gone());
        asked.map(|stack| stack.name.as_str()).collect()
    }

    /// The difference; `templates` are those of [`AgainstDeployed::templates`], by stack, or why they are missing.
    ///
    /// # Errors If the usage file names a resource that does not exist.
    pub fn difference<E: Display>(
        &self,
        mut templates: HashMap<String, Result<String, E>>,
    ) -> Result<Difference, CostError> {
        let mut now = self.pricer().once_changed(touched(&self.wanted, self.observed));
        let mut then = self.pricer().serving(self.deployed_tenants());
        let mut difference = Difference::default();
        for stack in self.wanted.iter().filter(|stack| !self.concerns(stack)) {
            now.register(stack);
            then.register(stack);
        }
        for stack in self.compared() {
            let after = now.desired(stack).estimate;
            let before = match (self.deployed(&stack.name), templates.remove(&stack.name)) {
                (None, _) => Ok(None),
                (Some(_), None) => Ok(Some(then.desired(stack).estimate)),
                (Some(deployed), Some(template)) => then.deployed(deployed, &stack.kind, template).map(Some),
            };
            match before {
                Ok(before) => difference.add(&stack.name, &stack.title, before.as_deref(), Some(&after)),
                Err(reason) => difference.add_unread(&stack.name, &stack.title, reason),
            }
        }
        for stack in self.gone() {
            let Some(template) = templates.remove(&stack.name) else { continue };
            match then.deployed(stack, &kind_of(stack), template) {
                Ok(before) => difference.add(&stack.name, &stack.name, Some(&before), None),
                Err(reason) => difference.add_unread(&stack.name, &stack.name, reason),
            }
        }
        self.basis.usage.check(&now.resources())?;
        if self.tenant.is_none() {
            let (all, deployed) = (self.basis.tenants(), self.deployed_tenants());
            let before = all.iter().copied().filter(|tenant| deployed.contains(&tenant.name));
            let (before, after) = (self.basis.traffic(before), self.basis.traffic(all.iter().copied()));
            difference.add("account", "traffic of the account", Some(&before), Some(&after));
        }
        Ok(difference.without_same())
    }

    fn pricer(&self) -> StackPricer<'a> {
        self.basis.pricer().given(self.observed)
    }

    /// The desired stacks whose cost is compared.
    fn compared(&self) -> impl Iterator<Item = &DesiredStack> {
        self.wanted.iter().filter(|stack| self.concerns(stack))
    }

    /// Whether a stack's cost is compared: for a tenant, only that of its own stacks.
    fn concerns(&self, stack: &DesiredStack) -> bool {
        self.tenant.is_none() || matches!(stack.kind, StackKind::Addon(..) | StackKind::Tenant(_))
    }

    /// A deployed stack that costs something; what a failed creation left does not count.
    fn deployed(&self, name: &str) -> Option<&'a ObservedStack> {
        self.observed.get(name).filter(|deployed| !deployed.must_be_remade())
    }

    /// Deployed stacks that no manifest names any more.
    fn gone(&self) -> Vec<&'a ObservedStack> {
        let wanted: BTreeSet<&str> = self.compared().map(|stack| stack.name.as_str()).collect();
        let ours = |stack: &&ObservedStack| match self.tenant {
            Some(tenant) => stack.tags.get(TENANT_TAG).is_some_and(|name| name == tenant.name.as_str()),
            None => stack.tags.contains_key(APPLICATION_TAG),
        };
        let remains = |stack: &&ObservedStack| !wanted.contains(stack.name.as_str()) && !stack.must_be_remade();
        self.observed.iter().filter(ours).filter(remains).collect()
    }

    /// The tenants that have a stack.
    fn deployed_tenants(&self) -> BTreeSet<TenantName> {
        let names = self.observed.iter().filter_map(ObservedStack::tenant);
        names.filter_map(|name| TenantName::new(name).ok()).collect()
    }
}

/// The kind of a stack that no manifest names any more.
fn kind_of(stack: &ObservedStack) -> StackKind {
    let tenant = stack.tags.get(TENANT_TAG).and_then(|name| TenantName::new(name).ok());
    match (tenant, stack.cell()) {
        (Some(tenant), _) => StackKind::Tenant(tenant),
        (None, Some(cell)) => StackKind::Cell(cell),
        (None, None) => StackKind::Environment,
    }
}
