//! The installing task, against an ECS and a database that answer from a script.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use konta::aws::rds_data::DataTarget;
use konta::deploy::database_template::{self, TemplateLocks, TemplateSpec};
use konta::deploy::install::{self, Installation};
use konta::operation::OperationError;
use konta::operation::database::Database;
use konta::operation::event::StepOutcome;
use konta::stack::Observed;
use serde_json::{Value, json};

use crate::scripted::exec::runtime;
use crate::support::context::context;
use crate::support::fake_aws::{Answer, Call, Calls, scripted};

/// What stands when the installation begins.
#[derive(Default)]
struct Before {
    /// Modules of the database; none at all where Odoo was never set up.
    installed: Vec<&'static str>,
    /// What a task of an interrupted run will have installed when it ends, if one is running.
    running: Option<Vec<&'static str>>,
    /// Modules that Odoo does not know.
    unknown: Vec<&'static str>,
}

fn script(before: Before) -> impl Fn(&Call) -> Answer + Send + Sync + 'static {
    let installed = std::sync::Mutex::new(before.installed.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let runs = AtomicBool::new(before.running.is_some());
    let looks = AtomicUsize::new(0);
    move |call| match call.action.as_str() {
        "Execute" => {
            let sql = serde_json::from_str::<Value>(&call.body).unwrap()["sql"].as_str().unwrap().to_owned();
            let installed = installed.lock().unwrap();
            let rows: Vec<Value> = if sql.contains("pg_tables") {
                installed.first().map(|_| json!([{"longValue": 1}])).into_iter().collect()
            } else {
                installed.iter().map(|name| json!([{"stringValue": name}])).collect()
            };
            Answer::json(200, &json!({"records": rows}))
        }
        "ListTasks" => {
            let arns: &[&str] = if runs.load(Ordering::Relaxed) { &["arn:old"] } else { &[] };
            Answer::json(200, &json!({"taskArns": arns}))
        }
        "RunTask" => {
            let body: Value = serde_json::from_str(&call.body).unwrap();
            let command = body["overrides"]["containerOverrides"][0]["command"].as_array().unwrap().clone();
            let place = command.iter().position(|word| word == "-i").unwrap();
            let mut installed = installed.lock().unwrap();
            for name in command[place + 1].as_str().unwrap().split(',') {
                if !before.unknown.contains(&name) && !installed.iter().any(|one| one == name) {
                    installed.push(name.to_owned());
                }
            }
            Answer::json(200, &json!({"tasks": [{"taskArn": "arn:new", "lastStatus": "PENDING"}]}))
        }
        "DescribeTasks" if looks.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) => {
            Answer::json(200, &json!({"tasks": [{"taskArn": "arn", "lastStatus": "RUNNING"}]}))
        }
        "DescribeTasks" => {
            if runs.swap(false, Ordering::Relaxed) {
                installed.lock().unwrap().extend(before.running.iter().flatten().map(|name| (*name).to_owned()));
            }
            stopped()
        }
        other => Answer::error("UnexpectedCall", other),
    }
}

/// A task that ended well, with an agent beside it that AWS put there and that was ended.
fn stopped() -> Answer {
    let containers =
        json!([{"name": "aws-guardduty-agent-x", "exitCode": 137, "reason": "ended"}, {"name": "odoo", "exitCode": 0}]);
    Answer::json(200, &json!({"tasks": [{"taskArn": "arn", "lastStatus": "STOPPED", "containers": containers}]}))
}

async fn run(before: Before, modules: &[&str]) -> (Result<(StepOutcome, Option<String>), OperationError>, Calls) {
    let (aws, calls) = scripted(script(before));
    let modules: Vec<String> = modules.iter().map(|name| (*name).to_owned()).collect();
    let data = Database::new(&aws, DataTarget { cluster: "arn:c".into(), secret: "arn:s".into() });
    let runtime = runtime();
    let request = Installation {
        stack: "konta-prod-tenant-breadfree",
        database: "breadfree",
        modules: &modules,
        data: &data,
        runtime: &runtime,
        command: konta::odoo::modules::install,
    };
    let context = context(&aws, Observed::default());
    (install::install(&context, &request).await, calls)
}

