//! `konta cost` as a command.

use rust_decimal::Decimal;

use crate::support::sandbox_workspace::World;

pub(super) fn json(said: &crate::support::sandbox_workspace::Said) -> serde_json::Value {
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stdout))
}

/// An amount of the JSON as a decimal: of a range the expected one.
pub(super) fn amount(value: &serde_json::Value) -> Decimal {
    match value {
        serde_json::Value::Object(range) => amount(&range["expected"]),
        serde_json::Value::String(text) => text.parse().unwrap(),
        number => number.to_string().parse().unwrap(),
    }
}

#[test]
fn an_environment_costs_what_its_items_sum_up_to() {
    let world = World::example();
    let report = json(&world.run(&["cost", "-o", "json"]).ended_with(0));
    let items = report["items"].as_array().unwrap();
    let sum: Decimal = items.iter().map(|item| amount(&item["monthly_usd"])).sum();
    assert_eq!(sum, amount(&report["total_usd"]));
    let stacks: Decimal = report["stacks"].as_array().unwrap().iter().map(|stack| amount(&stack["total_usd"])).sum();
    assert_eq!(stacks, sum);
    assert_eq!(report["currency"], "USD");
    assert_eq!(report["unpriced"], serde_json::json!([]));
    let unknown: Vec<&str> =
        report["unknown"].as_array().unwrap().iter().map(|u| u["usage_type"].as_str().unwrap()).collect();
    assert_eq!(unknown, ["Backup:EFS-warm"], "every other price of the example is known");
    for bucket in ["standard_gb", "put_requests"] {
        let assumed = report["assumptions"].as_array().unwrap().iter();
        let assumed = assumed.filter(|a| a["resource"] == "konta-prod/BackupBucket" && a["field"] == bucket);
        assert_eq!(assumed.count(), 1, "{bucket}");
    }
    for item in items {
        let fields: Vec<&String> = item.as_object().unwrap().keys().collect();
        for field in [
            "resource",
            "service",
            "usage_type",
            "unit",
            "quantity",
            "unit_price_usd",
            "monthly_usd",
            "price_date",
            "price_source",
        ] {
            assert!(fields.iter().any(|name| *name == field), "{field}: {item}");
        }
        assert_eq!(amount(&item["quantity"]) * amount(&item["unit_price_usd"]), amount(&item["monthly_usd"]), "{item}");
    }
}

#[test]
fn a_dedicated_tenant_pays_for_a_spot_task_and_its_address() {
    let world = World::example();
    let said = world.run(&["cost", "tenant", "breadfree"]).ended_with(0);
    insta::assert_snapshot!(said.stdout);
}

#[test]
fn a_pooled_tenant_has_nothing_of_its_own_that_costs() {
    let world = World::example();
    let report = json(&world.run(&["cost", "tenant", "artista", "-o", "json"]).ended_with(0));
    assert_eq!(report["total_usd"], 0);
    assert!(!report["free"].as_array().unwrap().is_empty());
}

#[test]
fn what_an_addon_brings_is_assumed_and_does_not_vanish() {
    let world = World::example();
    world.write(
        "addons/media.yml",
        "Resources:\n  Pictures: { Type: 'AWS::S3::Bucket', DeletionPolicy: Retain, UpdateReplacePolicy: Retain }\n  Images: { Type: 'AWS::ECR::Repository', DeletionPolicy: Retain, UpdateReplacePolicy: Retain }\n",
    );
    world.write("tenants/breadfree.yml", "tier: production\nhosts: [breadfree.konta.shop]\naddons: [media]\n");
    let report = json(&world.run(&["cost", "tenant", "breadfree", "-o", "json"]).ended_with(0));
    for (resource, field) in [("Pictures", "standard_gb"), ("Images", "stored_gb")] {
        let is_its = |entry: &&serde_json::Value| entry["resource"].as_str().unwrap().ends_with(resource);
        assert!(report["items"].as_array().unwrap().iter().any(|item| is_its(&item)), "{resource}: {report}");
        let assumed = report["assumptions"].as_array().unwrap().iter().find(|a| is_its(a) && a["field"] == field);
        assert!(assumed.unwrap()["origin"].as_str().unwrap().contains("not measured"), "{report}");
    }
}

