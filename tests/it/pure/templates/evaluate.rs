//! CloudFormation in small: what is left of a document once its conditions are decided and its references followed.

use std::collections::BTreeMap;
use std::sync::Arc;

use konta::stack::{DesiredStack, ParameterValue};
use konta::template::intrinsic::intrinsic;
use serde_json::{Map, Value, json};

use super::workspace::Rendered;

const PSEUDO: &[(&str, &str)] = &[
    ("AWS::Partition", "aws"),
    ("AWS::Region", "eu-west-1"),
    ("AWS::AccountId", "012345678901"),
    ("AWS::URLSuffix", "amazonaws.com"),
    ("AWS::StackName", "a-stack"),
];

/// A stack as it would stand: only the resources whose conditions hold, with plain values.
///
/// A reference to a resource is written `<stack/Id>`, to an attribute `<stack/Id.Attribute>`.
#[derive(Debug)]
pub struct Effective {
    pub resources: BTreeMap<String, Value>,
    pub outputs: BTreeMap<String, Value>,
    pub parameters: BTreeMap<String, String>,
}

impl Effective {
    #[track_caller]
    pub fn properties(&self, id: &str) -> &Value {
        &self.resources.get(id).unwrap_or_else(|| panic!("no {id} among {:?}", self.resources.keys()))["Properties"]
    }

    pub fn has(&self, id: &str) -> bool {
        self.resources.contains_key(id)
    }

    /// The resources of a type with their properties.
    pub fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.resources.iter().filter(move |(_, r)| r["Type"] == kind).map(|(id, r)| (id.as_str(), &r["Properties"]))
    }
}

impl Rendered {
    /// A stack as it would stand with the parameters that konta gives it.
    pub fn effective(&self, stack: &str) -> Arc<Effective> {
        if let Some(known) = self.known.lock().unwrap().get(stack) {
            return Arc::clone(known);
        }
        let found = Arc::new(self.effective_with(stack, &[]));
        self.known.lock().unwrap().insert(stack.to_owned(), Arc::clone(&found));
        found
    }

    /// The same with some parameters changed.
    pub fn effective_with(&self, stack: &str, changed: &[(&str, &str)]) -> Effective {
        let desired = self.stack(stack);
        let mut parameters = self.parameters(desired);
        for (name, value) in changed {
            assert!(parameters.insert((*name).to_owned(), (*value).to_owned()).is_some(), "{stack} has no {name}");
        }
        Evaluation { desired, parameters }.run()
    }

    /// Every parameter's value: given, an output of another stack that is really there, or the default.
    pub fn parameters(&self, desired: &DesiredStack) -> BTreeMap<String, String> {
        let declared = desired.document.section("Parameters");
        for name in desired.parameters.keys() {
            assert!(declared.contains_key(name), "{} is given {name}, which it does not declare", desired.name);
        }
        declared
            .iter()
            .map(|(name, declaration)| {
                let value = match desired.parameters.get(name) {
                    Some(ParameterValue::Literal(value)) => value.clone(),
                    Some(ParameterValue::Output { stack, output }) => {
                        let upstream = self.effective(stack);
                        let value = upstream.outputs.get(output);
                        text(value.unwrap_or_else(|| panic!("{stack} has no output {output} for {}", desired.name)))
                    }
                    None => text(declaration.get("Default").unwrap_or_else(|| panic!("{} lacks {name}", desired.name))),
                };
                (name.clone(), value)
            })
            .collect()
    }
}

pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        other => panic!("{other} is no text"),
    }
}

struct Evaluation<'a> {
    desired: &'a DesiredStack,
    parameters: BTreeMap<String, String>,
}

