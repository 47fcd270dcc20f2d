//! Two operators on one tenant: the record that keeps them apart, against an SSM that answers from memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use konta::aws::Aws;
use konta::model::TenantName;
use konta::operation::lease::{Holder, LeaseRules, WhenBusy};
use konta::operation::{Context, OperationError};
use konta::stack::Observed;
use serde_json::{Value, json};

use crate::support::context::context;
use crate::support::fake_aws::{Answer, Calls, scripted};

type Parameters = Arc<Mutex<BTreeMap<String, String>>>;

/// An error as SSM answers it.
fn refused(code: &str) -> Answer {
    Answer::json(400, &json!({"__type": code, "message": "refused"}))
}

fn ssm() -> (Aws, Calls, Parameters) {
    let parameters = Parameters::default();
    let kept = parameters.clone();
    let (aws, calls) = scripted(move |call| {
        let body: Value = serde_json::from_str(&call.body).unwrap();
        let name = body["Name"].as_str().unwrap().to_owned();
        let mut kept = kept.lock().unwrap();
        match call.action.as_str() {
            "PutParameter" if body["Overwrite"] == false && kept.contains_key(&name) => {
                refused("ParameterAlreadyExists")
            }
            "PutParameter" => {
                kept.insert(name, body["Value"].as_str().unwrap().to_owned());
                Answer::json(200, &json!({"Version": 1}))
            }
            "GetParameter" => match kept.get(&name) {
                Some(value) => Answer::json(200, &json!({"Parameter": {"Name": name, "Value": value}})),
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
    let holder = Holder { user: user.to_owned(), host: format!("{user}s-laptop"), process: 1 };
    let leases = LeaseRules { holder, when_busy, is_alive: |_| true };
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
