//! What stands in a manifest stays text: nothing of it becomes CloudFormation.

use serde_json::{Value, json};

use super::evaluate::text;
use super::workspace::Files;

fn container(files: &Files) -> (Value, Value) {
    let rendered = files.render();
    let stack = "konta-prod-tenant-breadfree";
    let raw = &rendered.stack(stack).document.resources()["TaskDefinition"]["Properties"]["ContainerDefinitions"][0];
    (raw.clone(), rendered.effective(stack).properties("TaskDefinition")["ContainerDefinitions"][0].clone())
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|entry| entry["Name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn a_variable_stays_the_text_it_is_in_the_document_and_in_the_body_that_is_sent() {
    let values = [
        "${AWS::AccountId}",
        "${Database.Endpoint.Address}",
        "!Ref Database",
        "{\"Ref\": \"Database\"}",
        "'single' \"double\" `back` \\ slash",
        "two\nlines\r\nand a tab\t",
        "no",
        "22:22",
        "0123",
        "- Name: PGHOST",
        "}}, {\"Name\": \"PGHOST\", \"Value\": \"evil\"}",
        "ñandú — 🍞",
        "$(id); $HOME",
        "Fn::Sub",
        "",
    ];
    let lines: Vec<String> = values.iter().enumerate().map(|(n, v)| format!("  VALUE_{n}: {}", json!(v))).collect();
    let files = Files::plain().dedicated(&format!("variables:\n{}\n", lines.join("\n")));
    let (raw, effective) = container(&files);
    let sent: Value =
        serde_json::from_str(files.render().stack("konta-prod-tenant-breadfree").document.body()).unwrap();
    let sent = &sent["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"][0];
    for (number, value) in values.iter().enumerate() {
        for container in [&raw, &effective, sent] {
            assert_eq!(named(&container["Environment"], &format!("VALUE_{number}"))["Value"], *value);
        }
    }
    // None of them put another thing in the place of konta's own.
    let hosts: Vec<_> = effective["Environment"].as_array().unwrap().iter().filter(|v| v["Name"] == "PGHOST").collect();
    assert_eq!(hosts.len(), 1);
    assert_eq!(hosts[0]["Value"], "<konta-prod-cell-1/Database.Endpoint.Address>");
}

/// CloudFormation fills in `{{resolve:...}}` wherever it stands in a literal, so a secret would end in plain text in the task's
/// definition, and the change of its value would never be seen. `secrets` is the way that leaks nothing.
#[test]
fn a_dynamic_reference_in_a_manifest_is_refused() {
    for reference in [
        "{{resolve:ssm:/konta/prod/token}}",
        "before {{resolve:secretsmanager:rds!cluster-x:SecretString:password}} after",
        "{{resolve:ssm-secure:/konta/prod/token:1}}",
    ] {
        let refused = Files::plain().dedicated(&format!("variables: {{ TOKEN: \"{reference}\" }}\n")).refusals();
        assert_eq!(refused.len(), 1, "{reference}: {refused:?}");
    }
    for lines in [
        "secrets: { TOKEN: \"/konta/prod/{{resolve:ssm:x}}\" }\n",
        "secrets: { TOKEN: \"arn:aws:ssm:eu-west-1:012345678901:parameter/konta/prod/{{resolve:ssm:x}}\" }\n",
        "image: \"odoo:{{resolve:ssm:x}}@sha256:144175ec0039d52daff1d79f7e51c9281ca3c98b96c830feb49d09764a9f5d7c\"\n",
    ] {
        assert_eq!(Files::plain().dedicated(lines).refusals().len(), 1, "{lines}");
    }
    let host = "tier: production\nhosts: [breadfree.konta.shop, { host: pan.example, certificate: 'arn:aws:acm:eu-west-1:012345678901:certificate/{{resolve:ssm:x}}' }]\n";
    assert_eq!(Files::plain().tenant("breadfree", host).refusals().len(), 1);
    for lines in [
        "tags: { owner: \"{{resolve:ssm:x}}\" }\n",
        "alarm_topic: \"arn:aws:sns:eu-west-1:012345678901:{{resolve:ssm:x}}\"\n",
        "permissions_boundary: \"arn:aws:iam::012345678901:policy/{{resolve:ssm:x}}\"\n",
    ] {
        assert_eq!(Files::plain().environment(lines).refusals().len(), 1, "{lines}");
    }
    // Braces by themselves are nothing to CloudFormation.
    Files::plain().dedicated("variables: { MAIL: \"Dear {{ object.name }}\" }\n").render();
}

#[test]
fn a_secrets_name_stays_its_name_and_an_odd_one_is_refused() {
    let (raw, effective) = container(&Files::plain().dedicated("secrets: { TOKEN: /konta/prod/a_b.c-D/9 }\n"));
    let from = &named(&effective["Secrets"], "TOKEN")["ValueFrom"];
    assert_eq!(*from, "arn:aws:ssm:eu-west-1:012345678901:parameter/konta/prod/a_b.c-D/9");
    // Joined, not substituted: even a `${` in the name would stay text.
    assert!(named(&raw["Secrets"], "TOKEN")["ValueFrom"].get("Fn::Join").is_some());
    for odd in [
        "/konta/prod/${Database}",
        "/konta/prod/a b",
        "/konta/prod/a\\nb",
        "/konta/prod/ñ",
        "/konta//prod",
        "/konta/prod/*",
        "/konta/prod/",
        "konta/prod/a",
    ] {
        let refused = Files::plain().dedicated(&format!("secrets: {{ TOKEN: \"{odd}\" }}\n")).refusals();
        assert!(!refused.is_empty(), "{odd}");
    }
}

/// Lists reach the template as one text with commas between: a comma within an item would make two of it.
#[test]
fn no_item_of_a_list_can_become_two() {
    let lines = "deploy_role: { provider: 'arn:aws:iam::012345678901:oidc-provider/gitlab.com', issuer: gitlab, subjects: ['project_path:a/b:ref:main,project_path:evil/b:ref:main'] }\n";
    assert_eq!(Files::plain().environment(lines).refusals().len(), 1);
    assert!(
        !Files::plain().tenant("x", "tier: catalogue\nhosts: ['a.konta.shop,b.konta.shop']\n").refusals().is_empty()
    );
    assert!(!Files::plain().tenant("x", "tier: catalogue\nhosts: ['*.konta.shop']\n").refusals().is_empty());
}

#[test]
fn names_that_konta_sets_itself_cannot_be_taken_by_a_variable_or_a_secret() {
    for name in
        ["PGHOST", "PGPASSWORD", "pgdatabase", "KONTA_REGISTRY_DATABASE", "KONTA_MODULE_INIT", "ODOO_RC", "PASSWORD"]
    {
        for lines in [format!("variables: {{ {name}: x }}\n"), format!("secrets: {{ {name}: /konta/prod/x }}\n")] {
            assert_eq!(Files::plain().dedicated(&lines).refusals().len(), 1, "{lines}");
        }
    }
}

/// Section 6: a stack's tags and every literal parameter are what the manifests say, without a character changed.
#[test]
fn tags_and_parameters_are_what_the_manifests_say() {
    let rendered = Files::plain().environment("tags: { 'cost center': 'A+B=C/D@E:F_G-H.' }\n").render();
    for stack in rendered.stacks.values() {
        assert_eq!(stack.tags["cost center"], "A+B=C/D@E:F_G-H.", "{}", stack.name);
        assert_eq!((&*stack.tags["konta:application"], &*stack.tags["konta:environment"]), ("konta", "prod"));
    }
    let tenant = rendered.effective("konta-prod-tenant-breadfree");
    assert_eq!(tenant.parameters["Hosts"], "breadfree.konta.shop");
    assert_eq!(text(&tenant.outputs["Url"]), "https://breadfree.konta.shop");
}
