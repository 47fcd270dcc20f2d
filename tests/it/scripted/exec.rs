//! Which task a session is opened in, against an ECS that answers from a script.

use konta::aws::Aws;
use konta::aws::tasks::TaskDetail;
use konta::model::TenantName;
use konta::stack::runtime::{LogSource, TenantRuntime};
use konta::task::exec::{ExecError, choose};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::support::fake_aws::{Answer, Calls, scripted};
use crate::support::sandbox_workspace::{Said, World, said};

/// A tenant of its own, as its stacks would say where it runs.
pub fn runtime() -> TenantRuntime {
    TenantRuntime {
        tenant: TenantName::new("breadfree").unwrap(),
        database: "breadfree".into(),
        is_pooled: false,
        cluster: "konta-prod".into(),
        service: Some("the-service".into()),
        task_definition: "arn:aws:ecs:eu-west-1:123456789012:task-definition/konta-prod-breadfree:3".into(),
        log: LogSource { group: "g".into(), streams: "breadfree/odoo/".into() },
        subnets: Vec::new(),
        security_group: "sg-1".into(),
        public_ip: true,
        tags: Vec::new(),
    }
}

fn task(id: &str, created: i64, status: &str, agent: &str) -> Value {
    json!({
        "taskArn": format!("arn:aws:ecs:eu-west-1:123456789012:task/konta-prod/{id}"), "lastStatus": status,
        "createdAt": created, "enableExecuteCommand": true,
        "containers": [
            {"name": "sidecar", "runtimeId": "wrong"},
            {"name": "odoo", "runtimeId": format!("{id}-1"), "managedAgents": [{"name": "ExecuteCommandAgent", "lastStatus": agent}]},
        ],
    })
}

fn ecs(tasks: Vec<Value>) -> (Aws, Calls) {
    scripted(move |call| match call.action.as_str() {
        "ListTasks" => {
            let arns: Vec<&Value> = tasks.iter().map(|task| &task["taskArn"]).collect();
            Answer::json(200, &json!({"taskArns": arns}))
        }
        "DescribeTasks" => Answer::json(200, &json!({"tasks": tasks})),
        "ExecuteCommand" => Answer::json(
            200,
            &json!({"session": {"sessionId": "ecs-execute-command-1", "streamUrl": "wss://x", "tokenValue": "the-token"}}),
        ),
        other => Answer::error("UnexpectedCall", other),
    })
}

async fn chosen(tasks: Vec<Value>, asked: Option<&str>) -> (Result<TaskDetail, ExecError>, Calls) {
    let (aws, calls) = ecs(tasks);
    (choose(&aws, &runtime(), asked).await, calls)
}

#[tokio::test]
async fn the_newest_task_that_is_ready_is_taken() {
    let tasks = || {
        vec![
            task("old", 1, "RUNNING", "RUNNING"),
            task("new", 3, "RUNNING", "RUNNING"),
            task("newer", 4, "RUNNING", "PENDING"),
            task("newest", 5, "PENDING", "PENDING"),
        ]
    };
    let (found, calls) = chosen(tasks(), None).await;
    let found = found.unwrap();
    assert_eq!((found.id(), found.runtime_id.as_deref()), ("new", Some("new-1")));
    assert!(calls.bodies()[0].contains("\"serviceName\":\"the-service\""), "{:?}", calls.bodies());
    // A task for once is none of the service's, and is found by its id.
    let (found, calls) = chosen(tasks(), Some("ol")).await;
    assert_eq!(found.unwrap().id(), "old");
    assert!(calls.bodies()[0].contains("\"family\":\"konta-prod-breadfree\""), "{:?}", calls.bodies());
}

#[tokio::test]
async fn why_there_is_no_session_is_said() {
    let said = async |tasks, asked| chosen(tasks, asked).await.0.unwrap_err().to_string();
    assert_eq!(said(vec![], None).await, "breadfree has no running task");
    let both = || vec![task("new", 1, "RUNNING", "RUNNING"), task("newer", 2, "RUNNING", "RUNNING")];
    assert_eq!(said(both(), Some("ne")).await, "`ne` does not name exactly one running task");
    assert_eq!(said(both(), Some("x")).await, "`x` does not name exactly one running task");
    let starting = vec![task("a", 1, "PROVISIONING", "PENDING")];
    assert_eq!(said(starting, None).await, "the task a accepts no session: it is PROVISIONING");
    let deaf = vec![task("a", 1, "RUNNING", "STOPPED")];
    assert_eq!(said(deaf, None).await, "the task a accepts no session: its session agent is STOPPED");
    let mut without = task("a", 1, "RUNNING", "RUNNING");
    without["enableExecuteCommand"] = json!(false);
    assert_eq!(said(vec![without], None).await, "the task a accepts no session: it was started without ECS Exec");
}

