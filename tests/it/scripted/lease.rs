//! Two operators on one tenant: the record that keeps them apart, against an SSM that answers from memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use konta::aws::Aws;
use konta::model::TenantName;
use konta::operation::interrupt::Interrupt;
use konta::operation::lease::{Holder, LeaseRules, WhenBusy};
use konta::operation::{Context, OperationError, Step, StepOutcome};
use konta::stack::{Observed, ObservedStack};
use serde_json::{Value, json};

use crate::support::context::context;
use crate::support::fake_aws::{Answer, Calls, scripted};

/// Values with their versions.
type Parameters = Arc<Mutex<BTreeMap<String, (String, i64)>>>;

/// An error as SSM answers it.
fn refused(code: &str) -> Answer {
    Answer::json(400, &json!({"__type": code, "message": "refused"}))
}

fn ssm() -> (Aws, Calls, Parameters) {
    let parameters = Parameters::default();
    let kept = parameters.clone();
    let (aws, calls) = scripted(move |call| {
        if call.action == "DescribeStacks" {
            return Answer::error("ValidationError", "Stack with id konta-prod-tenant-bread does not exist");
        }
        let body: Value = serde_json::from_str(&call.body).unwrap();
        let name = body["Name"].as_str().unwrap().to_owned();
        let mut kept = kept.lock().unwrap();
        match call.action.as_str() {
            "PutParameter" if body["Overwrite"] == false && kept.contains_key(&name) => {
                refused("ParameterAlreadyExists")
            }
            "PutParameter" => {
                let version = kept.get(&name).map_or(1, |(_, version)| version + 1);
                kept.insert(name, (body["Value"].as_str().unwrap().to_owned(), version));
                Answer::json(200, &json!({"Version": version}))
            }
            "GetParameter" => match kept.get(&name) {
                Some((value, version)) => {
                    Answer::json(200, &json!({"Parameter": {"Name": name, "Value": value, "Version": version}}))
                }
                None => refused("ParameterNotFound"),
            },
            "DeleteParameter" => {
                kept.remove(&name);
                Answer::json(200, &json!({}))
            }
            other => Answer::error("UnexpectedCall", other),
        }
    });
    (aws, calls, parameters)
}

fn operator<'a>(aws: &'a Aws, user: &str, when_busy: WhenBusy) -> Context<'a> {
    let (host, machine) = (format!("{user}s-laptop"), user.to_owned());
    let holder = Holder { user: user.to_owned(), host, machine, process: 1, began: "1".to_owned() };
    let leases = LeaseRules { holder, when_busy, ..LeaseRules::default() };
    Context { leases, ..context(aws, Observed::default()) }
}

