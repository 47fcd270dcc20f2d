//! `konta delete`: a typed name, data kept unless purged, and a second deployment that takes it up again.

use std::sync::{Arc, Mutex};

use konta::deploy::delete::{Deleter, Kept};
use konta::model::TenantName;
use konta::stack::{Observed, ObservedStack};
use secrecy::ExposeSecret;

use crate::support::context::context;
use crate::support::fake_aws::{Answer, Call, Calls, scripted};
use crate::support::sandbox_workspace::{World, connect};

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_tenant_leaves_its_database_and_a_purged_one_nothing() {
    let world = World::warm();
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

    // What a restore and a copy put beside it is the role's too, and another tenant's is not.
    for name in ["artista__before", "artista__check", "artistas"] {
        let owner = if name == "artistas" { "breadfree" } else { "artista" };
        let make = format!("CREATE DATABASE {name} OWNER {owner}");
        tokio::task::block_in_place(|| {
            std::thread::scope(|scope| scope.spawn(|| world.sql("postgres", &make)).join().unwrap())
        });
    }
    let bucket = aws.stack("konta-prod").await.unwrap().unwrap().outputs["BackupBucketName"].clone();
    let keys = [
        "artista/20261125T033000Z/database.dump",
        "artista/20261125T033000Z/manifest.json",
        "artistas/x/manifest.json",
    ];
    for key in keys.iter().chain(&keys[..2]) {
        aws.put_object(&bucket, key, b"{}".to_vec()).await.unwrap();
    }
    world.konta(&["delete", "tenant", "artista", "--confirm", "artista", "--backups"]).ended_with(64);
    let said = world.konta(&["delete", "tenant", "artista", "--confirm", "artista", "--purge"]).ended_with(0);
    assert!(said.stderr.contains("artista, artista__before, artista__check"), "{}", said.stderr);
    assert!(said.stderr.contains("its backups are kept"), "{}", said.stderr);
    let said =
        world.konta(&["delete", "tenant", "artista", "--confirm", "artista", "--purge", "--backups"]).ended_with(0);
    assert!(!said.stderr.contains("its backups are kept"), "{}", said.stderr);
    let left = aws.objects(&bucket, "artista").await.unwrap();
    assert_eq!(left.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), keys[2..]);
    assert_eq!(aws.delete_for_ever(&bucket, "artista/").await.unwrap(), 0, "no former version is left");
    assert!(connect(port, "artista", password.expose_secret(), "artista").await.is_err());
    assert!(aws.secret(name).await.unwrap().is_none());
    let pool = aws.secret("/konta/prod/cell-1/pool/password").await.unwrap().unwrap();
    let registry = connect(port, "konta_pool", pool.expose_secret(), "konta_registry").await.unwrap();
    assert!(registry.query("SELECT * FROM konta_host", &[]).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_goes_only_without_tenants_and_keeps_its_zone_unless_purged() {
    let world = World::warm();
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
    let world = World::warm();
    world.write("tenants/bread.yml", "tier: production\nhosts: [bread.konta.shop]\n");
    world.write("tenants/bread-free.yml", "tier: production\nhosts: [bread-free.konta.shop]\ndatabase: dedicated\n");
    world.konta(&["deploy", "tenant", "bread", "bread-free"]).ended_with(0);
    world.konta(&["delete", "tenant", "bread", "--confirm", "bread", "--purge"]).ended_with(0);
    let addon = world.aws().await.stack("konta-prod-addon-bread-free-aurora").await.unwrap();
    assert!(addon.is_some_and(|stack| stack.status == "CREATE_COMPLETE"));
}

/// A deletion of what stands, against a script.
async fn scripted_deletion(
    standing: Vec<ObservedStack>,
    tenant: Option<&str>,
    script: impl Fn(&Call) -> Answer + Send + Sync + 'static,
) -> Calls {
    let (aws, calls) = scripted(script);
    let context = context(&aws, Observed::new(standing));
    let deleter = Deleter::new(&context);
    match tenant {
        Some(tenant) => deleter.tenant(&TenantName::new(tenant).unwrap(), Kept::Files).await.unwrap(),
        None => deleter.environment(true).await.unwrap(),
    }
    calls
}

fn stack(name: &str, status: &str, outputs: &[(&str, &str)]) -> ObservedStack {
    ObservedStack {
        name: name.into(),
        status: status.into(),
        outputs: outputs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        ..ObservedStack::default()
    }
}

fn record(name: &str, kind: &str) -> String {
    format!(
        "<ResourceRecordSet><Name>{name}</Name><Type>{kind}</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>v</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>"
    )
}

fn no_stack() -> Answer {
    Answer::error("ValidationError", "Stack with id konta-prod-dns does not exist")
}

/// Route 53 gives 300 records a page; and once its stack is gone, nobody knows the zone's id any more.
#[tokio::test(start_paused = true)]
async fn a_purged_zone_is_emptied_page_by_page_and_goes_before_its_stack() {
    let page = |records: &str, more: &str| Answer {
        status: 200,
        body: format!(
            "<ListResourceRecordSetsResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ResourceRecordSets>{records}</ResourceRecordSets>{more}<MaxItems>300</MaxItems></ListResourceRecordSetsResponse>"
        ),
    };
    let dns = stack("konta-prod-dns", "CREATE_COMPLETE", &[("HostedZoneId", "Z1")]);
    let deleted = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&deleted);
    let calls = scripted_deletion(vec![dns], None, move |call| match call.action.as_str() {
        "rrset" if call.body.starts_with('<') => {
            seen.lock().unwrap().push_str(&call.body);
            Answer {
                status: 200,
                body: "<ChangeResourceRecordSetsResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeInfo><Id>c</Id><Status>PENDING</Status><SubmittedAt>2026-11-24T12:00:00Z</SubmittedAt></ChangeInfo></ChangeResourceRecordSetsResponse>".into(),
            }
        }
        "rrset" if call.parameter("name").as_deref() == Some("s.konta.shop.") => {
            page(&record("s.konta.shop.", "NS"), "<IsTruncated>false</IsTruncated>")
        }
        "rrset" => page(
            &[record("konta.shop.", "NS"), record("konta.shop.", "SOA"), record("_acm.konta.shop.", "CNAME")].concat(),
            "<IsTruncated>true</IsTruncated><NextRecordName>s.konta.shop.</NextRecordName><NextRecordType>NS</NextRecordType>",
        ),
        "Z1" => Answer {
            status: 200,
            body: "<DeleteHostedZoneResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeInfo><Id>c</Id><Status>PENDING</Status><SubmittedAt>2026-11-24T12:00:00Z</SubmittedAt></ChangeInfo></DeleteHostedZoneResponse>".into(),
        },
        _ => no_stack(),
    })
    .await;
    let deleted = deleted.lock().unwrap();
    assert!(deleted.contains("_acm.konta.shop.") && deleted.contains("s.konta.shop."), "{deleted}");
    assert!(!deleted.contains("SOA") && !deleted.contains("<Name>konta.shop.</Name>"), "{deleted}");
    let actions = calls.actions();
    let zone = actions.iter().position(|action| action == "Z1").expect("the zone is deleted");
    let stack = actions.iter().position(|action| action == "DescribeStacks").expect("then its stack");
    assert!(zone < stack, "{actions:?}");
}

