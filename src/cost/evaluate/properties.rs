//! A resource's properties, each evaluated when it is read.

use rust_decimal::Decimal;
use serde_json::Value;

use super::{Evaluator, Node};

/// The properties of a resource, or of a map inside them.
#[derive(Debug, Clone, Copy)]
pub struct Properties<'e, 'a> {
    evaluator: &'e Evaluator<'a>,
    value: Option<&'a Value>,
}

impl<'e, 'a> Properties<'e, 'a> {
    pub(super) fn new(evaluator: &'e Evaluator<'a>, value: Option<&'a Value>) -> Self {
        Self { evaluator, value }
    }

    /// A property by its path, such as `NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp`; absent
    /// ones are [`Node::Absent`].
    #[must_use]
    pub fn get(&self, path: &str) -> Node {
        let mut value = self.value;
        let mut rest = path.split('.');
        while let Some(Value::Object(map)) = value {
            // After a function, the rest of the path is in the function's result.
            if map.len() == 1 && map.keys().all(|key| key.starts_with("Fn::") || key == "Ref") {
                break;
            }
            match rest.next() {
                Some(key) => value = map.get(key),
                None => break,
            }
        }
        let mut node = value.map_or(Node::Absent, |value| self.evaluator.node(value));
        for key in rest {
            node = match node {
                Node::Map(mut map) => map.remove(key).unwrap_or(Node::Absent),
                Node::Unknown(reason) => return Node::Unknown(reason),
                _ => return Node::Absent,
            };
        }
        node
    }

    /// A property as text; `Ok(None)` if it is absent.
    ///
    /// # Errors Why it is unknown.
    pub fn text(&self, path: &str) -> Result<Option<String>, String> {
        let node = self.get(path);
        match node.reason() {
            Some(reason) => Err(format!("{path}: {reason}")),
            None => match node {
                Node::Text(text) => Ok(Some(text)),
                Node::Absent => Ok(None),
                _ => Err(format!("{path} is not a text")),
            },
        }
    }

    /// A property as a number; `Ok(None)` if it is absent.
    ///
    /// # Errors Why it is unknown, or that it is not a number.
    pub fn number(&self, path: &str) -> Result<Option<Decimal>, String> {
        self.text(path)?
            .map(|text| number(&text).ok_or_else(|| format!("{path} is `{text}`, not a number")))
            .transpose()
    }

    /// A property that measures something, from 0 to `most`; `Ok(None)` if it is absent.
    ///
    /// # Errors Why it is unknown, or that AWS does not allow the amount.
    pub fn measure(&self, path: &str, most: u32) -> Result<Option<Decimal>, String> {
        let Some(found) = self.number(path)? else { return Ok(None) };
        if found < Decimal::ZERO {
            return Err(format!("{path} is {found}, below zero"));
        }
        if found > Decimal::from(most) {
            return Err(format!("{path} is {found}, but AWS allows at most {most}"));
        }
        Ok(Some(found))
    }

    /// Whether a property is true, in the words of YAML 1.1, which `CloudFormation` reads; an absent one is not.
    ///
    /// # Errors Why it is unknown, or that it is neither true nor false.
    pub fn is_true(&self, path: &str) -> Result<bool, String> {
        let Some(text) = self.text(path)? else { return Ok(false) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Ok(true),
            "false" | "no" | "off" | "n" => Ok(false),
            _ => Err(format!("{path} is `{text}`, neither true nor false")),
        }
    }

    /// A property as a list; `Ok(None)` if it is absent. A single value is a list of one.
    ///
    /// # Errors Why it is unknown.
    pub fn list(&self, path: &str) -> Result<Option<Vec<Node>>, String> {
        match self.get(path) {
            Node::List(items) => Ok(Some(items)),
            Node::Absent => Ok(None),
            Node::Unknown(reason) => Err(format!("{path}: {reason}")),
            single => Ok(Some(vec![single])),
        }
    }

    /// How many values a list has; zero if it is absent.
    ///
    /// # Errors Why that is unknown.
    pub fn count(&self, path: &str) -> Result<usize, String> {
        Ok(self.list(path)?.map_or(0, |items| items.len()))
    }

    /// The resource of this document that a property refers to.
    #[must_use]
    pub fn linked(&self, path: &str) -> Option<String> {
        self.get(path).referred().map(ToOwned::to_owned)
    }
}

/// A number as templates write it, also with an exponent.
#[must_use]
pub fn number(text: &str) -> Option<Decimal> {
    let text = text.trim();
    text.parse().ok().or_else(|| Decimal::from_scientific(text).ok())
}
