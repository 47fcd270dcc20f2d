//! `konta tenant suspend` and `resume` in the sandbox, and what deployments make of a suspended tenant.

use konta::aws::Aws;
use konta::aws::elb::Rule;
use konta::model::ServingState;
use secrecy::ExposeSecret;

use crate::support::sandbox_workspace::{World, connect};

async fn output(aws: &Aws, stack: &str, key: &str) -> String {
    aws.stack(stack).await.unwrap().unwrap().outputs[key].clone()
}

/// The rule of a host, as the load balancer has it.
async fn rule(aws: &Aws, host: &str) -> Rule {
    let rules = aws.rules(&output(aws, "konta-prod-cell-1", "HttpsListenerArn").await).await.unwrap();
    rules.into_iter().find(|rule| rule.hosts.iter().any(|h| h == host)).unwrap_or_else(|| panic!("{host}"))
}

async fn tasks(aws: &Aws, tenant: &str) -> (i32, i32) {
    let (cluster, stack) = (output(aws, "konta-prod", "ClusterName").await, format!("konta-prod-tenant-{tenant}"));
    let service = output(aws, &stack, "ServiceName").await;
    let state = aws.services(&cluster, &[service]).await.unwrap().remove(0);
    (state.desired, state.running)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_tenant_shows_a_page_and_runs_nothing_and_comes_back_as_it_was() {
    let world = World::warm();
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    let aws = world.aws().await;
    let before = rule(&aws, "breadfree.konta.shop").await;
    let tags = aws.stack("konta-prod-tenant-breadfree").await.unwrap().unwrap().tags;
    assert!(before.target_group.is_some() && tasks(&aws, "breadfree").await.0 > 0);

    let said = world.konta(&["tenant", "suspend", "breadfree", "-o", "json"]).ended_with(0);
    assert_eq!(said.result()["page"], "suspended");
    let paged = rule(&aws, "breadfree.konta.shop").await;
    assert_eq!((paged.target_group, paged.priority), (None, before.priority));
    let response = paged.fixed_response.unwrap();
    assert_eq!((response.status.as_str(), response.content_type.as_str()), ("503", "text/html"));
    assert!(response.body.contains("suspended") && response.body.contains("noindex"), "{}", response.body);
    assert_eq!(tasks(&aws, "breadfree").await, (0, 0));
    let target = &world.resources("konta-prod-tenant-breadfree").await["ScalableTarget"]["properties"];
    for bound in ["MinCapacity", "MaxCapacity"] {
        assert_eq!(target[bound].as_i64().or_else(|| target[bound].as_str()?.parse().ok()), Some(0), "{target}");
    }
    let stack = aws.stack("konta-prod-tenant-breadfree").await.unwrap().unwrap();
    assert_eq!(stack.tags, tags, "a page changes no tag, so that no service is touched");

    // Told everywhere, and again it is done at once.
    assert!(world.konta(&["status", "breadfree"]).ended_with(0).stdout.contains("suspended"));
    assert!(world.konta(&["ls"]).ended_with(0).stdout.contains("suspended"));
    let again = world.konta(&["tenant", "suspend", "breadfree", "-o", "json"]).ended_with(0);
    let steps = again.lines();
    assert!(
        steps.iter().filter(|e| e["event"] == "step_finished").all(|e| e["outcome"] == "already_done"),
        "{}",
        again.stdout
    );
    assert!(!steps.iter().any(|e| e["event"] == "stack_started"), "{}", again.stdout);

    let said = world.konta(&["tenant", "resume", "breadfree", "-o", "json"]).ended_with(0);
    assert_eq!(said.result()["page"], "none");
    assert_eq!(said.result()["url"], "https://breadfree.konta.shop");
    assert_eq!(rule(&aws, "breadfree.konta.shop").await, before);
    assert!(tasks(&aws, "breadfree").await.0 > 0);
    world.konta(&["plan", "tenant", "breadfree", "--exit-code"]).ended_with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_tenant_of_the_pool_rests_and_its_neighbour_does_not() {
    let world = World::warm();
    world.write("tenants/musica.yml", "tier: catalogue\nhosts: [musica.konta.shop]\n");
    world.konta(&["deploy", "tenant", "artista", "musica"]).ended_with(0);
    let aws = world.aws().await;
    let before = rule(&aws, "artista.konta.shop").await;
    let port = world.postgres_port();
    let pool = aws.secret("/konta/prod/cell-1/pool/password").await.unwrap().unwrap();
    let registry = connect(port, "konta_pool", pool.expose_secret(), "konta_registry").await.unwrap();
    let resting = async || {
        let rows = registry.query("SELECT DISTINCT database FROM konta_host WHERE suspended", &[]).await.unwrap();
        rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>()
    };
    let inside = connect(port, "konta_pool", pool.expose_secret(), "artista").await.unwrap();
    let neighbour = connect(port, "konta_pool", pool.expose_secret(), "musica").await.unwrap();

    world.konta(&["tenant", "suspend", "artista"]).ended_with(0);
    assert_eq!(resting().await, ["artista"]);
    assert!(inside.query_one("SELECT 1", &[]).await.is_err(), "the pool's connection to its database is ended");
    assert!(neighbour.query_one("SELECT 1", &[]).await.is_ok());
    assert!(rule(&aws, "artista.konta.shop").await.fixed_response.is_some());
    assert!(rule(&aws, "musica.konta.shop").await.fixed_response.is_none());

    world.konta(&["tenant", "resume", "artista"]).ended_with(0);
    assert!(resting().await.is_empty());
    assert_eq!(rule(&aws, "artista.konta.shop").await, before);
    world.konta(&["plan", "tenant", "--all", "--exit-code"]);

    // A suspended one can be deleted, and comes anew without the page.
    world.konta(&["tenant", "suspend", "artista"]).ended_with(0);
    world.konta(&["delete", "tenant", "artista", "--confirm", "artista"]).ended_with(0);
    world.konta(&["deploy", "tenant", "artista"]).ended_with(0);
    assert!(resting().await.is_empty());
    assert_eq!(rule(&aws, "artista.konta.shop").await.target_group, before.target_group);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_a_suspended_tenant_wait_until_it_is_back() {
    let world = World::warm();
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
    world.konta(&["tenant", "suspend", "breadfree"]).ended_with(0);
    let said = world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    assert!(said.stderr.contains("nothing to change"), "{}", said.stderr);

    let smaller = "tier: production\nhosts: [breadfree.konta.shop]\nsize: { cpu: 512, memory: 2048 }\n";
    world.write("tenants/breadfree.yml", smaller);
    let plan = world.konta(&["plan", "tenant", "breadfree", "--exit-code"]).ended_with(2);
    assert!(plan.stdout.contains("breadfree is suspended"), "{}", plan.stdout);
    let refused = world.konta(&["deploy", "tenant", "breadfree"]).ended_with(1);
    assert!(refused.stderr.contains("konta tenant resume breadfree"), "{}", refused.stderr);
    let passed = world.konta(&["deploy", "tenant", "--all", "-o", "json"]).ended_with(0);
    assert!(passed.result()["notes"].to_string().contains("skipped, with changes"), "{}", passed.stdout);
    let aws = world.aws().await;
    assert_eq!(tasks(&aws, "breadfree").await, (0, 0));

    // The manifest's change is not deployed by the way.
    world.konta(&["tenant", "resume", "breadfree"]).ended_with(0);
    let stack = async || aws.stack("konta-prod-tenant-breadfree").await.unwrap().unwrap();
    assert_ne!(stack().await.parameters["Cpu"], "512");
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    assert_eq!(stack().await.parameters["Cpu"], "512");

    // Without its manifest it can be suspended too.
    world.remove("tenants/breadfree.yml");
    world.konta(&["tenant", "suspend", "breadfree"]).ended_with(0);
    assert_eq!(ServingState::of(&stack().await.parameters["Page"]), ServingState::Suspended);
    assert!(world.konta(&["ls"]).ended_with(0).stdout.contains("suspended"));
}

#[test]
fn nobody_is_suspended_unasked_or_by_a_misspelt_name() {
    let world = World::warm();
    world.konta(&["tenant", "suspend", "breadfree"]).ended_with(1);
    let said = world.konta(&["tenant", "suspend", "breadfre"]).ended_with(1);
    assert!(said.stderr.contains("breadfree"), "{}", said.stderr);
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    let said = world.run(&["tenant", "suspend", "breadfree", "--sandbox"]).ended_with(6);
    assert!(said.stderr.contains("no terminal"), "{}", said.stderr);
    assert!(!world.konta(&["status", "breadfree"]).stdout.contains("suspended"));
}

/// Runs a command and ends it as soon as it has told so many events; whether it was still running then.
fn killed_after(world: &World, arguments: &[&str], events: usize) -> bool {
    use std::io::BufRead as _;
    let mut command = world.command(&[arguments, &["--sandbox", "--yes", "-o", "json"]].concat());
    let mut child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let told = std::io::BufReader::new(child.stdout.take().unwrap()).lines().take(events).count();
    let killed = told == events && child.try_wait().unwrap().is_none();
    let _ = child.kill();
    child.wait().unwrap();
    killed
}

/// Every event is a step begun or ended, or a resource on its way: after each the command is killed once, and run again.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_the_same_command_goes_on() {
    let world = World::warm();
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    let aws = world.aws().await;
    let mut kills = 0;
    for events in 1.. {
        let killed = killed_after(&world, &["tenant", "suspend", "breadfree"], events);
        world.konta(&["tenant", "suspend", "breadfree"]).ended_with(0);
        assert_eq!(tasks(&aws, "breadfree").await, (0, 0), "after {events} events");
        assert!(rule(&aws, "breadfree.konta.shop").await.fixed_response.is_some(), "after {events} events");

        let again = killed_after(&world, &["tenant", "resume", "breadfree"], events);
        world.konta(&["tenant", "resume", "breadfree"]).ended_with(0);
        assert!(tasks(&aws, "breadfree").await.1 > 0, "after {events} events");
        assert!(rule(&aws, "breadfree.konta.shop").await.target_group.is_some(), "after {events} events");
        kills += usize::from(killed) + usize::from(again);
        if !killed && !again {
            break;
        }
    }
    assert!(kills > 10, "{kills}");
    world.konta(&["plan", "tenant", "breadfree", "--exit-code"]).ended_with(0);
}
