//! `konta prices`: what is shown, and what an answer of the Price List may change. Answers are in the form that AWS documents.

use std::collections::BTreeSet;

use konta::aws::Aws;
use konta::cost::PriceTable;
use konta::cost::price_update::PriceUpdate;
use serde_json::{Value, json};

use crate::support::fake_aws::{Answer, Call, scripted};
use crate::support::sandbox_workspace::World;

/// A product as GetProducts gives it: JSON in a string.
fn product(unit: &str, tiers: &[(&str, &str)]) -> String {
    let dimensions: serde_json::Map<String, Value> = tiers
        .iter()
        .enumerate()
        .map(|(number, (from, usd))| {
            let code = format!("UP5ETC3QSW2QZGEY.JRTCKXETXF.{number}");
            let dimension = json!({
                "unit": unit, "beginRange": from, "endRange": "Inf", "description": "", "appliesTo": [],
                "rateCode": code, "pricePerUnit": {"USD": usd}
            });
            (code, dimension)
        })
        .collect();
    json!({
        "product": {"productFamily": "Compute", "sku": "UP5ETC3QSW2QZGEY", "attributes": {"regionCode": "eu-west-1"}},
        "serviceCode": "AmazonECS",
        "terms": {"OnDemand": {"UP5ETC3QSW2QZGEY.JRTCKXETXF": {
            "priceDimensions": dimensions, "sku": "UP5ETC3QSW2QZGEY", "effectiveDate": "2026-11-01T00:00:00Z",
            "offerTermCode": "JRTCKXETXF", "termAttributes": {}
        }}},
        "version": "20261120124425",
        "publicationDate": "2026-11-20T12:44:25Z"
    })
    .to_string()
}

/// The usage type a question filters by.
fn usage_type(call: &Call) -> String {
    let body: Value = serde_json::from_str(&call.body).unwrap();
    let filters = body["Filters"].as_array().unwrap();
    filters.iter().find(|f| f["Field"] == "usagetype").unwrap()["Value"].as_str().unwrap().to_owned()
}

fn answers(
    give: impl Fn(&str) -> Vec<String> + Send + Sync + 'static,
) -> impl Fn(&Call) -> Answer + Send + Sync + 'static {
    move |call| {
        assert_eq!(call.action, "GetProducts");
        Answer::json(200, &json!({"FormatVersion": "aws_v1", "PriceList": give(&usage_type(call))}))
    }
}

async fn update(give: impl Fn(&str) -> Vec<String> + Send + Sync + 'static, force: bool) -> PriceUpdate {
    let (aws, _) = scripted(answers(give));
    fetch(&aws, "eu-west-1", &["AmazonECS"], force).await
}

async fn fetch(aws: &Aws, region: &str, services: &[&str], force: bool) -> PriceUpdate {
    let table = PriceTable::embedded();
    let services: Vec<String> = services.iter().map(ToString::to_string).collect();
    let (update, questions) = PriceUpdate::ask(&table, &BTreeSet::from([region.to_owned()]), &services);
    let questions = questions.iter().map(|question| (&*question.service, &*question.attributes));
    let answers = aws.products_of_each(questions).await.unwrap();
    update.answered(&table, &answers, force)
}

fn reason<'a>(updated: &'a PriceUpdate, usage_type: &str) -> &'a str {
    &updated.not_taken.iter().find(|one| one.usage_type == usage_type).unwrap().reason
}

#[tokio::test]
async fn a_new_price_is_taken_with_the_day_of_its_publication_and_its_rate_code() {
    let give = |usage: &str| match usage {
        "EU-Fargate-vCPU-Hours:perCPU" => vec![product("hours", &[("0", "0.0450000000")])],
        "EU-Fargate-GB-Hours" => vec![product("hours", &[("0", "0.0044450000")])],
        _ => Vec::new(),
    };
    let updated = update(give, false).await;
    assert_eq!((updated.changed.len(), updated.same), (1, 1));
    assert_eq!(
        (updated.changed[0].before.join(""), updated.changed[0].after.join("")),
        ("0.04048".into(), "0.045".into())
    );
    let text = PriceTable::text(updated.rows.iter());
    let table = PriceTable::embedded().with("prices.lock.csv", &text).unwrap();
    let now = &table.lookup("AmazonECS", "Fargate-vCPU-Hours:perCPU", "eu-west-1")[0];
    assert_eq!((now.usd.to_string(), now.date.as_str()), ("0.045".to_owned(), "2026-11-20"));
    assert!(
        now.source.contains("20261120124425") && now.source.contains("rateCode=UP5ETC3QSW2QZGEY"),
        "{}",
        now.source
    );
    assert!(reason(&updated, "Fargate-ARM-GB-Hours").contains("no such product"));
    assert!(reason(&updated, "FargateSpot-GB-Hours").contains("their own feed"));
}

