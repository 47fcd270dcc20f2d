//! `konta tenant resize`: the manifest, the plan, the deployment.

use crate::support::sandbox_workspace::World;

const MANIFEST: &str = "# A bakery.\ntier: production # what it pays\nhosts: [breadfree.konta.shop]\n";

/// A workspace with a second dedicated tier and a deployed tenant.
fn world() -> World {
    let world = World::warm();
    let konta = std::fs::read_to_string(world.path().join("konta.yml")).unwrap();
    let large = "\n  large:\n    price: 90\n    isolation: dedicated\n    modules: [website]\n    size: { cpu: 1024, memory: 2048 }\n";
    world.write("konta.yml", &format!("{}{large}", konta.trim_end()));
    world.write("tenants/breadfree.yml", MANIFEST);
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    world
}

fn manifest(world: &World) -> String {
    std::fs::read_to_string(world.path().join("tenants/breadfree.yml")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tier_is_written_with_its_comments_kept_and_deployed() {
    let world = world();
    let shown = world.konta(&["tenant", "resize", "breadfree", "--tier", "large", "--dry-run"]).ended_with(0);
    assert!(
        shown.stderr.contains("production for 50 EUR") && shown.stderr.contains("large for 90 EUR"),
        "{}",
        shown.stderr
    );
    assert!(shown.stdout.contains("USD"), "the plan says what it costs: {}", shown.stdout);
    assert_eq!(manifest(&world), MANIFEST, "a dry run writes nothing");
    // Nobody was asked, so nothing is written and nothing changed.
    world.run(&["tenant", "resize", "breadfree", "--tier", "large", "--sandbox"]).ended_with(6);
    assert_eq!(manifest(&world), MANIFEST);

    let said = world.konta(&["tenant", "resize", "breadfree", "--tier", "large", "-o", "json"]).ended_with(0);
    let event = said.lines().remove(0);
    assert_eq!((&event["before"]["price"], &event["after"]["price"]), (&"50".into(), &"90".into()));
    assert_eq!(manifest(&world), MANIFEST.replace("production #", "large #"));
    let aws = world.aws().await;
    let stack = async || aws.stack("konta-prod-tenant-breadfree").await.unwrap().unwrap();
    assert_eq!(
        (stack().await.parameters["Cpu"].as_str(), stack().await.tags["konta:tier"].as_str()),
        ("1024", "large")
    );

    world.konta(&["tenant", "resize", "breadfree", "--memory", "4096"]).ended_with(0);
    assert!(manifest(&world).ends_with("size: { cpu: 1024, memory: 4096 }\n"), "{}", manifest(&world));
    assert_eq!(stack().await.parameters["Memory"], "4096");
    world.konta(&["plan", "tenant", "breadfree", "--exit-code"]).ended_with(0);
}

#[test]
fn what_cannot_be_is_refused_and_writes_nothing() {
    let world = world();
    let refused = |arguments: &[&str], code: i32| {
        let said = world.konta(&[&["tenant", "resize", "breadfree"], arguments].concat()).ended_with(code);
        assert_eq!(manifest(&world), MANIFEST);
        said.stderr
    };
    assert!(refused(&["--tier", "larg"], 1).contains("did you mean `large`"));
    assert!(refused(&["--cpu", "256", "--memory", "8192"], 3).contains("size"));
    let pooled = refused(&["--tier", "catalogue"], 1);
    assert!(pooled.contains("attachments"), "{pooled}");
    refused(&[], 64);
    world.konta(&["tenant", "suspend", "breadfree"]).ended_with(0);
    assert!(refused(&["--tier", "large"], 1).contains("konta tenant resume"));
}
