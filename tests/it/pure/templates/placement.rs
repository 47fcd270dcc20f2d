//! Which cell takes whom, and the places of rules on its listener.

use std::collections::{BTreeMap, BTreeSet};

use konta::manifest;
use konta::model::{Tenant, Workspace};
use konta::stack::placement::{Placement, placements};
use konta::stack::{Observed, ObservedStack, priority};

use super::workspace::{Files, loaded};

/// A workspace of many tenants: the one of the files, again and again under other names.
fn many(files: &Files, count: usize) -> Workspace {
    let mut workspace = loaded(manifest::load(files.write().path()));
    let one = workspace.tenants.pop_first().unwrap().1;
    for number in 0..count {
        let name = konta::model::TenantName::new(&format!("t{number}")).unwrap();
        let host = konta::model::HostName::new(&format!("t{number}.konta.shop")).unwrap();
        let mut tenant = Tenant { name: name.clone(), ..one.clone() };
        tenant.hosts[0].host = host;
        workspace.tenants.insert(name, tenant);
    }
    workspace
}

fn dedicated(lines: &str) -> Files {
    Files::plain().without("tenants/artista.yml").environment("tenants_per_cell: 98\n").dedicated(lines)
}

fn pooled() -> Files {
    Files::plain().without("tenants/breadfree.yml").environment("tenants_per_cell: 98\n")
}

fn placed(workspace: &Workspace, observed: &Observed) -> BTreeMap<String, Placement> {
    let environment = workspace.environments.values().next().unwrap();
    let tenants: Vec<&Tenant> = workspace.tenants.values().collect();
    placements(workspace, environment, &tenants, observed).into_iter().map(|(n, p)| (n.to_string(), p)).collect()
}

fn sizes(placed: &BTreeMap<String, Placement>) -> Vec<usize> {
    let mut sizes = BTreeMap::new();
    for placement in placed.values() {
        *sizes.entry(placement.cell).or_insert(0) += 1;
    }
    sizes.into_values().collect()
}

fn standing(tenant: &str, cell: &str, priority: &str) -> ObservedStack {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    ObservedStack {
        name: format!("konta-prod-tenant-{tenant}"),
        status: "CREATE_COMPLETE".to_owned(),
        tags: [
            pair("konta:application", "konta"),
            pair("konta:environment", "prod"),
            pair("konta:tenant", tenant),
            pair("konta:cell", cell),
        ]
        .into(),
        parameters: [pair("ListenerRulePriority", priority)].into(),
        ..ObservedStack::default()
    }
}

/// Section 4: a rule each, of 100 less the cell's two; a target group each, of 100 less the pool's.
#[test]
fn a_second_cell_opens_before_a_load_balancer_runs_out_of_rules_or_target_groups() {
    let none = Observed::default();
    assert_eq!(sizes(&placed(&many(&pooled(), 200), &none)), [98, 98, 4]);
    let roomy = dedicated("").environment("database: { capacity: { min: 1, max: 64 } }\n");
    assert_eq!(sizes(&placed(&many(&roomy, 100), &none)), [98, 2]);
}

/// Section 2: PostgreSQL's connections by the cell's capacity, a fifth kept back; 16 a task.
#[test]
fn a_second_cell_opens_before_the_database_runs_out_of_connections() {
    for (capacity, lines, connections, each) in [
        ("min: 0.5, max: 1", "", 189, 16),
        ("min: 0.5, max: 4", "", 823, 16),
        ("min: 0.5, max: 4", "tasks: { min: 1, max: 3 }\n", 823, 48),
    ] {
        let files = dedicated(lines).environment(&format!("database: {{ capacity: {{ {capacity} }} }}\n"));
        let first = sizes(&placed(&many(&files, 90), &Observed::default()))[0];
        assert_eq!(first, (connections - connections / 5) / each, "{capacity} {lines}");
    }
    // A cluster of one's own asks nothing of the cell's.
    let own = dedicated("database: dedicated\n").environment("database: { capacity: { min: 0.5, max: 1 } }\n");
    assert_eq!(sizes(&placed(&many(&own, 90), &Observed::default())), [90]);
}

/// Section 4: 25 certificates beside the listener's own.
#[test]
fn a_second_cell_opens_before_a_listener_runs_out_of_certificates() {
    let custom = pooled()
        .tenant("artista", "tier: catalogue\nhosts: [artista.konta.shop, { host: www.artista.es, hosted_zone: Z1 }]\n");
    assert_eq!(sizes(&placed(&many(&custom, 30), &Observed::default())), [25, 5]);
}

#[test]
fn a_tenant_stays_in_its_cell_with_its_priority_whatever_the_manifests_say_now() {
    let observed = Observed::new(vec![standing("t7", "3", "4711"), standing("gone", "1", "5000")]);
    let workspace = many(&pooled(), 20);
    let now = placed(&workspace, &observed);
    assert_eq!((now["t7"].cell.get(), now["t7"].priority), (3, 4711));
    assert!(now.iter().filter(|(name, _)| *name != "t7").all(|(_, p)| p.cell.get() == 1));
    // One that lives there without a manifest takes its room too.
    let full: Vec<_> = (0..97).map(|n| standing(&format!("old{n}"), "1", &(10_000 + n).to_string())).collect();
    assert_eq!(sizes(&placed(&workspace, &Observed::new(full))), [1, 19]);
}

#[test]
fn the_place_that_a_tenant_had_is_not_given_to_another() {
    let workspace = many(&pooled(), 1);
    let wanted = placed(&workspace, &Observed::default())["t0"].priority;
    let observed = Observed::new(vec![standing("other", "1", &wanted.to_string())]);
    assert_eq!(placed(&workspace, &observed)["t0"].priority, priority::next(wanted));
}

#[test]
fn ten_thousand_tenants_get_places_of_their_own_in_one_go() {
    let placed = placed(&many(&pooled(), 10_000), &Observed::default());
    assert_eq!(placed.len(), 10_000);
    let unique: BTreeSet<_> = placed.values().map(|p| (p.cell, p.priority)).collect();
    assert_eq!(unique.len(), 10_000, "no two rules of a listener have one priority");
    assert!(placed.values().all(|p| (priority::LOWEST..=priority::HIGHEST).contains(&p.priority)));
    assert!(sizes(&placed).iter().all(|size| *size <= 98));
    assert_eq!(sizes(&placed).len(), 10_000_usize.div_ceil(98));
}

#[test]
fn a_wish_for_a_cell_is_granted() {
    let rendered = Files::plain().dedicated("cell: 7\n").render();
    assert!(rendered.stacks.contains_key("konta-prod-cell-1") && rendered.stacks.contains_key("konta-prod-cell-7"));
    assert_eq!(rendered.stack("konta-prod-tenant-breadfree").tags["konta:cell"], "7");
}
