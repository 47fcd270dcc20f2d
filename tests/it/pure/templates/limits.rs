//! CloudFormation's and the services' own limits, at the longest names that manifests take.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use konta::stack::DesiredStack;
use konta::template::TemplateError;
use konta::template::intrinsic::names_in;
use serde_json::Value;

use super::evaluate::text;
use super::workspace::{Files, Rendered, rendered_variants};

/// Everything as long as it may be.
fn longest() -> Files {
    let (application, environment, tenant) = ("a".repeat(16), "e".repeat(16), "t".repeat(40));
    let domain = format!("{}.shop", "d".repeat(57));
    let host = |n: usize| format!("{n}{}.{domain}", "h".repeat(62));
    let tags: Vec<String> = (0..40).map(|n| format!("'{n}{}': '{}'", "k".repeat(120), "v".repeat(256))).collect();
    let konta = format!(
        "application: {application}\ncurrency: EUR\nexchange_rate: {{ usd: 1.14, date: 2026-09-25 }}\nimage: {}@{}\ntiers:\n  {}: {{ price: 15, isolation: pooled, modules: [website] }}\n  production: {{ price: 50, isolation: dedicated, modules: [website] }}\n",
        "i".repeat(200),
        super::workspace::DIGEST,
        "p".repeat(32),
    );
    let hosts = |from: usize| (from..from + 4).map(host).collect::<Vec<_>>().join(", ");
    Files::plain()
        .without("environments/prod.yml")
        .without("tenants/artista.yml")
        .without("tenants/breadfree.yml")
        .file("konta.yml", &konta)
        .file(
            &format!("environments/{environment}.yml"),
            &format!(
                "account: \"012345678901\"\nregion: eu-west-1\ndomain: {domain}\nalarm_topic: arn:aws:sns:eu-west-1:012345678901:{}\npermissions_boundary: arn:aws:iam::012345678901:policy/{}\ntags: {{ {} }}\ntenants_per_cell: 1\n",
                "s".repeat(256),
                "b".repeat(128),
                tags.join(", ")
            ),
        )
        .file(&format!("addons/{}.yml", "o".repeat(32)), super::workspace::ADDON)
        .tenant(
            &tenant,
            &format!("tier: production\nhosts: [{}]\ntasks: 50\ndatabase: dedicated\naddons: [{}]\n", hosts(0), "o".repeat(32)),
        )
        .tenant(&"u".repeat(40), &format!("tier: {}\nhosts: [{}]\n", "p".repeat(32), hosts(4)))
}

fn everything() -> impl Iterator<Item = (&'static str, &'static Rendered)> {
    static LONGEST: LazyLock<Rendered> = LazyLock::new(|| longest().render());
    rendered_variants().iter().map(|(name, rendered)| (*name, rendered)).chain([("longest", &*LONGEST)])
}

/// Section 6.
#[test]
fn every_document_name_tag_and_value_is_one_that_cloudformation_takes() {
    for (name, rendered) in everything() {
        for stack in rendered.stacks.values() {
            let label = format!("{name}: {}", stack.name);
            assert!(stack.document.body().len() <= 51_200, "{label} has {} bytes", stack.document.body().len());
            let formed = stack.name.starts_with(|c: char| c.is_ascii_alphabetic())
                && stack.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            assert!(formed && stack.name.len() <= 128, "{label}");
            // One more is the tag with the hash.
            assert!(stack.tags.len() < 50, "{label} has {} tags", stack.tags.len());
            for (key, value) in &stack.tags {
                assert!(key.chars().count() <= 128 && value.chars().count() <= 256, "{label} {key}");
            }
            for (parameter, value) in rendered.parameters(stack) {
                assert!(value.len() <= 4096, "{label} {parameter} has {} bytes", value.len());
            }
            let count = |section: &str| stack.document.section(section).len();
            assert!(count("Resources") <= 500 && count("Parameters") <= 200 && count("Outputs") <= 200, "{label}");
            assert_eq!(stack.document.body().matches("{{resolve:").count(), 0, "{label}");
            assert_eq!(
                stack.document.value()["AWSTemplateFormatVersion"].as_str().unwrap_or("2010-09-09"),
                "2010-09-09"
            );
        }
    }
}

