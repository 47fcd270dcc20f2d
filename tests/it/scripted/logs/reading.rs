//! Pages, rounds, late lines: against a CloudWatch that answers from a script.

use std::sync::{Arc, Mutex};

use konta::aws::Aws;
use konta::operation::{OperationError, Polling};
use konta::stack::runtime::LogSource;
use konta::task::log::{self, Reader};
use konta::task::log_filter::{Line, Selection};
use serde_json::{Value, json};

use crate::support::fake_aws::{Answer, Calls, scripted};

/// What CloudWatch holds: moment, stream, text; and how many events it gives on a page.
type Held = Arc<Mutex<Vec<(i64, &'static str, String)>>>;

fn cloudwatch(page: usize) -> (Aws, Calls, Held) {
    let held = Held::default();
    let inside = held.clone();
    let (aws, calls) = scripted(move |call| {
        let asked: Value = serde_json::from_str(&call.body).unwrap();
        let from = asked["startTime"].as_i64().unwrap();
        let until = asked["endTime"].as_i64().unwrap_or(i64::MAX);
        let mut lines: Vec<_> = inside.lock().unwrap().iter().cloned().enumerate().collect();
        lines.retain(|(_, (at, _, _))| (from..=until).contains(at));
        lines.sort_by_key(|(_, (at, _, _))| *at);
        let place: usize = asked["nextToken"].as_str().map_or(0, |token| token.parse().unwrap());
        let events: Vec<Value> = lines
            .iter()
            .skip(place)
            .take(page)
            .map(|(id, (at, stream, text))| {
                json!({"eventId": id.to_string(), "timestamp": at, "logStreamName": format!("t/odoo/{stream}"), "message": text})
            })
            .collect();
        let mut answer = json!({ "events": events });
        // As CloudWatch may: the last lines are followed by an empty page.
        if place < lines.len() {
            answer["nextToken"] = json!((place + page).to_string());
        }
        Answer::json(200, &answer)
    });
    (aws, calls, held)
}

fn source() -> LogSource {
    LogSource { group: "g".into(), streams: "t/odoo/".into() }
}

fn texts(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.text.rsplit(": ").next().unwrap()).collect()
}

fn odoo(database: &str, text: &str) -> String {
    format!("2026-11-25 03:31:31,123 1 INFO {database} odoo: {text}")
}

const MINUTE: i64 = 60_000;

