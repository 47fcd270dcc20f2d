//! Which resources a template creates for given parameters: its conditions, evaluated as far as the parameters are
//! known.

use std::collections::BTreeMap;

use serde_json::Value;

use super::document::Document;
use super::intrinsic::intrinsic;

/// Parameters by name; `None` for one whose value is known only later. Parameters that are left out have the template's
/// default.
pub type Known = BTreeMap<String, Option<String>>;

/// Whether a resource or an output is created; `None` if that depends on a value that is not known yet.
#[must_use]
pub fn is_made(document: &Document, entry: &Value, known: &Known) -> Option<bool> {
    match entry.get("Condition").and_then(Value::as_str) {
        None => Some(true),
        Some(name) => named(document, name, known, 0),
    }
}

/// Conditions may name each other; CloudFormation refuses cycles, and nesting this deep is one.
const DEEPEST: u32 = 32;

fn named(document: &Document, name: &str, known: &Known, depth: u32) -> Option<bool> {
    if depth > DEEPEST {
        return None;
    }
    truth(document, document.section("Conditions").get(name)?, known, depth + 1)
}

fn truth(document: &Document, value: &Value, known: &Known, depth: u32) -> Option<bool> {
    if depth > DEEPEST {
        return None;
    }
    let (function, argument) = intrinsic(value)?;
    let parts = argument.as_array().map(Vec::as_slice).unwrap_or_default();
    let each = || parts.iter().map(|part| truth(document, part, known, depth + 1));
    match function {
        "Condition" => named(document, argument.as_str()?, known, depth),
        "Fn::Not" => Some(!truth(document, parts.first()?, known, depth + 1)?),
        // One false part decides an `And`, even if others are unknown; one true part decides an `Or`.
        "Fn::And" => decide(each(), false),
        "Fn::Or" => decide(each(), true),
        "Fn::Equals" => Some(text(document, parts.first()?, known)? == text(document, parts.get(1)?, known)?),
        _ => None,
    }
}

fn decide(parts: impl Iterator<Item = Option<bool>>, decisive: bool) -> Option<bool> {
    let mut all_known = true;
    for part in parts {
        match part {
            Some(truth) if truth == decisive => return Some(decisive),
            Some(_) => {}
            None => all_known = false,
        }
    }
    all_known.then_some(!decisive)
}

/// One side of a comparison as text: a literal, a parameter, or a joined list.
fn text(document: &Document, value: &Value, known: &Known) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => match intrinsic(value)? {
            ("Ref", Value::String(name)) => match known.get(name) {
                Some(value) => value.clone(),
                None => default(document, name),
            },
            ("Fn::Join", Value::Array(parts)) => {
                let separator = parts.first()?.as_str()?;
                match parts.get(1)? {
                    Value::Array(items) => {
                        let items: Option<Vec<String>> = items.iter().map(|item| text(document, item, known)).collect();
                        Some(items?.join(separator))
                    }
                    list => Some(text(document, list, known)?.split(',').collect::<Vec<_>>().join(separator)),
                }
            }
            _ => None,
        },
    }
}

fn default(document: &Document, parameter: &str) -> Option<String> {
    match document.section("Parameters").get(parameter)?.get("Default")? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "
Parameters:
  Nat: { Type: String, Default: 'no' }
  Vpc: { Type: String }
Conditions:
  Own: !Equals [!Ref Vpc, '']
  WithNat: !And [!Condition Own, !Not [!Equals [!Ref Nat, 'no']]]
Resources:
  Always: { Type: T }
  Network: { Type: T, Condition: Own }
  Gateway: { Type: T, Condition: WithNat }
";

    fn made(known: &Known) -> Vec<(String, Option<bool>)> {
        let document = Document::parse("t", TEMPLATE).unwrap();
        document.resources().iter().map(|(id, r)| (id.clone(), is_made(&document, r, known))).collect()
    }

    #[test]
    fn conditions_follow_parameters_and_defaults() {
        let known = Known::from([("Vpc".to_owned(), Some(String::new()))]);
        assert_eq!(
            made(&known),
            [("Always".into(), Some(true)), ("Gateway".into(), Some(false)), ("Network".into(), Some(true))]
        );
    }

    #[test]
    fn what_hangs_on_an_unknown_value_stays_open_unless_something_else_decides() {
        let known = Known::from([("Vpc".to_owned(), None)]);
        assert_eq!(made(&known)[1], ("Gateway".to_owned(), Some(false)), "the default of Nat decides");
        assert_eq!(made(&known)[2], ("Network".to_owned(), None));
    }
}