fn commands(calls: &Calls) -> Vec<String> {
    calls
        .bodies()
        .iter()
        .filter_map(|body| serde_json::from_str::<Value>(body).ok())
        .filter_map(|body| {
            Some(body["overrides"]["containerOverrides"][0]["command"].as_array()?[4].as_str()?.to_owned())
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn odoo_is_set_up_also_where_no_module_is_asked_for() {
    let (done, calls) = run(Before::default(), &[]).await;
    assert_eq!(done.unwrap(), (StepOutcome::Done, Some("base".into())));
    assert_eq!(commands(&calls), ["base"]);
}

/// Odoo passes over a module that it does not know, says so in its log, and ends well.
#[tokio::test(start_paused = true)]
async fn a_module_that_odoo_does_not_know_is_named() {
    let before = Before { unknown: vec!["stokc"], ..Before::default() };
    let error = run(before, &["website", "stokc"]).await.0.unwrap_err();
    assert!(
        matches!(&error, OperationError::StepFailed { reason, .. } if reason.ends_with("does not know stokc")),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_that_an_interrupted_run_left_is_waited_for_and_what_it_lacks_is_installed_after_it() {
    let left = || Some(vec!["base", "website"]);
    let (done, calls) = run(Before { running: left(), ..Before::default() }, &["website", "stock"]).await;
    assert_eq!(done.unwrap(), (StepOutcome::Done, Some("stock".into())));
    assert_eq!(commands(&calls), ["base,stock"]);
    let (done, calls) = run(Before { running: left(), ..Before::default() }, &["website"]).await;
    assert_eq!(done.unwrap().0, StepOutcome::Done);
    assert!(commands(&calls).is_empty(), "it had all that was asked for");
}

#[tokio::test(start_paused = true)]
async fn what_is_installed_is_installed_once() {
    let before = Before { installed: vec!["base", "website"], ..Before::default() };
    let (done, calls) = run(before, &["website"]).await;
    assert_eq!(done.unwrap().0, StepOutcome::AlreadyDone);
    assert_eq!(calls.count("RunTask"), 0);
}

/// ECS answers `cannot specify startedBy with other arguments` to anything else.
#[tokio::test(start_paused = true)]
async fn a_running_task_is_looked_for_by_who_started_it_and_nothing_else() {
    let (_, calls) = run(Before::default(), &["website"]).await;
    let bodies = calls.bodies();
    let asked = bodies.iter().filter_map(|body| serde_json::from_str::<Value>(body).ok());
    let asked: Vec<Value> =
        asked.filter(|body| body.get("startedBy").is_some() && body.get("overrides").is_none()).collect();
    assert!(!asked.is_empty());
    for body in asked {
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["cluster", "startedBy"], "{body}");
    }
}

/// A task that died between the modules and the move of the attachments left a template whose copies would have no files.
#[tokio::test(start_paused = true)]
async fn a_template_is_closed_only_once_its_attachments_are_in_it() {
    let (settled, placed) = (AtomicBool::new(false), AtomicBool::new(false));
    let rows = |found: &[&str]| {
        let records: Vec<Value> = found.iter().map(|text| json!([{"stringValue": text}])).collect();
        Answer::json(200, &json!({"records": records}))
    };
    let (aws, calls) = scripted(move |call| match call.action.as_str() {
        "Execute" => {
            let asked = serde_json::from_str::<Value>(&call.body).unwrap();
            let (sql, database) = (asked["sql"].as_str().unwrap(), asked["database"].as_str().unwrap());
            if sql.contains("datallowconn::text") {
                rows(&["true"])
            } else if sql.contains("store_fname") {
                rows(if settled.load(Ordering::Relaxed) { &["1"] } else { &[] })
            } else if sql.contains("pg_tables") {
                rows(if database != "breadfree" || placed.load(Ordering::Relaxed) { &["1"] } else { &[] })
            } else if sql.contains("FROM ir_module_module") {
                rows(&["base", "website"])
            } else {
                placed.fetch_or(sql.contains("RENAME TO \"breadfree\""), Ordering::Relaxed);
                rows(&[])
            }
        }
        "ListTasks" => Answer::json(200, &json!({"taskArns": []})),
        "RunTask" => {
            settled.store(true, Ordering::Relaxed);
            Answer::json(200, &json!({"tasks": [{"taskArn": "arn:new", "lastStatus": "PENDING"}]}))
        }
        "DescribeTasks" => stopped(),
        other => Answer::error("UnexpectedCall", other),
    });
    let modules = ["website".to_owned()];
    let data = Database::new(&aws, DataTarget { cluster: "arn:c".into(), secret: "arn:s".into() });
    let spec = TemplateSpec {
        tier: "production",
        tier_modules: &modules,
        image: "odoo",
        url: "https://breadfree.konta.shop",
        owner: "breadfree",
        user: "breadfree",
        from_template: true,
        password_name: "/p".into(),
        templates: &TemplateLocks::default(),
    };
    let runtime = runtime();
    let request = Installation {
        stack: "konta-prod-tenant-breadfree",
        database: "breadfree",
        modules: &modules,
        data: &data,
        runtime: &runtime,
        command: konta::odoo::modules::install,
    };
    let context = context(&aws, Observed::default());
    assert_eq!(database_template::set_up(&context, &request, &spec).await.unwrap().0, StepOutcome::Done);
    let bodies = calls.bodies();
    let moved = bodies.iter().position(|body| body.contains("force_storage")).expect("attachments are moved");
    assert!(!bodies[moved].contains(" -i "), "{}", bodies[moved]);
    assert!(bodies.iter().position(|body| body.contains("ALLOW_CONNECTIONS false")).unwrap() > moved);
    assert_eq!(calls.count("RunTask"), 1);
}
