//! What AWS may answer and the sandbox does not: the two kinds of FAILED change sets, slow stacks, stuck rollbacks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use konta::deploy::database_template::TemplateLocks;
use konta::deploy::deployer::Deployer;
use konta::deploy::{change_set, plan};
use konta::manifest;
use konta::model::Workspace;
use konta::operation::context::Context;
use konta::operation::event::Events;
use konta::operation::interrupt::Interrupt;
use konta::operation::{OperationError, OperationEvent, Polling};
use konta::stack::build::Builder;
use konta::stack::names::Names;
use konta::stack::{DesiredStack, Observed, ObservedStack};
use konta::template::compose::Composer;
use konta::template::source::Sources;
use serde_json::json;
use tokio::sync::{mpsc, watch};

use crate::support::fake_aws::{Answer, Call, Calls, scripted, stack_xml};

pub fn example() -> (Workspace, Composer) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
    (manifest::load(&root).unwrap(), Composer::new(Sources::embedded().unwrap()))
}

/// The zone's stack: it needs no other.
pub fn zone() -> DesiredStack {
    let (workspace, composer) = example();
    let environment = workspace.environments.values().next().unwrap();
    Builder::new(&workspace, &composer).environment(environment).unwrap().remove(0)
}

fn change_sets(reason: &'static str) -> impl Fn(&Call) -> Answer {
    move |call| match call.action.as_str() {
        "CreateChangeSet" => Answer::xml("CreateChangeSet", "<Id>arn:x</Id><StackId>arn:y</StackId>"),
        "DescribeChangeSet" => {
            Answer::xml("DescribeChangeSet", &format!("<Status>FAILED</Status><StatusReason>{reason}</StatusReason>"))
        }
        "DeleteChangeSet" => Answer::xml("DeleteChangeSet", ""),
        other => Answer::error("UnexpectedCall", other),
    }
}

/// Trap 10: FAILED means "no changes" in two texts, or an early validation that found something.
#[tokio::test(start_paused = true)]
async fn a_failed_change_set_is_empty_only_when_aws_says_so() {
    let desired = zone();
    let parameters = desired.resolved_parameters(&Observed::default()).unwrap();
    for text in [
        "The submitted information didn't contain changes. Submit different information to create a change set.",
        "No updates are to be performed.",
    ] {
        let (aws, calls) = scripted(change_sets(text));
        let computed = change_set::compute(&aws, Polling::aws(), None, &desired, &parameters, false).await.unwrap();
        assert!(computed.changes.is_none());
        assert_eq!(calls.count("DeleteChangeSet"), 1, "an empty change set is cleaned up");
    }
    let (aws, calls) = scripted(change_sets("Early validation: a resource named konta exists already"));
    let error = change_set::compute(&aws, Polling::aws(), None, &desired, &parameters, false).await.unwrap_err();
    assert!(
        matches!(&error, OperationError::ChangeRefused { reason, .. } if reason.contains("exists already")),
        "{error}"
    );
    assert_eq!(calls.count("DeleteChangeSet"), 1);
}

/// A stack that walks through a list of states, a few looks at each, with its events.
pub fn slow_stack(
    states: Vec<&'static str>,
    events: &'static [(&'static str, &'static str, &'static str)],
) -> impl Fn(&Call) -> Answer {
    let looks = Arc::new(AtomicUsize::new(0));
    let executed = Arc::new(AtomicUsize::new(0));
    move |call| match call.action.as_str() {
        "CreateChangeSet" => Answer::xml("CreateChangeSet", "<Id>arn:x</Id><StackId>arn:y</StackId>"),
        "DescribeChangeSet" => Answer::xml("DescribeChangeSet", "<Status>CREATE_COMPLETE</Status><Changes/>"),
        "ExecuteChangeSet" => {
            executed.store(1, Ordering::Relaxed);
            Answer::xml("ExecuteChangeSet", "")
        }
        "ContinueUpdateRollback" | "UpdateTerminationProtection" | "DeleteStack" | "DeleteChangeSet" => {
            executed.store(1, Ordering::Relaxed);
            Answer::xml(&call.action, "")
        }
        "DescribeStacks" => {
            let look = looks.fetch_add(executed.load(Ordering::Relaxed), Ordering::Relaxed);
            let state = states[(look / 3).min(states.len() - 1)];
            if state == "GONE" {
                return Answer::error("ValidationError", "Stack with id konta-prod-dns does not exist");
            }
            let stack = ObservedStack {
                name: "konta-prod-dns".into(),
                status: state.into(),
                protected: true,
                ..ObservedStack::default()
            };
            Answer::xml("DescribeStacks", &format!("<Stacks>{}</Stacks>", stack_xml(&stack)))
        }
        "DescribeStackEvents" => {
            let shown = if executed.load(Ordering::Relaxed) == 0 { &[] } else { events };
            let list = shown
                .iter()
                .enumerate()
                .rev()
                .map(|(n, (id, status, reason))| {
                    format!("<member><EventId>{n}</EventId><StackId>s</StackId><StackName>konta-prod-dns</StackName><LogicalResourceId>{id}</LogicalResourceId><ResourceType>AWS::Route53::HostedZone</ResourceType><ResourceStatus>{status}</ResourceStatus><ResourceStatusReason>{reason}</ResourceStatusReason><Timestamp>2026-11-24T12:00:0{n}Z</Timestamp></member>")
                })
                .collect::<Vec<_>>()
                .concat();
            Answer::xml("DescribeStackEvents", &format!("<StackEvents>{list}</StackEvents>"))
        }
        other => Answer::error("UnexpectedCall", other),
    }
}

