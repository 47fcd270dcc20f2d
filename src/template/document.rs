//! A parsed CloudFormation template: JSON values with long-form intrinsics, whatever format it was written in.

use std::sync::OnceLock;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::error::TemplateError;
use super::intrinsic;

/// A parsed CloudFormation template.
///
/// Body and digest are made once and shared by all stacks of one shape.
#[derive(Debug, Clone)]
pub struct Document {
    value: Value,
    body: OnceLock<String>,
    digest: OnceLock<[u8; 32]>,
}

impl Document {
    /// Parses YAML (with short tags) or JSON. Errors show `name`.
    pub fn parse(name: &str, text: &str) -> Result<Self, TemplateError> {
        let syntax = |problem: String| TemplateError::Syntax { name: name.to_owned(), problem };
        // Not all JSON is YAML: a tab before a key is not. And JSON is read faster as JSON.
        if text.trim_start().starts_with('{')
            && let Ok(value) = serde_json::from_str::<Value>(text)
        {
            return Ok(Self::from_value(value));
        }
        let yaml: serde_yaml::Value = serde_yaml::from_str(text).map_err(|error| syntax(yaml_problem(&error)))?;
        let value = to_json(yaml).map_err(syntax)?;
        if !value.is_object() {
            return Err(syntax("a template is a mapping with a section `Resources`".into()));
        }
        Ok(Self::from_value(value))
    }

    /// A document from a value already in long form.
    #[must_use]
    pub fn from_value(value: Value) -> Self {
        Self { value, body: OnceLock::new(), digest: OnceLock::new() }
    }

    /// The whole value.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The whole value, to change it.
    pub fn value_mut(&mut self) -> &mut Value {
        self.body = OnceLock::new();
        self.digest = OnceLock::new();
        &mut self.value
    }

    /// A section such as `Resources`; empty if it is absent.
    #[must_use]
    pub fn section(&self, name: &str) -> &Map<String, Value> {
        static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        self.value.get(name).and_then(Value::as_object).unwrap_or(&EMPTY)
    }

    /// A section, created if it is absent.
    pub fn section_mut(&mut self, name: &str) -> Option<&mut Map<String, Value>> {
        self.value_mut().as_object_mut()?.entry(name).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
    }

    /// The resources by logical id.
    #[must_use]
    pub fn resources(&self) -> &Map<String, Value> {
        self.section("Resources")
    }

    /// One resource's `Type`.
    #[must_use]
    pub fn resource_type(&self, logical_id: &str) -> &str {
        self.resources().get(logical_id).and_then(|r| r.get("Type")).and_then(Value::as_str).unwrap_or_default()
    }

    /// One resource's properties, to change them.
    pub fn properties_mut(&mut self, logical_id: &str) -> Option<&mut Map<String, Value>> {
        self.value_mut()
            .get_mut("Resources")?
            .get_mut(logical_id)?
            .as_object_mut()?
            .entry("Properties")
            .or_insert_with(|| Value::Object(Map::new()))
            .as_object_mut()
    }

    /// What a resource is, for people: its `konta:description`, else its logical id and type.
    #[must_use]
    pub fn description(&self, logical_id: &str) -> String {
        let resource = self.resources().get(logical_id);
        resource
            .and_then(|r| r.get("Metadata"))
            .and_then(|m| m.get("konta:description"))
            .and_then(Value::as_str)
            .map_or_else(|| format!("{logical_id} ({})", self.resource_type(logical_id)), ToOwned::to_owned)
    }

    /// Whether the template creates IAM resources, and so needs `CAPABILITY_NAMED_IAM` (which covers unnamed ones too).
    #[must_use]
    pub fn makes_iam(&self) -> bool {
        self.resources().keys().any(|id| self.resource_type(id).starts_with("AWS::IAM::"))
    }

    /// The body as it goes to AWS: compact JSON, keys in order, the same bytes each time.
    #[must_use]
    pub fn body(&self) -> &str {
        self.body.get_or_init(|| self.value.to_string())
    }