/// A cluster on its way out takes no statements; the database goes with it.
#[tokio::test(start_paused = true)]
async fn a_purge_sends_no_sql_to_a_cluster_that_is_being_deleted() {
    let outputs = [("DatabaseClusterArn", "arn:c"), ("DatabaseSecretArn", "arn:s")];
    let purge = async |cell_state: &'static str, cluster: &'static str| {
        let standing = vec![
            stack("konta-prod-cell-1", cell_state, &outputs),
            stack("konta-prod-addon-bread-aurora", "DELETE_IN_PROGRESS", &outputs),
        ];
        scripted_deletion(standing, Some("bread"), move |call| match call.action.as_str() {
            "DescribeDBClusters" => Answer::xml(
                "DescribeDBClusters",
                &format!("<DBClusters><DBCluster><Status>{cluster}</Status></DBCluster></DBClusters>"),
            ),
            "Execute" | "DeleteParameter" => Answer::json(200, &serde_json::json!({})),
            _ => no_stack(),
        })
        .await
    };
    assert_eq!(purge("DELETE_IN_PROGRESS", "available").await.count("Execute"), 0);
    assert_eq!(purge("DELETE_FAILED", "deleting").await.count("Execute"), 0);
    assert!(purge("DELETE_FAILED", "available").await.count("Execute") > 0, "that cluster stays");
}