/// Deploys the zone's stack alone, and gives its result, the calls and the events.
pub async fn deploy_zone(
    standing: Option<&str>,
    script: impl Fn(&Call) -> Answer + Send + Sync + 'static,
    stop_at_once: bool,
) -> (Option<OperationError>, Calls, Vec<OperationEvent>) {
    let (workspace, _) = example();
    let environment = workspace.environments.values().next().unwrap();
    let mut observed = Observed::default();
    if let Some(status) = standing {
        observed.put(ObservedStack {
            name: "konta-prod-dns".into(),
            status: status.into(),
            ..ObservedStack::default()
        });
    }
    let desired = zone();
    let mut planned = plan::creations(vec![desired.clone()]);
    planned.stacks[0].plan.action = konta::stack::plan::action(&desired, &observed);
    let (aws, calls) = scripted(script);
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let (wish, interrupts) = watch::channel(Interrupt::None);
    let context = Context {
        aws: &aws,
        environment,
        names: Names::new("konta", "prod"),
        polling: Polling::aws(),
        events: Events(sender),
        interrupts,
        standing: observed.into(),
        steps: konta::operation::step::Steps::default(),
        leases: konta::operation::lease::LeaseRules::default(),
    };
    let deployer = Deployer {
        context: &context,
        tenants: BTreeMap::new(),
        tiers: &BTreeMap::new(),
        templates: TemplateLocks::default(),
        takes_leases: true,
        data_sources: BTreeMap::new(),
    };
    if stop_at_once {
        tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_secs(12)).await;
            let _ = wish.send(Interrupt::Cancel);
            wish.closed().await;
        });
    }
    let mut results = deployer.deploy(&planned).await;
    drop(context);
    let mut events = Vec::new();
    while let Some(event) = receiver.recv().await {
        events.push(event);
    }
    (results.remove(0).error, calls, events)
}

const FAILING: &[(&str, &str, &str)] = &[
    ("HostedZone", "CREATE_IN_PROGRESS", ""),
    ("HostedZone", "CREATE_FAILED", "Resource creation cancelled"),
    ("Other", "CREATE_FAILED", "LimitExceeded: too many zones"),
    ("HostedZone", "DELETE_COMPLETE", ""),
];