    /// SHA-256 of the body.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        self.digest.get_or_init(|| Sha256::digest(self.body()).into())
    }

    /// The document as YAML, for people.
    #[must_use]
    pub fn yaml(&self) -> String {
        serde_yaml::to_string(&self.value).unwrap_or_else(|_| self.body().to_owned())
    }
}

/// What is wrong with a YAML text, for people. For a whole number that is too long, the parser would name its own
/// types.
#[must_use]
pub fn yaml_problem(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    let too_long = ["as u128", "as i128"].iter().any(|kind| text.contains(kind));
    match text.split('`').nth(1).filter(|_| too_long) {
        Some(number) => {
            let line = error.location().map_or_else(String::new, |place| format!(" at line {}", place.line()));
            format!("the number {number}{line} has too many digits; text that consists of digits needs quotes")
        }
        None => text,
    }
}

/// Turns YAML with short tags into JSON with long-form intrinsics.
fn to_json(yaml: serde_yaml::Value) -> Result<Value, String> {
    use serde_yaml::Value as Yaml;
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(b) => Value::Bool(b),
        // JSON has no such numbers, and would turn them into null.
        Yaml::Number(number) if number.as_f64().is_some_and(|number| !number.is_finite()) => {
            return Err(format!("{number} is not a number that a template can have"));
        }
        Yaml::Number(number) => serde_json::to_value(&number).map_err(|error| error.to_string())?,
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(to_json).collect::<Result<_, _>>()?),
        Yaml::Mapping(map) => {
            let mut object = Map::new();
            for (key, value) in map {
                let key = match key {
                    Yaml::String(text) => text,
                    Yaml::Number(number) => number.to_string(),
                    Yaml::Bool(b) => b.to_string(),
                    other => return Err(format!("a key must be text, not {other:?}")),
                };
                object.insert(key, to_json(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = intrinsic::long_name(&tag).ok_or_else(|| format!("CloudFormation has no function {tag}"))?;
            intrinsic::long_form(name, to_json(tagged.value)?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn short_tags_become_long_forms() {
        let text = "Resources:\n  A:\n    Type: T\n    Properties: { X: !Ref P, Y: !GetAtt B.C, Z: !If [C, !Sub 'a-${P}', !Ref 'AWS::NoValue'] }\n";
        let document = Document::parse("t", text).unwrap();
        assert_eq!(
            document.resources()["A"]["Properties"],
            json!({"X": {"Ref": "P"}, "Y": {"Fn::GetAtt": ["B", "C"]}, "Z": {"Fn::If": ["C", {"Fn::Sub": "a-${P}"}, {"Ref": "AWS::NoValue"}]}})
        );
    }

    #[test]
    fn numbers_that_no_template_has_are_errors_in_plain_words() {
        for (number, part) in [
            (".inf", "not a number"),
            (".nan", "not a number"),
            ("340282366920938463463", "needs quotes"),
            ("-99999999999999999999999999", "needs quotes"),
        ] {
            let error = Document::parse("t", &format!("Resources:\n  A: {{ Type: T, X: {number} }}\n")).unwrap_err();
            let said = error.to_string();
            assert!(said.contains(part) && !said.contains("128"), "{number}: {said}");
        }
    }

    #[test]
    fn an_unknown_tag_is_an_error_that_names_it() {
        let error = Document::parse("t", "Resources: !Foo x\n").unwrap_err();
        assert!(error.to_string().contains("!Foo"), "{error}");
    }

    #[test]
    fn words_that_yaml_1_1_reads_otherwise_stay_text_in_the_body() {
        let document =
            Document::parse("t", "Resources: {}\nMetadata: { a: no, b: '22:22', c: '012345678901' }\n").unwrap();
        assert!(document.body().contains(r#"{"a":"no","b":"22:22","c":"012345678901"}"#), "{}", document.body());
    }
}
