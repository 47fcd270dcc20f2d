//! The values for a stack's parameters, by name: its own, then the outputs of the stacks before it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::template::limits::LONGEST_VALUE;
use crate::template::{Document, TemplateError};

use super::desired::ParameterValue;

/// The values for a stack's parameters, by name: its own, then the outputs of the stacks before it, nearest first.
pub(super) struct Context {
    pub(super) own: BTreeMap<&'static str, String>,
    pub(super) upstream: Vec<(String, Arc<Document>)>,
    /// Outputs that a template has only under a condition, which this workspace's settings fulfil.
    pub(super) fulfilled: &'static [&'static str],
}

impl Context {
    fn get(&self, name: &str) -> Option<ParameterValue> {
        if let Some(value) = self.own.get(name) {
            return Some(ParameterValue::literal(value.clone()));
        }
        let (stack, _) = self.upstream.iter().find(|(_, document)| {
            let output = document.section("Outputs").get(name);
            output.is_some_and(|output| output.get("Condition").is_none() || self.fulfilled.contains(&name))
        })?;
        Some(ParameterValue::Output { stack: stack.clone(), output: name.to_owned() })
    }

    /// An output that exists only under a condition that cannot be judged here; better than nothing for a
    /// parameter without a default.
    fn conditional(&self, name: &str) -> Option<ParameterValue> {
        let (stack, _) = self.upstream.iter().find(|(_, document)| document.section("Outputs").contains_key(name))?;
        Some(ParameterValue::Output { stack: stack.clone(), output: name.to_owned() })
    }

    fn known(&self) -> String {
        let mut names: Vec<&str> = self.own.keys().copied().collect();
        names.extend(self.upstream.iter().flat_map(|(_, d)| d.section("Outputs").keys().map(String::as_str)));
        names.sort_unstable();
        names.dedup();
        names.join(", ")
    }

    /// A value for every parameter that the document declares: from the context, else the template's own default.
    pub(super) fn parameters(
        &self,
        stack: &str,
        document: &Document,
    ) -> Result<BTreeMap<String, ParameterValue>, TemplateError> {
        let mut parameters = BTreeMap::new();
        for (name, declaration) in document.section("Parameters") {
            let value = self.get(name);
            let optional = declaration.get("Default").is_some();
            match value.or_else(|| if optional { None } else { self.conditional(name) }) {
                Some(value) => {
                    let length = if let ParameterValue::Literal(text) = &value { text.len() } else { 0 };
                    if length > LONGEST_VALUE {
                        return Err(TemplateError::Limit {
                            stack: stack.to_owned(),
                            problem: format!(
                                "the parameter {name} has {length} bytes; CloudFormation takes at most {LONGEST_VALUE}"
                            ),
                            help: "shorten its value in the manifest".to_owned(),
                        });
                    }
                    parameters.insert(name.clone(), value);
                }
                None if optional => {}
                None => {
                    return Err(TemplateError::Parameter {
                        stack: stack.to_owned(),
                        parameter: name.clone(),
                        known: self.known(),
                    });
                }
            }
        }
        Ok(parameters)
    }
}