/// What the templates say of their own parameters holds for what konta gives them.
#[test]
fn every_value_is_one_that_the_template_itself_allows() {
    for (name, rendered) in everything() {
        for stack in rendered.stacks.values() {
            for (parameter, value) in rendered.parameters(stack) {
                let declared = &stack.document.section("Parameters")[&parameter];
                allowed(declared, &value)
                    .unwrap_or_else(|why| panic!("{name}: {} {parameter}: `{value}` {why}", stack.name));
            }
        }
    }
}

/// Every size, version and retention that a manifest takes.
#[test]
fn every_setting_that_a_manifest_takes_is_one_that_the_template_takes() {
    let mut all = Vec::new();
    for size in [(256, 512), (512, 4096), (1024, 8192), (2048, 16384), (4096, 30720), (8192, 61440), (16384, 122_880)] {
        let size = format!("size: {{ cpu: {}, memory: {} }}", size.0, size.1);
        all.push(Files::plain().dedicated(&format!("{size}\n")).environment(&format!("pool: {{ {size} }}\n")));
    }
    for version in ["16.8", "16.15", "17.4", "17.11", "18.3", "18.6"] {
        all.push(Files::plain().environment(&format!("database: {{ engine_version: \"{version}\" }}\n")));
    }
    for capacity in ["min: 0, max: 1", "min: 0.5, max: 256", "min: 256, max: 256", "min: 1.5, max: 2.5"] {
        all.push(
            Files::plain()
                .dedicated("database: dedicated\n")
                .environment(&format!("database: {{ capacity: {{ {capacity} }} }}\n")),
        );
    }
    for pause in [300, 999, 1000, 9999, 10_000, 79_999, 80_000, 85_999, 86_000, 86_399, 86_400] {
        all.push(
            Files::plain()
                .environment(&format!("database: {{ capacity: {{ min: 0, max: 1 }}, auto_pause: {pause} }}\n")),
        );
    }
    for days in [1, 30, 3653] {
        all.push(Files::plain().environment(&format!("log_retention_days: {days}\n")));
    }
    for range in ["10.77.0.0/16", "10.77.128.0/17", "172.16.0.0/16", "192.168.0.0/16"] {
        all.push(Files::plain().environment(&format!("network: {{ cidr: {range}, egress: nat }}\n")));
    }
    for files in all {
        let rendered = files.render();
        for stack in rendered.stacks.values() {
            for (parameter, value) in rendered.parameters(stack) {
                let declared = &stack.document.section("Parameters")[&parameter];
                allowed(declared, &value).unwrap_or_else(|why| panic!("{} {parameter}: `{value}` {why}", stack.name));
            }
            rendered.effective(&stack.name);
        }
    }
}

/// What the template could not take, the manifest refuses, where there is a line to point at.
#[test]
fn what_the_templates_cannot_take_is_refused_in_the_manifest() {
    let two = "private_subnets: [subnet-0a1b2c3f, subnet-0a1b2c40]";
    for (why, lines) in [
        ("six subnets of 4,096 addresses", "network: { cidr: 10.77.0.0/20 }\n".to_owned()),
        (
            "two subnets, one a zone",
            format!(
                "network: {{ vpc: vpc-0a1b2c3d, public_subnets: [subnet-0a1b2c3d, subnet-0a1b2c3e, subnet-0a1b2c41], {two} }}\n"
            ),
        ),
    ] {
        assert_eq!(Files::plain().environment(&lines).refusals().len(), 1, "{why}");
    }
    // Section 5: `*.` and the domain in the 64 characters of a certificate's common name.
    let long =
        format!("account: \"012345678901\"\nregion: eu-west-1\ndomain: {}.{}.shop\n", "d".repeat(40), "d".repeat(20));
    let files = Files::plain()
        .file("environments/prod.yml", &long)
        .without("tenants/artista.yml")
        .without("tenants/breadfree.yml");
    assert_eq!(files.refusals().len(), 1);
    let host = format!(
        "tier: catalogue\nhosts: [artista.konta.shop, {{ host: {}.{}.es, hosted_zone: Z1 }}]\n",
        "h".repeat(40),
        "h".repeat(22)
    );
    assert_eq!(Files::plain().tenant("artista", &host).refusals().len(), 1);
}