/// The one cost of the example that has no price, said not to be.
const NO_BACKUP: &str = "types: { 'AWS::EFS::FileSystem': { backup_gb: 0 } }\n";

#[test]
fn a_budget_is_held_against_a_tenants_own_cost_and_its_share() {
    let world = World::example();
    world.write("usage.yml", NO_BACKUP);
    let usage = world.path().join("usage.yml").display().to_string();
    let held = |tenant: &str, budget: &str| {
        world.run(&["cost", "tenant", tenant, "--usage", &usage, "--budget", budget, "-o", "json"])
    };
    // A pooled tenant has nothing of its own that costs.
    let above = json(&held("artista", "1").ended_with(9));
    assert_eq!((&above["budget"]["verdict"], &above["budget"]["above"]), (&"above".into(), &true.into()));
    let share = amount(&above["shares"]["tenants"][0]["total_usd"]);
    assert_eq!(amount(&above["budget"]["compared_usd"]), share);
    let within = json(&held("artista", &format!("{share}USD")).ended_with(0));
    assert_eq!(within["budget"]["verdict"], "within");
    // 54 EUR are 61.58 USD.
    held("breadfree", "53").ended_with(9);
    held("breadfree", "100EUR").ended_with(0);
    held("breadfree", "6GBP").ended_with(64);
    let text = world.run(&["cost", "tenant", "artista", "--usage", &usage, "--budget", "1"]).ended_with(9);
    assert!(text.stdout.contains(&format!("{} is above 1", share.round_dp(2))), "{}", text.stdout);
}

#[test]
fn a_budget_is_not_kept_by_what_has_no_price() {
    let world = World::example();
    let open = world.run(&["cost", "--budget", "1000"]).ended_with(10);
    assert!(open.stdout.contains("cannot be determined") && !open.stdout.contains("is within"), "{}", open.stdout);
    assert!(open.stderr.contains("usage file"), "{}", open.stderr);
    world.run(&["cost", "tenant", "artista", "--budget", "1000"]).ended_with(10);
    world.run(&["cost", "tenant", "artista", "--budget", "1"]).ended_with(9);
    world.write("their.yml", "Resources: { Zone: { Type: 'AWS::EC2::NatGateway' } }\n");
    let file = world.path().join("their.yml").display().to_string();
    let mars = ["cost", "--template", &file, "--region", "mars-1", "--budget", "1", "-o", "json"];
    assert_eq!(json(&world.run(&mars).ended_with(10))["budget"]["verdict"], "cannot_be_told");
}

#[test]
fn what_is_said_of_tenants_does_not_go_with_a_template() {
    let world = World::example();
    world.write("their.yml", "Resources: { Zone: { Type: 'AWS::EC2::NatGateway' } }\n");
    let file = world.path().join("their.yml").display().to_string();
    for option in [["--vat", "21"], ["--allocate", "use"], ["--fee-fixed", "1"]] {
        let said =
            world.run(&[&["cost", "--template", &file, "--region", "eu-west-1"], &option[..]].concat()).ended_with(64);
        assert!(said.stderr.contains(option[0]), "{}", said.stderr);
    }
}

