//! Where a tenant's database waits for it, whose a stack is, and what stands without a manifest.

use konta::aws::change_set::ChangeSetRequest;

use crate::support::sandbox_workspace::World;

/// A database that was kept is in its cell, and a tenant that comes again is led there, whoever came meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_comes_again_goes_to_the_cell_that_kept_its_database() {
    let world = World::warm();
    let environment = std::fs::read_to_string(world.path().join("environments/prod.yml")).unwrap();
    world.write("environments/prod.yml", &environment.replace("tenants_per_cell: 90", "tenants_per_cell: 1"));
    world.write("tenants/aaa.yml", "tier: production\nhosts: [aaa.konta.shop]\n");
    world.konta(&["deploy", "tenant", "aaa"]).ended_with(0);
    world.konta(&["delete", "tenant", "aaa", "--confirm", "aaa"]).ended_with(0);
    let listed = world.konta(&["ls", "-o", "json"]).ended_with(0);
    assert!(listed.stdout.contains("not deployed, data kept in cell 1"), "{}", listed.stdout);
    let status = world.konta(&["status", "aaa"]).ended_with(1);
    assert!(status.stderr.contains("its data is kept in cell 1"), "{}", status.stderr);

    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    world.konta(&["deploy", "tenant", "aaa"]).ended_with(0);
    let aws = world.aws().await;
    let cell_of = async |tenant: &str| {
        aws.stack(&format!("konta-prod-tenant-{tenant}")).await.unwrap().unwrap().tags["konta:cell"].clone()
    };
    assert_eq!((cell_of("aaa").await, cell_of("breadfree").await), ("1".into(), "2".into()));
    assert!(aws.parameters_under("/konta/prod/kept").await.unwrap().is_empty(), "who lives there is kept by nobody");

    world.konta(&["delete", "tenant", "aaa", "--confirm", "aaa"]).ended_with(0);
    world.konta(&["delete", "tenant", "aaa", "--confirm", "aaa", "--purge"]).ended_with(0);
    assert!(aws.parameters_under("/konta/prod/kept").await.unwrap().is_empty(), "what is purged is kept by nobody");
    let listed = world.konta(&["ls", "-o", "json"]).ended_with(0);
    assert!(!listed.stdout.contains("data kept"), "{}", listed.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_somebody_else_made_is_left_alone() {
    let world = World::warm();
    world.konta(&["deploy", "env"]).ended_with(0);
    let aws = world.aws().await;
    let none = std::collections::BTreeMap::new();
    let request = ChangeSetRequest {
        stack: "konta-prod-tenant-breadfree",
        name: "theirs",
        create: true,
        body: r#"{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}"#,
        parameters: &none,
        tags: &none,
        makes_iam: false,
        description: "",
    };
    aws.create_change_set(&request).await.unwrap();
    aws.execute_change_set(request.stack, request.name, request.name).await.unwrap();
    let said = world.konta(&["deploy", "tenant", "breadfree"]).ended_with(1);
    assert!(said.stderr.contains("lacks konta"), "{}", said.stderr);
    assert!(aws.template(request.stack).await.unwrap().contains("AWS::SNS::Topic"));
    let listed = world.konta(&["ls", "-o", "json"]).ended_with(0);
    assert!(listed.stdout.contains("breadfree"), "the manifest's tenant is listed: {}", listed.stdout);
}

/// The last pooled manifest is gone, but its stack stands: the pool serves on, and the tenant can be looked at and deleted.
#[tokio::test(flavor = "multi_thread")]
async fn a_pool_stays_while_a_tenant_of_it_stands_without_a_manifest() {
    let world = World::warm();
    world.konta(&["deploy", "tenant", "artista"]).ended_with(0);
    world.remove("tenants/artista.yml");
    world.konta(&["deploy", "env"]).ended_with(0);
    let aws = world.aws().await;
    assert!(aws.stack("konta-prod-cell-1").await.unwrap().unwrap().outputs.contains_key("PoolServiceName"));
    let status = world.konta(&["status", "artista", "-o", "json"]).ended_with(0).stdout;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!((&status["manifest"], &status["isolation"]), (&false.into(), &"pooled".into()));
    assert_eq!(status["service"]["service"].as_str().map(|name| name.contains("Pool")), Some(true), "{status}");
    let unknown = world.konta(&["status", "artist"]).ended_with(1);
    assert!(unknown.stderr.contains("no tenant `artist`"), "{}", unknown.stderr);
    world.konta(&["delete", "tenant", "artista", "--confirm", "artista"]).ended_with(0);
    world.konta(&["deploy", "env"]).ended_with(0);
    assert!(!aws.stack("konta-prod-cell-1").await.unwrap().unwrap().outputs.contains_key("PoolServiceName"));
}
