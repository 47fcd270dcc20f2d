//! What holds for every operation on a tenant: a dry run shows its steps and changes nothing, and two operators do not meet.

use serde_json::{Value, json};

use crate::support::sandbox_workspace::World;

/// The titles of the steps that a dry run shows.
fn planned(world: &World, arguments: &[&str]) -> Vec<String> {
    let said = world.konta(&[arguments, &["--dry-run", "-o", "json"]].concat()).ended_with(0);
    let plan = said.lines().pop().unwrap_or_default();
    assert_eq!(plan["event"], "plan", "{}", said.stdout);
    plan["steps"].as_array().unwrap().iter().map(|step| step["title"].as_str().unwrap().to_owned()).collect()
}

/// The titles of the steps that ran.
fn ran(lines: &[Value]) -> Vec<String> {
    let begun = lines.iter().filter(|event| event["event"] == "step_started");
    begun.map(|event| event["title"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_dry_run_shows_the_steps_and_asks_aws_for_no_change() {
    let world = World::warm();
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
    let before = world.calls().len();
    for (arguments, first) in [
        (&["tenant", "suspend", "breadfree"][..], "stop its tasks"),
        (&["tenant", "suspend", "artista"], "show visitors a page instead of Odoo"),
        (&["tenant", "resume", "breadfree"], "remove the page"),
        (&["tenant", "backup", "artista"], "copy its database and files to the bucket of backups"),
        (&["delete", "tenant", "artista"], "take the tenant's hosts out of the pool's registry"),
        (
            &["delete", "tenant", "breadfree", "--purge", "--backups"],
            "take the tenant's hosts out of the pool's registry",
        ),
    ] {
        assert_eq!(planned(&world, arguments)[0], first, "{arguments:?}");
    }
    let changing =
        ["Put", "Create", "Update", "Delete", "Execute", "Set", "Run", "Register", "Modify", "Add", "Signal"];
    let changes: Vec<String> = world.calls()[before..]
        .iter()
        .filter(|call| {
            let action = call.split(' ').nth(1).unwrap_or_default();
            changing.iter().any(|verb| action.starts_with(verb)) && action != "ExecuteStatement"
        })
        .cloned()
        .collect();
    assert!(changes.is_empty(), "{changes:?}");
}

#[test]
fn the_steps_that_run_are_those_of_the_dry_run_in_its_order() {
    let world = World::warm();
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
    for arguments in [
        &["tenant", "suspend", "breadfree"][..],
        &["tenant", "resume", "breadfree"],
        &["tenant", "suspend", "artista"],
        &["tenant", "resume", "artista"],
        &["delete", "tenant", "breadfree", "--purge", "--confirm", "breadfree"],
    ] {
        let planned = planned(&world, arguments);
        let ran = ran(&world.konta(&[arguments, &["-o", "json"]].concat()).ended_with(0).lines());
        assert!(!ran.is_empty(), "{arguments:?}");
        // Updates and deletions of stacks are steps of the plan, and events of their own when they run.
        let mut rest = planned.iter();
        for title in &ran {
            assert!(rest.any(|planned| planned == title), "{arguments:?}: {title} of {ran:?} in {planned:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_another_operator_works_on_is_left_alone() {
    let world = World::warm();
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    let aws = world.aws().await;
    let name = "/konta/prod/kept/operation/breadfree";
    let now = jiff::Timestamp::now();
    let holder = json!({"user": "ada", "host": "elsewhere", "machine": "another", "process": 1, "began": "1"});
    let record = json!({"verb": "upgrade", "holder": holder, "since": now, "renewed": now, "token": "1"});
    aws.put_parameter(name, &record.to_string()).await.unwrap();

    let said = world.konta(&["tenant", "suspend", "breadfree"]).ended_with(1);
    assert!(said.stderr.contains("konta::tenant_busy"), "{}", said.stderr);
    assert!(said.stderr.contains("ada@elsewhere") && said.stderr.contains("--take-over"), "{}", said.stderr);
    let status = world.konta(&["status", "breadfree"]).ended_with(0);
    assert!(status.stdout.contains("ada@elsewhere"), "{}", status.stdout);
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);

    let said = world.konta(&["tenant", "suspend", "breadfree", "--take-over"]).ended_with(0);
    assert!(said.stderr.contains("takes its place"), "{}", said.stderr);
    assert_eq!(aws.parameter(name).await.unwrap(), None, "and it is free afterwards");
}
