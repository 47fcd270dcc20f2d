//! A template's values, as far as they are known without AWS: parameters, conditions and intrinsic functions.
//!
//! A value that only a deployed stack has stays [`Node::Unknown`] with the reason; nothing is
//! guessed and nothing panics.

mod condition;
mod function;
mod properties;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::error::CostError;
use crate::template::Document;
use crate::template::condition::Known;
use crate::template::intrinsic::intrinsic;

pub use properties::{Properties, number};

/// A value as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A text, a number or a truth value; CloudFormation converts between them as needed.
    ///
    /// A resource's name or attribute is such a text, too: not known, but it can be counted and followed.
    /// See [`Node::reference`].
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map.
    Map(BTreeMap<String, Node>),
    /// Absent: null, or `AWS::NoValue`.
    Absent,
    /// Known only later, with the reason.
    Unknown(String),
}

/// Mark a reference to a resource inside a text: no template contains these characters by accident.
const OPEN: char = '\u{E000}';
const CLOSE: char = '\u{E001}';
/// Replaces a resource's id if the resource is in another stack.
const ELSEWHERE: &str = "elsewhere";

impl Node {
    /// What `Ref` or `Fn::GetAtt` of a resource gives: a text that names the resource.
    #[must_use]
    pub fn reference(logical_id: &str) -> Self {
        Self::Text(format!("{OPEN}{logical_id}{CLOSE}"))
    }

    /// The first resource a text refers to.
    #[must_use]
    pub fn referred(&self) -> Option<&str> {
        let Self::Text(text) = self else { return None };
        let (_, rest) = text.split_once(OPEN)?;
        rest.split_once(CLOSE).map(|(id, _)| id)
    }

    /// The text, if it depends on no resource.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) if !text.contains(OPEN) => Some(text),
            _ => None,
        }
    }

    /// Why the value is unknown, for people; `None` if it is known or absent.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Unknown(reason) => Some(reason.clone()),
            Self::Text(_) => self.referred().map(|id| format!("it is known only after {id} is created")),
            _ => None,
        }
    }

    fn of_truth(truth: bool) -> Self {
        Self::Text(truth.to_string())
    }
}

/// What a template is evaluated for.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The region, such as `eu-west-1`.
    pub region: String,
    /// Parameters by name; `None` for one whose value is known only later. Parameters that are left out
    /// get the template's default.
    pub parameters: Known,
}

/// A template with the values of its parameters.
#[derive(Debug)]
pub struct Evaluator<'a> {
    document: &'a Document,
    region: &'a str,
    known: &'a Known,
    /// Evaluated conditions; `None` while one is being evaluated, which reveals a circle.
    conditions: RefCell<BTreeMap<String, Option<Result<bool, String>>>>,
    /// The parameters read so far: other inputs with the same values for them give the same results.
    read: RefCell<BTreeSet<String>>,
}

/// No CloudFormation template nests deeper, and recursion of this depth fits every thread's stack.
const DEEPEST: u32 = 100;

impl<'a> Evaluator<'a> {
    /// An evaluator for a document and its inputs.
    #[must_use]
    pub fn new(document: &'a Document, inputs: &'a Inputs) -> Self {
        Self {
            document,
            region: &inputs.region,
            known: &inputs.parameters,
            conditions: RefCell::default(),
            read: RefCell::default(),
        }
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> &'a Document {
        self.document
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &'a str {
        self.region
    }

    /// The parameters that the results so far depend on.
    #[must_use]
    pub fn parameters_read(&self) -> BTreeSet<String> {
        self.read.borrow().clone()
    }

    /// A resource's properties.
    #[must_use]
    pub fn properties(&self, logical_id: &str) -> Properties<'_, 'a> {
        let resource = self.document.resources().get(logical_id);
        Properties::new(self, resource.and_then(|resource| resource.get("Properties")))
    }

