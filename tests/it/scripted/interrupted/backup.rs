//! Backups, and the thinning out of former ones.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use konta::model::BackupsKept;
use konta::operation::OperationError;
use konta::tenant::backup;

use super::name_is_whole;
use crate::support::fake_cloud::Cloud;
use crate::support::fake_cloud::sweep::Sweep;
use crate::support::fake_cloud::world::{BUCKET, TENANT, tenant};

const KEPT: BackupsKept = BackupsKept { daily: 1, weekly: 0, monthly: 0 };
const TODAY: &str = "bread/20261130T";

/// With two former backups, and what is left of one that was never finished.
fn with_former(cloud: Cloud) -> Cloud {
    let mut state = cloud.state();
    state.rules = vec![name_is_whole];
    state.put_backup(TENANT, "20261101T030000Z", "older");
    state.put_backup(TENANT, "20261110T030000Z", "old");
    state.put_object("bread/20261115T030000Z/database", "part");
    state.put_backup("other", "20261101T030000Z", "other");
    drop(state);
    cloud
}

/// `konta tenant backup bread`, a little later each time.
async fn back_up(cloud: &Cloud) -> Result<(), OperationError> {
    let passed = i64::try_from(cloud.calls()).unwrap();
    let now = "2026-11-30T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(passed);
    cloud
        .operate(async |context| {
            let made = backup::back_up(context, &tenant(), now).await?;
            let objects = &made.manifest.objects;
            let here = |part: &String| {
                let key = format!("{TENANT}/{}/{part}", made.manifest.id);
                cloud.state().object(&key) == Some("work")
            };
            assert!(!objects.is_empty() && objects.keys().all(here), "{:?}", made.manifest);
            backup::thin_out(context.aws, BUCKET, TENANT, KEPT, now).await.map(|_| ())
        })
        .await
}

/// The outcome with today's backups under one name: one that had ended when the session did is followed by another.
fn outcome(cloud: &Cloud) -> BTreeSet<String> {
    let state = cloud.state();
    let today = state.objects_under(TODAY);
    let ids: BTreeSet<&str> = today.iter().filter_map(|(key, _)| key.split('/').nth(1)).collect();
    assert_eq!(today.len(), 3 * ids.len(), "each of today's backups is whole: {today:?}");
    let tasks = state.tasks.len();
    assert!(tasks == ids.len() && tasks <= 2, "a backup of each task: {tasks}, {ids:?}");
    drop(today);
    drop(state);
    let lines = cloud.outcome();
    lines
        .into_iter()
        .map(|line| match line.split_once(TODAY) {
            Some((before, after)) => format!("{before}today/{}", after.rsplit('/').next().unwrap()),
            None => line,
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_dedicated_tenant_is_backed_up_wherever_the_session_ends() {
    let calls = Sweep { make: || with_former(Cloud::of_dedicated()), run: back_up, outcome }.every_call().await;
    assert!(calls > 15, "{calls}");
}

#[tokio::test(start_paused = true)]
async fn a_pooled_tenant_is_backed_up_wherever_the_session_ends() {
    let calls = Sweep { make: || with_former(Cloud::of_pooled()), run: back_up, outcome }.every_call().await;
    assert!(calls > 15, "{calls}");
}

#[tokio::test(start_paused = true)]
async fn the_fake_cloud_sees_a_manifest_without_its_objects() {
    let cloud = with_former(Cloud::of_dedicated());
    let key = "bread/20261101T030000Z/database".to_owned();
    cloud.aws().delete_objects(BUCKET, &[key]).await.unwrap();
    let wrong = cloud.state().wrong.clone();
    assert_eq!(wrong, ["a backup has a manifest and no bread/20261101T030000Z/database"]);
}
