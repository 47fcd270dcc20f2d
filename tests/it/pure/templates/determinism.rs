//! The same manifests give the same bytes.

use konta::stack::ParameterValue;
use serde_json::{Value, json};

use super::workspace::{Files, Rendered, variants};

fn bytes(rendered: &Rendered) -> Vec<(String, String, String)> {
    rendered
        .stacks
        .values()
        .map(|stack| {
            (stack.name.clone(), stack.document.body().to_owned(), format!("{:?} {:?}", stack.parameters, stack.tags))
        })
        .collect()
}

#[test]
fn rendering_twice_gives_the_same_bytes() {
    for (name, files) in variants() {
        assert_eq!(bytes(&files.render()), bytes(&files.render()), "{name}");
    }
}

/// The order of keys in a manifest says nothing.
#[test]
fn manifests_written_in_another_order_give_the_same_bytes() {
    let files = Files::plain()
        .environment("tags: { b: '2', a: '1' }\ndatabase: { instances: 2, capacity: { max: 8, min: 1 } }\nlog_retention_days: 7\n")
        .dedicated("variables:\n  ZEBRA: z\n  APPLE: a\nsecrets:\n  TOKEN: /konta/prod/t\n  ALPHA: /konta/prod/a\n");
    let mut turned = files.clone();
    for (_, text) in turned.texts_mut() {
        *text = reversed(text);
    }
    assert_eq!(bytes(&files.render()), bytes(&turned.render()));
}

/// A text in blocks, its keys the other way round at every depth.
fn reversed(text: &str) -> String {
    fn turn(value: Value) -> Value {
        match value {
            Value::Object(map) => json!(map.into_iter().rev().map(|(k, v)| json!([k, turn(v)])).collect::<Vec<_>>()),
            Value::Array(items) => json!({"list": items}),
            plain => plain,
        }
    }
    fn write(value: &Value, out: &mut String) {
        match value {
            Value::Array(entries) => {
                *out += "{";
                for entry in entries {
                    out.extend([&entry[0].to_string(), ": "]);
                    write(&entry[1], out);
                    *out += ", ";
                }
                *out += "}";
            }
            Value::Object(list) => *out += &list["list"].to_string(),
            plain => *out += &plain.to_string(),
        }
    }
    let value: Value = serde_json::to_value(serde_yaml::from_str::<serde_yaml::Value>(text).unwrap()).unwrap();
    let mut out = String::new();
    write(&turn(value), &mut out);
    out + "\n"
}

/// The order of files on a disk is any; of one tenant more, the others see nothing.
#[test]
fn a_tenant_more_changes_no_other_tenants_stack() {
    let before = Files::plain().render();
    let after = Files::plain()
        .tenant("aaa", "tier: production\nhosts: [aaa.konta.shop]\n")
        .tenant("zzz", "tier: catalogue\nhosts: [zzz.konta.shop]\n")
        .render();
    let all = bytes(&after);
    for stack in bytes(&before) {
        assert!(all.contains(&stack), "{} changed", stack.0);
    }
}

#[test]
fn tenants_of_one_shape_share_one_document() {
    let rendered = Files::plain().tenant("other", "tier: production\nhosts: [other.konta.shop]\n").render();
    let document = |name: &str| &rendered.stack(&format!("konta-prod-tenant-{name}")).document;
    assert!(std::sync::Arc::ptr_eq(document("breadfree"), document("other")));
    assert!(!std::sync::Arc::ptr_eq(document("breadfree"), document("artista")));
}

/// Two tenants with the same addons, of which one uses the database addon as its database, are two shapes.
#[test]
fn a_database_addon_that_is_the_database_makes_another_shape_than_one_that_is_not() {
    for (first, second) in [("shared", "dedicated"), ("dedicated", "shared")] {
        let tenant = |name: &str, database: &str| {
            format!("tier: production\nhosts: [{name}.konta.shop]\naddons: [aurora]\ndatabase: {database}\n")
        };
        let files = Files::plain().tenant("aaa", &tenant("aaa", first)).tenant("bbb", &tenant("bbb", second));
        let rendered = files.render();
        for (name, database) in [("aaa", first), ("bbb", second)] {
            let wired =
                rendered.stack(&format!("konta-prod-tenant-{name}")).parameters.contains_key("AddonAuroraDatabasePort");
            assert_eq!(wired, database == "shared", "{name}");
        }
    }
}

#[test]
fn the_example_workspace_renders_as_it_did() {
    let rendered = Files::example().render();
    assert_eq!(rendered.stacks.len(), 5);
    for stack in rendered.stacks.values() {
        let parameters: Value = stack
            .parameters
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    ParameterValue::Literal(text) => json!(text),
                    ParameterValue::Output { stack, output } => json!({"Output": format!("{stack}.{output}")}),
                };
                (name.clone(), value)
            })
            .collect::<serde_json::Map<_, _>>()
            .into();
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| {
            insta::assert_snapshot!(stack.name.clone(), stack.document.yaml());
            insta::assert_json_snapshot!(
                format!("{}.parameters", stack.name),
                json!({"Parameters": parameters, "Tags": stack.tags, "TerminationProtection": stack.protected})
            );
        });
    }
}
