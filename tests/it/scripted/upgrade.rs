//! Upgrades against an AWS that answers from a script: where a session ends, answers are lost or tasks do not answer, at every call.

use std::time::Duration;

use jiff::Timestamp;
use konta::aws::rds_data::DataTarget;
use konta::model::TenantName;
use konta::operation::database::Database;
use konta::operation::{Context, OperationError, Polling};
use konta::stack::runtime::{LogSource, TenantRuntime};
use konta::stack::{Observed, ObservedStack};
use konta::tenant::upgrade::{self, Done, UpgradeError, Wanted};

use crate::support::context::context;

mod cloud;
mod interrupted_at_every_call;

use cloud::{Cloud, NEW, OLD, STACK};

fn now() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

fn runtime() -> TenantRuntime {
    TenantRuntime {
        tenant: TenantName::new("bread").unwrap(),
        database: "bread".into(),
        is_pooled: false,
        cluster: "c".into(),
        service: Some("service".into()),
        task_definition: "arn:td/bread:1".into(),
        log: LogSource { group: "g".into(), streams: "bread/odoo/".into() },
        subnets: vec!["subnet-1".into()],
        security_group: "sg-1".into(),
        public_ip: true,
        tags: Vec::new(),
    }
}

/// Carries something out as a command does that begins now.
async fn with<T>(cloud: &Cloud, work: impl AsyncFnOnce(&Context<'_>, &TenantRuntime, &Database<'_>) -> T) -> T {
    let mut observed = Observed::default();
    observed.put(cloud.stack());
    let outputs = [("ClusterName".to_owned(), "c".to_owned())].into();
    observed.put(ObservedStack { name: "konta-prod".into(), outputs, ..ObservedStack::default() });
    let (aws, _) = cloud.aws();
    // Few looks, so that a session can end at each of them.
    let polling = Polling { poll: Duration::from_secs(30), ..Polling::aws() };
    let context = Context { polling, ..context(&aws, observed) };
    let data = Database::new(&aws, DataTarget { cluster: "arn:c".into(), secret: "arn:s".into() });
    work(&context, &runtime(), &data).await
}

/// `konta tenant upgrade bread --image IMAGE`, at a time.
async fn upgraded(cloud: &Cloud, image: Option<&str>, now: Timestamp) -> Result<Done, UpgradeError> {
    let standing = cloud.stack().parameters["Image"].clone();
    with(cloud, async |context, runtime, data| {
        let wanted = Wanted {
            tenant: &runtime.tenant,
            runtime,
            data,
            image: &standing,
            new_image: image,
            upgraded: &["base".to_owned()],
            installed: &[],
            backup: false,
            now,
        };
        upgrade::run(context, &wanted).await
    })
    .await
}

/// `konta tenant resume bread`, where a page of maintenance was left.
async fn resumed(cloud: &Cloud) -> Result<Vec<String>, OperationError> {
    with(cloud, async |context, runtime, data| upgrade::take_back(context, &runtime.tenant, runtime, data).await).await
}

fn pair(image: &str, data: &str) -> (String, String) {
    (image.to_owned(), data.to_owned())
}

