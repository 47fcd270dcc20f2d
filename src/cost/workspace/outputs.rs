//! What stacks give to each other: outputs as they stand, or as a template tells them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::cost::evaluate::{Evaluator, Inputs};
use crate::stack::{DesiredStack, Observed, ParameterValue, StackKind};
use crate::template::Document;

/// The outputs that stacks take as parameters.
#[derive(Default)]
pub(super) struct Outputs<'a> {
    /// What stands, where that has been asked.
    pub(super) observed: Option<&'a Observed>,
    /// Stacks whose outputs will be others than those that stand.
    pub(super) touched: BTreeSet<String>,
    /// Documents and inputs of the stacks whose outputs others take.
    standing: BTreeMap<String, (Arc<Document>, Inputs)>,
    told: HashMap<String, Option<String>>,
}

impl Outputs<'_> {
    /// Lets other stacks take a stack's outputs, and gives what the stack itself is evaluated for.
    pub(super) fn stand(&mut self, stack: &DesiredStack, region: &str) -> Inputs {
        let parameters = stack.parameters.iter().map(|(name, value)| (name.clone(), self.known(value))).collect();
        let inputs = Inputs { region: region.to_owned(), parameters };
        // Nothing takes a tenant's outputs, and there may be ten thousand.
        if !matches!(stack.kind, StackKind::Tenant(_)) {
            self.standing.insert(stack.name.clone(), (Arc::clone(&stack.document), inputs.clone()));
        }
        inputs
    }

    /// A parameter's value: an output as it stands, unless its stack will have another.
    fn known(&mut self, value: &ParameterValue) -> Option<String> {
        let (stack, output) = match value {
            ParameterValue::Literal(value) => return Some(value.clone()),
            ParameterValue::Output { stack, output } => (stack, output),
        };
        let standing = self.observed.and_then(|observed| observed.output(stack, output)).map(ToOwned::to_owned);
        if standing.is_some() && !self.touched.contains(stack) {
            return standing;
        }
        self.told(stack, output).or(standing)
    }

    /// An output as the template of its stack tells it.
    fn told(&mut self, stack: &str, output: &str) -> Option<String> {
        let key = format!("{stack}.{output}");
        if let Some(known) = self.told.get(&key) {
            return known.clone();
        }
        let (document, inputs) = self.standing.get(stack)?;
        let known = Evaluator::new(document, inputs).output(output);
        self.told.insert(key, known.clone());
        known
    }
}
