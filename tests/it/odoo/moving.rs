//! `konta tenant move` on a real Odoo: out of the pool and into it, to another cell and back, killed at every step, and turned back.

#![allow(clippy::print_stdout)]

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Instant;

use serde_json::Value;

use crate::odoo::life::password;
use crate::support::http_client::Visitor;
use crate::support::sandbox_workspace::World;

const TENANT: &str = "second";
const HOST: &str = "second.konta.shop";
/// What is attached to a partner of the tenant's, and must come along.
const CONTENT: &str = "what the tenant keeps";

/// A tenant as it stands before a move, by what a visitor and PostgreSQL see.
struct Kept {
    password: String,
    attachment: u64,
    partners: String,
}

/// Everything a move can be, one after the other: each begins where the former ended.
#[test]
fn tenants_move_with_all_they_have_and_may_be_stopped_at_any_step() {
    let world = &World::with_odoo();
    let started = world.konta(&["sandbox", "start"]);
    if started.stderr.contains("konta::sandbox::no_odoo") {
        println!("NOT CHECKED: no Odoo can be had here\n{}", started.stderr);
        return;
    }
    started.ended_with(0);
    world.write("tenants/second.yml", "tier: catalogue\nhosts: [second.konta.shop]\n");
    world.konta(&["deploy", "tenant", TENANT]).ended_with(0);
    let password = &password(world, TENANT);
    let konta = std::fs::read_to_string(world.path().join("konta.yml")).unwrap();
    let solo = "\n  solo:\n    price: 30\n    isolation: dedicated\n    modules: [website, website_sale, mass_mailing]\n    size: { cpu: 256, memory: 1024 }\n    tasks: 1\n";
    world.write("konta.yml", &format!("{}{solo}", konta.trim_end()));
    let visitor = Visitor::of(world, HOST);
    let session = visitor.session_of(TENANT, "admin", password).unwrap();
    let attachment = visitor.call(
        &session,
        "ir.attachment",
        "create",
        &serde_json::json!([{"name": "kept.txt", "raw": CONTENT, "mimetype": "text/plain"}]),
    );
    let kept = Kept {
        password: password.to_owned(),
        attachment: attachment["result"].as_u64().unwrap_or_else(|| panic!("{attachment}")),
        partners: world.sql(TENANT, "SELECT count(*)::text FROM res_partner"),
    };

    moved(world, &["--tier", "solo"], "out of the pool");
    assert_eq!(stack(world)["konta:cell"], "1");
    is_all_there(world, &kept, 0);
    let entered = world.connect_as("konta_pool", TENANT);
    assert!(entered.contains("permission denied"), "the pool is shut out: {entered}");
    assert_eq!(world.sql("konta_registry", "SELECT count(*)::text FROM konta_host WHERE database = 'second'"), "0");

    killed_at_every_step(world, &kept);

    moved(world, &["--cell", "1", "--tier", "catalogue"], "into the pool of another cell");
    assert_eq!(stack(world)["konta:cell"], "1");
    is_all_there(world, &kept, 0);
    assert_eq!(databases(world, 1), "", "nothing is left in the cell it came from");
    assert!(world.sql("konta_registry", "SELECT host FROM konta_host WHERE database = 'second'").contains(HOST));
    let there = world.konta(&["tenant", "move", TENANT]).ended_with(0);
    assert!(there.stdout.contains("is already there"), "{}", there.stdout);
}

fn moved(world: &World, arguments: &[&str], what: &str) {
    let begun = Instant::now();
    let said = world.konta(&[&["tenant", "move", TENANT, "-o", "json"], arguments].concat()).ended_with(0);
    assert_eq!(said.result()["ok"], true, "{}", said.stdout);
    println!("a tenant moved {what}: {:?}", begun.elapsed());
    no_trace(world);
}

