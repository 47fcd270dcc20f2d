//! Backups in the sandbox's bucket that no task made: what is listed, and what is thinned out.

use jiff::{SignedDuration, Timestamp};
use konta::odoo::backup::BackupId;
use konta::tenant::backup;
use serde_json::{Value, json};

use crate::support::sandbox_workspace::World;

fn manifest(id: &BackupId, missing: &[&str]) -> Vec<u8> {
    let text = json!({
        "format": 1, "tenant": "artista", "id": id, "image": null, "odoo": "19.0.1.3", "postgresql": "18.4", "modules": {},
        "objects": {}, "rows": {}, "files": {"count": 1, "missing": missing, "damaged": []}, "finished_at": "2026-11-25T03:31:00Z",
    });
    text.to_string().into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_cannot_be_read_hides_no_other_and_is_never_thinned_out() {
    let world = World::warm();
    world.konta(&["deploy", "env", "prod"]).ended_with(0);
    let aws = world.aws().await;
    let bucket = aws.stack("konta-prod").await.unwrap().unwrap().outputs["BackupBucketName"].clone();
    let now = Timestamp::now();
    let ids: Vec<BackupId> =
        [900, 800, 700, 3, 2].iter().map(|days| BackupId::at(now - SignedDuration::from_hours(24 * days))).collect();
    for (id, content) in [
        (&ids[0], b"{ not a manifest".to_vec()),
        (&ids[1], manifest(&ids[1], &[])),
        (&ids[2], manifest(&ids[2], &["aa/aa", "bb/bb"])),
        (&ids[3], manifest(&ids[3], &["aa/aa", "bb/bb"])),
        (&ids[4], manifest(&ids[4], &["aa/aa", "bb/bb"])),
    ] {
        aws.put_object(&bucket, &format!("artista/{id}/manifest.json"), content).await.unwrap();
    }
    let listed = || -> Value {
        serde_json::from_str(&world.konta(&["tenant", "backups", "artista", "-o", "json"]).ended_with(0).stdout)
            .unwrap()
    };
    let all = listed()["backups"].as_array().unwrap().clone();
    assert_eq!(all.len(), 5);
    assert!(all[4]["unreadable"].as_str().unwrap().contains("cannot be read"), "{}", all[4]);
    let said = world.konta(&["tenant", "backups", "artista"]).ended_with(0);
    assert!(
        said.stdout.contains("unreadable") && said.stderr.contains("cannot be read"),
        "{} {}",
        said.stdout,
        said.stderr
    );

    assert_eq!(backup::lost_before(&aws, &bucket, "artista", &ids[4]).await.unwrap(), Some(2));
    assert_eq!(backup::lost_before(&aws, &bucket, "artista", &ids[2]).await.unwrap(), Some(0));
    assert_eq!(
        backup::lost_before(&aws, &bucket, "artista", &ids[1]).await.unwrap(),
        None,
        "the one before cannot be read"
    );

    let said = world.konta(&["tenant", "backups", "artista", "--prune", "-o", "json"]).ended_with(0);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(report["deleted"], json!([]), "the newest that lost no file stays, and of each month the last");
    let text = std::fs::read_to_string(world.path().join("environments/prod.yml")).unwrap();
    world.write("environments/prod.yml", &format!("{text}backups: {{ daily: 1, weekly: 0, monthly: 0 }}\n"));
    let said = world.konta(&["tenant", "backups", "artista", "--prune", "-o", "json"]).ended_with(0);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(report["deleted"], json!([ids[2], ids[3]]));
    let left: Vec<Value> = listed()["backups"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(json!(left), json!([ids[4], ids[1], ids[0]]));
}