fn bread() -> TenantName {
    TenantName::new("bread").unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_second_operator_hears_who_is_at_it_and_nothing_of_hers_runs() {
    let (aws, _, parameters) = ssm();
    let (ada, bea) = (operator(&aws, "ada", WhenBusy::Refuse), operator(&aws, "bea", WhenBusy::Refuse));
    let within = async {
        let ran = async { panic!("it must not run") };
        let error: OperationError = bea.leased::<(), _>(&bread(), ("suspend", &[]), ran).await.unwrap_err();
        let said = error.to_string();
        assert!(said.contains("ada@adas-laptop") && said.contains("upgrade") && said.contains("since"), "{said}");
        Ok::<_, OperationError>(7)
    };
    assert_eq!(ada.leased(&bread(), ("upgrade", &[]), within).await.unwrap(), 7);
    assert!(parameters.lock().unwrap().is_empty(), "the record goes with the operation");
    let done = bea.leased(&bread(), ("suspend", &[]), async { Ok::<_, OperationError>(()) }).await;
    assert!(done.is_ok(), "then it is free");
}

#[tokio::test(start_paused = true)]
async fn a_failed_operation_releases_its_tenant_too() {
    let (aws, _, parameters) = ssm();
    let ada = operator(&aws, "ada", WhenBusy::Refuse);
    let fails = async { Err::<(), _>(OperationError::NoTasks { what: "nothing can be done" }) };
    assert!(matches!(ada.leased(&bread(), ("backup", &[]), fails).await, Err(OperationError::NoTasks { .. })));
    assert!(parameters.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_waits_begins_when_the_other_has_ended() {
    let (aws, _, _) = ssm();
    let (ada, bea) = (operator(&aws, "ada", WhenBusy::Refuse), operator(&aws, "bea", WhenBusy::Wait));
    let order = Mutex::new(Vec::new());
    let tenant = bread();
    let first = ada.leased(&tenant, ("restore", &[]), async {
        tokio::time::sleep(std::time::Duration::from_mins(10)).await;
        order.lock().unwrap().push("ada");
        Ok::<_, OperationError>(())
    });
    let second = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let work = async {
            order.lock().unwrap().push("bea");
            Ok::<_, OperationError>(())
        };
        bea.leased(&tenant, ("upgrade", &[]), work).await
    };
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(*order.lock().unwrap(), ["ada", "bea"]);
}

#[tokio::test(start_paused = true)]
async fn whose_place_was_taken_stops_within_a_minute_and_leaves_the_others_record_alone() {
    let (aws, _, parameters) = ssm();
    let (ada, bea) = (operator(&aws, "ada", WhenBusy::Refuse), operator(&aws, "bea", WhenBusy::TakeOver));
    let tenant = bread();
    let first = ada.leased(&tenant, ("upgrade", &[]), async {
        tokio::time::sleep(std::time::Duration::from_hours(1)).await;
        Ok::<_, OperationError>(())
    });
    let second = async {
        tokio::time::sleep(std::time::Duration::from_secs(30)).await;
        let work = async {
            tokio::time::sleep(std::time::Duration::from_mins(2)).await;
            assert_eq!(parameters.lock().unwrap().len(), 1, "her record is still there");
            Ok::<_, OperationError>(())
        };
        bea.leased(&tenant, ("resume", &[]), work).await
    };
    let begun = tokio::time::Instant::now();
    let (first, second) = tokio::join!(async { (first.await, begun.elapsed()) }, second);
    assert!(matches!(first.0, Err(OperationError::TakenOver { .. })), "{:?}", first.0);
    assert!(first.1 <= std::time::Duration::from_secs(61), "{:?}", first.1);
    assert!(second.is_ok());
    assert!(parameters.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_changed_before_the_lease_was_had_is_looked_at_anew() {
    let (aws, calls, parameters) = ssm();
    let seen = ObservedStack {
        name: "konta-prod-tenant-bread".into(),
        status: "UPDATE_COMPLETE".into(),
        ..ObservedStack::default()
    };
    let ada = Context { standing: Observed::new(vec![seen]).into(), ..operator(&aws, "ada", WhenBusy::Refuse) };
    let ran = async { panic!("it must not run: the stack that it saw is gone") };
    let error: OperationError = ada.leased::<(), _>(&bread(), ("suspend", &[]), ran).await.unwrap_err();
    assert!(matches!(error, OperationError::Changed { .. }), "{error}");
    assert_eq!(calls.count("DescribeStacks"), 1);
    assert!(parameters.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn of_two_that_take_over_one_has_it() {
    let (aws, _, parameters) = ssm();
    let abandoned = r#"{"verb": "upgrade", "holder": {"user": "cleo", "host": "h", "process": 1}, "since": "2026-11-30T10:00:00Z",
        "renewed": "2026-11-30T10:00:00Z", "token": "0"}"#;
    let name = "/konta/prod/kept/operation/bread";
    parameters.lock().unwrap().insert(name.to_owned(), (abandoned.to_owned(), 4));
    let (ada, bea) = (operator(&aws, "ada", WhenBusy::Refuse), operator(&aws, "bea", WhenBusy::Refuse));
    let work = async || {
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        Ok::<_, OperationError>(())
    };
    let tenant = bread();
    let (first, second) =
        tokio::join!(ada.leased(&tenant, ("resume", &[]), work()), bea.leased(&tenant, ("resume", &[]), work()));
    assert_eq!(u8::from(first.is_ok()) + u8::from(second.is_ok()), 1, "{first:?} {second:?}");
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_operation_stops_before_a_harmless_step_and_goes_on_once_it_is_committed() {
    const HARMLESS: Step = Step::harmless("copy", "copy it");
    const COMMITTING: Step = Step::committing("stop", "stop it");
    const LATER: Step = Step::harmless("check", "check it");
    let (aws, _, _) = ssm();
    let (interrupt, interrupts) = tokio::sync::watch::channel(Interrupt::None);
    let steps = vec![HARMLESS, COMMITTING, LATER];
    let context = Context { interrupts, steps: steps.into(), ..operator(&aws, "ada", WhenBusy::Refuse) };
    let done = async || Ok((StepOutcome::Done, None));
    assert!(context.step("s", HARMLESS, done()).await.is_ok());
    interrupt.send(Interrupt::Drain).unwrap();
    for step in [HARMLESS, COMMITTING] {
        assert!(matches!(context.step("s", step, done()).await, Err(OperationError::Cancelled { .. })), "{step:?}");
    }
    interrupt.send(Interrupt::None).unwrap();
    assert!(context.step("s", COMMITTING, done()).await.is_ok());
    interrupt.send(Interrupt::Drain).unwrap();
    assert!(context.step("s", LATER, done()).await.is_ok(), "half done is worse than late");
}