/// To the second cell, which is made for it; killed at every step it has, then gone on with. Half of the time it is turned back first.
fn killed_at_every_step(world: &World, kept: &Kept) {
    // The cell itself is made beforehand, so that a kill meets the move and not the making of a cell.
    world.write("tenants/other.yml", "tier: solo\nhosts: [other.konta.shop]\ncell: 2\n");
    world.konta(&["deploy", "tenant", "other"]).ended_with(0);
    let steps = [
        "tasks", "still", "backup", "priority", "database", "restore", "swap", "modules", "health", "hosts", "old data",
    ];
    let (mut cell, mut begun) = (1, Instant::now());
    for (number, step) in steps.iter().enumerate() {
        let other = if cell == 1 { "2" } else { "1" };
        let arguments = ["tenant", "move", TENANT, "--cell", other, "--sandbox", "--yes", "-o", "json"];
        if !killed(world, &arguments, step) {
            // The step is not one of a move from here; it has arrived then.
            assert_eq!(*step, "hosts", "there is a step {step}");
            cell = 3 - cell;
            continue;
        }
        let status = Visitor::of(world, HOST).get("/web/login").status;
        assert!([200, 404, 502, 503].contains(&status), "{step}: {status}");
        // Nobody else may touch it meanwhile; what is killed at its last step may be at an end.
        let others = [&["deploy", "tenant", TENANT][..], &["tenant", "resume", TENANT], &["tenant", "backup", TENANT]];
        for other in others.iter().filter(|_| is_moving(world)) {
            let said = world.konta(other);
            assert!(said.code != 0 || said.stderr.contains("nothing to change"), "{step} {other:?}: {}", said.stdout);
        }
        // What is killed late may have arrived, and then there is no way back.
        let back = number % 2 == 1 && {
            let said = world.konta(&["tenant", "move", TENANT, "--back"]);
            let arrived = said.stderr.contains("has already arrived") || said.stderr.contains("is not being moved");
            assert!(said.code == 0 || arrived, "{step}: {} {}", said.code, said.stderr);
            said.code == 0
        };
        if !back {
            world.konta(&["tenant", "move", TENANT]).ended_with(0);
            cell = 3 - cell;
        }
        no_trace(world);
        is_all_there(world, kept, cell - 1);
        println!("killed at {step}, {} in {:?}", if back { "turned back" } else { "gone on with" }, begun.elapsed());
        begun = Instant::now();
    }
    if cell == 1 {
        moved(world, &["--cell", "2"], "to another cell");
    }
    assert_eq!(stack(world)["konta:cell"], "2");
    is_all_there(world, kept, 1);
    assert_eq!(databases(world, 0), "", "nothing is left in the cell it came from");
}

/// Runs a command and kills it at the beginning of a step; false when it ended before.
fn killed(world: &World, arguments: &[&str], step: &str) -> bool {
    let mut child =
        world.command(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut met = false;
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        let event: Value = serde_json::from_str(&line).unwrap();
        if event["event"] == "step_started" && event["step"] == step {
            met = true;
            child.kill().unwrap();
            break;
        }
    }
    child.wait().unwrap();
    met
}

/// Login, rows and attachment are what they were.
fn is_all_there(world: &World, kept: &Kept, cluster: usize) {
    let visitor = Visitor::of(world, HOST);
    visitor.until_served("/web/login");
    let session = visitor.session_of(TENANT, "admin", &kept.password).expect("its password is what it was");
    let cookie = format!("session_id={session}");
    let file = visitor.get_with(&format!("/web/content/{}", kept.attachment), &[("Cookie", &cookie)]);
    assert_eq!((file.status, file.text.as_str()), (200, CONTENT));
    assert_eq!(world.sql_in(cluster, TENANT, "SELECT count(*)::text FROM res_partner"), kept.partners);
    let map = visitor.get("/sitemap.xml").text;
    assert!(map.contains("https://second.konta.shop/"), "{map}");
}

/// Whether a move of any tenant is not at its end.
fn is_moving(world: &World) -> bool {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let moving =
        runtime.block_on(async { world.aws().await.parameters_under("/konta/prod/kept/moving").await.unwrap() });
    !moving.is_empty()
}

/// Nothing is kept about a move, and beside the tenant's database there is none of it.
fn no_trace(world: &World) {
    assert!(!is_moving(world));
    let beside = "SELECT coalesce(string_agg(datname, ','), '') FROM pg_database WHERE datname LIKE 'second\\_\\_%'";
    for cluster in 0..world.clusters() {
        let own = databases(world, cluster);
        // Where an empty database was replaced, it is the one before the restore.
        let left = world.sql_in(cluster, "postgres", beside);
        assert!(left.is_empty() || (left == "second__before" && own == TENANT), "{cluster}: {left}");
    }
}

/// The tenant's database in a cluster, if it is there, by its name.
fn databases(world: &World, cluster: usize) -> String {
    world.sql_in(
        cluster,
        "postgres",
        "SELECT coalesce(string_agg(datname, ','), '') FROM pg_database WHERE datname = 'second'",
    )
}

fn stack(world: &World) -> std::collections::BTreeMap<String, String> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { world.aws().await.stack("konta-prod-tenant-second").await.unwrap().unwrap().tags })
}
