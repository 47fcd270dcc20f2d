//! Intrinsic functions.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde_json::Value;

use super::{Evaluator, Node};
use crate::template::intrinsic::intrinsic;

/// The most ranges that `Fn::Cidr` returns. Source: CloudFormation user guide, `Fn::Cidr`.
const MOST_RANGES: usize = 256;

fn unknown(reason: impl Into<String>) -> Node {
    Node::Unknown(reason.into())
}

impl Evaluator<'_> {
    /// The result of a function for its argument.
    pub(super) fn call(&self, name: &str, argument: &Value, depth: u32) -> Node {
        let parts = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        match (name, argument) {
            ("Ref", Value::String(name)) => self.reference(name),
            ("Fn::GetAtt", Value::String(text)) => self.attribute(text.split('.').next().unwrap_or_default()),
            ("Fn::GetAtt", Value::Array(_)) => {
                self.attribute(parts.first().and_then(Value::as_str).unwrap_or_default())
            }
            ("Fn::If", _) => self.choose(parts, depth),
            ("Fn::Sub", _) => self.substitute(argument, depth),
            ("Fn::Join", _) => self.join(parts, depth),
            ("Fn::Split", _) => self.split(parts, depth),
            ("Fn::Select", _) => self.select(parts, depth),
            ("Fn::FindInMap", _) => self.find_in_map(parts, depth),
            ("Fn::Cidr", _) => self.cidr(parts, depth),
            ("Fn::Length", _) => match self.at(argument, depth) {
                Node::List(items) => Node::Text(items.len().to_string()),
                other => unknown(other.reason().unwrap_or_else(|| "Fn::Length needs a list".to_owned())),
            },
            ("Fn::ToJsonString", _) => json(&self.at(argument, depth)).map_or_else(
                || unknown("Fn::ToJsonString contains values that are known only later"),
                |v| Node::Text(v.to_string()),
            ),
            ("Fn::Base64", _) => unknown("the text of Fn::Base64 has no price"),
            ("Fn::GetAZs", _) => unknown("only AWS knows how many zones the account has"),
            ("Fn::ImportValue", _) => {
                unknown("a value imported from another stack is known only after that stack is deployed")
            }
            ("Fn::Transform", _) => unknown("a transform runs inside AWS"),
            ("Condition" | "Fn::And" | "Fn::Or" | "Fn::Not" | "Fn::Equals", _) => {
                unknown(format!("{name} is in a place where no condition is allowed"))
            }
            (name, _) if name.starts_with("Fn::ForEach") => unknown("a transform inside AWS expands Fn::ForEach"),
            ("Ref", _) => unknown("Ref names nothing"),
            _ => unknown(format!("konta does not know the function {name}")),
        }
    }

    fn attribute(&self, logical_id: &str) -> Node {
        if self.document.resources().contains_key(logical_id) {
            Node::reference(logical_id)
        } else {
            unknown(format!("Fn::GetAtt names `{logical_id}`, which is not a resource"))
        }
    }

    fn choose(&self, parts: &[Value], depth: u32) -> Node {
        let [Value::String(name), yes, no] = parts else {
            return unknown("Fn::If needs a condition and two values");
        };
        match self.condition(name, depth) {
            Ok(truth) => self.at(if truth { yes } else { no }, depth),
            // Both ways the same: the condition does not matter.
            Err(_) if yes == no => self.at(yes, depth),
            Err(reason) => unknown(reason),
        }
    }

    fn substitute(&self, argument: &Value, depth: u32) -> Node {
        let (template, own) = match argument {
            Value::String(template) => (template, None),
            Value::Array(parts) => match parts.as_slice() {
                [Value::String(template)] => (template, None),
                [Value::String(template), Value::Object(own)] => (template, Some(own)),
                _ => return unknown("Fn::Sub needs a text and at most a map of names"),
            },
            _ => return unknown("Fn::Sub needs a text"),
        };
        let mut pieces = template.split("${");
        let mut text = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let Some((name, rest)) = piece.split_once('}') else { return unknown("Fn::Sub has an open `${`") };
            if let Some(literal) = name.strip_prefix('!') {
                text.push_str("${");
                text.push_str(literal);
                text.push('}');
            } else {
                let name = name.trim();
                let value = match own.and_then(|own| own.get(name)) {
                    Some(value) => self.at(value, depth),
                    None => match name.split_once('.') {
                        Some((id, _)) => self.attribute(id),
                        None => self.reference(name),
                    },
                };
                match value {
                    Node::Text(value) => text.push_str(&value),
                    Node::Unknown(reason) => return unknown(reason),
                    _ => return unknown(format!("Fn::Sub names `{name}`, which is not a text")),
                }
            }
            text.push_str(rest);
        }
        Node::Text(text)
    }

    fn join(&self, parts: &[Value], depth: u32) -> Node {
        let [Value::String(separator), list] = parts else { return unknown("Fn::Join needs a separator and a list") };
        match self.at(list, depth) {
            Node::List(items) => {
                let mut texts = Vec::with_capacity(items.len());
                for item in items {
                    match item {
                        Node::Text(text) => texts.push(text),
                        other => return unknown(other.reason().unwrap_or_else(|| "Fn::Join needs texts".to_owned())),
                    }
                }
                Node::Text(texts.join(separator))
            }
            // One attribute that is itself a list: its length is unknown.
            other => unknown(other.reason().unwrap_or_else(|| "Fn::Join needs a list".to_owned())),
        }
    }

    fn split(&self, parts: &[Value], depth: u32) -> Node {
        let [Value::String(separator), text] = parts else { return unknown("Fn::Split needs a separator and a text") };
        match self.at(text, depth) {
            Node::Text(text) if !separator.is_empty() => {
                Node::List(text.split(separator.as_str()).map(|piece| Node::Text(piece.to_owned())).collect())
            }
            other => unknown(other.reason().unwrap_or_else(|| "Fn::Split needs a text".to_owned())),
        }
    }

    fn select(&self, parts: &[Value], depth: u32) -> Node {
        let [index, list] = parts else { return unknown("Fn::Select needs an index and a list") };
        let index = match self.at(index, depth) {
            Node::Text(text) => text.parse::<usize>().ok(),
            _ => None,
        };
        let Some(index) = index else { return unknown("the index of Fn::Select is not a number that is known now") };
        if intrinsic(list).is_some_and(|(name, _)| name == "Fn::GetAZs") {
            // For a price it does not matter which zone it is, only that it is one.
            return Node::Text(format!("zone {index} of {}", self.region));
        }
        match self.at(list, depth) {
            Node::List(mut items) if index < items.len() => items.swap_remove(index),
            Node::List(items) => unknown(format!("Fn::Select takes item {index} of a list of {}", items.len())),
            other => unknown(other.reason().unwrap_or_else(|| "Fn::Select needs a list".to_owned())),
        }
    }

    fn find_in_map(&self, parts: &[Value], depth: u32) -> Node {
        let [map, first, second, rest @ ..] = parts else {
            return unknown("Fn::FindInMap needs a map and two keys");
        };
        let mut keys = Vec::new();
        for part in [map, first, second] {
            match self.at(part, depth) {
                Node::Text(key) => keys.push(key),
                other => {
                    return unknown(
                        other.reason().unwrap_or_else(|| "a key of Fn::FindInMap is not a text".to_owned()),
                    );
                }
            }
        }
        let found = self.document.section("Mappings").get(&keys[0]).and_then(|m| m.get(&keys[1])?.get(&keys[2]));
        match (found, rest.first().and_then(|options| options.get("DefaultValue"))) {
            (Some(value), _) => self.at(value, depth),
            (None, Some(default)) => self.at(default, depth),
            (None, None) => unknown(format!("the mapping {} has no {}.{}", keys[0], keys[1], keys[2])),
        }
    }

    fn cidr(&self, parts: &[Value], depth: u32) -> Node {
        let texts: Vec<Node> = parts.iter().map(|part| self.at(part, depth)).collect();
        if let Some(reason) = texts.iter().find_map(Node::reason) {
            return unknown(reason);
        }
        let text = |index: usize| texts.get(index).and_then(Node::text);
        let block: Option<IpNet> = text(0).and_then(|block| block.parse().ok());
        let count: Option<usize> = text(1).and_then(|count| count.parse().ok());
        let (Some(block), Some(count)) = (block, count.filter(|count| *count <= MOST_RANGES)) else {
            return unknown("Fn::Cidr needs an address range and a count of at most 256");
        };
        let bits: Option<u8> = text(2).map_or(Some(0), |bits| bits.parse().ok());
        let length = bits.and_then(|bits| block.max_prefix_len().checked_sub(bits));
        match length.and_then(|length| block.subnets(length).ok()) {
            Some(ranges) => Node::List(ranges.take(count).map(|range| Node::Text(range.to_string())).collect()),
            None => unknown("Fn::Cidr asks for ranges that do not fit"),
        }
    }
}

/// A node as JSON; `None` if a part of it is unknown.
fn json(node: &Node) -> Option<Value> {
    Some(match node {
        Node::Text(_) => Value::String(node.text()?.to_owned()),
        Node::List(items) => Value::Array(items.iter().map(json).collect::<Option<_>>()?),
        Node::Map(map) => Value::Object(
            map.iter()
                .map(|(key, value)| Some((key.clone(), json(value)?)))
                .collect::<Option<BTreeMap<_, _>>>()?
                .into_iter()
                .collect(),
        ),
        Node::Absent => Value::Null,
        Node::Unknown(_) => return None,
    })
}
