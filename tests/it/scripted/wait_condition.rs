//! Where a stack stops for konta: the signal, what happens when the work fails, and a command that died while the stack waited.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::context::context;
use konta::aws::AwsError;
use konta::aws::change_set::ChangeSetRequest;
use konta::deploy::wait::follow;
use konta::deploy::wait_point::WaitPoint;
use konta::operation::OperationError;
use konta::stack::Observed;
use konta::stack::ObservedStack;
use konta::template::Document;
use serde_json::{Value, json};

use crate::support::fake_aws::{Answer, Call, Calls, scripted, stack_xml};
use crate::support::sandbox_workspace::World;

const STACK: &str = "konta-prod-tenant-breadfree";

/// A stack that waits at `Installed` until it is signalled, and then ends accordingly. The first signal comes too early.
fn waiting() -> impl Fn(&Call) -> Answer + Send + Sync + 'static {
    let signal = Arc::new(std::sync::Mutex::new(None::<String>));
    let early = AtomicBool::new(true);
    move |call| match call.action.as_str() {
        "DescribeStackEvents" => {
            let event = format!(
                "<member><EventId>1</EventId><StackId>s</StackId><StackName>{STACK}</StackName><LogicalResourceId>Installed</LogicalResourceId><ResourceType>AWS::CloudFormation::WaitCondition</ResourceType><ResourceStatus>CREATE_IN_PROGRESS</ResourceStatus><Timestamp>2026-11-24T12:00:00Z</Timestamp></member>"
            );
            Answer::xml("DescribeStackEvents", &format!("<StackEvents>{event}</StackEvents>"))
        }
        "DescribeStacks" => {
            let status = match signal.lock().unwrap().as_deref() {
                None => "CREATE_IN_PROGRESS",
                Some("SUCCESS") => "CREATE_COMPLETE",
                Some(_) => "ROLLBACK_COMPLETE",
            };
            let stack = ObservedStack { name: STACK.into(), status: status.into(), ..ObservedStack::default() };
            Answer::xml("DescribeStacks", &format!("<Stacks>{}</Stacks>", stack_xml(&stack)))
        }
        "SignalResource" if early.swap(false, Ordering::Relaxed) => {
            Answer::error("ValidationError", "Resource Installed is not waiting for signals")
        }
        "SignalResource" => {
            *signal.lock().unwrap() = call.parameter("Status");
            Answer::xml("SignalResource", "")
        }
        other => Answer::error("UnexpectedCall", other),
    }
}

/// Follows such a stack with some work at its gate: the stack's last status, what the gate says, and the calls.
async fn through(work: impl Future<Output = Result<(), OperationError>>) -> (Result<String, OperationError>, Calls) {
    let (aws, calls) = scripted(waiting());
    let context = context(&aws, Observed::default());
    let document = Document::parse("t", r#"{"Resources": {}}"#).unwrap();
    let mut gate = WaitPoint::new(&aws, "Installed", work);
    let rest = follow(&context, STACK, &document, None, Some(&mut gate)).await;
    let done = match rest {
        Ok(rest) => {
            let status = rest.stack.unwrap().status;
            gate.close(status == "CREATE_COMPLETE").await.map(|()| status)
        }
        Err(error) => Err(error),
    };
    (done, calls)
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_waits_is_signalled_when_the_work_is_done_and_not_before() {
    let done = AtomicBool::new(false);
    let work = async {
        tokio::time::sleep(std::time::Duration::from_mins(9)).await;
        done.store(true, Ordering::Relaxed);
        Ok(())
    };
    let (result, calls) = through(work).await;
    assert_eq!(result.unwrap(), "CREATE_COMPLETE");
    assert!(done.load(Ordering::Relaxed));
    let actions = calls.actions();
    let first = actions.iter().position(|action| action == "SignalResource").unwrap();
    assert!(actions[..first].iter().filter(|a| *a == "DescribeStacks").count() > 20, "events were told meanwhile");
    assert_eq!(calls.count("SignalResource"), 2, "the early signal was refused and sent again");
}

#[tokio::test(start_paused = true)]
async fn a_failed_installation_rolls_the_creation_back_and_is_the_cause_that_is_told() {
    let (result, _) = through(async {
        Err(OperationError::StepFailed {
            stack: STACK.into(),
            step: "installing modules".into(),
            reason: "Odoo ended with exit code 1".into(),
            help: String::new(),
        })
    })
    .await;
    let error = result.unwrap_err();
    assert!(matches!(&error, OperationError::StepFailed { reason, .. } if reason.contains("exit code 1")), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_may_succeed_later_signals_nothing_so_that_the_next_run_goes_on() {
    let lost = AwsError {
        operation: "rdsdata ExecuteStatement",
        code: "Unreachable".into(),
        message: "no network".into(),
        help: None,
    };
    let (result, calls) = through(async { Err(OperationError::Aws(lost)) }).await;
    assert!(matches!(result.unwrap_err(), OperationError::Aws(error) if error.code == "Unreachable"));
    assert_eq!(calls.count("SignalResource"), 0);
}

/// The parameters that konta would send, with the outputs that stand by now.
async fn sent(world: &World, rendered: &Value) -> BTreeMap<String, String> {
    let stacks = world.aws().await.stacks().await.unwrap();
    let value = |value: &Value| match value {
        Value::String(text) => text.clone(),
        from => {
            let (stack, output) = from["Output"].as_str().unwrap().split_once('.').unwrap();
            stacks.iter().find(|s| s.name == stack).unwrap().outputs[output].clone()
        }
    };
    rendered["Parameters"].as_object().unwrap().iter().map(|(name, text)| (name.clone(), value(text))).collect()
}

/// As if a command had died right after it sent the tenant's change set: the stack waits, and the same command goes on from there.
#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_waits_for_a_command_that_died_is_gone_on_with() {
    let world = World::example();
    // A tenant that was deleted with its data kept: password and database are there, as they are when the change set is sent.
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    world.konta(&["delete", "tenant", "breadfree", "--confirm", "breadfree"]).ended_with(0);
    let rendered = world.run(&["render", "tenant", "breadfree", "--format", "json"]).ended_with(0);
    let rendered: Value = rendered
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|stack| stack["StackName"] == STACK)
        .unwrap();
    let aws = world.aws().await;
    let tags = rendered["Tags"].as_object().unwrap();
    let tags = tags.iter().map(|(name, text)| (name.clone(), text.as_str().unwrap().to_owned())).collect();
    let request = ChangeSetRequest {
        stack: STACK,
        name: "of-a-dead-command",
        create: true,
        body: &rendered["Template"].to_string(),
        parameters: &sent(&world, &rendered).await,
        tags: &tags,
        makes_iam: true,
        description: "",
    };
    aws.create_change_set(&request).await.unwrap();
    aws.execute_change_set(STACK, request.name, request.name).await.unwrap();
    assert_eq!(aws.stack(STACK).await.unwrap().unwrap().status, "CREATE_IN_PROGRESS");

    let said = world.konta(&["deploy", "tenant", "breadfree", "-o", "json"]).ended_with(0);
    assert_eq!(said.result()["ok"], json!(true));
    let stack = aws.stack(STACK).await.unwrap().unwrap();
    assert!(stack.status.ends_with("_COMPLETE") && stack.outputs.contains_key("ServiceName"), "{stack:?}");
    let again = world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    assert!(again.stderr.contains("nothing to change"), "{}", again.stderr);
}