#[tokio::test(start_paused = true)]
async fn a_slow_stack_is_followed_to_its_first_cause() {
    let script = slow_stack(vec!["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"], FAILING);
    let (error, calls, events) = deploy_zone(None, script, false).await;
    let error = error.unwrap();
    assert!(
        matches!(&error, OperationError::ResourceFailed { resource, reason, .. } if resource.starts_with("Other") && reason.contains("too many zones")),
        "{error}"
    );
    assert!(calls.count("DescribeStacks") >= 6, "it was polled: {:?}", calls.actions());
    let told = events.iter().filter(|e| matches!(e, OperationEvent::Resource { .. })).count();
    assert_eq!(told, FAILING.len(), "each event is told once");
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_never_rests_ends_in_a_timeout_that_says_how_to_go_on() {
    let (error, ..) = deploy_zone(None, slow_stack(vec!["CREATE_IN_PROGRESS"], &[]), false).await;
    let error = error.unwrap();
    assert!(matches!(&error, OperationError::Timeout { minutes: 60, .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_update_under_way_is_attached_to_before_anything_else() {
    let script = slow_stack(vec!["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"], &[]);
    // The first looks show it in progress although konta executed nothing yet.
    let (error, calls, events) = deploy_zone(
        Some("UPDATE_IN_PROGRESS"),
        move |call| {
            if call.action == "DescribeStacks" {
                script(&Call { action: "ExecuteChangeSet".into(), ..Call::default() });
            }
            script(call)
        },
        false,
    )
    .await;
    // What follows is the check of the delegation, which needs a network: only the order matters here.
    drop(error);
    let actions = calls.actions();
    let first_change = actions.iter().position(|a| a == "CreateChangeSet").unwrap();
    assert!(actions[..first_change].iter().filter(|a| *a == "DescribeStacks").count() >= 3, "{actions:?}");
    assert!(events.iter().any(|e| matches!(e, OperationEvent::Note { text, .. } if text.contains("attaching"))));
}

#[tokio::test(start_paused = true)]
async fn a_stuck_rollback_is_continued_first() {
    let script = slow_stack(vec!["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"], &[]);
    let (_, calls, _) = deploy_zone(Some("UPDATE_ROLLBACK_FAILED"), script, false).await;
    let actions = calls.actions();
    let go_on = actions.iter().position(|a| a == "ContinueUpdateRollback").expect("continued");
    let change = actions.iter().position(|a| a == "CreateChangeSet").expect("then changed");
    assert!(go_on < change, "{actions:?}");
}

/// Trap 10: a shell left by a change set is no stack.
#[tokio::test(start_paused = true)]
async fn a_shell_of_a_change_set_is_removed_and_the_stack_made() {
    let script = slow_stack(vec!["REVIEW_IN_PROGRESS", "GONE"], &[]);
    let (_, calls, _) = deploy_zone(Some("REVIEW_IN_PROGRESS"), script, false).await;
    let actions = calls.actions();
    let delete = actions.iter().position(|a| a == "DeleteStack").expect("removed");
    assert!(actions[delete..].iter().any(|a| a == "CreateChangeSet"), "{actions:?}");
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_is_stopped_goes_on_in_aws_and_says_so() {
    let (error, calls, _) = deploy_zone(None, slow_stack(vec!["CREATE_IN_PROGRESS"], &[]), true).await;
    let error = error.unwrap();
    assert!(matches!(&error, OperationError::Cancelled { what } if what.contains("continues in AWS")), "{error}");
    assert_eq!(calls.count("CancelUpdateStack"), 0);
}

/// The CHECKs before a deployment, against answers that the sandbox does not give.
#[tokio::test]
async fn what_the_account_or_the_region_cannot_do_is_refused_beforehand() {
    use konta::deploy::preflight;
    let (workspace, _) = example();
    let environment = workspace.environments.values().next().unwrap();
    let session = |orderable: bool| {
        scripted(move |call| match call.action.as_str() {
            "DescribeDBEngineVersions" => Answer::xml(
                "DescribeDBEngineVersions",
                "<DBEngineVersions><DBEngineVersion><EngineVersion>17.9</EngineVersion><ServerlessV2FeaturesSupport><MinCapacity>1</MinCapacity><MaxCapacity>128</MaxCapacity></ServerlessV2FeaturesSupport></DBEngineVersion></DBEngineVersions>",
            ),
            "DescribeOrderableDBInstanceOptions" => {
                let option = "<OrderableDBInstanceOptions><OrderableDBInstanceOption><Engine>aurora-postgresql</Engine></OrderableDBInstanceOption></OrderableDBInstanceOptions>";
                let found = if orderable { option } else { "<OrderableDBInstanceOptions/>" };
                Answer::xml("DescribeOrderableDBInstanceOptions", found)
            }

            "DescribeSSLPolicies" => Answer::error("SSLPolicyNotFound", "SSL policy not found"),
            "DescribeAccountLimits" => Answer::xml(
                "DescribeAccountLimits",
                "<AccountLimits><member><Name>StackLimit</Name><Value>10</Value></member></AccountLimits>",
            ),
            "GetAccountSummary" => Answer::xml(
                "GetAccountSummary",
                "<SummaryMap><entry><key>Roles</key><value>998</value></entry><entry><key>RolesQuota</key><value>1000</value></entry></SummaryMap>",
            ),
            "GetServiceQuota" => Answer::json(200, &json!({"Quota": {"Value": 1.0}})),
            other => Answer::error("UnexpectedCall", other),
        })
    };
    let (aws, _) = session(true);
    let says = |done: Result<Vec<String>, OperationError>| done.unwrap_err().to_string();
    assert!(says(preflight::engine(&aws, environment).await).contains("supports 1 to 128 ACU"));
    assert!(says(preflight::engine(&session(false).0, environment).await).contains("does not offer"));
    assert!(says(preflight::ssl_policy(&aws, "ELBSecurityPolicy-X").await).contains("ELBSecurityPolicy-X"));
    assert!(says(preflight::stacks(&aws, 8, 3).await).contains("10 stacks"));
    assert!(says(preflight::roles(&aws, 4).await).contains("998 of 1000"));
    let tenants: Vec<_> = workspace.tenants.values().collect();
    let notes = preflight::fargate(&aws, environment, &tenants).await.unwrap();
    assert!(notes[0].contains("1 Fargate vCPU"), "{notes:?}");
}
