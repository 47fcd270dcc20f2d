//! `konta cost diff`: against a revision of git, and against what is deployed.

use std::process::Command;

use serde_json::{Value, json};

use crate::world::{Said, World};

fn git(world: &World, arguments: &[&str]) {
    let done = Command::new("git")
        .arg("-C")
        .arg(world.path())
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A workspace whose manifests are committed.
fn committed() -> World {
    let world = World::example();
    git(&world, &["init", "--quiet"]);
    git(&world, &["add", "."]);
    git(&world, &["commit", "--quiet", "--message", "first"]);
    world
}

fn json_of(said: &Said) -> Value {
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stdout))
}

const LARGER: &str = "tier: production\nhosts: [breadfree.konta.shop]\nsize: { cpu: 1024, memory: 4096 }\n";

#[test]
fn nothing_changed_costs_nothing() {
    let world = committed();
    let report = json_of(&world.run(&["cost", "diff", "--base", "HEAD", "-o", "json"]).ended_with(0));
    assert_eq!((&report["difference_usd"], &report["stacks"]), (&json!(0), &json!([])));
    assert_eq!(report["before_usd"], report["after_usd"]);
    assert_eq!(report["base"]["commit"].as_str().unwrap().len(), 40);
}

#[test]
fn a_larger_tenant_costs_what_its_task_takes_more() {
    let world = committed();
    world.write("tenants/breadfree.yml", LARGER);
    let report = json_of(&world.run(&["cost", "diff", "--base", "main", "-o", "json"]).ended_with(0));
    let stacks = report["stacks"].as_array().unwrap();
    assert_eq!(stacks.len(), 1, "{report}");
    assert_eq!(stacks[0]["stack"], "konta-prod-tenant-breadfree");
    let items = stacks[0]["items"].as_array().unwrap();
    let kinds: Vec<(&str, &str)> =
        items.iter().map(|item| (item["usage_type"].as_str().unwrap(), item["change"].as_str().unwrap())).collect();
    assert_eq!(kinds, [("FargateSpot-ARM-GB-Hours", "changed"), ("FargateSpot-ARM-vCPU-Hours", "changed")]);
    let of_tenant =
        json_of(&world.run(&["cost", "diff", "tenant", "breadfree", "--base", "main", "-o", "json"]).ended_with(0));
    assert_eq!(of_tenant["difference_usd"], report["difference_usd"]);
    let text = world.run(&["cost", "diff", "--base", "main"]).ended_with(0);
    assert!(text.stdout.contains("~ tenant breadfree: +"), "{}", text.stdout);
}

#[test]
fn a_removed_tenant_gives_back_what_it_cost_and_its_share_of_use() {
    let world = committed();
    world.remove("tenants/breadfree.yml");
    let report = json_of(&world.run(&["cost", "diff", "--base", "main", "-o", "json"]).ended_with(0));
    let gone = report["stacks"].as_array().unwrap().iter().find(|s| s["stack"] == "konta-prod-tenant-breadfree");
    let gone = gone.unwrap_or_else(|| panic!("{report}"));
    assert_eq!(gone["after_usd"], 0);
    assert!(gone["items"].as_array().unwrap().iter().all(|item| item["change"] == "removed"), "{gone}");
    let gone =
        json_of(&world.run(&["cost", "diff", "tenant", "breadfree", "--base", "main", "-o", "json"]).ended_with(0));
    assert_eq!(gone["after_usd"], 0);
}

#[test]
fn the_working_tree_and_the_index_are_left_alone() {
    let world = committed();
    world.write("tenants/breadfree.yml", LARGER);
    git(&world, &["add", "tenants"]);
    world.write("tenants/breadfree.yml", &LARGER.replace("1024", "2048"));
    world.run(&["cost", "diff", "--base", "main"]).ended_with(0);
    let status = Command::new("git").arg("-C").arg(world.path()).args(["status", "--short"]).output().unwrap();
    assert_eq!(String::from_utf8(status.stdout).unwrap(), "MM tenants/breadfree.yml\n");
}