#[test]
fn every_line_of_all_details_fits_the_terminal() {
    let said = World::example().run(&["cost", "-v"]).ended_with(0);
    let long: Vec<&str> = said.stdout.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn a_strangers_template_is_priced_and_what_cannot_be_is_listed() {
    let world = World::example();
    world.write(
        "their.json",
        "{\n\t\"Parameters\": {\"Azs\": {\"Type\": \"Number\"}},\n\t\"Resources\": {\n\t\t\"Machine\": {\"Type\": \"AWS::EC2::Instance\"},\n\t\t\"Role\": {\"Type\": \"AWS::IAM::Role\"},\n\t\t\"Db\": {\"Type\": \"AWS::RDS::DBInstance\", \"Properties\": {\"Engine\": \"postgres\", \"DBInstanceClass\": \"db.x9.huge\", \"AllocatedStorage\": {\"Ref\": \"Azs\"}, \"StorageType\": \"gp3\"}}}}",
    );
    let file = world.path().join("their.json").display().to_string();
    let report = json(
        &world
            .run(&["cost", "--template", &file, "--parameter", "Azs=20", "--region", "eu-west-1", "-o", "json"])
            .ended_with(0),
    );
    assert_eq!(report["unpriced"][0]["resource_type"], "AWS::EC2::Instance");
    assert_eq!(report["unknown"][0]["usage_type"], "InstanceUsage:db.x9.huge:PostgreSQL");
    assert_eq!(report["unknown"][0]["region"], "eu-west-1");
    assert_eq!(amount(&report["total_usd"]).to_string(), "2.54");
    world.run(&["cost", "--template", &file, "--parameter", "Zas=1", "--region", "eu-west-1"]).ended_with(64);
    world.run(&["cost", "--template", &file]).ended_with(64);
}

#[test]
fn a_usage_file_that_names_nothing_is_refused() {
    let world = World::example();
    world.write("usage.yml", "resources: { LoadBalancr: { lcu: 1 } }\n");
    let file = world.path().join("usage.yml").display().to_string();
    let said = world.run(&["cost", "--usage", &file]).ended_with(3);
    assert!(said.stderr.contains("LoadBalancr"), "{}", said.stderr);
    world.write("usage.yml", "resources: { LoadBalancer: { acu: 1 } }\n");
    let said = world.run(&["cost", "--usage", &file]).ended_with(3);
    assert!(said.stderr.contains("resources.LoadBalancer.acu"), "{}", said.stderr);
    world.write("usage.yml", "resources: { LoadBalancer: { lcu: 10 } }\n");
    let report = json(&world.run(&["cost", "--usage", &file, "-o", "json"]).ended_with(0));
    let units =
        report["items"].as_array().unwrap().iter().find(|item| item["usage_type"] == "LCUUsage:Application").unwrap();
    assert_eq!(amount(&units["quantity"]).to_string(), "7300");
}

#[test]
fn a_form_is_chosen_and_written_to_a_file() {
    let world = World::example();
    let out = world.path().join("cost.md").display().to_string();
    let said = world.run(&["cost", "--format", "markdown", "--out", &out, "--budget", "1"]).ended_with(9);
    assert_eq!((said.stdout.as_str(), said.stderr.contains("cost.md")), ("", true), "{}", said.stderr);
    let markdown = std::fs::read_to_string(&out).unwrap();
    assert!(markdown.starts_with("### What the environment prod costs\n\n**"), "{markdown}");
    assert!(markdown.contains("- budget: "), "{markdown}");
    let html = world.run(&["cost", "tenant", "breadfree", "--format", "html"]).ended_with(0).stdout;
    assert!(html.starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"), "{html}");
    let by_format = world.run(&["cost", "--format", "json"]).ended_with(0).stdout;
    assert_eq!(by_format, world.run(&["cost", "-o", "json"]).ended_with(0).stdout);
    world.run(&["cost", "--out", &out, "-o", "json"]).ended_with(0);
    assert_eq!(by_format, std::fs::read_to_string(&out).unwrap());
    world.run(&["cost", "--format", "html", "-o", "json"]).ended_with(64);
    world.run(&["cost", "--out", "no/such/folder/file"]).ended_with(1);
}

#[test]
fn a_file_that_is_not_there_is_told_once() {
    let said = World::example().run(&["cost", "--template", "nothing.yml"]).ended_with(1);
    assert!(said.stderr.contains("cannot read nothing.yml"), "{}", said.stderr);
    assert_eq!(said.stderr.matches("No such file").count(), 1, "{}", said.stderr);
}
