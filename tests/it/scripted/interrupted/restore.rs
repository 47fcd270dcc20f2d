//! Restoring a backup, taking it back, forgetting what was before, and testing what can be restored.

use konta::odoo::backup::BackupId;
use konta::operation::OperationError;
use konta::tenant::backup;
use konta::tenant::former_database;
use konta::tenant::restore::{self, Wanted};

use super::name_is_whole;
use crate::support::fake_cloud::sweep::Sweep;
use crate::support::fake_cloud::world::{BUCKET, TENANT, cluster, tenant};
use crate::support::fake_cloud::{Cloud, Database, State};

const ID: &str = "20261110T030000Z";

/// What people have worked is there whole, in the tenant's place or as the database before.
fn work_is_kept(state: &State) -> Option<String> {
    let holds = |name: &str| state.database(1, name).is_some_and(|one| one.data == "work");
    (!holds("bread") && !holds("bread__before")).then(|| "the work is lost".to_owned())
}

fn with_backup(cloud: Cloud) -> Cloud {
    let mut state = cloud.state();
    state.rules = vec![name_is_whole, work_is_kept];
    state.put_backup(TENANT, ID, "old");
    // What an earlier test or restore has left half-way.
    let owner = TENANT.to_owned();
    let leftover = Database { owner, data: "half of something".into(), ..Database::default() };
    let databases = &mut state.clusters.get_mut(&cluster(1)).unwrap().databases;
    databases.insert("bread__restore".to_owned(), leftover.clone());
    databases.insert("bread__check".to_owned(), leftover);
    drop(state);
    cloud
}

/// A tenant whose backup was restored; the former database stands beside it.
fn restored() -> Cloud {
    let cloud = Cloud::of_dedicated();
    let mut state = cloud.state();
    state.rules = vec![name_is_whole];
    state.put_backup(TENANT, ID, "old");
    let databases = &mut state.clusters.get_mut(&cluster(1)).unwrap().databases;
    let mut before = databases["bread"].clone();
    before.comment = "konta: set aside by a restore, with its files".into();
    let own = databases.get_mut("bread").unwrap();
    own.data = "old".into();
    own.comment = format!("konta: restored from bread/{ID}");
    databases.insert("bread__before".to_owned(), before);
    state.files.insert("old".to_owned());
    state.pinned.insert("work".to_owned());
    drop(state);
    cloud
}

async fn restore(cloud: &Cloud) -> Result<(), OperationError> {
    let id = BackupId::parse(ID).unwrap();
    let wanted = Wanted { source: TENANT, id: &id, neutralized_at: None, again: false };
    cloud.operate(async |context| restore::restore(context, &tenant(), &wanted).await.map(|_| ())).await
}

fn is_restored(cloud: &Cloud) -> Vec<String> {
    assert_eq!(cloud.serves().as_deref(), Some("old"));
    let state = cloud.state();
    let (own, before) = (state.database(1, "bread").unwrap(), state.database(1, "bread__before").unwrap());
    assert_eq!(own.comment, format!("konta: restored from bread/{ID}"));
    assert!(before.data == "work" && before.comment.ends_with("with its files"), "{before:?}");
    assert!(own.is_locked && state.pinned.contains("work") && state.files.contains("old"), "{own:?}");
    assert!(state.database(1, "bread__restore").is_none());
    // A task that ended after the session did has left no mark on its database, which is then filled anew.
    assert!(state.tasks.iter().filter(|task| task.job["verb"] == "restore").count() <= 2);
    drop(state);
    cloud.outcome()
}

#[tokio::test(start_paused = true)]
async fn a_backup_of_a_dedicated_tenant_is_restored_wherever_the_session_ends() {
    let make = || with_backup(Cloud::of_dedicated());
    let calls = Sweep { make, run: restore, outcome: is_restored }.every_call().await;
    assert!(calls > 30, "{calls}");
}

#[tokio::test(start_paused = true)]
async fn a_backup_of_a_pooled_tenant_is_restored_wherever_the_session_ends() {
    let make = || with_backup(Cloud::of_pooled());
    let outcome = |cloud: &Cloud| {
        assert!(cloud.state().database(1, "bread").unwrap().is_open_to_pool);
        is_restored(cloud)
    };
    let calls = Sweep { make, run: restore, outcome }.every_call().await;
    assert!(calls > 30, "{calls}");
}

#[tokio::test(start_paused = true)]
async fn a_restore_is_undone_wherever_the_session_ends() {
    let make = || {
        let cloud = restored();
        cloud.state().rules.push(work_is_kept);
        cloud
    };
    let run = async |cloud: &Cloud| {
        cloud.operate(async |context| former_database::undo(context, &tenant(), false).await.map(|_| ())).await
    };
    let outcome = |cloud: &Cloud| {
        assert_eq!(cloud.serves().as_deref(), Some("work"));
        assert_eq!(cloud.state().database(1, "bread__before").unwrap().comment, "konta: a restore that was undone");
        cloud.outcome()
    };
    let calls = Sweep { make, run, outcome }.every_call().await;
    assert!(calls > 10, "{calls}");
}

#[tokio::test(start_paused = true)]
async fn the_database_before_is_forgotten_wherever_the_session_ends() {
    let run = async |cloud: &Cloud| {
        let done = cloud.operate(async |context| former_database::forget(context, &tenant()).await).await;
        match done {
            // The answer of its last call was lost.
            Err(error) if error.to_string().contains("no database of bread is kept from before") => Ok(()),
            done => done,
        }
    };
    let outcome = |cloud: &Cloud| {
        assert_eq!(cloud.serves().as_deref(), Some("old"));
        assert!(cloud.state().database(1, "bread__before").is_none() && cloud.state().pinned.is_empty());
        cloud.outcome()
    };
    let calls = Sweep { make: restored, run, outcome }.every_call().await;
    assert!(calls > 10, "{calls}");
}

#[tokio::test(start_paused = true)]
async fn a_backup_is_tested_wherever_the_session_ends() {
    let run = async |cloud: &Cloud| {
        cloud
            .operate(async |context| {
                let manifest = backup::find(context.aws, BUCKET, TENANT, None).await?;
                restore::check(context, &tenant(), &manifest).await.map(|_| ())
            })
            .await
    };
    let outcome = |cloud: &Cloud| {
        assert_eq!(cloud.serves().as_deref(), Some("work"));
        assert!(cloud.state().database(1, "bread__check").is_none());
        assert!(cloud.state().object(&format!("bread/{ID}/checked.json")).is_some());
        cloud.outcome()
    };
    let calls = Sweep { make: || with_backup(Cloud::of_dedicated()), run, outcome }.every_call().await;
    assert!(calls > 25, "{calls}");
}