fn allowed(declared: &Value, value: &str) -> Result<(), String> {
    let number = |key: &str| declared.get(key).map(|n| text(n).parse::<f64>().unwrap());
    if declared["Type"] == "Number" {
        let given: f64 = value.parse().map_err(|_| "is no number".to_owned())?;
        if number("MinValue").is_some_and(|low| given < low) || number("MaxValue").is_some_and(|high| given > high) {
            return Err("is out of bounds".to_owned());
        }
    }
    if declared.get("MaxLength").and_then(Value::as_u64).is_some_and(|most| value.len() as u64 > most) {
        return Err("is too long".to_owned());
    }
    if let Some(values) = declared.get("AllowedValues").and_then(Value::as_array)
        && !values.iter().any(|one| text(one) == value)
    {
        return Err(format!("is none of {values:?}"));
    }
    match declared.get("AllowedPattern").and_then(Value::as_str) {
        Some(pattern) if !value.starts_with('<') && !matches(pattern, value) => {
            Err(format!("does not match {pattern}"))
        }
        _ => Ok(()),
    }
}

/// The patterns of the templates, in words. A new one must be taught here.
fn matches(pattern: &str, value: &str) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let hex = |s: &str| !s.is_empty() && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let slug = |s: &str| !s.is_empty() && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'z' | b'-'));
    match pattern {
        r"^[a-z][a-z0-9-]*$" => slug(value) && value.starts_with(|c: char| c.is_ascii_lowercase()),
        r"^[a-z0-9][a-z0-9-]*$" => slug(value) && !value.starts_with('-'),
        r"^\d+$" => digits(value),
        r"^(Z[A-Z0-9]+)?$" => {
            value.is_empty()
                || value
                    .strip_prefix('Z')
                    .is_some_and(|r| !r.is_empty() && r.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
        }
        r"^(vpc-[0-9a-f]+)?$" => value.is_empty() || value.strip_prefix("vpc-").is_some_and(hex),
        r"^(subnet-[0-9a-f]+,subnet-[0-9a-f]+)?$" => {
            let ids: Vec<&str> = value.split(',').collect();
            value.is_empty() || ids.len() == 2 && ids.iter().all(|id| id.strip_prefix("subnet-").is_some_and(hex))
        }
        r"^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}/1[67]$" => {
            value.parse::<ipnet::Ipv4Net>().is_ok_and(|net| matches!(net.prefix_len(), 16 | 17))
        }
        r"^(/[A-Za-z0-9_.-]+)+$" => value.strip_prefix('/').is_some_and(|rest| {
            rest.split('/').all(|part| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
            })
        }),
        r"^(1[6-9]|[2-9]\d)\.\d+$" => value
            .split_once('.')
            .is_some_and(|(major, minor)| digits(minor) && major.parse().is_ok_and(|m: u32| (16..100).contains(&m))),
        r"^ELBSecurityPolicy-TLS13-1-[23]-.+$" => {
            value.starts_with("ELBSecurityPolicy-TLS13-1-2-") || value.starts_with("ELBSecurityPolicy-TLS13-1-3-")
        }
        r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]+$" => {
            konta::model::HostName::new(value).is_ok_and(|host| host.as_str() == value)
        }
        r"^(|[3-9]\d\d|[1-9]\d{3}|[1-7]\d{4}|8[0-5]\d{3}|86[0-3]\d\d|86400)$" => {
            value.is_empty() || digits(value) && value.parse().is_ok_and(|s: u32| (300..=86_400).contains(&s))
        }
        other => panic!("teach the test the pattern {other}"),
    }
}

