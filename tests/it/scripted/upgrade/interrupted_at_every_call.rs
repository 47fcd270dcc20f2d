//! Where a session ends, at each call of an upgrade and of its way back: what the next command makes of that.

use jiff::SignedDuration;

use super::cloud::{Cloud, Database, NEW, OLD};
use super::{is_whole, now, pair, resumed, upgraded};

/// How many calls an upgrade makes.
async fn calls_of(prepare: impl Fn(&Cloud)) -> usize {
    let cloud = Cloud::new();
    prepare(&cloud);
    let _ = upgraded(&cloud, Some(NEW), now()).await;
    cloud.state().calls
}

#[tokio::test(start_paused = true)]
async fn wherever_the_session_ends_the_same_command_completes_the_upgrade() {
    let all = calls_of(|_| {}).await;
    assert!(all > 40, "{all}");
    for last in 0..=all {
        let cloud = Cloud::new();
        cloud.state().ends_after = Some(last);
        let first = upgraded(&cloud, Some(NEW), now()).await;
        assert_eq!(first.is_ok(), last == all, "{last}");
        cloud.state().ends_after = None;
        let done = upgraded(&cloud, Some(NEW), now()).await.unwrap_or_else(|broken| panic!("{last}: {}", broken.error));
        assert_eq!(done.image, NEW);
        is_whole(&cloud, (NEW, "new"), &["bread"], &format!("after call {last}"));
        assert_eq!(cloud.state().databases["bread"].comment, "", "{last}");
    }
}

#[tokio::test(start_paused = true)]
async fn wherever_the_session_ends_a_resumed_tenant_is_served_by_the_image_that_fits_its_data() {
    let all = calls_of(|_| {}).await;
    for last in 0..all {
        let cloud = Cloud::new();
        cloud.state().ends_after = Some(last);
        upgraded(&cloud, Some(NEW), now()).await.unwrap_err();
        cloud.state().ends_after = None;
        if cloud.stack().parameters["Page"] != "none" || cloud.state().desired == 0 {
            resumed(&cloud).await.unwrap();
        }
        let served = cloud.serves().unwrap();
        assert!(served == pair(OLD, "old") || served == pair(NEW, "new"), "{last}: {served:?}");
        // Weeks later, with what people did in the meantime, the next upgrade is a whole one.
        let weeks = now() + SignedDuration::from_hours(24 * 30);
        cloud.state().parameters.insert("Image".into(), NEW.into());
        cloud.state().databases.get_mut("bread").unwrap().data = "weeks".into();
        cloud.state().wrong.clear();
        let tasks = cloud.state().tasks.len();
        let broken = upgraded(&cloud, Some(NEW), weeks).await.err().map(|broken| broken.error.to_string());
        assert_eq!(broken, None, "{last}");
        assert_eq!(cloud.state().tasks.len(), tasks + 1, "{last}: its modules are upgraded");
        assert_eq!(cloud.databases(), ["bread"], "{last}");
    }
}

#[tokio::test(start_paused = true)]
async fn wherever_the_session_ends_a_release_that_does_not_answer_is_taken_back() {
    let deaf = |cloud: &Cloud| {
        cloud.state().deaf.insert(NEW);
    };
    let all = calls_of(deaf).await;
    for last in 0..=all {
        let cloud = Cloud::new();
        deaf(&cloud);
        cloud.state().ends_after = Some(last);
        upgraded(&cloud, Some(NEW), now()).await.unwrap_err();
        cloud.state().ends_after = None;
        let broken = upgraded(&cloud, Some(NEW), now()).await.unwrap_err();
        assert!(broken.is_back, "{last}: {}", broken.error);
        assert!(broken.error.to_string().contains("health check"), "{last}: {}", broken.error);
        is_whole(&cloud, (OLD, "old"), &["bread", "bread__failed"], &format!("after call {last}"));
        assert_eq!(cloud.state().databases["bread"].comment, "konta: restored from bread/1", "{last}");
        let failed = cloud.state().databases["bread__failed"].clone();
        assert!(
            failed.data == "new" && failed.comment.contains("\"failed\"") && failed.comment.contains(NEW),
            "{failed:?}"
        );
    }
    // What is kept goes when an upgrade succeeds.
    let cloud = Cloud::new();
    deaf(&cloud);
    upgraded(&cloud, Some(NEW), now()).await.unwrap_err();
    upgraded(&cloud, None, now()).await.unwrap();
    assert_eq!(cloud.databases(), ["bread"]);
}

#[tokio::test(start_paused = true)]
async fn a_way_back_that_is_broken_off_leads_to_the_former_image_also_by_another_command() {
    let all = calls_of(|cloud| {
        cloud.state().deaf.insert(NEW);
    })
    .await;
    'calls: for last in (0..all).rev() {
        for by_resume in [true, false] {
            let cloud = Cloud::new();
            cloud.state().deaf.insert(NEW);
            cloud.state().ends_after = Some(last);
            upgraded(&cloud, Some(NEW), now()).await.unwrap_err();
            cloud.state().ends_after = None;
            // Back to where the former database is not yet in its place again.
            if !cloud.databases().contains(&"bread__failed".to_owned()) {
                assert!(last + 10 < all, "the way back has steps");
                break 'calls;
            }
            if by_resume && cloud.stack().parameters["Page"] != "none" {
                resumed(&cloud).await.unwrap();
                assert_eq!(cloud.serves(), Some(pair(OLD, "old")), "{last}");
            } else if !by_resume {
                // With the image that fits the data.
                let done =
                    upgraded(&cloud, None, now()).await.unwrap_or_else(|broken| panic!("{last}: {}", broken.error));
                assert_eq!(done.image, OLD, "{last}");
            }
            let wrong = cloud.state().wrong.clone();
            assert!(wrong.iter().all(|wrong| wrong.contains("sha256:old serves the data of new")), "{last}: {wrong:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_former_database_of_weeks_ago_is_never_put_back_and_an_unknown_one_never_dropped() {
    let cloud = Cloud::new();
    let all = calls_of(|_| {}).await;
    // Broken off in its last steps, before its tasks were seen; the tenant serves all the same, and people work.
    for last in (0..all).rev() {
        let cloud = Cloud::new();
        cloud.state().ends_after = Some(last);
        let _ = upgraded(&cloud, Some(NEW), now()).await;
        cloud.state().ends_after = None;
        if cloud.serves() != Some(pair(NEW, "new")) || cloud.state().ssm.is_empty() {
            continue;
        }
        cloud.state().databases.get_mut("bread").unwrap().data = "weeks".into();
        cloud.state().deaf.insert(NEW);
        let weeks = now() + SignedDuration::from_hours(24 * 30);
        let broken = upgraded(&cloud, Some(NEW), weeks).await.unwrap_err();
        assert!(!broken.is_back, "{last}");
        assert_eq!(cloud.state().databases["bread"].data, "weeks", "{last}");
        assert!(cloud.state().databases.contains_key("bread__former"), "{last}");
    }
    let unknown = Database { comment: String::new(), data: "somebody's".into() };
    cloud.state().databases.insert("bread__former".into(), unknown);
    let broken = upgraded(&cloud, Some(NEW), now()).await.unwrap_err();
    assert!(broken.error.to_string().contains("bread__former"), "{}", broken.error);
    assert_eq!(cloud.serves(), Some(pair(OLD, "old")));
}
