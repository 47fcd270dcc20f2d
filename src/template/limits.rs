//! CloudFormation's limits, checked before anything is sent.
//!
//! Source: CloudFormation user guide, "Understand CloudFormation quotas"; API reference, `CreateChangeSet`.

use std::collections::BTreeSet;

use crate::model::nearest;

use super::document::Document;
use super::error::TemplateError;
use super::intrinsic;

/// The longest body that goes to AWS without a bucket, in bytes.
pub const LONGEST_BODY: usize = 51_200;
/// The longest parameter value, in bytes.
pub const LONGEST_VALUE: usize = 4_096;
/// How many resources a template may have.
pub const MOST_RESOURCES: usize = 500;
/// How many parameters, and how many outputs, a template may have.
pub const MOST_PARAMETERS: usize = 200;

/// Checks a document against the limits, and that every name it uses exists.
pub fn check(stack: &str, document: &Document) -> Result<(), TemplateError> {
    let mut wrong = Vec::new();
    let mut limit = |problem: String, help: &str| {
        wrong.push(TemplateError::Limit { stack: stack.to_owned(), problem, help: help.to_owned() });
    };
    let body = document.body().len();
    if body > LONGEST_BODY {
        limit(
            format!("the template has {body} bytes; CloudFormation accepts {LONGEST_BODY}"),
            "move resources to an addon, which has its own stack",
        );
    }
    for (section, most) in
        [("Resources", MOST_RESOURCES), ("Parameters", MOST_PARAMETERS), ("Outputs", MOST_PARAMETERS)]
    {
        let count = document.section(section).len();
        if count > most {
            limit(
                format!("the template has {count} {section}; CloudFormation accepts {most}"),
                "move some to an addon, which has its own stack",
            );
        }
    }
    if document.resources().is_empty() {
        limit("the template has no Resources".to_owned(), "add one: CloudFormation needs at least one resource");
    }
    let mut used = Vec::new();
    intrinsic::names_in(document.value().get("Resources").unwrap_or(&serde_json::Value::Null), &mut used);
    intrinsic::names_in(document.value().get("Outputs").unwrap_or(&serde_json::Value::Null), &mut used);
    let known: BTreeSet<&str> =
        document.resources().keys().chain(document.section("Parameters").keys()).map(String::as_str).collect();
    // `Fn::Sub` may define names in its second argument. So a name is reported only if it is neither known, nor a
    // pseudo parameter, nor defined by an `Fn::Sub`.
    let defined = sub_names(document.value());
    used.sort();
    used.dedup();
    for name in used {
        if !known.contains(name.as_str()) && !name.starts_with("AWS::") && !defined.contains(name.as_str()) {
            let meant = nearest(&name, known.iter().copied());
            let help = meant.map_or_else(
                || "declare it, or use a name that exists".to_owned(),
                |meant| format!("did you mean `{meant}`?"),
            );
            limit(format!("the template refers to `{name}`, which is neither a resource nor a parameter"), &help);
        }
    }
    TemplateError::gathered(wrong)
}

/// The names that two-argument `Fn::Sub`s define.
fn sub_names(value: &serde_json::Value) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        if let Some(("Fn::Sub", serde_json::Value::Array(parts))) = intrinsic::intrinsic(value)
            && let Some(map) = parts.get(1).and_then(serde_json::Value::as_object)
        {
            names.extend(map.keys().map(String::as_str));
        }
        match value {
            serde_json::Value::Array(items) => open.extend(items),
            serde_json::Value::Object(map) => open.extend(map.values()),
            _ => {}
        }
    }
    names
}
