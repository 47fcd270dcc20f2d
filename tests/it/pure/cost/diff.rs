//! `konta cost diff`: against a revision of git, and against what is deployed.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::sandbox_workspace::{Said, World};

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
    assert!(String::from_utf8_lossy(&outside.stderr).contains("is not in a git repository"), "{outside:?}");
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
    assert!(String::from_utf8_lossy(&without.stderr).contains("git is not installed"), "{without:?}");
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
    let stays = json_of(&world.konta(&["cost", "diff", "-o", "json"]).ended_with(0));
    assert_eq!(stays["difference_usd"], 0, "the pool stays while a tenant of it stands: {stays}");
    world.konta(&["delete", "tenant", "artista", "--confirm", "artista"]).ended_with(0);
    let gone = json_of(&world.konta(&["cost", "diff", "-o", "json"]).ended_with(0));
    assert!(
        gone["difference_usd"]["expected"].as_f64().unwrap_or_else(|| gone["difference_usd"].as_f64().unwrap_or(0.0))
            < 0.0,
        "{gone}"
    );
}

/// The example's environment with a NAT gateway in place of public addresses.
fn with_nat(world: &World) {
    let prod = std::fs::read_to_string(world.path().join("environments/prod.yml")).unwrap();
    assert!(prod.contains("egress: public-ip"), "{prod}");
    world.write("environments/prod.yml", &prod.replace("egress: public-ip", "egress: nat"));
}

#[test]
fn what_follows_a_changed_environment_is_priced_planned_and_deployed_with_it() {
    let world = World::example();
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
    let total = |world: &World| json_of(&world.run(&["cost", "-o", "json"]).ended_with(0))["total_usd"].clone();
    let expected = |value: &Value| value["expected"].as_f64().unwrap_or_else(|| value.as_f64().unwrap());
    let before = total(&world);
    with_nat(&world);
    let after = total(&world);
    let report = json_of(&world.konta(&["cost", "diff", "-o", "json"]).ended_with(0));
    let difference = expected(&report["difference_usd"]);
    // The addresses of the pool's tasks and of the dedicated tenant's go, the gateway and its traffic come.
    assert!((difference - 27.81).abs() < 0.01, "{difference}: {report}");
    assert!((difference - (expected(&after) - expected(&before))).abs() < 1e-6, "{before} {after} {report}");
    let plan = json_of(&world.konta(&["plan", "env", "-o", "json"]).ended_with(0));
    let actions = |plan: &Value| -> Vec<(String, String)> {
        let text = |stack: &Value, key: &str| stack[key].as_str().unwrap().to_owned();
        plan["stacks"].as_array().unwrap().iter().map(|s| (text(s, "stack"), text(s, "action"))).collect()
    };
    let cell = actions(&plan).into_iter().find(|(stack, _)| stack == "konta-prod-cell-1").unwrap();
    assert!(cell.1 == "follow" || plan["stacks"].to_string().contains("more may change than is shown"), "{plan}");
    // The part of the plan's stacks, without the tenant's address.
    let of_plan = expected(&plan["cost"]["difference_usd"]);
    assert!((of_plan - 27.81 - 3.65).abs() < 0.02, "{of_plan}: {}", plan["cost"]);
    let text = world.konta(&["plan", "env"]).ended_with(0).stdout;
    assert!(text.contains("konta plan tenant --all"), "{text}");
    world.konta(&["deploy", "env"]).ended_with(0);
    let next = json_of(&world.konta(&["plan", "env", "-o", "json"]).ended_with(0));
    assert_eq!(next["changes_anything"], false, "{next}");
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
    let all = json_of(&world.konta(&["plan", "tenant", "--all", "-o", "json"]).ended_with(0));
    assert_eq!(all["changes_anything"], false, "{all}");
    let same = json_of(&world.konta(&["cost", "diff", "-o", "json"]).ended_with(0));
    assert_eq!(same["stacks"], json!([]), "{same}");
}

#[test]
fn what_would_follow_stays_as_it_is_where_the_outputs_do() {
    let world = World::example();
    world.remove("tenants/breadfree.yml");
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
    let prod = std::fs::read_to_string(world.path().join("environments/prod.yml")).unwrap();
    world.write("environments/prod.yml", &prod.replace("log_retention_days: 30", "log_retention_days: 60"));
    let plan = world.konta(&["plan", "env"]).ended_with(0).stdout;
    assert!(plan.contains("may follow"), "{plan}");
    let done = world.konta(&["deploy", "env", "-o", "json"]).ended_with(0);
    let last: Value = serde_json::from_str(done.stdout.lines().last().unwrap()).unwrap();
    let cell = last["stacks"].as_array().unwrap().iter().find(|s| s["stack"] == "konta-prod-cell-1").unwrap();
    assert_eq!(cell["status"], "UNCHANGED", "{last}");
    let next = json_of(&world.konta(&["plan", "env", "-o", "json"]).ended_with(0));
    assert_eq!(next["changes_anything"], false, "{next}");
}
