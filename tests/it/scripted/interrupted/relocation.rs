//! Moving a tenant to another cell, out of the pool and into it, and turning back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use konta::deploy::data_source::DataSource;
use konta::deploy::database_template::TemplateLocks;
use konta::deploy::{Deployer, Planned, PlannedStack, observe};
use konta::model::{CellNumber, DatabaseChoice, Isolation, Tenant};
use konta::operation::OperationError;
use konta::stack::desired::WaitCondition;
use konta::stack::{Action, DesiredStack, ParameterValue, StackKind, plan};
use konta::template::Document;
use konta::tenant::relocation::{Location, Record, Relocation, Stage, deployment};

use crate::scripted::aws_odd_answers::example;
use crate::support::fake_cloud::outcome::without_ids;
use crate::support::fake_cloud::sweep::Sweep;
use crate::support::fake_cloud::world::{self, ENVIRONMENT, IMAGE, STACK, TENANT, cluster, tenant};
use crate::support::fake_cloud::{Cloud, State};

const RECORD: &str = "/konta/prod/kept/moving/bread";
const BACKUP: &str = "20261130T115900Z";

/// What people have worked is never dropped before the new place serves it, and nobody is led to anything else.
fn work_is_kept(state: &State) -> Option<String> {
    let served = state.serves();
    if served.as_deref().is_some_and(|data| data != "work") {
        return Some(format!("visitors are led to {served:?}"));
    }
    let is_there = state.database(1, TENANT).is_some_and(|one| one.data == "work");
    (!is_there && served.is_none()).then(|| "the work was dropped before the new place served it".to_owned())
}

fn with_two_cells(cloud: Cloud) -> Cloud {
    let mut state = cloud.state();
    state.add_cell(2);
    state.rules = vec![work_is_kept];
    drop(state);
    cloud
}

fn at(cell: u32, pooled: bool) -> Location {
    Location { cell, pooled, own_cluster: false }
}

/// The tenant as its manifest wants it at a place.
fn wanted(place: Location) -> Tenant {
    let any = example().0.tenants.values().next().unwrap().clone();
    Tenant {
        name: tenant(),
        isolation: if place.pooled { Isolation::Pooled } else { Isolation::Dedicated },
        modules: vec!["base".to_owned()],
        variables: BTreeMap::new(),
        secrets: BTreeMap::new(),
        database: DatabaseChoice::Shared,
        addons: Vec::new(),
        cell: CellNumber::new(place.cell),
        schedule: None,
        ..any
    }
}

/// The tenant's stack at a place.
fn stack(place: Location, page: &str, priority: &str) -> DesiredStack {
    let template = if place.pooled { world::pooled_template() } else { world::dedicated_template(place.cell) };
    let (cell, endpoint) = (place.cell.to_string(), format!("cell-{}.rds", place.cell));
    let own: &[(&str, &str)] = if place.pooled {
        &[("PoolTargetGroupArn", "arn:pool")]
    } else {
        &[("Image", IMAGE), ("MinTasks", "1"), ("DatabaseEndpoint", &endpoint)]
    };
    let all = [&[("Page", page), ("ListenerRulePriority", priority)], own].concat();
    let tags = world::tags(&[("konta:tenant", TENANT), ("konta:cell", &cell), ("konta:database", "shared")]);
    DesiredStack {
        name: STACK.to_owned(),
        kind: StackKind::Tenant(tenant()),
        title: "tenant bread".to_owned(),
        document: Arc::new(Document::from_value(template)),
        parameters: all.iter().map(|(key, value)| ((*key).to_owned(), ParameterValue::literal(*value))).collect(),
        tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        protected: false,
        wait_condition: (!place.pooled).then_some(WaitCondition::TENANT),
        depends_on: vec![ENVIRONMENT.to_owned(), format!("{ENVIRONMENT}-cell-{cell}")],
    }
}

/// `konta tenant move bread`, or `--back`.
async fn moved(cloud: &Cloud, from: Location, to: Location, back: bool) -> Result<(), OperationError> {
    cloud
        .operate(async |context| {
            let standing = context.observed().get(STACK).cloned().unwrap();
            let home = Location::standing(&standing).unwrap();
            let goal = if back { from } else { to };
            let record = match Record::of(&context.observed(), &context.names, &tenant())? {
                Some(record) => record,
                // There already: the answer of the last call was lost.
                None if home == goal => return Ok(()),
                None => Record { from, tier: "tier".to_owned(), to, backup: None, stage: Stage::Leaving },
            };
            // What is left of its stack keeps the tags that it had, the former tier's among them (`Builder::parked`).
            let parked = (!home.pooled).then(|| {
                let mut parked = stack(at(home.cell, true), "maintenance", "7");
                parked.tags.insert("konta:tier".to_owned(), "former".to_owned());
                parked
            });
            let tenant = wanted(goal);
            let relocation = Relocation::new(&tenant, record, back, parked);
            if relocation.only_resumes(&standing) {
                assert_eq!(Box::pin(relocation.resume(context)).await?, [""; 0]);
                return Ok(());
            }
            let desired = stack(goal, "none", if goal.cell == 1 { "7" } else { "9" });
            let unverified = observe::unverified(context.aws, &context.names).await?.unwrap_or_default();
            let action = match plan::action(&desired, &context.observed()) {
                Action::Nothing if unverified.contains(STACK) => Action::Verify,
                action => action,
            };
            let plan = plan::without_changes(&desired, action);
            let planned = Planned { stacks: vec![PlannedStack { desired, plan, change_set: None }] };
            let brings = relocation.brings_data();
            let source = brings.then_some((tenant.name.clone(), &relocation as &dyn DataSource));
            let deployer = Deployer {
                context,
                tenants: [(tenant.name.clone(), &tenant)].into(),
                tiers: &BTreeMap::new(),
                templates: TemplateLocks::default(),
                takes_leases: false,
                data_sources: source.into_iter().collect(),
            };
            for done in Box::pin(deployment::deploy(&deployer, &planned, Some(&relocation))).await? {
                if let Some(error) = done.error {
                    return Err(error);
                }
            }
            Ok(())
        })
        .await
}

