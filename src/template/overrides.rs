//! The operator's patches: RFC 6902 operations on a rendered document.
//!
//! `overrides/<template>.yml` (`environment`, `cell`, `tenant-dedicated`, ...) patches every stack of that template,
//! `overrides/<stack name>.yml` one stack. A patch works on the parsed document, so it can never break out of its
//! place.

use json_patch::{Patch, PatchOperation};
use serde_json::Value;

use super::document::Document;
use super::error::TemplateError;

const SHAPE: &str = "write a list of RFC 6902 operations, for example:\n- { op: replace, path: /Resources/LoadBalancer/Properties/IpAddressType, value: ipv4 }";

/// Reads a patch file. Values may use CloudFormation's short tags.
pub fn parse(name: &str, text: &str) -> Result<Patch, TemplateError> {
    let wrong = |problem: String| TemplateError::Override { name: name.to_owned(), problem, help: SHAPE.to_owned() };
    // The list is read as if it were a section of a template, so that short tags are understood.
    let indented: String = text.lines().fold(String::from("Patch:\n"), |all, line| all + "  " + line + "\n");
    let document = Document::parse(name, &indented)?;
    let list = document.value().get("Patch").cloned().unwrap_or(Value::Null);
    if list.is_null() {
        return Ok(Patch(Vec::new()));
    }
    serde_json::from_value(list).map_err(|error| wrong(error.to_string()))
}

/// Applies a patch.
///
/// # Errors
/// Every operation that does not fit; the document is then unusable.
pub fn apply(name: &str, patch: &Patch, document: &mut Document) -> Result<(), TemplateError> {
    let mut wrong = Vec::new();
    for (number, operation) in patch.0.iter().enumerate() {
        let one = Patch(vec![operation.clone()]);
        if let Err(error) = json_patch::patch(document.value_mut(), &one) {
            wrong.push(TemplateError::Override {
                name: name.to_owned(),
                problem: format!("operation {} ({}) does not fit: {}", number + 1, path_of(operation), error.kind),
                help: "run `konta render` to see the document into which the path must lead".to_owned(),
            });
        }
    }
    TemplateError::gathered(wrong)
}

fn path_of(operation: &PatchOperation) -> String {
    operation.path().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Document {
        Document::parse("t", "Resources:\n  A: { Type: T, Properties: { X: 1 } }\n").unwrap()
    }

    #[test]
    fn a_patch_may_use_short_tags() {
        let patch = parse("o", "- { op: replace, path: /Resources/A/Properties/X, value: !Ref P }\n").unwrap();
        let mut document = document();
        apply("o", &patch, &mut document).unwrap();
        assert_eq!(document.resources()["A"]["Properties"]["X"], serde_json::json!({"Ref": "P"}));
    }

    #[test]
    fn a_path_that_leads_nowhere_is_named_with_its_operation() {
        let patch =
            parse("o", "- { op: test, path: /Resources/A/Type, value: T }\n- { op: remove, path: /Resources/B }\n")
                .unwrap();
        let error = apply("o", &patch, &mut document()).unwrap_err();
        assert!(error.to_string().contains("operation 2 (/Resources/B)"), "{error}");
    }

    #[test]
    fn every_operation_that_does_not_fit_is_told() {
        let text = "- { op: remove, path: /A }\n- { op: remove, path: /Resources/A }\n- { op: remove, path: /B }\n";
        let error = apply("o", &parse("o", text).unwrap(), &mut document()).unwrap_err();
        let told: Vec<String> = error.each().iter().map(ToString::to_string).collect();
        assert!(told.len() == 2 && told[0].contains("1 (/A)") && told[1].contains("3 (/B)"), "{told:?}");
    }

    #[test]
    fn an_empty_file_changes_nothing() {
        assert!(parse("o", "# nothing yet\n").unwrap().0.is_empty());
    }
}
