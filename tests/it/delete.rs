//! `konta delete`: a typed name, data kept unless purged, and a second deployment that takes it up again.

use crate::world::{World, connect};
use secrecy::ExposeSecret;

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_tenant_leaves_its_database_and_a_purged_one_nothing() {
    let world = World::example();
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
    let aws = world.aws().await;
    let name = "/konta/prod/tenant/artista/password";
    let password = aws.secret(name).await.unwrap().unwrap();
    let port = world.postgres_port();
    let table = connect(port, "artista", password.expose_secret(), "artista").await.unwrap();
    table.batch_execute("CREATE TABLE painting(title text)").await.unwrap();

    // --yes does not stand for a typed name.
    world.konta(&["delete", "tenant", "artista"]).ended_with(6);
    world.konta(&["delete", "tenant", "artista", "--confirm", "artist"]).ended_with(7);
    assert!(aws.stack("konta-prod-tenant-artista").await.unwrap().is_some());

    world.konta(&["delete", "tenant", "artista", "--confirm", "artista"]).ended_with(0);
    assert!(aws.stack("konta-prod-tenant-artista").await.unwrap().is_none());
    assert!(connect(port, "artista", password.expose_secret(), "artista").await.is_ok(), "the database is kept");
    // Deleting again finds nothing left to do.
    world.konta(&["delete", "tenant", "artista", "--confirm", "artista"]).ended_with(0);

    world.konta(&["deploy", "tenant", "artista"]).ended_with(0);
    let again = connect(port, "artista", password.expose_secret(), "artista").await.unwrap();
    assert!(again.query("SELECT * FROM painting", &[]).await.is_ok(), "the database was taken up again");

    world.konta(&["delete", "tenant", "artista", "--confirm", "artista", "--purge"]).ended_with(0);
    assert!(connect(port, "artista", password.expose_secret(), "artista").await.is_err());
    assert!(aws.secret(name).await.unwrap().is_none());
    let pool = aws.secret("/konta/prod/cell-1/pool/password").await.unwrap().unwrap();
    let registry = connect(port, "konta_pool", pool.expose_secret(), "konta_registry").await.unwrap();
    assert!(registry.query("SELECT * FROM konta_host", &[]).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_goes_only_without_tenants_and_keeps_its_zone_unless_purged() {
    let world = World::example();
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    let said = world.konta(&["delete", "env", "prod", "--confirm", "prod"]).ended_with(1);
    assert!(said.stderr.contains("breadfree"), "{}", said.stderr);
    world.konta(&["delete", "tenant", "breadfree", "--confirm", "breadfree"]).ended_with(0);
    world.konta(&["delete", "env", "prod", "--confirm", "prod"]).ended_with(0);
    let aws = world.aws().await;
    assert!(aws.stack("konta-prod-cell-1").await.unwrap().is_none());
    assert!(aws.stack("konta-prod").await.unwrap().is_none());
    assert!(aws.stack("konta-prod-dns").await.unwrap().is_some(), "the zone is kept");
    let said = world.konta(&["delete", "env", "prod", "--confirm", "prod", "--purge"]).ended_with(0);
    assert!(said.stderr.contains("the zone itself"), "{}", said.stderr);
    world.konta(&["delete", "tenant", "nobody", "--confirm", "nobody"]).ended_with(1);
    assert!(aws.stack("konta-prod-dns").await.unwrap().is_none());
}

/// The addons of `bread-free` begin like those of `bread`: a purge of the one leaves the other's alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_purge_leaves_the_addons_of_a_tenant_with_a_longer_name_alone() {
    let world = World::example();
    world.write("tenants/bread.yml", "tier: production\nhosts: [bread.konta.shop]\n");
    world.write("tenants/bread-free.yml", "tier: production\nhosts: [bread-free.konta.shop]\ndatabase: dedicated\n");
    world.konta(&["deploy", "tenant", "bread", "bread-free"]).ended_with(0);
    world.konta(&["delete", "tenant", "bread", "--confirm", "bread", "--purge"]).ended_with(0);
    let addon = world.aws().await.stack("konta-prod-addon-bread-free-aurora").await.unwrap();
    assert!(addon.is_some_and(|stack| stack.status == "CREATE_COMPLETE"));
}
