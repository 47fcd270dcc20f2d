//! SQL through the Data API, as AWS may answer it: a cluster that resumes, a statement that is wrong or timed out.

use std::sync::atomic::{AtomicUsize, Ordering};

use konta::aws::rds_data::DataTarget;
use serde_json::json;

use crate::support::fake_aws::{Answer, scripted};

/// Trap 7: the first call to a paused cluster is refused as the client's fault, which no SDK retries.
#[tokio::test(start_paused = true)]
async fn a_paused_database_is_waited_for() {
    let asked = AtomicUsize::new(0);
    let (aws, calls) = scripted(move |_| {
        if asked.fetch_add(1, Ordering::Relaxed) < 3 {
            let text = "The Aurora DB instance db is resuming after being auto-paused. Please wait a few seconds and try again.";
            Answer::json(400, &json!({"__type": "DatabaseResumingException", "message": text}))
        } else {
            Answer::json(200, &json!({"records": [[{"longValue": 1}]]}))
        }
    });
    let target = DataTarget { cluster: "arn:c".into(), secret: "arn:s".into() };
    let rows = aws.sql(&target, "postgres", "SELECT 1", &[]).await.unwrap();
    assert_eq!(rows, [[Some("1".to_owned())]]);
    assert_eq!(calls.actions().len(), 4);
}

/// The service keeps connections; konta itself ends those to a database before it renames it.
#[tokio::test(start_paused = true)]
async fn a_statement_that_met_an_ended_connection_is_sent_again() {
    for message in [
        "FATAL: terminating connection due to administrator command; SQLState: 57P01",
        "An I/O error occurred while sending to the backend.; SQLState: 08006",
        "This connection has been closed.; SQLState: 08003",
    ] {
        let asked = AtomicUsize::new(0);
        let (aws, calls) = scripted(move |_| {
            if asked.fetch_add(1, Ordering::Relaxed) == 0 {
                Answer::json(400, &json!({"__type": "DatabaseErrorException", "message": message}))
            } else {
                Answer::json(200, &json!({"records": [[{"longValue": 1}]]}))
            }
        });
        let target = DataTarget { cluster: "arn:c".into(), secret: "arn:s".into() };
        assert_eq!(aws.sql(&target, "t", "SELECT 1", &[]).await.unwrap(), [[Some("1".to_owned())]], "{message}");
        assert_eq!(calls.actions().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_statement_is_not_repeated() {
    let (aws, calls) = scripted(|_| {
        Answer::json(
            400,
            &json!({"__type": "DatabaseErrorException", "message": "ERROR: syntax error; SQLState: 42601"}),
        )
    });
    let target = DataTarget { cluster: "arn:c".into(), secret: "arn:s".into() };
    let error = aws.sql(&target, "postgres", "SELEC 1", &[]).await.unwrap_err();
    assert!(error.message.contains("syntax error"), "{error}");
    assert_eq!(calls.actions().len(), 1);
}

/// A statement that times out goes on in PostgreSQL: sent again, it finds its own work.
#[tokio::test(start_paused = true)]
async fn a_database_made_by_a_statement_that_timed_out_is_taken_as_made() {
    let make = async |state: &'static str| {
        let sent = std::sync::Mutex::new(std::collections::BTreeSet::new());
        let (aws, _) = scripted(move |call| match call.action.as_str() {
            "DescribeDBClusters" => Answer::xml(
                "DescribeDBClusters",
                "<DBClusters><DBCluster><HttpEndpointEnabled>true</HttpEndpointEnabled></DBCluster></DBClusters>",
            ),
            "GetParameter" => Answer::json(200, &json!({"Parameter": {"Value": "secret"}})),
            _ => {
                let request: serde_json::Value = serde_json::from_str(&call.body).unwrap();
                let sql = request["sql"].as_str().unwrap().to_owned();
                let refused =
                    |kind: &str, message: &str| Answer::json(400, &json!({"__type": kind, "message": message}));
                if !(sql.starts_with("CREATE ROLE") || sql.starts_with("CREATE DATABASE")) {
                    return Answer::json(200, &json!({"records": []}));
                }
                let is_role = sql.starts_with("CREATE ROLE");
                if sent.lock().unwrap().insert(sql) {
                    return refused("StatementTimeoutException", "Request timed out");
                }
                let state = if is_role { "42710" } else { state };
                refused("DatabaseErrorException", &format!("ERROR: refused; SQLState: {state}"))
            }
        });
        let target = DataTarget { cluster: "arn:c".into(), secret: "arn:s".into() };
        let tenant = konta::model::TenantName::new("bread").unwrap();
        konta::deploy::steps::tenant_database(
            &aws,
            &konta::operation::Database::new(&aws, target.clone()),
            &tenant,
            "/p",
            false,
        )
        .await
    };
    assert_eq!(make("42P04").await.unwrap().0, konta::operation::StepOutcome::Done);
    let error = make("42501").await.unwrap_err().to_string();
    assert!(error.contains("42501"), "another refusal is one: {error}");
}
