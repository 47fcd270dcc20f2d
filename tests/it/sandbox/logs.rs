//! The command, in the sandbox, with lines put there through the API.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::sandbox_workspace::World;

/// A line's age in seconds, its stream, its text.
type Put<'a> = (i64, &'a str, &'a str);

fn put(world: &World, lines: &[Put<'_>]) {
    let group = world.outputs("konta-prod")["LogGroupName"].as_str().unwrap().to_owned();
    for (ago, stream, text) in lines {
        // Twice is no harm: the answer of the second says that it is there.
        world.ask("Logs_20140328.CreateLogStream", &json!({"logGroupName": group, "logStreamName": stream}));
        let at = Timestamp::now().as_millisecond() - ago * 1000;
        let events = json!([{"timestamp": at, "message": text}]);
        let body = json!({"logGroupName": group, "logStreamName": stream, "logEvents": events});
        world.ask("Logs_20140328.PutLogEvents", &body);
    }
}

fn odoo(level: &str, database: &str, text: &str) -> String {
    format!("2026-11-25 03:31:31,123 1 {level} {database} odoo.http: {text}")
}

fn messages(said: &str) -> Vec<String> {
    said.lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["event"], "line");
            line["message"].as_str().unwrap().rsplit(": ").next().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn a_tenant_sees_its_own_lines_and_no_others() {
    let world = World::warm();
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
    let (mine, theirs) = (odoo("ERROR", "artista", "mine"), odoo("INFO", "breadfree", "of the pool"));
    let (own, warning) = (odoo("INFO", "breadfree", "own"), odoo("WARNING", "breadfree", "careful"));
    put(
        &world,
        &[
            (7000, "breadfree/odoo/0123456789", "long ago"),
            (60, "breadfree/odoo/0123456789", &own),
            (50, "breadfree/odoo/abcdef0123", &warning),
            (40, "breadfree-two/odoo/0123456789", "of another tenant"),
            (30, "pool-1/odoo/99999999aa", &mine),
            (29, "pool-1/odoo/99999999aa", "Traceback: of mine"),
            (28, "pool-1/odoo/99999999aa", &theirs),
        ],
    );
    let json = |arguments: &[&str]| {
        messages(&world.konta(&[&["logs"], arguments, &["-o", "json"]].concat()).ended_with(0).stdout)
    };
    assert_eq!(json(&["breadfree"]), ["long ago", "own", "careful"]);
    assert_eq!(json(&["breadfree", "--since", "1h"]), ["own", "careful"]);
    assert_eq!(json(&["breadfree", "--since", "1d", "--until", "1h"]), ["long ago"]);
    assert_eq!(json(&["breadfree", "--tail", "1"]), ["careful"]);
    assert_eq!(json(&["breadfree", "--task", "abc"]), ["careful"]);
    assert_eq!(json(&["breadfree", "--level", "warning"]), ["careful"]);
    assert_eq!(json(&["breadfree", "--filter", "OWN"]), ["own"]);
    assert_eq!(json(&["artista"]), ["mine", "of mine"]);
    assert_eq!(json(&["--pool"]), ["mine", "of mine", "of the pool"]);

    let said = world.konta(&["logs", "breadfree", "--since", "1h", "--utc"]).ended_with(0).stdout;
    let line = said.lines().next().unwrap();
    assert!(line.ends_with(" 01234567 1 INFO breadfree odoo.http: own"), "{line}");
    assert!(!line.contains('\u{1b}'), "no colours in a pipe: {line}");

    let said = world.konta(&["logs", "artista", "--filter", "nothing like it"]).ended_with(0);
    assert!(said.stdout.is_empty() && said.stderr.contains("no such lines since"), "{}", said.stderr);
    let said = world.konta(&["logs", "breadfree", "--since", "soon"]).ended_with(64);
    assert!(said.stderr.contains("`soon` is not a time"), "{}", said.stderr);
    world.konta(&["logs"]).ended_with(64);
    let said = world.konta(&["logs", "breadfri"]).ended_with(1);
    assert!(said.stderr.contains("breadfree"), "{}", said.stderr);

    a_follower_sees_what_comes(&world);
    a_reader_that_goes_away_ends_it_quietly(&world);
    the_last_stopped_task_is_shown_with_its_reason(&world);
}

fn a_follower_sees_what_comes(world: &World) {
    let arguments = ["logs", "breadfree", "--follow", "--tail", "1", "--sandbox", "-o", "json"];
    let mut child = world.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || messages(&lines.next().unwrap().unwrap())[0].clone();
    assert_eq!(next(), "careful");
    put(world, &[(0, "breadfree/odoo/0123456789", &odoo("INFO", "breadfree", "just now"))]);
    assert_eq!(next(), "just now");
    // Late: written before the line above, and there only now.
    put(world, &[(30, "breadfree/odoo/abcdef0123", &odoo("INFO", "breadfree", "late"))]);
    assert_eq!(next(), "late");
    put(world, &[(0, "breadfree/odoo/abcdef0123", &odoo("INFO", "breadfree", "a new one"))]);
    assert_eq!(next(), "a new one");
    crate::support::processes::end(child.id(), "INT");
    let ended = std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap());
    assert_eq!(ended, Some(2), "a shell says 130");
}