impl Evaluation<'_> {
    fn run(self) -> Effective {
        let document = &self.desired.document;
        self.assert_rules();
        let stands = |item: &Value| item.get("Condition").and_then(Value::as_str).is_none_or(|c| self.condition(c));
        let resources = document
            .resources()
            .iter()
            .filter(|(_, resource)| stands(resource))
            .map(|(id, resource)| {
                let mut resource = resource.clone();
                let properties = resource.get("Properties").cloned().unwrap_or(json!({}));
                resource["Properties"] = self.value(&properties).unwrap_or_else(|| panic!("{id} has no properties"));
                (id.clone(), resource)
            })
            .collect();
        let outputs = document
            .section("Outputs")
            .iter()
            .filter(|(_, output)| stands(output))
            .map(|(key, output)| (key.clone(), self.value(&output["Value"]).unwrap_or_else(|| panic!("{key} is none"))))
            .collect();
        Effective { resources, outputs, parameters: self.parameters.clone() }
    }

    /// The template's own rules about its parameters.
    fn assert_rules(&self) {
        for (name, rule) in self.desired.document.section("Rules") {
            if rule.get("RuleCondition").is_none_or(|condition| self.decide(condition)) {
                for assertion in rule["Assertions"].as_array().unwrap() {
                    assert!(
                        self.decide(&assertion["Assert"]),
                        "{}: rule {name}: {}",
                        self.desired.name,
                        assertion["AssertDescription"]
                    );
                }
            }
        }
    }

    fn condition(&self, name: &str) -> bool {
        let conditions = self.desired.document.section("Conditions");
        self.decide(conditions.get(name).unwrap_or_else(|| panic!("{} has no condition {name}", self.desired.name)))
    }

    fn decide(&self, expression: &Value) -> bool {
        let (name, argument) = intrinsic(expression).unwrap_or_else(|| panic!("{expression} decides nothing"));
        let all = || argument.as_array().unwrap().iter();
        match name {
            "Condition" => self.condition(argument.as_str().unwrap()),
            "Fn::Equals" => text(&self.value(&argument[0]).unwrap()) == text(&self.value(&argument[1]).unwrap()),
            "Fn::Not" => !self.decide(&argument[0]),
            "Fn::And" => {
                assert!((2..=10).contains(&all().count()), "Fn::And takes 2 to 10");
                all().all(|one| self.decide(one))
            }
            "Fn::Or" => {
                assert!((2..=10).contains(&all().count()), "Fn::Or takes 2 to 10");
                all().any(|one| self.decide(one))
            }
            other => panic!("{other} decides nothing"),
        }
    }

    /// A plain value; `None` is `AWS::NoValue`.
    fn value(&self, value: &Value) -> Option<Value> {
        let Some((name, argument)) = intrinsic(value) else {
            return Some(match value {
                Value::Array(items) => items.iter().filter_map(|item| self.value(item)).collect(),
                Value::Object(map) => map
                    .iter()
                    .filter_map(|(key, item)| Some((key.clone(), self.value(item)?)))
                    .collect::<Map<_, _>>()
                    .into(),
                plain => plain.clone(),
            });
        };
        let list = |value: &Value| match self.value(value).unwrap() {
            Value::Array(items) => items,
            // An attribute that is a list, known only to AWS.
            Value::String(attribute) if attribute.starts_with('<') => vec![json!(attribute)],
            other => panic!("no list: {other}"),
        };
        Some(match name {
            "Ref" if argument == "AWS::NoValue" => return None,
            "Ref" => self.reference(argument.as_str().unwrap()),
            "Fn::GetAtt" => {
                let (id, attribute) = (argument[0].as_str().unwrap(), argument[1].as_str().unwrap());
                self.assert_stands(id);
                json!(format!("<{}/{id}.{attribute}>", self.desired.name))
            }
            "Fn::If" => {
                assert_eq!(argument.as_array().unwrap().len(), 3, "Fn::If takes three");
                return self.value(&argument[if self.condition(argument[0].as_str().unwrap()) { 1 } else { 2 }]);
            }
            "Fn::Sub" => match argument {
                Value::Array(parts) => {
                    json!(self.substitute(parts[0].as_str().unwrap(), parts[1].as_object().unwrap()))
                }
                plain => json!(self.substitute(plain.as_str().unwrap(), &Map::new())),
            },
            "Fn::Join" => {
                json!(list(&argument[1]).iter().map(text).collect::<Vec<_>>().join(argument[0].as_str().unwrap()))
            }
            "Fn::Split" => text(&self.value(&argument[1]).unwrap())
                .split(argument[0].as_str().unwrap())
                .map(|s| json!(s))
                .collect(),
            "Fn::Select" => {
                let (index, all) = (usize::try_from(argument[0].as_u64().unwrap()).unwrap(), list(&argument[1]));
                all.get(index).unwrap_or_else(|| panic!("no item {index} in {all:?}")).clone()
            }
            "Fn::FindInMap" => {
                let mut found = self.desired.document.value()["Mappings"].clone();
                for key in list(argument) {
                    found = found.get(text(&key)).unwrap_or_else(|| panic!("no {key} in {argument}")).clone();
                }
                found
            }
            "Fn::GetAZs" => json!(["eu-west-1a", "eu-west-1b", "eu-west-1c"]),
            "Fn::Cidr" => {
                let range = text(&self.value(&argument[0]).unwrap());
                let (count, bits) = (argument[1].as_u64().unwrap(), argument[2].as_u64().unwrap());
                subnets(&range, count, bits)
            }
            other => panic!("the tests do not know {other}"),
        })
    }

    fn reference(&self, name: &str) -> Value {
        if let Some((_, value)) = PSEUDO.iter().find(|(pseudo, _)| *pseudo == name) {
            return json!(value);
        }
        if let Some(value) = self.parameters.get(name) {
            let kind = self.desired.document.section("Parameters")[name]["Type"].as_str().unwrap();
            if kind.starts_with("List<") || kind == "CommaDelimitedList" {
                return value.split(',').map(|item| json!(item.trim())).collect();
            }
            return json!(value);
        }
        self.assert_stands(name);
        json!(format!("<{}/{name}>", self.desired.name))
    }

    /// A reference to a resource whose condition does not hold is refused by CloudFormation.
    fn assert_stands(&self, id: &str) {
        let resource = self.desired.document.resources().get(id);
        let resource = resource.unwrap_or_else(|| panic!("{} has no {id}", self.desired.name));
        if let Some(condition) = resource.get("Condition").and_then(Value::as_str) {
            assert!(self.condition(condition), "{} refers to {id}, which is not there", self.desired.name);
        }
    }

    fn substitute(&self, template: &str, own: &Map<String, Value>) -> String {
        let mut result = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').unwrap();
            result += before;
            if let Some(literal) = name.strip_prefix('!') {
                result.extend(["${", literal, "}"]);
            } else if let Some(value) = own.get(name) {
                result += &text(&self.value(value).unwrap());
            } else if let Some((id, attribute)) = name.split_once('.') {
                result += &text(&self.value(&json!({"Fn::GetAtt": [id, attribute]})).unwrap());
            } else {
                result += &text(&self.reference(name));
            }
            rest = after;
        }
        result + rest
    }
}

/// `Fn::Cidr`, which fails when the range is too small.
fn subnets(range: &str, count: u64, bits: u64) -> Value {
    let range: ipnet::Ipv4Net = range.parse().unwrap();
    let found: Vec<Value> = range
        .subnets(u8::try_from(32 - bits).unwrap())
        .unwrap_or_else(|_| panic!("{range} is too small"))
        .take(usize::try_from(count).unwrap())
        .map(|net| json!(net.to_string()))
        .collect();
    assert_eq!(found.len() as u64, count, "{range} does not hold {count} subnets");
    found.into()
}
