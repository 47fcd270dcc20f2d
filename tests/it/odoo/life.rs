//! A tenant's life on a real Odoo and a real PostgreSQL, behind the router that stands for the load balancer.
//!
//! One world for all of it: to set Odoo up takes a minute, and everything after that seconds. Where no Odoo can be had (it is Debian's
//! package), the test says NOT CHECKED.

// What it measured is for whoever reads the log of a run.
#![allow(clippy::print_stdout)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::http_client::{Visitor, look_at};
use crate::support::sandbox_workspace::World;

mod upgrades;

/// Tenants of the example beside its own two: one on the pool, one with two tasks.
fn workspace() -> World {
    let world = World::with_odoo();
    world.write("tenants/second.yml", "tier: catalogue\nhosts: [second.konta.shop]\n");
    world.write("tenants/twin.yml", "tier: production\nhosts: [twin.konta.shop]\ntasks: 2\n");
    world
}

#[test]
fn tenants_live_their_whole_life_on_a_real_odoo() {
    let world = workspace();
    let started = world.konta(&["sandbox", "start"]);
    if started.stderr.contains("konta::sandbox::no_odoo") {
        println!("NOT CHECKED: no Odoo can be had here\n{}", started.stderr);
        return;
    }
    started.ended_with(0);
    let begun = Instant::now();
    let done = world.konta(&["deploy", "tenant", "artista", "breadfree", "-o", "json"]).ended_with(0).result();
    assert_eq!(done["ok"], true, "{done}");
    println!("the first two tenants, with their templates: {:?}", begun.elapsed());

    new_tenants_are_copied(&world);
    visitors_are_led_to_their_own(&world);
    suspended_tenants_show_a_page(&world);
    a_release_drops_no_visit(&world);
    upgrades::live(&world);
    what_is_backed_up_comes_back(&world);
}

/// The password of a tenant's first administrator.
pub fn password(world: &World, tenant: &str) -> String {
    let said = world.konta(&["tenant", "password", tenant, "-o", "json"]).ended_with(0);
    serde_json::from_str::<Value>(&said.stdout).unwrap()["password"].as_str().unwrap().to_owned()
}

fn new_tenants_are_copied(world: &World) {
    for tenant in ["second", "twin"] {
        let begun = Instant::now();
        world.konta(&["deploy", "tenant", tenant, "-o", "json"]).ended_with(0);
        let visitor = Visitor::of(world, &format!("{tenant}.konta.shop"));
        assert_eq!(visitor.get("/web/login").status, 200);
        println!("{tenant}, from the template to its login page: {:?}", begun.elapsed());
    }
    let uuid = |tenant: &str| world.sql(tenant, "SELECT value FROM ir_config_parameter WHERE key = 'database.uuid'");
    assert_ne!(uuid("second"), uuid("artista"), "a copy keeps no identity of its template");
    let foreign = "SELECT count(*)::text FROM pg_class WHERE relowner = 'konta_template'::regrole";
    assert_eq!(world.sql("twin", foreign), "0", "everything in a copy is its tenant's");
    let visitor = Visitor::of(world, "second.konta.shop");
    assert!(visitor.sign_in("second", "admin", &password(world, "second")));
    assert!(!visitor.sign_in("second", "admin", "admin"), "Odoo's own first password is nobody's");
    assert!(!visitor.sign_in("second", "admin", &password(world, "artista")), "a password is one tenant's");
}

fn visitors_are_led_to_their_own(world: &World) {
    let breadfree = Visitor::of(world, "breadfree.konta.shop");
    let map = breadfree.get("/sitemap.xml").text;
    assert!(map.contains("https://breadfree.konta.shop/") && !map.contains("http://breadfree"), "{map}");
    // The load balancer refuses the header; spelled with underscores it is dropped.
    assert_eq!(breadfree.get_with("/sitemap.xml", &[("X-Forwarded-Host", "evil.test")]).status, 400);
    assert!(!breadfree.get_with("/sitemap.xml", &[("X_Forwarded_Host", "evil.test")]).text.contains("evil"));
    assert_eq!(Visitor::of(world, "nobody.konta.shop").get("/").status, 404);
    assert!(breadfree.opens_websocket(), "a websocket stays open");
    // Two tenants of one pool: neither host nor cookie leads to the other.
    let (artista, second) = (Visitor::of(world, "artista.konta.shop"), Visitor::of(world, "second.konta.shop"));
    let session = artista.session_of("artista", "admin", &password(world, "artista")).unwrap();
    let cookie = format!("session_id={session}");
    let told = |visitor: &Visitor| {
        visitor.ask_with("/web/session/get_session_info", &serde_json::json!({}), &[("Cookie", &cookie)])
    };
    assert_eq!(told(&artista)["result"]["db"], "artista");
    assert!(told(&second)["result"]["db"].is_null(), "a session is of one tenant");
    assert!(second.session_of("artista", "admin", &password(world, "artista")).is_none());
    let reached = world.connect_as("second", "artista");
    assert!(reached.contains("permission denied"), "{reached}");
    for (host, path, shown) in [
        ("breadfree.konta.shop", "/web/login", "Log in"),
        ("artista.konta.shop", "/web/login", "Log in"),
        ("artista.konta.shop", "/shop", "All products"),
    ] {
        look_at(world, host, path, shown);
    }
}

