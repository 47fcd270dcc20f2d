//! Conditions: which resources a template creates.

use serde_json::Value;

use super::{Evaluator, Node};
use crate::template::intrinsic::intrinsic;

impl Evaluator<'_> {
    /// Whether a resource or output is created.
    ///
    /// # Errors Why that is unknown.
    pub fn is_made(&self, entry: &Value) -> Result<bool, String> {
        match entry.get("Condition") {
            None => Ok(true),
            Some(Value::String(name)) => self.condition(name, 0),
            Some(_) => Err("its `Condition` is not a name".to_owned()),
        }
    }

    /// A named condition.
    pub(super) fn condition(&self, name: &str, depth: u32) -> Result<bool, String> {
        match self.conditions.borrow().get(name) {
            Some(Some(known)) => return known.clone(),
            Some(None) => return Err(format!("the condition {name} refers to itself")),
            None => {}
        }
        let Some(value) = self.document.section("Conditions").get(name) else {
            return Err(format!("the template has no condition {name}"));
        };
        self.conditions.borrow_mut().insert(name.to_owned(), None);
        let truth =
            self.truth(value, depth + 1).map_err(|reason| format!("the condition {name} is undecided: {reason}"));
        self.conditions.borrow_mut().insert(name.to_owned(), Some(truth.clone()));
        truth
    }

    fn truth(&self, value: &Value, depth: u32) -> Result<bool, String> {
        if depth > super::DEEPEST {
            return Err("it nests too deeply".to_owned());
        }
        let Some((function, argument)) = intrinsic(value) else {
            return match value {
                Value::Bool(truth) => Ok(*truth),
                _ => Err("it is not a condition function".to_owned()),
            };
        };
        let parts = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        match (function, parts) {
            ("Condition", _) => match argument {
                Value::String(name) => self.condition(name, depth),
                _ => Err("`Condition` names no condition".to_owned()),
            },
            ("Fn::Not", [part]) => self.truth(part, depth + 1).map(|truth| !truth),
            // One false part decides, even if others are unknown; for Or, one true part.
            ("Fn::And", [_, ..]) => self.decide(parts, false, depth),
            ("Fn::Or", [_, ..]) => self.decide(parts, true, depth),
            ("Fn::Equals", [a, b]) => {
                let (a, b) = (self.at(a, depth + 1), self.at(b, depth + 1));
                match a.reason().or_else(|| b.reason()) {
                    Some(reason) => Err(reason),
                    None if is_known(&a) && is_known(&b) => Ok(a == b),
                    None => Err("it compares values that are known only later".to_owned()),
                }
            }
            _ => Err(format!("{function} is not a condition that konta can evaluate")),
        }
    }

    fn decide(&self, parts: &[Value], decisive: bool, depth: u32) -> Result<bool, String> {
        let mut open = None;
        for part in parts {
            match self.truth(part, depth + 1) {
                Ok(truth) if truth == decisive => return Ok(decisive),
                Ok(_) => {}
                Err(reason) => open = open.or(Some(reason)),
            }
        }
        open.map_or(Ok(!decisive), Err)
    }
}

fn is_known(node: &Node) -> bool {
    match node {
        Node::Text(_) => node.text().is_some(),
        Node::List(items) => items.iter().all(is_known),
        Node::Map(map) => map.values().all(is_known),
        Node::Absent => true,
        Node::Unknown(_) => false,
    }
}
