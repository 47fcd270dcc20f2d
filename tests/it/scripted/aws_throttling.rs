//! An AWS that throttles or falls silent while it is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use konta::operation::{OperationError, OperationEvent};

use crate::scripted::aws_odd_answers::{deploy_zone, slow_stack};
use crate::support::fake_aws::{Answer, Call};

const EVENTS: &[(&str, &str, &str)] = &[("HostedZone", "CREATE_COMPLETE", "")];

/// The zone's stack, made in a while, with an action that fails with a code the first times after the change set was executed.
fn failing(action: &'static str, code: &'static str, times: usize) -> impl Fn(&Call) -> Answer {
    let script = slow_stack(vec!["CREATE_IN_PROGRESS", "CREATE_COMPLETE"], EVENTS);
    let executed = Arc::new(AtomicUsize::new(0));
    let asked = AtomicUsize::new(0);
    move |call| {
        executed.fetch_add(usize::from(call.action == "ExecuteChangeSet"), Ordering::Relaxed);
        let begun = action == "DescribeChangeSet" || executed.load(Ordering::Relaxed) > 0;
        if call.action == action && begun && asked.fetch_add(1, Ordering::Relaxed) < times {
            return Answer::error(code, "Rate exceeded");
        }
        script(call)
    }
}

/// How often the operator was told that AWS does not answer.
fn told(events: &[OperationEvent]) -> usize {
    let tells = |event: &&OperationEvent| matches!(event, OperationEvent::Note { text, .. } if text.contains("AWS is not responding"));
    events.iter().filter(tells).count()
}

#[tokio::test(start_paused = true)]
async fn a_wait_outlasts_a_throttled_minute_and_says_so_once() {
    for (action, code) in [
        ("DescribeStacks", "Throttling"),
        ("DescribeStackEvents", "ThrottlingException"),
        ("DescribeStacks", "ServiceUnavailable"),
        ("DescribeStacks", "InternalFailure"),
        ("DescribeChangeSet", "Throttling"),
    ] {
        let (error, _, events) = deploy_zone(None, failing(action, code, 6), false).await;
        assert!(error.is_none(), "{action} {code}: {error:?}");
        assert_eq!(told(&events), 1, "{action} {code}");
    }
}

#[tokio::test(start_paused = true)]
async fn patience_ends_with_what_goes_on_and_how_to_attach() {
    let (error, calls, _) =
        deploy_zone(None, failing("DescribeStacks", "RequestLimitExceeded", usize::MAX), false).await;
    let error = error.unwrap();
    assert!(
        matches!(&error, OperationError::Unanswered { what, minutes: 5, .. } if what == "konta-prod-dns"),
        "{error:?}"
    );
    let help = miette::Diagnostic::help(&error).unwrap().to_string();
    assert!(help.contains("continues in AWS") && help.contains("run the same command again"), "{help}");
    assert!(calls.count("DescribeStacks") < 60, "the pauses grow: {}", calls.count("DescribeStacks"));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_is_told_at_once() {
    let (error, calls, _) = deploy_zone(None, failing("DescribeStacks", "AccessDenied", usize::MAX), false).await;
    assert!(matches!(&error, Some(OperationError::Aws(error)) if error.is("AccessDenied")), "{error:?}");
    assert_eq!(calls.count("DescribeStacks"), 1);
}