/// All that is there, with every backup of the tenant under one name: a second one follows where nobody noted the first.
fn outcome(cloud: &Cloud, home: Location) -> BTreeSet<String> {
    assert_eq!(cloud.serves().as_deref(), Some("work"));
    let state = cloud.state();
    assert_eq!(Location::standing(&state.stack(STACK).unwrap().seen), Some(home));
    assert!(!state.parameters.contains_key(RECORD));
    assert_eq!(state.parameters["/konta/prod/tenant/bread/password"].tags["konta:cell"], home.cell.to_string());
    for cell in [1, 2] {
        let found = &state.clusters[&cluster(cell)];
        assert_eq!(found.roles.contains_key(TENANT), cell == home.cell, "its role in cell {cell}");
        let is_led = found.hosts.iter().flatten().any(|(_, (to, _))| to == TENANT);
        assert_eq!(is_led, home.pooled && cell == home.cell, "its hosts in cell {cell}");
        let reserved = state.parameters.iter().filter(|(name, one)| {
            name.starts_with(&format!("/konta/prod/cell-{cell}/priority/")) && one.value == TENANT
        });
        assert_eq!(reserved.count(), usize::from(cell == home.cell), "its priority in cell {cell}");
    }
    assert_eq!(state.database(home.cell, TENANT).unwrap().is_open_to_pool, home.pooled);
    assert!(
        state.database(home.cell, "bread__before").is_none(),
        "no empty database that an undone restore would put back"
    );
    assert_eq!(state.services.len(), usize::from(!home.pooled));
    drop(state);
    without_ids(cloud.outcome()).into_iter().collect()
}

/// On a thread of its own: the futures of a whole move are large.
fn every_call(make: fn() -> Cloud, from: Location, to: Location, back: bool) {
    let work = move || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(swept(make, from, to, back));
    };
    let thread = std::thread::Builder::new().stack_size(32 << 20).spawn(work).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

async fn swept(make: fn() -> Cloud, from: Location, to: Location, back: bool) {
    let sweep = Sweep {
        make: || with_two_cells(make()),
        run: async |cloud: &Cloud| moved(cloud, from, to, back).await,
        outcome: |cloud: &Cloud| outcome(cloud, if back { from } else { to }),
    };
    let calls = Box::pin(sweep.every_call()).await;
    assert!(calls > 20, "{calls}");
}

#[test]
fn a_tenant_moves_into_the_pool_of_another_cell_wherever_the_session_ends() {
    every_call(Cloud::of_dedicated, at(1, false), at(2, true), false);
}

#[test]
fn a_tenant_moves_out_of_the_pool_to_another_cell_wherever_the_session_ends() {
    every_call(Cloud::of_pooled, at(1, true), at(2, false), false);
}

#[test]
fn a_tenant_moves_into_the_pool_of_its_cell_wherever_the_session_ends() {
    every_call(Cloud::of_dedicated, at(1, false), at(1, true), false);
}

/// Keeps what is kept about a move to the pool of cell 2.
fn record(cloud: &Cloud, stage: &str, backup: Option<&str>) {
    let from = serde_json::json!({"cell": 1, "pooled": false, "own_cluster": false});
    let to = serde_json::json!({"cell": 2, "pooled": true, "own_cluster": false});
    let text = serde_json::json!({"from": from, "tier": "tier", "to": to, "backup": backup, "stage": stage});
    let mut kept = cloud.state();
    kept.parameters.entry(RECORD.to_owned()).or_default().value = text.to_string();
}

/// A tenant that has left: of its stack the page is left.
fn parked() -> Cloud {
    let cloud = Cloud::of_dedicated();
    record(&cloud, "left", Some(BACKUP));
    let mut state = cloud.state();
    state.put_backup(TENANT, BACKUP, "work");
    state.services.clear();
    let parked = state.stacks.get_mut(STACK).unwrap();
    parked.template = world::pooled_template();
    parked.seen.outputs.clear();
    parked.seen.parameters = stack(at(1, true), "maintenance", "7")
        .parameters
        .iter()
        .map(|(key, value)| (key.clone(), value.to_string()))
        .collect();
    drop(state);
    cloud
}

/// A tenant that is about to leave: its visitors see the page already.
fn leaving() -> Cloud {
    let cloud = Cloud::of_dedicated();
    record(&cloud, "leaving", None);
    let mut state = cloud.state();
    state.stacks.get_mut(STACK).unwrap().seen.parameters.insert("Page".into(), "maintenance".into());
    for service in state.services.values_mut() {
        (service.desired, service.running) = (0, 0);
    }
    drop(state);
    cloud
}

#[test]
fn a_tenant_that_has_left_comes_back_wherever_the_session_ends() {
    every_call(parked, at(1, false), at(2, true), true);
}

#[test]
fn a_tenant_that_is_leaving_serves_again_wherever_the_session_ends() {
    every_call(leaving, at(1, false), at(2, true), true);
}