/// Nothing has happened that must not, and nothing is left but these databases.
#[track_caller]
fn is_whole(cloud: &Cloud, serves: (&str, &str), databases: &[&str], when: &str) {
    assert_eq!(cloud.state().wrong, [""; 0], "{when}");
    assert_eq!(cloud.serves(), Some(pair(serves.0, serves.1)), "{when}: {:?}", cloud.state());
    assert_eq!(cloud.databases(), databases, "{when}");
    assert!(cloud.state().definitions.is_empty(), "{when}: {:?}", cloud.state().definitions);
    let running = cloud.state().tasks.iter().filter(|task| task.status != "STOPPED").count();
    assert_eq!(running, 0, "{when}");
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_before_the_swap_the_former_release_serves_again() {
    for (what, refused) in [
        ("the copy", "CREATE DATABASE"),
        ("the clearing", "DROP DATABASE"),
        ("the swap", "DO $konta$"),
        ("the note", "COMMENT ON"),
    ] {
        let cloud = Cloud::new();
        let broken = refusing(&cloud, refused).await;
        assert!(broken.is_back && broken.error.to_string().contains("42501"), "{what}: {}", broken.error);
        let state = cloud.state();
        assert_eq!(state.wrong, [""; 0], "{what}");
        drop(state);
        assert_eq!(cloud.serves(), Some(pair(OLD, "old")), "{what}");
    }
}

/// An upgrade in which PostgreSQL refuses the first statement that begins so.
async fn refusing(cloud: &Cloud, begin: &'static str) -> UpgradeError {
    cloud.state().refuses = Some(begin);
    upgraded(cloud, Some(NEW), now()).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_swap_whose_answer_is_lost_is_gone_on_with() {
    let cloud = Cloud::new();
    cloud.state().lost = Some("DO $konta$");
    upgraded(&cloud, Some(NEW), now()).await.unwrap();
    is_whole(&cloud, (NEW, "new"), &["bread"], "lost");
}

#[tokio::test(start_paused = true)]
async fn a_failed_task_is_named_with_odoos_last_words() {
    let cloud = Cloud::new();
    cloud.state().ends = (255, 3);
    let broken = upgraded(&cloud, Some(NEW), now()).await.unwrap_err();
    assert!(broken.is_back);
    let said = broken.error.to_string();
    assert!(
        said.contains("exit code 255") && said.contains("no such column") && said.contains("UndefinedColumn"),
        "{said}"
    );
    let help = miette::Diagnostic::help(&broken.error).unwrap().to_string();
    assert!(help.contains("konta logs bread --task task0"), "{help}");
    is_whole(&cloud, (OLD, "old"), &["bread"], "failed");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_takes_too_long_is_stopped_before_the_former_release_serves() {
    let cloud = Cloud::new();
    cloud.state().ends = (0, usize::MAX);
    let broken = upgraded(&cloud, Some(NEW), now()).await.unwrap_err();
    assert!(broken.is_back && matches!(broken.error, OperationError::Timeout { .. }), "{}", broken.error);
    assert!(cloud.state().tasks[0].is_told_to_stop);
    is_whole(&cloud, (OLD, "old"), &["bread"], "too long");
}

#[tokio::test(start_paused = true)]
async fn a_task_is_attached_to_by_the_same_work_and_stopped_by_any_other() {
    let interrupted = async || {
        let cloud = Cloud::new();
        cloud.state().ends = (0, usize::MAX);
        let mut last = 0;
        while cloud.state().tasks.is_empty() {
            last += 1;
            let until = cloud.state().calls + last;
            cloud.state().ends_after = Some(until);
            let _ = upgraded(&cloud, Some(NEW), now()).await;
        }
        cloud.state().ends_after = None;
        for task in &mut cloud.state().tasks {
            task.looks = 3;
        }
        cloud.state().ends = (0, 3);
        assert_eq!(cloud.stack().parameters["Page"], "maintenance");
        cloud
    };
    let cloud = interrupted().await;
    upgraded(&cloud, Some(NEW), now()).await.unwrap();
    assert_eq!(cloud.state().tasks.len(), 1, "the same task");
    is_whole(&cloud, (NEW, "new"), &["bread"], "attached");

    let cloud = interrupted().await;
    upgraded(&cloud, Some("odoo:19.0@sha256:other-new"), now()).await.unwrap();
    assert!(cloud.state().tasks[0].is_told_to_stop && cloud.state().tasks.len() == 2);
    is_whole(&cloud, ("odoo:19.0@sha256:other-new", "new"), &["bread"], "another");

    // Somebody took the page away and worked: what is copied by then is of no use.
    let cloud = interrupted().await;
    resumed(&cloud).await.unwrap();
    upgraded(&cloud, Some(NEW), now()).await.unwrap();
    assert!(cloud.state().tasks[0].is_told_to_stop && cloud.state().tasks.len() == 2);
    is_whole(&cloud, (NEW, "new"), &["bread"], "resumed");
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_takes_longer_than_a_call_is_waited_for_and_not_made_twice() {
    let cloud = Cloud::new();
    // An hour of looks.
    cloud.state().copying = 120;
    upgraded(&cloud, Some(NEW), now()).await.unwrap();
    is_whole(&cloud, (NEW, "new"), &["bread"], "a long copy");
    assert_eq!(cloud.state().made, 1);
}

#[tokio::test(start_paused = true)]
async fn a_suspended_tenant_is_refused_and_nothing_of_it_touched() {
    let cloud = Cloud::new();
    cloud.state().parameters.insert("Page".into(), "suspended".into());
    cloud.state().desired = 0;
    let broken = upgraded(&cloud, Some(NEW), now()).await.unwrap_err();
    assert!(broken.error.to_string().contains("suspended"), "{}", broken.error);
    assert_eq!(cloud.state().calls, 0);
    assert_eq!(cloud.stack().name, STACK);
}
