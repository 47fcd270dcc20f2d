//! Upgrades on a real Odoo: one that fails, and some that are killed at every step, with a task under way, and on the way back.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::http_client::Visitor;
use crate::support::sandbox_workspace::World;

use super::password;

const COMMAND: [&str; 5] = ["tenant", "upgrade", "breadfree", "--modules", "rpc"];

pub fn live(world: &World) {
    a_failed_one_changes_nothing(world);
    a_killed_one_is_gone_on_with(world);
    a_task_under_way_is_found_again(world);
    a_killed_way_back_is_gone_on_with(world);
}

fn a_failed_one_changes_nothing(world: &World) {
    // An image that is not there: the copy cannot be upgraded with it.
    let before = manifest(world);
    let image = format!("public.ecr.aws/docker/library/odoo:18.0@sha256:{}", "0".repeat(64));
    let failed =
        world.konta(&["tenant", "upgrade", "breadfree", "--modules", "stock", "--image", &image]).ended_with(1);
    says(&failed.stderr, "Odoo 19 and no other image");
    says(&failed.stderr, "konta logs breadfree --task ");
    assert_eq!(manifest(world), before);
    Visitor::of(world, "breadfree.konta.shop").until_served("/web/login");
    assert_eq!(other_databases(world), "");
    assert!(Visitor::of(world, "breadfree.konta.shop").sign_in("breadfree", "admin", &password(world, "breadfree")));
}

/// Holds an error to a text, wherever its lines break.
fn says(error: &str, part: &str) {
    let squeezed = |text: &str| text.chars().filter(|c| !c.is_whitespace() && *c != '│').collect::<String>();
    assert!(squeezed(error).contains(&squeezed(part)), "{part}: {error}");
}

fn manifest(world: &World) -> String {
    std::fs::read_to_string(world.path().join("tenants/breadfree.yml")).unwrap()
}

fn other_databases(world: &World) -> String {
    world.sql(
        "postgres",
        "SELECT coalesce(string_agg(datname, ','), '') FROM pg_database WHERE datname LIKE 'breadfree\\_\\_%'",
    )
}

/// Starts an upgrade, and kills it when it tells of this.
fn killed_at(world: &World, options: &[&str], is_it: impl Fn(&Value) -> bool) {
    let arguments = [&COMMAND, options, &["--sandbox", "--yes", "-o", "json"]].concat();
    let mut child =
        world.command(&arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut met = false;
    let mut told = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        if is_it(&serde_json::from_str(&line).unwrap()) {
            met = true;
            child.kill().unwrap();
            break;
        }
        told.push(line);
    }
    child.wait().unwrap();
    assert!(met, "{}", told.join("\n"));
}

/// Killed at every step; the same command then completes it, and what was written before is there.
fn a_killed_one_is_gone_on_with(world: &World) {
    let steps = ["backup", "tasks", "still", "copy", "upgrade", "swap", "health", "tidy"];
    for (number, step) in steps.iter().enumerate() {
        let mark = format!("INSERT INTO ir_config_parameter (key, value) VALUES ('konta.test.{number}', '1')");
        world.sql("breadfree", &mark);
        killed_at(world, &[], |event| event["event"] == "step_started" && event["step"] == *step);
        let visitor = Visitor::of(world, "breadfree.konta.shop");
        let status = visitor.get("/web/login").status;
        assert!(status == 200 || status == 503, "{step}: {status}");
        world.konta(&COMMAND).ended_with(0);
        visitor.until_served("/web/login");
        assert_eq!(other_databases(world), "", "{step}");
        let kept = format!("SELECT value FROM ir_config_parameter WHERE key = 'konta.test.{number}'");
        assert_eq!(world.sql("breadfree", &kept), "1", "{step}");
    }
}

/// The tasks of upgrades that ECS knows.
fn tasks(world: &World) -> BTreeSet<String> {
    const ECS: &str = "AmazonEC2ContainerServiceV20141113";
    let cluster = world.outputs("konta-prod")["ClusterName"].clone();
    let mut found = BTreeSet::new();
    for status in ["RUNNING", "STOPPED"] {
        let listed = world.ask(&format!("{ECS}.ListTasks"), &json!({"cluster": cluster, "desiredStatus": status}));
        let asked = json!({"cluster": cluster, "tasks": listed["taskArns"]});
        let described = world.ask(&format!("{ECS}.DescribeTasks"), &asked);
        let of_upgrades =
            described["tasks"].as_array().cloned().unwrap_or_default().into_iter().filter(|task| {
                task["startedBy"].as_str().is_some_and(|started_by| started_by.starts_with("konta-up-"))
            });
        found.extend(of_upgrades.map(|task| task["taskArn"].as_str().unwrap().to_owned()));
    }
    found
}

/// Killed once its task is started: the same command waits for that task, and there is never a second in one copy.
fn a_task_under_way_is_found_again(world: &World) {
    let before = tasks(world);
    let arguments = [&COMMAND[..], &["--no-backup", "--sandbox", "--yes"]].concat();
    let mut child =
        world.command(&arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while tasks(world).len() == before.len() {
        assert!(begun.elapsed() < Duration::from_mins(3), "no task was started");
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    world.konta(&arguments[..6]).ended_with(0);
    assert_eq!(tasks(world).difference(&before).count(), 1);
    Visitor::of(world, "breadfree.konta.shop").until_served("/web/login");
    assert_eq!(other_databases(world), "");
}

fn image(world: &World) -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stack = runtime.block_on(async { world.aws().await.stack("konta-prod-tenant-breadfree").await });
    stack.unwrap().unwrap().parameters["Image"].clone()
}

/// An image whose tasks run and do not answer is taken back; killed on the way, the former image serves the former data all the same.
fn a_killed_way_back_is_gone_on_with(world: &World) {
    let (before, former) = (manifest(world), image(world));
    let deaf = format!("public.ecr.aws/docker/library/odoo:19.0-deaf@sha256:{}", "1".repeat(64));
    let options = ["--no-backup", "--image", &deaf];
    let begun = Instant::now();
    killed_at(world, &options, |event| event["event"] == "step_started" && event["step"] == "back");
    assert!(manifest(world).contains(&deaf), "it is written before");
    let failed = world.konta(&[&COMMAND[..], &options].concat()).ended_with(1);
    says(&failed.stderr, "the health check");
    let visitor = Visitor::of(world, "breadfree.konta.shop");
    visitor.until_served("/web/login");
    assert_eq!((image(world), other_databases(world)), (former.clone(), "breadfree__failed".to_owned()));

    killed_at(world, &options, |event| event["event"] == "step_finished" && event["step"] == "swap-back");
    world.konta(&[&COMMAND[..], &["--no-backup", "--keep-image"]].concat()).ended_with(0);
    visitor.until_served("/web/login");
    assert_eq!((image(world), other_databases(world)), (former, String::new()));
    assert!(visitor.sign_in("breadfree", "admin", &password(world, "breadfree")));
    world.write("tenants/breadfree.yml", &before);
    println!("two ways back, both killed: {:?}", begun.elapsed());
}
