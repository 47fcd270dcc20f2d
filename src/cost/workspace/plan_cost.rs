//! What the changes of a plan cost: the wanted documents compared with the deployed ones.

use std::collections::HashMap;
use std::fmt::Display;

use crate::cost::difference::Difference;
use crate::cost::price::PriceTable;
use crate::cost::usage::{Profile, Usage};
use crate::model::Environment;
use crate::stack::plan::touched;
use crate::stack::{Action, DesiredStack, LoadedWorkspace, Observed, ObservedStack, StackPlan};

use super::stack_pricer::StackPricer;

/// What the changes of a plan cost per month, given the deployed templates of the stacks that change.
///
/// Usage is the same before and after, so the difference is the effect of the change itself. A template that cannot be
/// read is reported, but does not prevent the plan.
#[derive(Debug)]
pub struct PlanCost<'a> {
    loaded: &'a LoadedWorkspace,
    environment: &'a Environment,
    stacks: Vec<(&'a DesiredStack, &'a StackPlan)>,
    observed: &'a Observed,
}

impl<'a> PlanCost<'a> {
    /// For a plan: its stacks in the order of deployment, each with what happens to it.
    #[must_use]
    pub fn new(
        loaded: &'a LoadedWorkspace,
        environment: &'a Environment,
        stacks: impl Iterator<Item = (&'a DesiredStack, &'a StackPlan)>,
        observed: &'a Observed,
    ) -> Self {
        Self { loaded, environment, stacks: stacks.collect(), observed }
    }

    /// The deployed stacks whose templates are needed, and no others.
    #[must_use]
    pub fn templates(&self) -> Vec<&'a str> {
        // A stack that only follows keeps its template, so the desired one is also the deployed one.
        let asked = self.stacks.iter().filter(|(_, plan)| plan.changes_anything() && plan.action != Action::Follow);
        asked.filter_map(|(desired, plan)| Some(self.deployed(desired, plan)?.name.as_str())).collect()
    }

    /// The difference; `templates` are those of [`PlanCost::templates`], by stack, or why they are missing.
    #[must_use]
    pub fn difference<E: Display>(
        &self,
        mut templates: HashMap<String, Result<String, E>>,
        prices: &PriceTable,
    ) -> Difference {
        let mut difference = Difference::default();
        if !self.stacks.iter().any(|(_, plan)| plan.changes_anything()) {
            return difference;
        }
        let desired: Vec<DesiredStack> = self.stacks.iter().map(|(desired, _)| (*desired).clone()).collect();
        let touched = touched(&desired, self.observed);
        let mut now = pricer(self.loaded, self.environment, prices).given(self.observed).once_changed(touched);
        let mut then = pricer(self.loaded, self.environment, prices).given(self.observed);
        for (desired, plan) in &self.stacks {
            if !plan.changes_anything() {
                now.register(desired);
                continue;
            }
            let after = now.desired(desired).estimate;
            let before = match (self.deployed(desired, plan), templates.remove(&desired.name)) {
                (Some(_), _) if plan.action == Action::Follow => Ok(Some(then.desired(desired).estimate)),
                (Some(deployed), Some(template)) => then.deployed(deployed, &desired.kind, template).map(Some),
                _ => Ok(None),
            };
            match before {
                Ok(Some(before)) if plan.action == Action::Follow && before.total_usd == after.total_usd => {}
                Ok(before) => difference.add(&desired.name, &desired.title, before.as_deref(), Some(&after)),
                Err(reason) => difference.add_unread(&desired.name, &desired.title, reason),
            }
        }
        difference
    }

    /// The stack as it is deployed; what a failed creation left does not stay, and so costs nothing.
    fn deployed(&self, desired: &DesiredStack, plan: &StackPlan) -> Option<&'a ObservedStack> {
        self.observed.get(&desired.name).filter(|_| plan.action != Action::Recreate)
    }
}

/// What stacks cost if all of them are new, as in a plan based on the templates alone.
#[must_use]
pub fn of_creations(
    loaded: &LoadedWorkspace,
    environment: &Environment,
    stacks: &[DesiredStack],
    prices: &PriceTable,
) -> Difference {
    let mut new = pricer(loaded, environment, prices);
    let mut difference = Difference::default();
    for stack in stacks {
        difference.add(&stack.name, &stack.title, None, Some(&new.desired(stack).estimate));
    }
    difference
}

fn pricer<'a>(loaded: &'a LoadedWorkspace, environment: &'a Environment, prices: &PriceTable) -> StackPricer<'a> {
    let usage = Usage::of(Profile::none());
    StackPricer::new(&loaded.workspace, &loaded.composer, environment, usage, prices.clone())
}