#[tokio::test(start_paused = true)]
async fn every_page_is_read_also_behind_an_empty_one() -> Result<(), OperationError> {
    let (aws, calls, held) = cloudwatch(2);
    held.lock().unwrap().extend((0..5).map(|n| (n * MINUTE, "a", n.to_string())));
    let source = source();
    let mut reader = Reader::new(&aws, Polling::aws(), &source, Selection::default(), 0, Some(10 * MINUTE));
    assert_eq!(texts(&reader.all().await?), ["0", "1", "2", "3", "4"]);
    assert_eq!(calls.actions().len(), 4);
    let bodies = calls.bodies();
    assert!(bodies.iter().all(|body| body.contains("\"startTime\":0") && body.contains("t/odoo/")), "{bodies:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_follows_gets_each_line_once_and_late_ones_too() -> Result<(), OperationError> {
    let (aws, calls, held) = cloudwatch(100);
    let put = |at: i64, stream, text: &str| held.lock().unwrap().push((at, stream, text.to_owned()));
    let source = source();
    let mut reader = Reader::new(&aws, Polling::aws(), &source, Selection::default(), 0, None);
    assert!(reader.all().await?.is_empty());
    put(10 * MINUTE, "a", "first");
    assert_eq!(texts(&reader.all().await?), ["first"]);
    assert!(reader.all().await?.is_empty(), "nothing new");
    put(11 * MINUTE, "a", "second");
    put(9 * MINUTE, "b", "late");
    put(11 * MINUTE, "a", "of the same moment");
    assert_eq!(texts(&reader.all().await?), ["late", "second", "of the same moment"]);
    assert!(reader.all().await?.is_empty());
    let last = calls.bodies().pop().unwrap();
    assert!(last.contains(&format!("\"startTime\":{}", 9 * MINUTE)), "only what may be late is asked again: {last}");
    Ok(())
}

/// The head of a traceback comes after its lines: each still goes to its own tenant.
#[tokio::test(start_paused = true)]
async fn a_late_line_says_whose_the_lines_after_it_are() -> Result<(), OperationError> {
    let (aws, _, held) = cloudwatch(100);
    let put = |at: i64, text: &str| held.lock().unwrap().push((at, "a", text.to_owned()));
    let source = source();
    let selection = Selection { database: Some("mine".into()), ..Selection::default() };
    let mut reader = Reader::new(&aws, Polling::aws(), &source, selection, 0, None);
    put(1000, &odoo("theirs", "theirs"));
    put(3000, "Traceback");
    assert!(reader.all().await?.is_empty());
    put(2000, &odoo("mine", "mine"));
    assert_eq!(texts(&reader.all().await?), ["mine", "Traceback"]);
    // What is let go of after minutes still says whose the next line is.
    put(20 * MINUTE, "more of it");
    assert_eq!(texts(&reader.all().await?), ["more of it"]);
    put(20 * MINUTE, "and more");
    assert_eq!(texts(&reader.all().await?), ["and more"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_last_lines_are_looked_for_no_further_back_than_needed() -> Result<(), OperationError> {
    let (aws, calls, held) = cloudwatch(100);
    let now = 24 * 60 * MINUTE;
    for (ago, text) in [(300, "old"), (50, "older"), (40, "new"), (5, "newest")] {
        held.lock().unwrap().push((now - ago * MINUTE, "a", text.to_owned()));
    }
    let source = source();
    let found = async |count| {
        let found = log::last(&aws, Polling::aws(), &source, &Selection::default(), (0, now), (count, false)).await?.0;
        Ok::<_, OperationError>(found.into_iter().map(|line| line.text).collect::<Vec<_>>())
    };
    assert_eq!(found(1).await?, ["newest"]);
    assert!(calls.bodies().iter().all(|body| body.contains(&format!("\"startTime\":{}", now - 10 * MINUTE))));
    assert_eq!(found(2).await?, ["new", "newest"]);
    assert_eq!(found(9).await?.len(), 4);
    let last = calls.bodies().pop().unwrap();
    assert!(last.contains("\"startTime\":0"), "{last}");
    Ok(())
}

/// After the last lines the reader goes on where they end.
#[tokio::test(start_paused = true)]
async fn who_follows_from_the_last_lines_gets_none_of_them_again() -> Result<(), OperationError> {
    let (aws, _, held) = cloudwatch(100);
    let now = 24 * 60 * MINUTE;
    held.lock().unwrap().extend((0..5).map(|n| (now - MINUTE + n, "a", n.to_string())));
    let source = source();
    let (lines, mut reader) =
        log::last(&aws, Polling::aws(), &source, &Selection::default(), (0, now), (2, true)).await?;
    assert_eq!(texts(&lines), ["3", "4"]);
    held.lock().unwrap().push((now + 1, "a", "5".to_owned()));
    assert_eq!(texts(&reader.all().await?), ["5"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_throttled_question_is_asked_again() -> Result<(), OperationError> {
    let asked = Mutex::new(0);
    let (aws, _) = scripted(move |_| {
        let mut asked = asked.lock().unwrap();
        *asked += 1;
        // More often than the SDK itself tries.
        if *asked < 20 {
            return Answer::json(400, &json!({"__type": "ThrottlingException", "message": "Rate exceeded"}));
        }
        Answer::json(
            200,
            &json!({"events": [{"eventId": "1", "timestamp": 1, "logStreamName": "t/odoo/a", "message": "x"}]}),
        )
    });
    let source = source();
    let mut reader = Reader::new(&aws, Polling::aws(), &source, Selection::default(), 0, None);
    assert_eq!(texts(&reader.all().await?), ["x"]);
    Ok(())
}
