//! The whole command against an AWS of the test: its exit code, and what Ctrl-C does with and without a terminal.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expectrl::{Eof, Expect, Session};
use konta::stack::ObservedStack;
use serde_json::{Value, json};

use crate::sandbox::terminal::code;
use crate::support::fake_aws::{Answer, Call, stack_xml};
use crate::support::sandbox_workspace::{Said, World, said};
use crate::support::scripted_http_aws::Served;

const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012:task/c/0123456789abcdef";

/// How the task stands: it goes on until somebody stops it, or it has ended.
#[derive(Debug, Clone)]
enum Task {
    Runs,
    Ended(Value),
}

fn stack(name: &str, outputs: &[(&str, &str)], tags: &[(&str, &str)]) -> ObservedStack {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    ObservedStack {
        name: name.to_owned(),
        status: "CREATE_COMPLETE".to_owned(),
        outputs: map(outputs),
        tags: map(tags),
        ..ObservedStack::default()
    }
}

fn stacks(call: &Call) -> Answer {
    let name = call.parameter("StackName").unwrap();
    let definition = "arn:aws:ecs:eu-west-1:123456789012:task-definition/konta-prod-breadfree:1";
    let found = match name.as_str() {
        "konta-prod" => stack(
            &name,
            &[
                ("ClusterName", "c"),
                ("LogGroupName", "g"),
                ("TaskSubnetIds", "subnet-1,subnet-2"),
                ("TaskSecurityGroupId", "sg-1"),
                ("AssignPublicIp", "ENABLED"),
            ],
            &[],
        ),
        "konta-prod-tenant-breadfree" => {
            let outputs = [("ServiceName", "s"), ("TaskDefinitionArn", definition)];
            stack(&name, &outputs, &[("konta:cell", "1"), ("konta:tenant", "breadfree")])
        }
        _ => return Answer::error("ValidationError", &format!("Stack with id {name} does not exist")),
    };
    Answer::xml("DescribeStacks", &format!("<Stacks>{}</Stacks>", stack_xml(&found)))
}

fn aws(task: Task) -> Served {
    let task = Arc::new(Mutex::new(task));
    Served::new(move |call| match call.action.as_str() {
        "getcalleridentity" => Answer::xml(
            "GetCallerIdentity",
            "<Account>123456789012</Account><Arn>arn:aws:iam::123456789012:user/ada</Arn><UserId>u</UserId>",
        ),
        "describestacks" => stacks(call),
        "runtask" => Answer::json(200, &json!({"tasks": [{"taskArn": ARN}]})),
        "stoptask" => {
            *task.lock().unwrap() = Task::Ended(json!({"name": "odoo", "exitCode": 143}));
            Answer::json(200, &json!({"task": {"taskArn": ARN}}))
        }
        "describetasks" => {
            let described = match &*task.lock().unwrap() {
                Task::Runs => json!({"taskArn": ARN, "lastStatus": "RUNNING"}),
                Task::Ended(container) => json!({
                    "taskArn": ARN, "lastStatus": "STOPPED", "stoppedReason": "Essential container in task exited",
                    "containers": [container],
                }),
            };
            Answer::json(200, &json!({"tasks": [described]}))
        }
        "filterlogevents" => {
            let now = jiff::Timestamp::now().as_millisecond();
            let event = json!({
                "eventId": "1", "timestamp": now, "logStreamName": "breadfree/odoo/0123456789abcdef", "message": "at work",
            });
            Answer::json(200, &json!({"events": [event]}))
        }
        other => Answer::error("UnexpectedCall", other),
    })
}

fn command(world: &World, aws: &Served, arguments: &[&str]) -> std::process::Command {
    let mut command = world.command(&[&["run", "breadfree"], arguments].concat());
    aws.is_aws_of(&mut command);
    command
}

fn ended(container: Value, arguments: &[&str]) -> Said {
    let world = World::example();
    let aws = aws(Task::Ended(container));
    said(command(&world, &aws, arguments).stdin(Stdio::null()).output().unwrap())
}

#[test]
fn the_commands_exit_code_is_the_tasks() {
    let killed = json!({"name": "odoo", "exitCode": 137, "reason": "OutOfMemoryError: killed"});
    let unrun = json!({"name": "odoo", "reason": "CannotPullContainerError: x"});
    // Side by side: each waits some seconds for last lines.
    let (failed, killed, unrun) = std::thread::scope(|scope| {
        let failed = scope.spawn(|| ended(json!({"name": "odoo", "exitCode": 5}), &["--", "false"]));
        let killed = scope.spawn(|| ended(killed, &["-o", "json", "--", "false"]));
        let unrun = ended(unrun, &["--", "true"]);
        (failed.join().unwrap(), killed.join().unwrap(), unrun)
    });
    let failed = failed.ended_with(5);
    assert_eq!(failed.stdout, "at work\n");
    assert!(failed.stderr.contains("exit code 5\n"), "that it exited is no reason to tell: {}", failed.stderr);
    let result = killed.ended_with(137).result();
    assert_eq!((&result["ok"], &result["exit_code"]), (&json!(false), &json!(137)));
    assert!(result["reason"].as_str().unwrap().starts_with("OutOfMemoryError"), "{result}");
    let unrun = unrun.ended_with(1);
    assert!(unrun.stderr.contains("did not run: CannotPullContainerError: x"), "{}", unrun.stderr);
}

#[test]
fn without_a_terminal_a_signal_stops_the_task() {
    let (world, aws) = (World::example(), aws(Task::Runs));
    let mut command = command(&world, &aws, &["--", "sleep", "60"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Its first words tell that it listens.
    let mut first = [0; 8];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
    crate::support::processes::end(child.id(), "TERM");
    let told = said(child.wait_with_output().unwrap()).ended_with(130);
    assert!(told.stderr.contains("stopping the task"), "{}", told.stderr);
    let stopped = aws.sent("stoptask");
    assert_eq!(stopped.len(), 1);
    assert!(stopped[0].contains(ARN) && stopped[0].contains("stopped by konta run"), "{stopped:?}");
}

fn at_a_terminal(world: &World, aws: &Served) -> expectrl::session::OsSession {
    let mut command = command(world, aws, &["--", "sleep", "60"]);
    command.env("TERM", "xterm-256color").env_remove("CI");
    let mut session = Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(Duration::from_mins(1)));
    session.expect("at work").unwrap();
    session.send("\u{3}").unwrap();
    session.expect("Stop the task?").unwrap();
    session
}

#[test]
fn at_a_terminal_ctrl_c_asks() {
    let (world, aws) = (World::example(), aws(Task::Runs));
    let mut session = at_a_terminal(&world, &aws);
    session.send_line("n").unwrap();
    // It goes on, and asks again.
    std::thread::sleep(Duration::from_millis(300));
    assert!(aws.sent("stoptask").is_empty());
    session.send("\u{3}").unwrap();
    session.expect("Stop the task?").unwrap();
    session.send_line("y").unwrap();
    session.expect("stopping the task").unwrap();
    session.expect(Eof).unwrap();
    assert_eq!(code(&session), 130);
    assert_eq!(aws.sent("stoptask").len(), 1);
}

#[test]
fn a_second_ctrl_c_leaves_the_task_running() {
    let (world, aws) = (World::example(), aws(Task::Runs));
    let mut session = at_a_terminal(&world, &aws);
    session.send("\u{3}").unwrap();
    session.expect("--task 0123456789abcdef -f").unwrap();
    session.expect(Eof).unwrap();
    assert_eq!(code(&session), 130);
    assert!(aws.sent("stoptask").is_empty());
}
