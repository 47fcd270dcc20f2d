//! Suspending and resuming.

use konta::operation::OperationError;
use konta::tenant::suspension;

use super::name_is_whole;
use crate::support::fake_cloud::sweep::Sweep;
use crate::support::fake_cloud::world::{STACK, tenant};
use crate::support::fake_cloud::{Cloud, State};

async fn suspend(cloud: &Cloud) -> Result<(), OperationError> {
    cloud.operate(async |context| suspension::suspend(context, &tenant()).await).await
}

async fn resume(cloud: &Cloud) -> Result<(), OperationError> {
    let not_run = cloud.operate(async |context| suspension::resume(context, &tenant()).await).await?;
    assert_eq!(not_run, [""; 0]);
    Ok(())
}

/// A tenant's tasks end before the page comes, and begin when it is gone.
fn page_or_tasks(state: &State) -> Option<String> {
    let running = state.services.values().any(|service| service.stack == STACK && service.running > 0);
    (running && state.shows_page(STACK)).then(|| "tasks run behind a page".to_owned())
}

fn dedicated() -> Cloud {
    let cloud = Cloud::of_dedicated();
    cloud.state().rules = vec![name_is_whole, page_or_tasks];
    cloud
}

fn pooled() -> Cloud {
    let cloud = Cloud::of_pooled();
    cloud.state().rules = vec![name_is_whole];
    cloud
}

/// The same, suspended.
fn rested(cloud: Cloud) -> Cloud {
    let mut state = cloud.state();
    state.stacks.get_mut(STACK).unwrap().seen.parameters.insert("Page".into(), "suspended".into());
    for service in state.services.values_mut() {
        (service.desired, service.running) = (0, 0);
    }
    for (_, one) in state.clusters.values_mut().flat_map(|cluster| cluster.hosts.iter_mut().flatten()) {
        one.1 = one.0 == "bread";
    }
    for database in state.clusters.values_mut().flat_map(|cluster| cluster.databases.values_mut()) {
        database.connections = 0;
    }
    drop(state);
    cloud
}

#[tokio::test(start_paused = true)]
async fn a_dedicated_tenant_is_suspended_wherever_the_session_ends() {
    let outcome = |cloud: &Cloud| {
        assert_eq!(cloud.serves(), None);
        assert!(cloud.state().shows_page(STACK));
        cloud.outcome()
    };
    let calls = Sweep { make: dedicated, run: suspend, outcome }.every_call().await;
    assert!(calls > 10, "{calls}");
}

#[tokio::test(start_paused = true)]
async fn a_dedicated_tenant_is_resumed_wherever_the_session_ends() {
    let outcome = |cloud: &Cloud| {
        assert_eq!(cloud.serves().as_deref(), Some("work"));
        cloud.outcome()
    };
    let calls = Sweep { make: || rested(dedicated()), run: resume, outcome }.every_call().await;
    assert!(calls > 10, "{calls}");
}

#[tokio::test(start_paused = true)]
async fn a_pooled_tenant_is_suspended_wherever_the_session_ends() {
    let outcome = |cloud: &Cloud| {
        assert_eq!(cloud.serves(), None);
        assert_eq!(cloud.state().database(1, "bread").unwrap().connections, 0);
        cloud.outcome()
    };
    let calls = Sweep { make: pooled, run: suspend, outcome }.every_call().await;
    assert!(calls > 10, "{calls}");
}

#[tokio::test(start_paused = true)]
async fn a_pooled_tenant_is_resumed_wherever_the_session_ends() {
    let outcome = |cloud: &Cloud| {
        assert_eq!(cloud.serves().as_deref(), Some("work"));
        cloud.outcome()
    };
    let calls = Sweep { make: || rested(pooled()), run: resume, outcome }.every_call().await;
    assert!(calls > 10, "{calls}");
}