#[tokio::test]
async fn what_cannot_be_right_is_taken_by_force_alone() {
    let give = |usage: &str| match usage {
        "EU-Fargate-vCPU-Hours:perCPU" => vec![product("hours", &[("0", "0.0000000000")])],
        "EU-Fargate-GB-Hours" => vec![product("hours", &[("0", "4.4450000000")])],
        _ => Vec::new(),
    };
    let updated = update(give, false).await;
    assert_eq!((updated.absurd.len(), updated.rows.len()), (2, 0));
    assert_eq!(update(give, true).await.rows.len(), 2);
}

#[tokio::test]
async fn an_answer_that_means_another_thing_is_not_taken() {
    let give = |usage: &str| match usage {
        "EU-Fargate-vCPU-Hours:perCPU" => vec![product("GB", &[("0", "0.04")])],
        "EU-Fargate-GB-Hours" => vec![product("hours", &[("0", "0.0044")]), product("hours", &[("0", "0.0055")])],
        "EU-Fargate-ARM-GB-Hours" => vec![product("hours", &[("0", "0.00356"), ("1000", "0.003")])],
        "EU-Fargate-ARM-vCPU-Hours:perCPU" => vec!["{}".to_owned(), "not json".to_owned()],
        _ => Vec::new(),
    };
    let updated = update(give, true).await;
    assert!(updated.rows.is_empty());
    assert!(reason(&updated, "Fargate-vCPU-Hours:perCPU").contains("unit is GB"));
    assert!(reason(&updated, "Fargate-GB-Hours").contains("several products"));
    assert!(reason(&updated, "Fargate-ARM-GB-Hours").contains("tiers begin at 0, 1000"));
    assert!(reason(&updated, "Fargate-ARM-vCPU-Hours:perCPU").contains("not a product"));
}

#[tokio::test]
async fn databases_and_load_balancers_are_told_apart_by_attribute() {
    let (aws, calls) = scripted(answers(|_| Vec::new()));
    fetch(&aws, "eu-west-3", &["AmazonRDS", "AWSELB"], false).await;
    let asked = |field: &str, value: &str, usage: &str| {
        calls.bodies().iter().any(|body| {
            let body: Value = serde_json::from_str(body).unwrap();
            let has = |field: &str, value: &str| {
                body["Filters"]
                    .as_array()
                    .unwrap()
                    .contains(&json!({"Type": "TERM_MATCH", "Field": field, "Value": value}))
            };
            has(field, value) && has("usagetype", usage)
        })
    };
    assert!(asked("databaseEngine", "PostgreSQL", "EUW3-InstanceUsage:db.t4g.small"));
    assert!(asked("databaseEngine", "Aurora PostgreSQL", "EUW3-Aurora:ServerlessV2Usage"));
    assert!(asked("operation", "LoadBalancing:Application", "EUW3-LCUUsage"));
}

#[test]
fn prices_are_shown_with_their_day_and_source() {
    let world = World::example();
    let shown =
        world.run(&["prices", "show", "AmazonECS", "arm-gb", "--region", "eu-west-1", "-o", "json"]).ended_with(0);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    let price = &shown["prices"][0];
    assert_eq!((&price["usage_type"], &price["price_usd"]), (&json!("Fargate-ARM-GB-Hours"), &json!(0.00356)));
    assert!(price["source"].as_str().unwrap().len() > 10 && price["source_date"].as_str().unwrap().len() == 10);
    let wrong = world.run(&["prices", "show", "AmazonECs"]).ended_with(1);
    assert!(wrong.stderr.contains("did you mean `AmazonECS`"), "{}", wrong.stderr);
    let none = world.run(&["prices", "show", "AmazonECS", "nothing"]).ended_with(1);
    // The help is wrapped to the terminal's width.
    let words = none.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("konta never guesses"), "{}", none.stderr);
    let listed = world.run(&["prices", "ls"]).ended_with(0);
    assert!(listed.stdout.contains("AmazonRDS"), "{}", listed.stdout);
}

#[test]
fn a_lock_of_the_workspace_comes_first_and_a_broken_one_is_told() {
    let world = World::example();
    let header = "service,usage_type,region,unit,price_usd,from_tier,source,source_date";
    world.write(
        "prices.lock.csv",
        &format!("{header}\nAmazonECS,Fargate-ARM-GB-Hours,eu-west-1,GB-hour,0.005,0,a bill,2026-11-20\n"),
    );
    let show = ["prices", "show", "AmazonECS", "Fargate-ARM-GB", "--region", "eu-west-1", "-v"];
    let shown = world.run(&show).ended_with(0);
    assert!(shown.stdout.contains("0.005") && shown.stdout.contains("a bill"), "{}", shown.stdout);
    world.write("prices.lock.csv", &format!("{header}\nAmazonECS,Fargate\n"));
    let wrong = world.run(&show).ended_with(3);
    assert!(wrong.stderr.contains("line 2"), "{}", wrong.stderr);
}
