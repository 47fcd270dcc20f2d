//! `konta cost actual`: the estimate beside a bill, from answers in the form that Cost Explorer documents.

use std::error::Error;

use konta::aws::AwsError;
use konta::aws::costexplorer::Billed;
use konta::cost::actual::{Bill, BillRow, Month};
use konta::cost::usage::UsageFile;
use konta::cost::workspace::{ActualReport, Basis};
use konta::cost::{CostError, PriceTable};
use konta::manifest;
use konta::stack::LoadedWorkspace;
use konta::stack::tags::TENANT_TAG;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::fake_aws::{Answer, Calls, scripted};
use crate::support::sandbox_workspace::World;

/// A page as AWS's own examples show it: keys are the service and `tag$value`.
fn page(groups: &[(&str, &str, &str)], next: Option<&str>) -> Answer {
    let groups: Vec<Value> = groups
        .iter()
        .map(|(service, tenant, amount)| {
            json!({
                "Keys": [service, format!("konta:tenant${tenant}")],
                "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": "USD"}},
            })
        })
        .collect();
    let mut answer = json!({
        "GroupDefinitions": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "TAG", "Key": "konta:tenant"}],
        "ResultsByTime": [{
            "TimePeriod": {"Start": "2026-10-01", "End": "2026-11-01"}, "Total": {}, "Groups": groups, "Estimated": false,
        }],
        "DimensionValueAttributes": [],
    });
    if let Some(next) = next {
        answer["NextPageToken"] = json!(next);
    }
    Answer::json(200, &answer)
}

async fn report_of(
    give: impl Fn(&Value) -> Answer + Send + Sync + 'static,
) -> (Result<ActualReport, Box<dyn Error>>, Calls) {
    let world = World::example();
    let root = world.path().to_owned();
    let workspace = manifest::load(&root).unwrap();
    let loaded = LoadedWorkspace::with_templates_of(root, workspace).unwrap();
    let environment = loaded.workspace.environments.values().next().unwrap();
    let (usage, prices) = (UsageFile::none(), PriceTable::embedded());
    let basis = Basis { loaded: &loaded, environment, usage: &usage, prices: &prices };
    let (aws, calls) = scripted(move |call| give(&serde_json::from_str(&call.body).unwrap()));
    let month = Month::resolve(Some("2026-10"), "2026-11-24".parse().unwrap()).unwrap();
    let (start, end) = (month.first.to_string(), month.end.to_string());
    let report = async {
        let bill = aws.bill(&start, &end, &basis.bill_tags(), TENANT_TAG).await?;
        let row = |billed: Billed| BillRow { service: billed.service, tenant: billed.tag, usd: billed.usd };
        let bill = Bill {
            tagged: bill.tagged.into_iter().map(row).collect(),
            untagged: bill.untagged.into_iter().map(row).collect(),
            is_estimated: bill.estimated,
            calls: bill.calls,
        };
        Ok(basis.beside_bill(&month, &bill)?)
    };
    (report.await, calls)
}

/// Whether the question is for what has no tag.
fn untagged(question: &Value) -> bool {
    question["Filter"]["Tags"]["MatchOptions"] == json!(["ABSENT"])
}

#[tokio::test]
async fn the_estimate_stands_beside_the_bill_by_service_and_by_tenant_over_all_pages() {
    let (report, calls) = report_of(|question| match (untagged(question), question["NextPageToken"].as_str()) {
        (true, _) => page(&[("Tax", "", "4.20"), ("AWS Glue", "", "0")], None),
        (false, None) => page(
            &[
                ("Amazon Elastic Container Service", "breadfree", "2.5700000001"),
                ("Amazon Virtual Private Cloud", "breadfree", "3.65"),
            ],
            Some("more"),
        ),
        (false, Some(_)) => {
            page(&[("Amazon Relational Database Service", "", "55.10"), ("AmazonCloudWatch", "", "1.0E-7")], None)
        }
    })
    .await;
    let report = report.unwrap();
    assert_eq!((report.calls, calls.count("GetCostAndUsage")), (3, 3));
    let find = |rows: &[konta::cost::actual::Beside], name: &str| {
        rows.iter().find(|row| row.name == name).cloned().unwrap_or_else(|| panic!("{name}: {rows:?}"))
    };
    let tenant = find(&report.comparison.tenants, "breadfree");
    assert_eq!(tenant.billed_usd.to_string(), "6.2200000001");
    // Quarter of a vCPU and a gigabyte on ARM Spot, and an address.
    assert_eq!(tenant.estimate_usd.expected.round_dp(2).to_string(), "6.22");
    assert_eq!(find(&report.comparison.tenants, "shared").billed_usd.normalize().to_string(), "55.1000001");
    assert_eq!(find(&report.comparison.tenants, "artista").billed_usd, Decimal::ZERO);
    let database = find(&report.comparison.services, "Amazon Relational Database Service");
    assert!(database.estimate_usd.expected > Decimal::from(50) && database.billed_usd == Decimal::new(5510, 2));
    let total = report.comparison.total.clone().unwrap();
    for rows in [&report.comparison.services, &report.comparison.tenants] {
        assert_eq!(rows.iter().map(|row| row.billed_usd).sum::<Decimal>(), total.billed_usd);
        assert_eq!(rows.iter().map(|row| row.estimate_usd.expected).sum::<Decimal>(), total.estimate_usd.expected);
    }
    assert_eq!(report.untagged.iter().map(|row| row.service.as_str()).collect::<Vec<_>>(), ["Tax"]);
    let shown = report.page().text_at(100, false);
    assert!(shown.contains("3 calls to Cost Explorer, 0.03 USD") && shown.contains("Tax"), "{shown}");
    let markdown = report.page().markdown();
    assert!(markdown.contains("USD billed, ") && markdown.contains("| Tax | "), "{markdown}");
}

