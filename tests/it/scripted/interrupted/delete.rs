//! Deleting a tenant, with each of the three kinds of what is kept.

use konta::deploy::delete::{Deleter, Kept};
use konta::operation::OperationError;

use crate::support::fake_cloud::sweep::Sweep;
use crate::support::fake_cloud::world::{OWN_CLUSTER, STACK, TENANT, tenant};
use crate::support::fake_cloud::{Cloud, Database, State};

/// Nobody is led to an Odoo whose database is gone.
fn serves_its_data(state: &State) -> Option<String> {
    let runs = state.services.values().any(|service| service.stack == STACK);
    let has_data = state.clusters.values().any(|cluster| cluster.databases.contains_key(TENANT));
    (runs && !has_data).then(|| "a service runs without its database".to_owned())
}

/// A deletion that is not at its end can be gone on with: something still says in which cell the data is.
fn knows_the_cell(state: &State) -> Option<String> {
    let has_data = state.clusters.values().any(|cluster| cluster.databases.contains_key(TENANT) && !cluster.is_going);
    let knows = state.stack(STACK).is_some() || state.parameters.contains_key("/konta/prod/kept/bread");
    let purges = state.rules.len() > 2;
    (has_data && !knows && !purges).then(|| "nobody knows the cell of the data that was kept".to_owned())
}

fn purges(_: &State) -> Option<String> {
    None
}

/// With a backup, one that was deleted before, and a database that a restore has set aside.
fn with_all(cloud: Cloud, keeps: Kept) -> Cloud {
    let mut state = cloud.state();
    state.rules = vec![serves_its_data, knows_the_cell];
    if keeps != Kept::Data {
        state.rules.push(purges);
    }
    for tenant in [TENANT, "other"] {
        state.put_backup(tenant, "20261101T030000Z", "older");
        state.put_backup(tenant, "20261110T030000Z", "old");
    }
    let before = Database { owner: TENANT.to_owned(), data: "before".to_owned(), ..Database::default() };
    let neighbour = Database { owner: "other".to_owned(), data: "theirs".to_owned(), ..Database::default() };
    for cluster in state.clusters.values_mut() {
        if cluster.databases.contains_key(TENANT) {
            cluster.databases.insert("bread__before".to_owned(), before.clone());
        }
        cluster.databases.insert("bread_other".to_owned(), neighbour.clone());
        cluster.roles.insert("other".to_owned(), std::iter::once("master".to_owned()).collect());
    }
    drop(state);
    cloud
}

async fn deleted(make: fn() -> Cloud, keeps: Kept) {
    let run = async |cloud: &Cloud| -> Result<(), OperationError> {
        cloud.operate(async |context| Deleter::new(context).tenant(&tenant(), keeps).await).await
    };
    let outcome = |cloud: &Cloud| {
        let state = cloud.state();
        assert!(state.stack(STACK).is_none() && state.services.is_empty());
        let hosts = state.clusters.values().flat_map(|cluster| cluster.hosts.iter().flatten());
        assert!(hosts.clone().count() > 0 && hosts.clone().all(|(_, (to, _))| to != TENANT), "its hosts");
        let has = |name: &str| state.clusters.values().any(|cluster| cluster.databases.contains_key(name));
        let has_role = state.clusters.values().any(|cluster| cluster.roles.contains_key(TENANT));
        let has_parameter = |name: &str| state.parameters.contains_key(&format!("/konta/prod/{name}"));
        let is_kept = keeps == Kept::Data;
        assert!(has("bread") == is_kept && has("bread__before") == is_kept && has_role == is_kept, "its data");
        assert!(has_parameter("tenant/bread/password") == is_kept && has_parameter("kept/bread") == is_kept);
        assert!(!has_parameter("cell-1/priority/7") && has_parameter("cell-1/priority/8"));
        let is_there = |tenant: &str| state.objects.keys().any(|key| key.starts_with(tenant));
        assert!(is_there("bread/") == (keeps != Kept::Files) && is_there("other/"), "its backups");
        assert!(has("bread_other") && state.files.contains("work"));
        let had_own = state.homes.get("arn:td/bread:1").is_some_and(|home| home == OWN_CLUSTER);
        let snapshot = state.snapshots.iter().any(|one| one.contains("work"));
        assert_eq!(snapshot, had_own && !is_kept, "the last snapshot holds the data: {:?}", state.snapshots);
        drop(state);
        cloud.outcome()
    };
    let calls = Sweep { make: || with_all(make(), keeps), run, outcome }.every_call().await;
    assert!(calls > 10, "{calls}");
}

#[tokio::test(start_paused = true)]
async fn a_dedicated_tenant_is_deleted_wherever_the_session_ends() {
    deleted(Cloud::of_dedicated, Kept::Data).await;
}

#[tokio::test(start_paused = true)]
async fn a_dedicated_tenant_is_purged_wherever_the_session_ends() {
    deleted(Cloud::of_dedicated, Kept::Backups).await;
}

#[tokio::test(start_paused = true)]
async fn a_dedicated_tenant_is_purged_with_its_backups_wherever_the_session_ends() {
    deleted(Cloud::of_dedicated, Kept::Files).await;
}

#[tokio::test(start_paused = true)]
async fn a_pooled_tenant_is_deleted_wherever_the_session_ends() {
    deleted(Cloud::of_pooled, Kept::Data).await;
}

#[tokio::test(start_paused = true)]
async fn a_pooled_tenant_is_purged_wherever_the_session_ends() {
    deleted(Cloud::of_pooled, Kept::Backups).await;
}

#[tokio::test(start_paused = true)]
async fn a_tenant_with_its_own_cluster_is_deleted_wherever_the_session_ends() {
    deleted(Cloud::of_own_cluster, Kept::Data).await;
}

#[tokio::test(start_paused = true)]
async fn a_tenant_with_its_own_cluster_is_purged_wherever_the_session_ends() {
    deleted(Cloud::of_own_cluster, Kept::Files).await;
}