#[test]
fn a_workspace_deep_in_a_repository_is_found_at_the_base() {
    let outer = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let world = World::example();
    let inner = outer.path().join("deep/workspace");
    std::fs::create_dir_all(inner.join("tenants")).unwrap();
    std::fs::create_dir_all(inner.join("environments")).unwrap();
    for file in ["konta.yml", "environments/prod.yml", "tenants/artista.yml"] {
        std::fs::copy(world.path().join(file), inner.join(file)).unwrap();
    }
    let git = |arguments: &[&str]| {
        let command = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        assert!(
            Command::new("git").arg("-C").arg(outer.path()).args(command).args(arguments).status().unwrap().success()
        );
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "first"]);
    std::fs::copy(world.path().join("tenants/breadfree.yml"), inner.join("tenants/breadfree.yml")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_konta"));
    let done = command.arg("-w").arg(&inner).args(["cost", "diff", "--base", "HEAD", "-o", "json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"));
    let new =
        report["stacks"].as_array().unwrap().iter().find(|s| s["stack"] == "konta-prod-tenant-breadfree").unwrap();
    assert_eq!(new["before_usd"], 0);
}

#[test]
fn what_is_wrong_with_a_base_is_said() {
    let world = World::example();
    // The test's own folder may lie inside a repository, which is not to be found.
    let mut outside = world.command(&["cost", "diff", "--base", "main"]);
    let outside = outside.env("GIT_CEILING_DIRECTORIES", world.path().parent().unwrap()).output().unwrap();
    assert!(String::from_utf8_lossy(&outside.stderr).contains("no git repository"), "{outside:?}");
    git(&world, &["init", "--quiet"]);
    let none = world.run(&["cost", "diff", "--base", "main"]).ended_with(1);
    assert!(none.stderr.contains("no revision `main`"), "{}", none.stderr);
    let option = world.run(&["cost", "diff", "--base=--help"]).ended_with(1);
    assert!(option.stderr.contains("no revision"), "{}", option.stderr);
    std::fs::write(world.path().join("tenants/breadfree.yml"), "tier: nope\nhosts: [x.konta.shop]\n").unwrap();
    git(&world, &["add", "."]);
    git(&world, &["commit", "--quiet", "--message", "wrong"]);
    world.write("tenants/breadfree.yml", LARGER);
    let wrong = world.run(&["cost", "diff", "--base", "HEAD"]).ended_with(3);
    assert!(wrong.stderr.contains("the workspace at `HEAD` cannot be read"), "{}", wrong.stderr);
    let mut without = world.command(&["cost", "diff", "--base", "HEAD"]);
    let without = without.env("PATH", world.path()).output().unwrap();
    assert!(String::from_utf8_lossy(&without.stderr).contains("no program `git`"), "{without:?}");
}

#[test]
fn what_is_deployed_is_compared_with_and_unchanged_stacks_are_not_asked_for() {
    let world = World::example();
    world.remove("tenants/breadfree.yml");
    world.konta(&["deploy", "tenant", "artista"]).ended_with(0);
    let same = json_of(&world.konta(&["cost", "diff", "-o", "json"]).ended_with(0));
    assert_eq!(same["stacks"], json!([]), "{same}");
    let templates = |world: &World| world.calls().iter().filter(|call| call.ends_with(" GetTemplate")).count();
    assert_eq!(templates(&world), 0);
    world.write("tenants/breadfree.yml", LARGER);
    let report = json_of(&world.konta(&["cost", "diff", "-o", "json"]).ended_with(0));
    let new =
        report["stacks"].as_array().unwrap().iter().find(|s| s["stack"] == "konta-prod-tenant-breadfree").unwrap();
    assert_eq!(new["before_usd"], 0);
    assert!(new["items"].as_array().unwrap().iter().any(|item| item["usage_type"] == "PublicIPv4:InUseAddress"));
    assert_eq!(report["base"]["kind"], "deployed");
    world.remove("tenants/artista.yml");
    world.remove("tenants/breadfree.yml");
    let gone = json_of(&world.konta(&["cost", "diff", "-o", "json"]).ended_with(0));
    assert!(
        gone["difference_usd"]["expected"].as_f64().unwrap_or_else(|| gone["difference_usd"].as_f64().unwrap_or(0.0))
            < 0.0,
        "{gone}"
    );
}
