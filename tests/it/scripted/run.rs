//! A task for once, followed to its end: against an ECS and a CloudWatch that answer from a script, and the command in the sandbox.

mod run_end_to_end;

use std::sync::{Arc, Mutex};

use konta::aws::Aws;
use konta::model::TenantName;
use konta::operation::{OperationError, Polling};
use konta::stack::runtime::{LogSource, TenantRuntime};
use konta::task::one_off::{self, Ended, Watch};
use serde_json::{Value, json};

use crate::support::fake_aws::{Answer, Calls, scripted};
use crate::support::sandbox_workspace::World;

fn runtime() -> TenantRuntime {
    TenantRuntime {
        tenant: TenantName::new("artista").unwrap(),
        database: "artista".into(),
        is_pooled: true,
        log: LogSource { group: "g".into(), streams: "pool-1/odoo/".into() },
        subnets: vec!["subnet-1".into(), "subnet-2".into()],
        ..crate::scripted::exec::runtime()
    }
}

/// What ECS and CloudWatch say now: the task, and its lines.
#[derive(Default)]
struct Now {
    task: Value,
    lines: Vec<&'static str>,
}

fn aws() -> (Aws, Calls, Arc<Mutex<Now>>) {
    let now = Arc::new(Mutex::new(Now::default()));
    let inside = now.clone();
    let (aws, calls) = scripted(move |call| {
        let now = inside.lock().unwrap();
        match call.action.as_str() {
            "RunTask" => Answer::json(200, &json!({"tasks": [{"taskArn": "arn:aws:ecs:x:1:task/c/abc"}]})),
            "DescribeTasks" if now.task.is_null() => Answer::json(200, &json!({"tasks": []})),
            "DescribeTasks" => Answer::json(200, &json!({"tasks": [now.task]})),
            "FilterLogEvents" => {
                let event = |(at, text): (usize, &&str)| json!({"eventId": at.to_string(), "timestamp": at, "logStreamName": "pool-1/odoo/abc", "message": text});
                let events: Vec<Value> = now.lines.iter().enumerate().map(event).collect();
                Answer::json(200, &json!({"events": events}))
            }
            other => Answer::error("UnexpectedCall", other),
        }
    });
    (aws, calls, now)
}

async fn followed(aws: &Aws) -> Result<(Vec<String>, Ended, u64), OperationError> {
    let runtime = runtime();
    let log = one_off::log_of(&runtime, "arn:aws:ecs:x:1:task/c/abc");
    let mut watch = Watch::new(aws, Polling::aws(), "c", "arn:aws:ecs:x:1:task/c/abc", &log, 0);
    let begun = tokio::time::Instant::now();
    let mut lines = Vec::new();
    loop {
        let round = watch.round().await?;
        lines.extend(round.lines.into_iter().map(|line| line.text));
        if let Some(ended) = round.ended {
            return Ok((lines, ended, begun.elapsed().as_secs()));
        }
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_command_runs_on_standard_capacity_with_the_tenants_database() {
    let (aws, calls, _) = aws();
    let command = ["odoo".to_owned(), "-u".to_owned(), "sale".to_owned()];
    let arn = one_off::start(&aws, &runtime(), &command, Some((1024, 2048))).await.unwrap();
    assert_eq!(arn, "arn:aws:ecs:x:1:task/c/abc");
    let asked: Value = serde_json::from_str(&calls.bodies()[0]).unwrap();
    let container = &asked["overrides"]["containerOverrides"][0];
    assert_eq!(container["command"], json!(["odoo", "-u", "sale"]));
    assert_eq!(container["environment"], json!([{"name": "PGDATABASE", "value": "artista"}]));
    assert_eq!((&asked["overrides"]["cpu"], &asked["overrides"]["memory"]), (&json!("1024"), &json!("2048")));
    assert_eq!(asked["capacityProviderStrategy"][0]["capacityProvider"], "FARGATE");
    assert_eq!(asked["networkConfiguration"]["awsvpcConfiguration"]["subnets"], json!(["subnet-1", "subnet-2"]));
    assert_eq!(asked["enableExecuteCommand"], true);
}

/// CloudWatch shows a line some seconds after the task has ended.
#[tokio::test(start_paused = true)]
async fn the_last_lines_of_a_task_are_waited_for() {
    let (aws, _, now) = aws();
    now.lock().unwrap().task = json!({"taskArn": "a", "lastStatus": "RUNNING"});
    let late = now.clone();
    tokio::spawn(async move {
        let after = async |seconds| tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
        after(60).await;
        late.lock().unwrap().lines = vec!["first"];
        late.lock().unwrap().task = json!({
            "taskArn": "a", "lastStatus": "STOPPED", "stoppedReason": "Essential container in task exited",
            "containers": [{"name": "odoo", "exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}],
        });
        after(5).await;
        late.lock().unwrap().lines.push("last");
    });
    let (lines, ended, seconds) = followed(&aws).await.unwrap();
    assert_eq!(lines, ["first", "last"]);
    assert_eq!(ended.exit_code, Some(137));
    let reason = "OutOfMemoryError: Container killed due to memory usage (Essential container in task exited)";
    assert_eq!(ended.reason.as_deref(), Some(reason));
    assert!((70..80).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_never_ran_has_a_reason_and_no_exit_code() {
    let (aws, _, now) = aws();
    let reason = "CannotPullContainerError: not found";
    now.lock().unwrap().task = json!({
        "taskArn": "a", "lastStatus": "STOPPED", "stoppedReason": reason, "containers": [{"name": "odoo", "reason": reason}],
    });
    let (lines, ended, seconds) = followed(&aws).await.unwrap();
    assert!(lines.is_empty());
    assert_eq!(ended, Ended { exit_code: None, reason: Some(reason.into()) });
    assert!(seconds < 20, "{seconds}");
    // And one that ECS has forgotten is not waited for.
    now.lock().unwrap().task = Value::Null;
    assert_eq!(followed(&aws).await.unwrap().1.exit_code, None);
}

#[test]
fn where_no_task_runs_the_commands_say_so() {
    let world = World::example();
    // What stands after -- is the command's.
    let said = |arguments: &[&str]| world.run(&[&["--sandbox", "--yes"], arguments].concat());
    let told = said(&["run", "breadfree", "--", "true"]).ended_with(1);
    assert!(told.stderr.contains("breadfree is not deployed"), "{}", told.stderr);
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    let told = said(&["run", "breadfree", "--", "odoo", "-u", "sale"]).ended_with(1);
    assert!(told.stderr.contains("without --stop-after-init"), "{}", told.stderr);
    assert!(told.stderr.contains("did not run") && told.stderr.contains("--with-odoo"), "{}", told.stderr);
    let told = said(&["run", "breadfree", "--size", "1024/512", "--", "true"]).ended_with(64);
    assert!(told.stderr.contains("choose 2048 to 8192 MiB"), "{}", told.stderr);
    said(&["run", "breadfree"]).ended_with(64);
    let told = said(&["exec", "breadfree", "--", "psql"]).ended_with(1);
    assert!(told.stderr.contains("runs no tasks") && told.stderr.contains("--with-odoo"), "{}", told.stderr);
    let detached = said(&["run", "breadfree", "--detach", "--", "true"]).ended_with(0);
    assert_eq!(detached.stdout.trim().len(), 36, "an id and nothing else: {}", detached.stdout);
    let lines = said(&["run", "breadfree", "--detach", "-o", "json", "--", "true"]).ended_with(0).lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["detached"], true);
}
