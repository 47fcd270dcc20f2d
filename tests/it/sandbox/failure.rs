//! A failing resource: rolled back, its first cause named, the database untouched, and mended by a second run.

use crate::support::sandbox_workspace::{World, connect};
use secrecy::ExposeSecret;

/// A rule that AWS refuses: its priority is the cell's own.
const BROKEN: &str = "- { op: replace, path: /Resources/ListenerRule/Properties/Priority, value: 1 }\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_resource_is_rolled_back_named_and_mended_by_the_next_run() {
    let world = World::warm();
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    let aws = world.aws().await;
    let password = aws.secret("/konta/prod/tenant/breadfree/password").await.unwrap().unwrap();
    let port = world.postgres_port();
    let database = connect(port, "breadfree", password.expose_secret(), "breadfree").await.unwrap();
    database.batch_execute("CREATE TABLE bread(name text); INSERT INTO bread VALUES ('sarraceno')").await.unwrap();

    world.write("overrides/konta-prod-tenant-breadfree.yml", BROKEN);
    let said = world.konta(&["deploy", "tenant", "breadfree", "artista"]).ended_with(1);
    assert!(said.stderr.contains("ListenerRule"), "the resource is named: {}", said.stderr);
    assert!(said.stderr.contains("Priority '1' is currently in use"), "AWS's reason is told: {}", said.stderr);
    assert!(said.stderr.contains("the stack is as it was before; databases were not touched"), "{}", said.stderr);
    let state = aws.stack("konta-prod-tenant-breadfree").await.unwrap().unwrap().status;
    assert_eq!(state, "UPDATE_ROLLBACK_COMPLETE");
    // The neighbour was deployed all the same.
    assert_eq!(aws.stack("konta-prod-tenant-artista").await.unwrap().unwrap().status, "CREATE_COMPLETE");
    let rows = database.query("SELECT name FROM bread", &[]).await.unwrap();
    assert_eq!(rows.len(), 1, "the database is untouched");
    let unverified: Vec<String> = aws.parameters_under("/konta/prod/unverified").await.unwrap().into_keys().collect();
    assert_eq!(unverified, ["konta-prod-tenant-breadfree"], "its neighbour was seen to answer");

    world.remove("overrides/konta-prod-tenant-breadfree.yml");
    // AWS finds nothing to change, but nobody knows whether the old tasks answer.
    let said = world.konta(&["plan", "tenant", "breadfree", "--exit-code", "-o", "json"]).ended_with(0);
    let plan: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(plan["stacks"].as_array().unwrap().last().unwrap()["action"], "verify", "{plan}");
    let said = world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    assert!(said.stderr.contains("check that the tasks answer"), "{}", said.stderr);
    assert!(aws.parameters_under("/konta/prod/unverified").await.unwrap().is_empty());
    world.konta(&["plan", "tenant", "breadfree", "--exit-code"]).ended_with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_whose_creation_failed_is_made_anew_by_the_next_run() {
    let world = World::warm();
    world.write("overrides/konta-prod-tenant-artista.yml", BROKEN);
    let said = world.konta(&["deploy", "tenant", "artista", "-o", "json"]).ended_with(1);
    let error = said.result();
    assert_eq!(error["code"], "konta::resource_failed");
    assert_eq!(error["exit_code"], 1);
    assert!(error["help"].as_str().unwrap().contains("the stack was not made"), "{error}");
    let failed = world.aws().await.stack("konta-prod-tenant-artista").await.unwrap().unwrap();
    assert_eq!(failed.status, "ROLLBACK_COMPLETE");

    world.remove("overrides/konta-prod-tenant-artista.yml");
    let said = world.konta(&["plan", "tenant", "artista"]).ended_with(0);
    assert!(said.stdout.contains("failed creation"), "{}", said.stdout);
    world.konta(&["deploy", "tenant", "artista"]).ended_with(0);
    let made = world.aws().await.stack("konta-prod-tenant-artista").await.unwrap().unwrap();
    assert_eq!(made.status, "CREATE_COMPLETE");
}

/// Killed at any moment, the same command goes on.
#[test]
fn a_deployment_killed_on_its_way_is_gone_on_with() {
    let world = World::warm();
    world.konta(&["sandbox", "start"]).ended_with(0);
    for milliseconds in [150, 300, 450, 600, 900, 1300] {
        let mut running = world
            .command(&["deploy", "tenant", "--all", "--sandbox", "--yes"])
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        let _ = running.kill();
        running.wait().unwrap();
    }
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
    world.konta(&["plan", "tenant", "--all", "--exit-code"]).ended_with(0);
}