#[tokio::test]
async fn the_questions_name_month_tags_and_groups() {
    let (_, calls) = report_of(|_| page(&[], None)).await;
    let bodies: Vec<Value> = calls.bodies().iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0]["TimePeriod"], json!({"Start": "2026-10-01", "End": "2026-11-01"}));
    assert_eq!(bodies[0]["Metrics"], json!(["UnblendedCost"]));
    assert_eq!(
        bodies[0]["GroupBy"],
        json!([{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "TAG", "Key": "konta:tenant"}])
    );
    let tag = |key: &str, value: &str| json!({"Tags": {"Key": key, "Values": [value], "MatchOptions": ["EQUALS"]}});
    assert_eq!(
        bodies[0]["Filter"],
        json!({"And": [tag("konta:application", "konta"), tag("konta:environment", "prod")]})
    );
    assert_eq!(bodies[1]["Filter"], json!({"Tags": {"Key": "konta:application", "MatchOptions": ["ABSENT"]}}));
}

#[tokio::test]
async fn where_nothing_bears_the_tags_their_activation_is_named() {
    let (report, _) = report_of(|question| {
        if untagged(question) {
            page(&[("Amazon Elastic Container Service", "", "6.22")], None)
        } else {
            page(&[], None)
        }
    })
    .await;
    let report = report.unwrap();
    assert!(!report.tags_found);
    let shown = report.page().text_at(80, false);
    let joined = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(joined.contains("konta:application, konta:environment, konta:tenant"), "{shown}");
    assert!(joined.contains("Activate them as cost allocation tags"), "{shown}");
    assert!(shown.contains("Amazon Elastic Container Service"), "what has no tag is shown: {shown}");
    let markdown = report.page().markdown();
    assert!(markdown.contains("**nothing is billed under the tags "), "{markdown}");
    assert!(markdown.contains("Amazon Elastic Container Service") && !markdown.contains("By tenant"), "{markdown}");
}

#[tokio::test]
async fn an_amount_that_is_none_and_a_refusal_are_errors() {
    let (report, _) = report_of(|_| page(&[("Tax", "", "much")], None)).await;
    assert!(report.unwrap_err().to_string().contains("much USD"));
    let (report, calls) =
        report_of(|_| Answer::json(400, &json!({"__type": "AccessDeniedException", "Message": "no"}))).await;
    let error = report.unwrap_err();
    assert_eq!(error.downcast_ref::<AwsError>().unwrap().code, "AccessDeniedException");
    assert_eq!(calls.actions().len(), 1, "a call that was refused is not paid for twice");
}

#[tokio::test]
async fn one_tag_is_asked_for_without_a_conjunction() {
    let (aws, calls) = scripted(|_| page(&[], None));
    aws.bill("2026-10-01", "2026-11-01", &[("a", "b")], "t").await.unwrap();
    let body: Value = serde_json::from_str(&calls.bodies()[0]).unwrap();
    assert_eq!(body["Filter"]["Tags"]["Key"], "a");
}

#[test]
fn a_month_is_the_last_that_is_over_unless_it_is_named() {
    let month = |said| Month::resolve(said, "2026-01-15".parse().unwrap());
    let shown = |said| month(said).map(|m| (m.first.to_string(), m.end.to_string(), m.over)).unwrap();
    assert_eq!(shown(None), ("2025-12-01".into(), "2026-01-01".into(), true));
    assert_eq!(shown(Some("2026-01")), ("2026-01-01".into(), "2026-01-16".into(), false));
    assert_eq!(shown(Some("2024-02")), ("2024-02-01".into(), "2024-03-01".into(), true));
    for wrong in ["2026-02", "2026-13", "october", "2026-1", "2026-01-01", ""] {
        assert!(matches!(month(Some(wrong)).unwrap_err(), CostError::Month { month, .. } if month == wrong), "{wrong}");
    }
    World::example().run(&["cost", "actual", "--month", "october"]).ended_with(64);
}

#[test]
fn the_sandbox_bills_nothing() {
    let world = World::example();
    let said = world.run(&["cost", "actual", "--sandbox"]).ended_with(64);
    assert!(said.stderr.contains("the sandbox has no bill"), "{}", said.stderr);
}
