//! What stacks give to each other: outputs as they are deployed, or as a template says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::cost::evaluate::{Evaluator, Inputs};
use crate::stack::{DesiredStack, Observed, ParameterValue, StackKind};
use crate::template::Document;

/// The outputs that stacks take as parameters.
#[derive(Default)]
pub(super) struct Outputs<'a> {
    /// What is deployed, if that was asked.
    pub(super) observed: Option<&'a Observed>,
    /// Stacks whose outputs will differ from the deployed ones.
    pub(super) touched: BTreeSet<String>,
    /// Documents and inputs of the stacks whose outputs others take.
    registered: BTreeMap<String, (Arc<Document>, Inputs)>,
    /// Outputs that were worked out before, by stack and name.
    worked_out: HashMap<String, Option<String>>,
}

impl Outputs<'_> {
    /// Lets other stacks take a stack's outputs, and returns the inputs for evaluating the stack itself.
    pub(super) fn register(&mut self, stack: &DesiredStack, region: &str) -> Inputs {
        let parameters = stack.parameters.iter().map(|(name, value)| (name.clone(), self.known(value))).collect();
        let inputs = Inputs { region: region.to_owned(), parameters };
        // Nothing takes a tenant's outputs, and there may be ten thousand.
        if !matches!(stack.kind, StackKind::Tenant(_)) {
            self.registered.insert(stack.name.clone(), (Arc::clone(&stack.document), inputs.clone()));
        }
        inputs
    }

    /// A parameter's value: an output as it is deployed, unless its stack will have a different one.
    fn known(&mut self, value: &ParameterValue) -> Option<String> {
        let (stack, output) = match value {
            ParameterValue::Literal(value) => return Some(value.clone()),
            ParameterValue::Output { stack, output } => (stack, output),
        };
        let deployed = self.observed.and_then(|observed| observed.output(stack, output)).map(ToOwned::to_owned);
        if deployed.is_some() && !self.touched.contains(stack) {
            return deployed;
        }
        self.template_output(stack, output).or(deployed)
    }

    /// An output as the template of its stack gives it.
    fn template_output(&mut self, stack: &str, output: &str) -> Option<String> {
        let key = format!("{stack}.{output}");
        if let Some(known) = self.worked_out.get(&key) {
            return known.clone();
        }
        let (document, inputs) = self.registered.get(stack)?;
        let known = Evaluator::new(document, inputs).output(output);
        self.worked_out.insert(key, known.clone());
        known
    }
}