fn a_reader_that_goes_away_ends_it_quietly(world: &World) {
    let text = "x".repeat(3000);
    let line = odoo("INFO", "breadfree", &text);
    let many: Vec<Put<'_>> = (0..60).map(|_| (10, "breadfree/odoo/0123456789", line.as_str())).collect();
    put(world, &many);
    let mut command = world.command(&["logs", "breadfree", "--since", "1h", "--sandbox"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut one = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut one).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

fn the_last_stopped_task_is_shown_with_its_reason(world: &World) {
    let cluster = world.outputs("konta-prod")["ClusterName"].clone();
    let service = world.outputs("konta-prod-tenant-breadfree")["ServiceName"].clone();
    let ecs = |action: &str, body: Value| world.ask(&format!("AmazonEC2ContainerServiceV20141113.{action}"), &body);
    let running = ecs("ListTasks", json!({"cluster": cluster, "serviceName": service}));
    let task = running["taskArns"][0].as_str().unwrap_or_else(|| panic!("{running}")).to_owned();
    ecs("StopTask", json!({"cluster": cluster, "task": task, "reason": "by the test"}));
    let id = task.rsplit('/').next().unwrap();
    put(world, &[(1, &format!("breadfree/odoo/{id}"), &odoo("INFO", "breadfree", "its last words"))]);
    let said = world.konta(&["logs", "breadfree", "--previous"]).ended_with(0);
    assert!(said.stderr.contains(&format!("task {id} stopped at ")), "{}", said.stderr);
    assert!(said.stderr.contains("with exit code 0: by the test"), "{}", said.stderr);
    assert!(said.stdout.ends_with("1 INFO breadfree odoo.http: its last words\n"), "{}", said.stdout);
    assert_eq!(said.stdout.lines().count(), 1);
    let lines = world.konta(&["logs", "breadfree", "--previous", "-o", "json"]).ended_with(0).lines();
    assert_eq!(lines[0]["exit_code"], 0);
    assert_eq!(lines[0]["task"], id);
    assert_eq!(lines[1]["event"], "line");
    // One task by name: one that stopped, one that ECS has forgotten, and one that runs.
    let lines =
        world.konta(&["logs", "breadfree", "--previous", "--task", &id[..8], "-o", "json"]).ended_with(0).lines();
    assert_eq!((&lines[0]["task"], lines[0]["reason"].as_str()), (&json!(id), Some("by the test")));
    put(world, &[(1, "pool-1/odoo/feedfeedfeed", "dumping the database")]);
    let said = world.konta(&["logs", "artista", "--previous", "--task", "feed"]).ended_with(0);
    assert!(said.stderr.contains("feedfeedfeed stopped; ECS no longer knows why"), "{}", said.stderr);
    assert!(said.stdout.ends_with("dumping the database\n"), "{}", said.stdout);
    let pool = world.outputs("konta-prod-cell-1")["PoolServiceName"].clone();
    let running = ecs("ListTasks", json!({"cluster": cluster, "serviceName": pool}));
    let running = running["taskArns"][0].as_str().unwrap().rsplit('/').next().unwrap();
    let said = world.konta(&["logs", "artista", "--previous", "--task", running]).ended_with(1);
    assert!(said.stderr.contains("is still running") && said.stderr.contains("-f"), "{}", said.stderr);
    let said = world.konta(&["logs", "breadfree", "--previous", "--task", "00000000"]).ended_with(1);
    assert!(said.stderr.contains("breadfree has no task 00000000"), "{}", said.stderr);
}