fn suspended_tenants_show_a_page(world: &World) {
    for tenant in ["breadfree", "artista"] {
        let visitor = Visitor::of(world, &format!("{tenant}.konta.shop"));
        world.konta(&["tenant", "suspend", tenant]).ended_with(0);
        assert_eq!(visitor.get("/web/login").status, 503);
        look_at(world, &format!("{tenant}.konta.shop"), "/", "This site is suspended");
        assert_eq!(Visitor::of(world, "second.konta.shop").get("/web/login").status, 200, "its neighbour goes on");
        world.konta(&["tenant", "resume", tenant]).ended_with(0);
        visitor.until_served("/web/login");
    }
}

/// Somebody asks for pages the whole time while a new release takes the place of the old one.
fn a_release_drops_no_visit(world: &World) {
    for (tenant, host, release) in [
        (
            "twin",
            "twin.konta.shop",
            "tier: production\nhosts: [twin.konta.shop]\ntasks: 2\nvariables: { RELEASE: \"2\" }\n",
        ),
        ("second", "second.konta.shop", "tier: catalogue\nhosts: [second.konta.shop]\n"),
    ] {
        let over = AtomicBool::new(false);
        let (asked, dropped) = std::thread::scope(|scope| {
            let client = scope.spawn(|| {
                let (visitor, mut asked, mut dropped) = (Visitor::of(world, host), 0, Vec::new());
                while !over.load(Ordering::Relaxed) {
                    asked += 1;
                    match visitor.try_get("/web/login") {
                        Ok(page) if page.status == 200 => {}
                        Ok(page) => dropped.push(format!("{} {}", page.status, page.text.len())),
                        Err(error) => dropped.push(error),
                    }
                }
                (asked, dropped)
            });
            if tenant == "twin" {
                world.write("tenants/twin.yml", release);
                world.konta(&["deploy", "tenant", "twin"]).ended_with(0);
            } else {
                // A pool of another size is another release of it.
                let text = std::fs::read_to_string(world.path().join("environments/prod.yml")).unwrap();
                world
                    .write("environments/prod.yml", &text.replace("cpu: 512, memory: 2048", "cpu: 1024, memory: 2048"));
                world.konta(&["deploy", "env", "prod"]).ended_with(0);
            }
            // The former tasks are sent away and end.
            std::thread::sleep(Duration::from_secs(5));
            over.store(true, Ordering::Relaxed);
            client.join().unwrap()
        });
        println!("{tenant}: {asked} visits during a release, {} dropped", dropped.len());
        assert!(asked > 20, "{asked}");
        assert!(dropped.is_empty(), "{dropped:?}");
    }
}

/// What a visitor and PostgreSQL see of backups, restores and copies is told by a script; it ends with an error where it is not as it should.
fn what_is_backed_up_comes_back(world: &World) {
    world.write("tenants/staging.yml", "tier: catalogue\nhosts: [staging.konta.shop]\n");
    world.konta(&["deploy", "tenant", "staging"]).ended_with(0);
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/odoo/backup.py");
    let konta = world.command(&[]);
    let mut python = std::process::Command::new(World::python());
    for (name, value) in konta.get_envs() {
        match value {
            Some(value) => python.env(name, value),
            None => python.env_remove(name),
        };
    }
    python.arg(script).arg(konta.get_program()).arg(world.path()).args(["second", "staging", "quick"]);
    let output = python.output().unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    look_at(world, "staging.konta.shop", "/web/login", "Database neutralized for testing");
}