/// Section 4: five values a rule, none longer than 128 characters.
#[test]
fn a_rule_compares_five_values_at_the_most() {
    for (name, rendered) in everything() {
        for stack in rendered.stacks.keys() {
            for (id, rule) in rendered.effective(stack).of_type("AWS::ElasticLoadBalancingV2::ListenerRule") {
                let values: Vec<&Value> = rule["Conditions"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .flat_map(|c| {
                        ["HostHeaderConfig", "PathPatternConfig", "HttpHeaderConfig"]
                            .into_iter()
                            .filter_map(|k| c.get(k))
                    })
                    .flat_map(|config| config["Values"].as_array().unwrap())
                    .collect();
                assert!((1..=5).contains(&values.len()), "{name}: {stack}/{id} {values:?}");
                assert!(values.iter().all(|value| text(value).len() <= 128), "{name}: {stack}/{id}");
                let priority: u32 = text(&rule["Priority"]).parse().unwrap();
                assert!((1..=50_000).contains(&priority));
            }
        }
    }
    let five = "tier: catalogue\nhosts: [a.konta.shop, b.konta.shop, c.konta.shop, d.konta.shop, e.konta.shop]\n";
    assert_eq!(Files::plain().tenant("artista", five).refusals().len(), 1);
}

/// Every name that a document uses is a resource, a parameter, a condition or a pseudo parameter; every dependency exists.
#[test]
fn every_reference_of_every_document_leads_somewhere() {
    for (name, rendered) in everything() {
        for stack in rendered.stacks.values() {
            let document = &stack.document;
            let mut used = Vec::new();
            names_in(document.value(), &mut used);
            // What a Sub names itself.
            let own: BTreeSet<&str> = ["Host"].into();
            for id in used {
                let known = document.resources().contains_key(&id) || document.section("Parameters").contains_key(&id);
                assert!(
                    known || id.starts_with("AWS::") || own.contains(id.as_str()),
                    "{name}: {} uses {id}",
                    stack.name
                );
            }
            for condition in conditions_in(document.value()) {
                assert!(
                    document.section("Conditions").contains_key(&condition),
                    "{name}: {} uses {condition}",
                    stack.name
                );
            }
            for (id, resource) in document.resources() {
                for on in depends_on(resource) {
                    assert!(document.resources().contains_key(&on), "{name}: {}/{id} waits for {on}", stack.name);
                }
            }
            for name in document.section("Parameters").keys() {
                let mut used = Vec::new();
                names_in(document.value(), &mut used);
                let unused = !used.contains(name);
                let told =
                    matches!(name.as_str(), "HttpsListenerArn" | "LoadBalancerDnsName" | "LoadBalancerHostedZoneId");
                assert!(!unused || told, "{} declares {name} and does not use it", stack.name);
            }
        }
    }
}

fn depends_on(resource: &Value) -> Vec<String> {
    match resource.get("DependsOn") {
        Some(Value::Array(ids)) => ids.iter().map(text).collect(),
        Some(id) => vec![text(id)],
        None => Vec::new(),
    }
}

fn conditions_in(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(conditions_in).collect(),
        Value::Object(map) => {
            let mut found: Vec<String> = map.values().flat_map(conditions_in).collect();
            found.extend(map.get("Condition").and_then(Value::as_str).map(ToOwned::to_owned));
            found.extend(map.get("Fn::If").and_then(|i| i.get(0)).and_then(Value::as_str).map(ToOwned::to_owned));
            found
        }
        _ => Vec::new(),
    }
}

/// Also what is merged from a manifest says for people what it is.
#[test]
fn every_resource_is_described() {
    let described = |stack: &DesiredStack, id: &str| {
        stack.document.resources()[id]["Metadata"]["konta:description"].as_str().is_some_and(|text| text.len() > 5)
    };
    for (name, rendered) in everything() {
        for stack in rendered.stacks.values() {
            for id in stack.document.resources().keys() {
                assert!(described(stack, id), "{name}: {}/{id}", stack.name);
            }
        }
    }
}

/// Section 1 and PostgreSQL: 63 bytes of a name, and no two tenants with one database.
#[test]
fn databases_and_roles_have_names_that_postgresql_takes() {
    for (name, rendered) in everything() {
        let mut seen = BTreeSet::new();
        for stack in rendered.stacks.values().filter(|s| s.document.section("Parameters").contains_key("DatabaseUser"))
        {
            let parameters = rendered.parameters(stack);
            let (database, user) = (&parameters["Database"], &parameters["DatabaseUser"]);
            assert!(database.len() <= 63 && database == user, "{name}: {database}");
            assert!(seen.insert(database.clone()), "{name}: {database} twice");
        }
    }
}

#[test]
fn a_document_that_is_too_large_is_refused_with_its_figures() {
    let files = Files::plain().dedicated(&format!("variables: {{ LONG: {} }}\n", "x".repeat(60_000)));
    match files.try_render() {
        Err(TemplateError::Limit { problem, .. }) => assert!(problem.contains("51200"), "{problem}"),
        other => panic!("{other:?}"),
    }
}
