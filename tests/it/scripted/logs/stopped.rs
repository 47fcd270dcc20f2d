//! Which task stopped last, against an ECS and a CloudWatch that answer from a script.

use konta::task::stopped::{self, Stopped};
use serde_json::{Value, json};

use crate::scripted::exec::runtime;
use crate::support::fake_aws::{Answer, scripted};

fn task(id: &str, stopped: i64) -> Value {
    json!({
        "taskArn": format!("arn:aws:ecs:x:1:task/c/{id}"), "lastStatus": "STOPPED", "createdAt": 1, "stoppedAt": stopped,
        "stoppedReason": "Essential container in task exited", "containers": [{"name": "odoo", "exitCode": 3}],
    })
}

/// `stopped` are the tasks that ECS remembers, `streams` the last lines by task; the task `runs` runs.
async fn last(stopped: Vec<Value>, streams: &[(&str, i64)]) -> Option<Stopped> {
    let stream = |(id, last): &(&str, i64)| json!({"logStreamName": format!("breadfree/odoo/{id}"), "firstEventTimestamp": 5, "lastEventTimestamp": last});
    let streams: Vec<Value> = streams.iter().map(stream).collect();
    let (aws, _) = scripted(move |call| {
        let asked: Value = serde_json::from_str(&call.body).unwrap();
        let running = json!({"taskArn": "arn:aws:ecs:x:1:task/c/runs", "lastStatus": "RUNNING"});
        match (call.action.as_str(), asked["desiredStatus"].as_str()) {
            ("ListTasks", Some("STOPPED")) => {
                let arns: Vec<&Value> = stopped.iter().map(|task| &task["taskArn"]).collect();
                Answer::json(200, &json!({"taskArns": arns}))
            }
            ("ListTasks", _) => Answer::json(200, &json!({"taskArns": [running["taskArn"]]})),
            ("DescribeTasks", _) => {
                let all = stopped.iter().chain([&running]);
                let wanted = asked["tasks"].as_array().unwrap();
                let found: Vec<&Value> = all.filter(|task| wanted.contains(&task["taskArn"])).collect();
                Answer::json(200, &json!({"tasks": found}))
            }
            ("DescribeLogStreams", _) => Answer::json(200, &json!({"logStreams": streams})),
            other => Answer::error("UnexpectedCall", other.0),
        }
    });
    stopped::last(&aws, &runtime()).await.unwrap()
}

#[tokio::test]
async fn the_last_one_that_ecs_remembers_is_told_with_its_exit_code() {
    let found = last(vec![task("first", 100), task("last", 300), task("second", 200)], &[("x", 9)]).await.unwrap();
    assert_eq!((found.task.as_str(), found.exit_code, found.at), ("last", Some(3), Some(300_000)));
    assert_eq!(found.reason.as_deref(), Some("Essential container in task exited"));
}

#[tokio::test]
async fn of_a_forgotten_one_the_newest_log_is_left() {
    let streams = [("old", 10), ("forgotten", 30), ("older", 20), ("runs", 40)];
    let found = last(vec![], &streams).await.unwrap();
    assert_eq!((found.task.as_str(), found.from, found.at), ("forgotten", 5, None));
    assert_eq!((found.exit_code, found.reason), (None, None));
    assert!(last(vec![], &[("runs", 40)]).await.is_none());
}