#[test]
fn a_replacement_that_would_lose_data_is_refused() {
    let world = World::warm();
    world.konta(&["deploy", "env"]).ended_with(0);
    // The cluster's key is part of its identity: another one is another cluster.
    world.write(
        "overrides/cell.yml",
        "- { op: add, path: /Resources/Database/Properties/KmsKeyId, value: 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555' }\n",
    );
    let said = world.konta(&["deploy", "env"]).ended_with(1);
    assert!(said.stderr.contains("with its data"), "{}", said.stderr);
    assert!(said.stdout.to_lowercase().contains("data"), "the plan marks it: {}", said.stdout);
}

/// A resource that fails when everything that holds data stands: its type cannot be made by CloudFormation.
const BROKEN_CELL: &str = "- { op: add, path: /Resources/Broken, value: { Type: 'AWS::SSM::Parameter', DependsOn: [DatabaseInstanceA, HttpsListener], Properties: { Type: SecureString, Value: x } } }\n";

/// The cluster and the load balancer are made protected, so that not even a rollback may delete them.
#[tokio::test(flavor = "multi_thread")]
async fn a_cell_whose_first_creation_failed_late_is_made_anew_by_the_next_run() {
    let world = World::warm();
    world.write("overrides/cell.yml", BROKEN_CELL);
    world.konta(&["deploy", "env"]).ended_with(1);
    let aws = world.aws().await;
    let cell = "konta-prod-cell-1";
    assert_eq!(aws.stack(cell).await.unwrap().unwrap().status, "ROLLBACK_FAILED", "the protected resources stay");
    // A deletion by hand fails for the same reason; that stack never stood either.
    aws.delete_stack(cell, "t").await.unwrap();
    while aws.stack(cell).await.unwrap().unwrap().status != "DELETE_FAILED" {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    world.remove("overrides/cell.yml");
    let said = world.konta(&["deploy", "env"]).ended_with(0);
    assert!(said.stderr.contains("its creation failed"), "{}", said.stderr);
    let made = aws.stack(cell).await.unwrap().unwrap();
    assert!(made.status.ends_with("E_COMPLETE") && made.protected, "{made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_that_stood_and_was_deleted_half_way_is_never_removed_unasked() {
    let world = World::warm();
    world.konta(&["deploy", "env"]).ended_with(0);
    let aws = world.aws().await;
    let cell = "konta-prod-cell-1";
    aws.protect_stack(cell, false).await.unwrap();
    aws.delete_stack(cell, "t").await.unwrap();
    while aws.stack(cell).await.unwrap().unwrap().status != "DELETE_FAILED" {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let said = world.konta(&["deploy", "env"]).ended_with(1);
    assert!(said.stderr.contains("deletion stopped half-way"), "{}", said.stderr);
    let resources = aws.stack_resources(cell).await.unwrap();
    let (_, _, cluster, _) = resources.iter().find(|(_, kind, ..)| kind == "AWS::RDS::DBCluster").unwrap();
    assert_eq!(aws.cluster_status(cluster).await.unwrap().as_deref(), Some("available"), "the database is still there");
}

/// Killed between the change set and the protection, a run leaves a stack that its hash takes for well.
#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_lost_its_protection_gets_it_back() {
    let world = World::warm();
    world.konta(&["deploy", "env"]).ended_with(0);
    let aws = world.aws().await;
    aws.protect_stack("konta-prod-cell-1", false).await.unwrap();
    let said = world.konta(&["plan", "env", "--exit-code"]).ended_with(2);
    assert!(said.stdout.contains("termination protection is turned on"), "{}", said.stdout);
    world.konta(&["deploy", "env"]).ended_with(0);
    assert!(aws.stack("konta-prod-cell-1").await.unwrap().unwrap().protected);
    world.konta(&["plan", "env", "--exit-code"]).ended_with(0);
}

/// A sandbox that ends in the middle is no network's fault, and no end of the deployment.
#[test]
fn a_sandbox_that_dies_in_a_deployment_is_named_and_the_same_command_goes_on() {
    let world = World::example();
    world.konta(&["sandbox", "start"]).ended_with(0);
    let running = world
        .command(&["deploy", "tenant", "--all", "--sandbox", "--yes"])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let log = world.home().join("requests.jsonl");
    while !std::fs::read_to_string(&log).is_ok_and(|calls| calls.contains("ExecuteChangeSet")) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let pid = world.pid().to_string();
    assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    let output = running.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(8), "{said}");
    assert!(said.contains("the sandbox stopped"), "{said}");
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
}
