//! CloudFormation's intrinsic functions, always in their long form.
//!
//! The body goes to AWS as JSON with long-form intrinsics: CloudFormation reads YAML 1.1, in which a bare `no`, `22:22`
//! or `012345678901` changes its meaning.

use serde_json::{Value, json};

/// The long name of a short tag (`!Sub` -> `Fn::Sub`); `None` if CloudFormation has no such tag.
#[must_use]
pub fn long_name(tag: &str) -> Option<&'static str> {
    Some(match tag.trim_start_matches('!') {
        "Ref" => "Ref",
        "Condition" => "Condition",
        "And" => "Fn::And",
        "Base64" => "Fn::Base64",
        "Cidr" => "Fn::Cidr",
        "Equals" => "Fn::Equals",
        "FindInMap" => "Fn::FindInMap",
        "GetAtt" => "Fn::GetAtt",
        "GetAZs" => "Fn::GetAZs",
        "If" => "Fn::If",
        "ImportValue" => "Fn::ImportValue",
        "Join" => "Fn::Join",
        "Length" => "Fn::Length",
        "Not" => "Fn::Not",
        "Or" => "Fn::Or",
        "Select" => "Fn::Select",
        "Split" => "Fn::Split",
        "Sub" => "Fn::Sub",
        "ToJsonString" => "Fn::ToJsonString",
        "Transform" => "Fn::Transform",
        _ => return None,
    })
}

/// The long form of one tagged value. `!GetAtt A.B` becomes a list, as `Fn::GetAtt` in JSON requires.
#[must_use]
pub fn long_form(name: &'static str, value: Value) -> Value {
    let value = match (name, value) {
        ("Fn::GetAtt", Value::String(text)) => match text.split_once('.') {
            Some((resource, attribute)) => json!([resource, attribute]),
            None => Value::String(text),
        },
        (_, value) => value,
    };
    json!({ name: value })
}

/// `{"Ref": name}`.
#[must_use]
pub fn reference(name: &str) -> Value {
    json!({ "Ref": name })
}

/// `{"Fn::Sub": text}`.
#[must_use]
pub fn sub(text: &str) -> Value {
    json!({ "Fn::Sub": text })
}

/// The single intrinsic of which a value consists: its name and argument.
#[must_use]
pub fn intrinsic(value: &Value) -> Option<(&str, &Value)> {
    let object = value.as_object()?;
    let (name, argument) = object.iter().next()?;
    (object.len() == 1 && (name == "Ref" || name == "Condition" || name.starts_with("Fn::")))
        .then_some((name.as_str(), argument))
}

/// The logical ids and parameters that a value names, through Ref, GetAtt and Sub, at any depth.
pub fn names_in(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| names_in(item, found)),
        Value::Object(map) => match intrinsic(value) {
            Some(("Ref", Value::String(name))) => found.push(name.clone()),
            Some(("Fn::GetAtt", Value::Array(parts))) => {
                found.extend(parts.first().and_then(Value::as_str).map(ToOwned::to_owned));
            }
            Some(("Fn::GetAtt", Value::String(text))) => {
                found.extend(text.split('.').next().map(ToOwned::to_owned));
            }
            Some(("Fn::Sub", Value::String(text))) => names_in_sub(text, found),
            Some(("Fn::Sub", Value::Array(parts))) => {
                if let Some(text) = parts.first().and_then(Value::as_str) {
                    names_in_sub(text, found);
                }
                parts.iter().skip(1).for_each(|part| names_in(part, found));
            }
            _ => map.values().for_each(|item| names_in(item, found)),
        },
        _ => {}
    }
}

fn names_in_sub(text: &str, found: &mut Vec<String>) {
    for piece in text.split("${").skip(1) {
        let Some(name) = piece.split('}').next() else { continue };
        // `${!Literal}` is text, and `${AWS::Region}` a pseudo parameter.
        if !name.starts_with('!') && !name.starts_with("AWS::") {
            found.push(name.split('.').next().unwrap_or(name).to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn get_att_becomes_a_list() {
        assert_eq!(
            long_form("Fn::GetAtt", json!("Cluster.Endpoint.Address")),
            json!({"Fn::GetAtt": ["Cluster", "Endpoint.Address"]})
        );
    }

    #[test]
    fn names_are_found_in_every_form() {
        let mut found = Vec::new();
        names_in(
            &json!({"a": {"Ref": "A"}, "b": [{"Fn::GetAtt": ["B", "Arn"]}, {"Fn::Sub": "x-${C.Arn}-${!D}-${AWS::Region}"}]}),
            &mut found,
        );
        assert_eq!(found, ["A", "B", "C"]);
    }
}