#[tokio::test]
async fn a_session_is_opened_in_the_container_of_odoo_and_its_token_is_kept_secret() {
    let (aws, calls) = ecs(vec![]);
    let session = aws.open_container("konta-prod", "arn:task", "psql -c 'select 1'").await.unwrap();
    assert_eq!(session.token.expose_secret(), "the-token");
    assert!(!format!("{session:?}").contains("the-token"));
    let asked: Value = serde_json::from_str(&calls.bodies()[0]).unwrap();
    assert_eq!(asked["container"], "odoo");
    assert_eq!(asked["command"], "psql -c 'select 1'");
    assert_eq!(asked["interactive"], true);
}

/// A program in place of AWS's own, which writes down how it was called; konta meets the emulator as if it were AWS.
fn through_a_plugin(world: &World, version: &str, arguments: &[&str]) -> Said {
    use std::os::unix::fs::PermissionsExt;
    let folder = world.path().join(format!("bin-{version}"));
    std::fs::create_dir_all(&folder).unwrap();
    let plugin = folder.join("session-manager-plugin");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && {{ echo {version}; exit; }}\nfor word in \"$@\"; do echo \"$word\"; done\n\
         echo \"$AWS_SSM_START_SESSION_RESPONSE\"\necho \"$AWS_ACCESS_KEY_ID $AWS_REGION\"\nexit 9\n"
    );
    std::fs::write(&plugin, script).unwrap();
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = world.command(arguments);
    command.env("PATH", format!("{}:{}", folder.display(), std::env::var("PATH").unwrap()));
    said(as_aws(world, &mut command).output().unwrap())
}

fn as_aws<'a>(world: &World, command: &'a mut std::process::Command) -> &'a mut std::process::Command {
    command
        .env("AWS_ENDPOINT_URL", world.endpoint())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("HOME", world.path())
        .stdin(std::process::Stdio::null())
}

#[test]
fn the_plugin_takes_the_session_over_and_its_token_is_on_no_command_line() {
    let world = World::example();
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    // The emulator starts a service's first tasks before it knows that they take sessions.
    let cluster = world.outputs("konta-prod")["ClusterName"].clone();
    let service = world.outputs("konta-prod-tenant-breadfree")["ServiceName"].clone();
    let again =
        json!({"cluster": cluster, "service": service, "enableExecuteCommand": true, "forceNewDeployment": true});
    world.ask("AmazonEC2ContainerServiceV20141113.UpdateService", &again);
    let arguments = ["--allow-root", "exec", "breadfree", "--", "psql", "-c", "select 1"];
    let told = through_a_plugin(&world, "1.2.707.0", &arguments).ended_with(9);
    let lines: Vec<&str> = told.stdout.lines().collect();
    assert_eq!(lines[..4], ["AWS_SSM_START_SESSION_RESPONSE", "eu-west-1", "StartSession", ""]);
    let target = format!("{{\"Target\":\"ecs:{}_", cluster.as_str().unwrap());
    assert!(lines[4].starts_with(&target), "{}", lines[4]);
    assert_eq!(lines[5], "https://ssm.eu-west-1.amazonaws.com");
    let session: Value = serde_json::from_str(lines[6]).unwrap();
    for key in ["SessionId", "StreamUrl", "TokenValue"] {
        assert!(!session[key].as_str().unwrap().is_empty(), "{session}");
    }
    assert_eq!(lines[7], "test eu-west-1", "to take up a session whose connection broke");

    let told = through_a_plugin(&world, "1.2.497.0", &arguments).ended_with(127);
    assert!(told.stderr.contains("too old") && told.stderr.contains("1.2.536.0"), "{}", told.stderr);
    let mut command = world.command(&arguments);
    command.env("PATH", world.path());
    let told = said(as_aws(&world, &mut command).output().unwrap()).ended_with(127);
    assert!(told.stderr.contains("not installed") && told.stderr.contains("konta run"), "{}", told.stderr);
    let calls = world.calls();
    let opened = calls.iter().filter(|call| call.ends_with(" ExecuteCommand")).count();
    assert_eq!(opened, 1, "no session is opened that nobody takes over");
}
