//! What is left of a creation that failed: taken away although it was made protected, and only when it never stood.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use konta::deploy::DeployError;
use konta::stack::ObservedStack;

use crate::fake_aws::{Answer, Call, stack_xml};
use crate::odd_answers::deploy_zone;

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
                 <member><LogicalResourceId>Database</LogicalResourceId><ResourceType>AWS::RDS::DBCluster</ResourceType><PhysicalResourceId>left</PhysicalResourceId><ResourceStatus>DELETE_FAILED</ResourceStatus><LastUpdatedTimestamp>2026-11-24T12:00:00Z</LastUpdatedTimestamp></member>\
                 <member><LogicalResourceId>LoadBalancer</LogicalResourceId><ResourceType>AWS::ElasticLoadBalancingV2::LoadBalancer</ResourceType><PhysicalResourceId>arn:lb</PhysicalResourceId><ResourceStatus>DELETE_FAILED</ResourceStatus><LastUpdatedTimestamp>2026-11-24T12:00:00Z</LastUpdatedTimestamp></member>\
                 </StackResourceSummaries>",
            ),
            "ModifyDBCluster" if call.parameter("DBClusterIdentifier").as_deref() == Some("gone") => {
                Answer::error("DBClusterNotFoundFault", "DBCluster gone not found.")
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
    assert_eq!(calls.count("ModifyDBCluster"), 2, "once too early; what is gone is not asked for");
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
    assert!(matches!(&error, DeployError::Stuck { help, .. } if help.contains("stopped half-way")), "{error:?}");
    assert_eq!(calls.count("DeleteStack") + calls.count("ModifyDBCluster"), 0, "nothing was touched");
}