    /// An output's value, as a parameter of another stack gets it; `None` if the output does not exist or is unknown.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<String> {
        let output = self.document.section("Outputs").get(name)?;
        if self.is_made(output) != Ok(true) {
            return None;
        }
        match self.node(output.get("Value")?) {
            // Ids of this document mean nothing in another.
            Node::Text(text) => Some(
                text.split(OPEN)
                    .enumerate()
                    .map(|(index, piece)| match piece.split_once(CLOSE) {
                        Some((_, rest)) if index > 0 => format!("{OPEN}{ELSEWHERE}{CLOSE}{rest}"),
                        _ => piece.to_owned(),
                    })
                    .collect(),
            ),
            Node::List(items) => {
                let items: Option<Vec<&str>> = items.iter().map(Node::text).collect();
                items.map(|items| items.join(","))
            }
            _ => None,
        }
    }

    /// A value of the template, evaluated.
    #[must_use]
    pub fn node(&self, value: &Value) -> Node {
        self.at(value, 0)
    }

    fn at(&self, value: &Value, depth: u32) -> Node {
        if depth > DEEPEST {
            return Node::Unknown("the template nests too deeply".to_owned());
        }
        match value {
            Value::Null => Node::Absent,
            Value::Bool(truth) => Node::of_truth(*truth),
            Value::Number(number) => Node::Text(number.to_string()),
            Value::String(text) => Node::Text(text.clone()),
            Value::Array(items) => Node::List(
                items.iter().map(|item| self.at(item, depth + 1)).filter(|item| *item != Node::Absent).collect(),
            ),
            Value::Object(map) => match intrinsic(value) {
                Some((name, argument)) => self.call(name, argument, depth + 1),
                None => Node::Map(
                    map.iter()
                        .map(|(key, value)| (key.clone(), self.at(value, depth + 1)))
                        .filter(|(_, value)| *value != Node::Absent)
                        .collect(),
                ),
            },
        }
    }

    /// What `Ref` returns.
    fn reference(&self, name: &str) -> Node {
        if let Some(pseudo) = name.strip_prefix("AWS::") {
            return match pseudo {
                "Region" => Node::Text(self.region.to_owned()),
                "NoValue" => Node::Absent,
                "Partition" => Node::Text(partition(self.region).to_owned()),
                _ => Node::Unknown(format!("{name} is known only after the stack is deployed")),
            };
        }
        if self.document.section("Parameters").contains_key(name) {
            return self.parameter(name);
        }
        if self.document.resources().contains_key(name) {
            return Node::reference(name);
        }
        Node::Unknown(format!("`{name}` is neither a parameter nor a resource"))
    }

    fn parameter(&self, name: &str) -> Node {
        self.read.borrow_mut().insert(name.to_owned());
        let declared = self.document.section("Parameters").get(name);
        let kind = declared.and_then(|d| d.get("Type")).and_then(Value::as_str).unwrap_or("String");
        if kind.starts_with("AWS::SSM::Parameter::Value") {
            return Node::Unknown(format!("the parameter {name} is read from SSM when the stack is deployed"));
        }
        let value = match self.known.get(name) {
            Some(Some(value)) => Some(value.clone()),
            Some(None) => {
                return Node::Unknown(format!("the parameter {name} is known only after another stack is deployed"));
            }
            None => declared.and_then(|d| d.get("Default")).and_then(scalar),
        };
        let Some(value) = value else {
            return Node::Unknown(format!("the parameter {name} has neither a value nor a default"));
        };
        if kind == "CommaDelimitedList" || kind.starts_with("List<") {
            return Node::List(value.split(',').map(|item| Node::Text(item.trim().to_owned())).collect());
        }
        Node::Text(value)
    }
}

/// Checks that every given parameter is declared, and that the document has resources.
pub fn check(name: &str, document: &Document, given: &Known) -> Result<(), CostError> {
    let wrong = |problem: &str| CostError::Template { name: name.to_owned(), problem: problem.to_owned() };
    match document.value().get("Resources") {
        None => return Err(wrong("there is no section `Resources`")),
        Some(resources) if !resources.is_object() => {
            return Err(wrong("`Resources` is not a map of resources by name"));
        }
        Some(_) => {}
    }
    let declared = document.section("Parameters");
    match given.keys().find(|parameter| !declared.contains_key(*parameter)) {
        None => Ok(()),
        Some(parameter) => Err(CostError::Parameter {
            parameter: parameter.clone(),
            help: if declared.is_empty() {
                "the template has no parameters".to_owned()
            } else {
                format!("its parameters are {}", declared.keys().cloned().collect::<Vec<_>>().join(", "))
            },
        }),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

#[cfg(test)]
mod tests;
