//! What is left of a creation that failed: taken away although it was made protected, and only when it never stood.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use konta::deploy::database_template::TemplateLocks;
use konta::deploy::deployer::Deployer;
use konta::deploy::plan::creations;
use konta::operation::context::Context;
use konta::operation::event::Events;
use konta::operation::interrupt::Interrupt;
use konta::operation::{OperationError, Polling};
use konta::stack::build::Builder;
use konta::stack::names::Names;
use konta::stack::scope::{Scope, Shared, wanted};
use konta::stack::tags::HASH_TAG;
use konta::stack::{Action, Observed, ObservedStack, plan};
use serde_json::json;
use tokio::sync::{mpsc, watch};

use crate::scripted::aws_odd_answers::{deploy_zone, example, zone};
use crate::support::fake_aws::{Answer, Call, Calls, scripted, stack_xml};
use crate::support::sandbox_workspace::World;

const STACK: &str = "konta-prod-dns";

/// A stack in a state, with the states its events tell, that holds a protected cluster and load balancer: it can be deleted only when
/// both were asked to give up their protection.
fn protected_inside(state: &'static str, told: &'static [&'static str]) -> impl Fn(&Call) -> Answer {
    let done: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    move |call| {
        let mut done = done.lock().unwrap();
        let has = |action: &str| done.contains(action);
        let answer = match call.action.as_str() {
            "ListStackResources" => Answer::xml(
                "ListStackResources",
                "<StackResourceSummaries>\
                 <member><LogicalResourceId>Gone</LogicalResourceId><ResourceType>AWS::RDS::DBCluster</ResourceType><PhysicalResourceId>gone</PhysicalResourceId><ResourceStatus>DELETE_COMPLETE</ResourceStatus><LastUpdatedTimestamp>2026-11-24T12:00:00Z</LastUpdatedTimestamp></member>\
                 <member><LogicalResourceId>Vanished</LogicalResourceId><ResourceType>AWS::RDS::DBCluster</ResourceType><PhysicalResourceId>vanished</PhysicalResourceId><ResourceStatus>CREATE_COMPLETE</ResourceStatus><LastUpdatedTimestamp>2026-11-24T12:00:00Z</LastUpdatedTimestamp></member>\
                 <member><LogicalResourceId>Database</LogicalResourceId><ResourceType>AWS::RDS::DBCluster</ResourceType><PhysicalResourceId>left</PhysicalResourceId><ResourceStatus>DELETE_FAILED</ResourceStatus><LastUpdatedTimestamp>2026-11-24T12:00:00Z</LastUpdatedTimestamp></member>\
                 <member><LogicalResourceId>LoadBalancer</LogicalResourceId><ResourceType>AWS::ElasticLoadBalancingV2::LoadBalancer</ResourceType><PhysicalResourceId>arn:lb</PhysicalResourceId><ResourceStatus>DELETE_FAILED</ResourceStatus><LastUpdatedTimestamp>2026-11-24T12:00:00Z</LastUpdatedTimestamp></member>\
                 </StackResourceSummaries>",
            ),
            "ModifyDBCluster" if call.parameter("DBClusterIdentifier").as_deref() == Some("vanished") => {
                Answer::error("DBClusterNotFoundFault", "DBCluster vanished not found.")
            }
            "DescribeDBClusters" => Answer::xml(
                "DescribeDBClusters",
                "<DBClusters><DBCluster><Status>backing-up</Status></DBCluster></DBClusters>",
            ),
            // RDS takes the change only once the cluster is available again.
            "ModifyDBCluster" if !has("DescribeDBClusters") => {
                Answer::error("InvalidDBClusterStateFault", "DBCluster left is backing up")
            }
            "DescribeStacks" if has("DeleteStack") && has("ModifyDBCluster") && has("unprotected") => {
                if has("ExecuteChangeSet") {
                    stack("CREATE_COMPLETE")
                } else {
                    Answer::error("ValidationError", "Stack with id konta-prod-dns does not exist")
                }
            }
            "DescribeStacks" => stack(if has("DeleteStack") { "DELETE_FAILED" } else { state }),
            "DescribeStackEvents" => {
                let mut all: Vec<&str> = told.to_vec();
                if has("DeleteStack") {
                    all.push("DELETE_IN_PROGRESS");
                }
                if has("ExecuteChangeSet") {
                    all.push("CREATE_COMPLETE");
                }
                events(&all)
            }
            "DescribeChangeSet" => Answer::xml("DescribeChangeSet", "<Status>CREATE_COMPLETE</Status><Changes/>"),
            "CreateChangeSet" => Answer::xml("CreateChangeSet", "<Id>arn:x</Id><StackId>arn:y</StackId>"),
            other => Answer::xml(other, ""),
        };
        if call.action == "ModifyLoadBalancerAttributes" && call.body.contains("deletion_protection") {
            done.insert("unprotected".to_owned());
        }
        if answer.status == 200 {
            done.insert(call.action.clone());
        }
        answer
    }
}

fn stack(status: &str) -> Answer {
    let stack =
        ObservedStack { name: STACK.into(), status: status.into(), protected: false, ..ObservedStack::default() };
    Answer::xml("DescribeStacks", &format!("<Stacks>{}</Stacks>", stack_xml(&stack)))
}

fn events(states: &[&str]) -> Answer {
    let mut list = String::new();
    for (n, state) in states.iter().enumerate().rev() {
        let _ = write!(
            list,
            "<member><EventId>{n}</EventId><StackId>s</StackId><StackName>{STACK}</StackName><LogicalResourceId>{STACK}</LogicalResourceId><ResourceType>AWS::CloudFormation::Stack</ResourceType><ResourceStatus>{state}</ResourceStatus><Timestamp>2026-11-24T12:00:0{n}Z</Timestamp></member>"
        );
    }
    Answer::xml("DescribeStackEvents", &format!("<StackEvents>{list}</StackEvents>"))
}

#[tokio::test(start_paused = true)]
async fn a_failed_creation_with_protected_resources_is_taken_away_and_made_anew() {
    let told = &["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_FAILED"];
    let (error, calls, _) =
        deploy_zone(Some("ROLLBACK_FAILED"), protected_inside("ROLLBACK_FAILED", told), false).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(calls.count("DeleteStack"), 1);
    assert_eq!(
        calls.count("ModifyDBCluster"),
        3,
        "the vanished one, and the other, once too early; the deleted one is not asked"
    );
    assert_eq!(calls.count("ExecuteChangeSet"), 1, "made anew");
}

/// Somebody tried to delete it meanwhile: it still never stood.
#[tokio::test(start_paused = true)]
async fn a_failed_creation_that_could_not_be_deleted_is_taken_away_too() {
    let told = &["CREATE_IN_PROGRESS", "ROLLBACK_FAILED", "DELETE_IN_PROGRESS", "DELETE_FAILED"];
    let (error, calls, _) = deploy_zone(Some("DELETE_FAILED"), protected_inside("DELETE_FAILED", told), false).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(calls.count("ExecuteChangeSet"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_stood_and_could_not_be_deleted_is_left_to_the_operator() {
    let told = &["CREATE_IN_PROGRESS", "CREATE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_FAILED"];
    let (error, calls, _) = deploy_zone(Some("DELETE_FAILED"), protected_inside("DELETE_FAILED", told), false).await;
    let error = error.unwrap();
    assert!(matches!(&error, OperationError::Stuck { help, .. } if help.contains("stopped half-way")), "{error:?}");
    assert_eq!(calls.count("DeleteStack") + calls.count("ModifyDBCluster"), 0, "nothing was touched");
}

/// The zone's stack as it stands after its deployment.
fn deployed() -> (konta::stack::DesiredStack, ObservedStack) {
    let desired = zone();
    let parameters = desired.resolved_parameters(&Observed::default()).unwrap();
    let mut tags = desired.tags.clone();
    tags.insert(HASH_TAG.to_owned(), desired.hash(&parameters));
    let standing = ObservedStack {
        name: STACK.into(),
        status: "UPDATE_COMPLETE".into(),
        parameters,
        tags,
        protected: desired.protected,
        ..ObservedStack::default()
    };
    (desired, standing)
}

#[test]
fn the_hash_alone_is_not_trusted_after_a_rollback_or_without_the_protection() {
    let (desired, standing) = deployed();
    let action = |standing: &ObservedStack| plan::action(&desired, &Observed::new(vec![standing.clone()]));
    assert_eq!(action(&standing), Action::Nothing);
    assert_eq!(action(&ObservedStack { protected: !standing.protected, ..standing.clone() }), Action::Update);
    assert_eq!(action(&ObservedStack { status: "UPDATE_ROLLBACK_COMPLETE".into(), ..standing }), Action::Update);
}

/// Asks the tasks of a tenant again; `running` of one task run.
async fn verify(running: u32) -> (Option<OperationError>, Calls) {
    let (aws, calls) = scripted(move |call| match call.action.as_str() {
        "DescribeServices" => Answer::json(
            200,
            &json!({"services": [{"serviceName": "odoo", "status": "ACTIVE", "desiredCount": 1, "runningCount": running, "pendingCount": 0, "deployments": [{"rolloutState": "COMPLETED"}]}]}),
        ),
        "DescribeTargetHealth" => {
            let state = if running == 0 { "unhealthy" } else { "healthy" };
            let target = format!("<member><TargetHealth><State>{state}</State></TargetHealth></member>");
            Answer::xml(
                "DescribeTargetHealth",
                &format!("<TargetHealthDescriptions>{target}</TargetHealthDescriptions>"),
            )
        }
        "ListTasks" => Answer::json(200, &json!({"taskArns": []})),
        "DeleteParameter" => Answer::json(200, &json!({})),
        other => Answer::error("UnexpectedCall", other),
    });
    let (workspace, composer) = example();
    let environment = workspace.environments.values().next().unwrap();
    let tenant = workspace.tenants.values().find(|tenant| tenant.name.as_str() == "breadfree").unwrap();
    let builder = Builder::new(&workspace, &composer);
    let scope = Scope { shared: Shared::Needed, tenants: vec![tenant] };
    let mut desired = wanted(&builder, &workspace, environment, &scope, &Observed::default()).unwrap().stacks;
    let desired = desired.pop().unwrap();
    let with = |name: &str, outputs: &[(&str, &str)]| ObservedStack {
        name: name.into(),
        status: "UPDATE_COMPLETE".into(),
        outputs: outputs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        ..ObservedStack::default()
    };
    let observed = Observed::new(vec![
        with("konta-prod", &[("ClusterName", "konta-prod")]),
        with("konta-prod-tenant-breadfree", &[("ServiceName", "odoo"), ("TargetGroupArn", "arn:tg")]),
    ]);
    let mut planned = creations(vec![desired]);
    planned.stacks[0].plan.action = Action::Verify;
    let (sender, _receiver) = mpsc::unbounded_channel();
    let (_wish, interrupts) = watch::channel(Interrupt::None);
    let context = Context {
        aws: &aws,
        environment,
        names: Names::new("konta", "prod"),
        polling: Polling::aws(),
        events: Events(sender),
        interrupts,
        standing: observed.into(),
        steps: konta::operation::step::Steps::default(),
    };
    let deployer = Deployer {
        context: &context,
        tenants: BTreeMap::from([(tenant.name.clone(), tenant)]),
        tiers: &BTreeMap::new(),
        templates: TemplateLocks::default(),
        data_sources: BTreeMap::new(),
    };
    (deployer.deploy(&planned).await.remove(0).error, calls)
}

#[tokio::test(start_paused = true)]
async fn tasks_that_were_not_seen_to_answer_are_asked_until_they_do_and_nothing_is_changed() {
    let (error, calls) = verify(0).await;
    assert!(matches!(&error, Some(OperationError::Unhealthy { .. })), "{error:?}");
    assert_eq!(calls.count("DeleteParameter"), 0, "the next run asks again");
    let (error, calls) = verify(1).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(calls.count("DeleteParameter"), 1);
    assert_eq!(calls.count("CreateChangeSet"), 0);
}

/// What is lost must be told: an empty sandbox would else look like one that was never used.
#[test]
fn a_sandbox_whose_state_cannot_be_read_says_so_and_keeps_the_file() {
    let world = World::example();
    world.konta(&["deploy", "env"]).ended_with(0);
    world.run(&["sandbox", "stop"]).ended_with(0);
    world.write(".konta/sandbox/state/cloudformation.json", "{ \"half\": ");
    let said = world.konta(&["ls"]).ended_with(0);
    assert!(said.stderr.contains(".konta/sandbox/state/cloudformation.json.unreadable-1"), "{}", said.stderr);
    let kept = world.home().join("state/cloudformation.json.unreadable-1");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "{ \"half\": ");
    assert!(!world.konta(&["ls"]).ended_with(0).stderr.contains("unreadable"), "told once");
}
