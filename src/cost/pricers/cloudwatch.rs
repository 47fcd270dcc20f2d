//! Logs, alarms, and the alarms that scaling creates by itself.

use rust_decimal::Decimal;

use crate::cost::decimal::dec;
use crate::cost::evaluate::{Node, number};
use crate::cost::range::Range;

use super::{Missing, Sheet};

const CLOUDWATCH: &str = "AmazonCloudWatch";
const ALARM: &str = "CW:AlarmMonitorUsage";

/// `AWS::Logs::LogGroup`.
pub fn log_group(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let class = sheet.properties(id).text("LogGroupClass")?;
    let ingestion = match class.as_deref() {
        None | Some("STANDARD") => "DataProcessing-Bytes",
        Some("INFREQUENT_ACCESS") => "DataProcessingIA-Bytes",
        Some(other) => {
            sheet.unknown_price(
                id,
                CLOUDWATCH,
                "DataProcessing-Bytes",
                &format!("the table has no price for the log class {other}"),
            );
            return Ok(());
        }
    };
    for (field, usage_type) in
        [("ingested_gb", ingestion), ("stored_gb", "TimedStorage-ByteHrs"), ("scanned_gb", "DataScanned-Bytes")]
    {
        let used = sheet.used(id, field);
        sheet.charge(id, CLOUDWATCH, usage_type, used, None);
    }
    Ok(())
}

/// `AWS::CloudWatch::Alarm`: billed by its metrics; those with a period below a minute cost more.
pub fn alarm(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let properties = sheet.properties(id);
    let metrics = properties.list("Metrics")?.unwrap_or_default();
    if let Some(reason) = metrics.iter().find_map(Node::reason) {
        return Err(Missing(format!("Metrics: {reason}")));
    }
    let expressions: Vec<&str> = metrics.iter().filter_map(expression_of).collect();
    if expressions.iter().any(|expression| is_query(expression)) {
        return Err(Missing(
            "a query is billed by the metrics that it reads, and only the account knows how many those are".to_owned(),
        ));
    }
    // Other expressions are computed from the alarm's other metrics and cost nothing, except a band:
    // that is two more metrics.
    let bands = expressions.iter().filter(|expression| expression.to_ascii_uppercase().contains(BAND)).count();
    let stats: Vec<&Node> = metrics.iter().filter_map(stat_of).collect();
    let is_fast = |period: Option<Decimal>| period.is_some_and(|period| period < dec!(60));
    let (all, fast) = if metrics.is_empty() {
        (1, usize::from(is_fast(properties.number("Period")?)))
    } else {
        (stats.len(), stats.iter().filter(|stat| is_fast(period_of(stat))).count())
    };
    if all == 0 {
        return Err(Missing("none of its Metrics names a metric to watch".to_owned()));
    }
    let (of_bands, fast_bands) = if fast > 0 { (0, 2 * bands) } else { (2 * bands, 0) };
    let note = (bands > 0).then_some("with the upper and the lower edge of its band");
    let count = |number: usize| Range::exact(Decimal::from(number));
    sheet.charge(id, CLOUDWATCH, ALARM, count(all - fast + of_bands), note);
    sheet.charge(id, CLOUDWATCH, "CW:HighResAlarmMonitorUsage", count(fast + fast_bands), note);
    Ok(())
}

/// The function that returns a band around the expected values. Source: CloudWatch user guide.
const BAND: &str = "ANOMALY_DETECTION_BAND";

/// Whether an expression looks up metrics by itself.
fn is_query(expression: &str) -> bool {
    let expression = expression.to_ascii_uppercase();
    expression.trim_start().starts_with("SELECT") || expression.contains("SEARCH(")
}

/// An expression of an alarm.
fn expression_of(entry: &Node) -> Option<&str> {
    let Node::Map(entry) = entry else { return None };
    entry.get("Expression").and_then(Node::text)
}

/// What a metric of an alarm measures; `None` for an expression.
fn stat_of(entry: &Node) -> Option<&Node> {
    let Node::Map(entry) = entry else { return None };
    entry.get("MetricStat")
}

/// The period of a metric, in seconds.
fn period_of(stat: &Node) -> Option<Decimal> {
    let Node::Map(stat) = stat else { return None };
    stat.get("Period").and_then(Node::text).and_then(number)
}

/// `AWS::ApplicationAutoScaling::ScalingPolicy`: target tracking needs two alarms, which scaling creates by itself.
pub fn scaling_policy(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    if sheet.properties(id).text("PolicyType")?.as_deref() == Some("TargetTrackingScaling") {
        sheet.charge(id, CLOUDWATCH, ALARM, Range::exact(dec!(2)), Some("the two alarms of target tracking"));
    } else {
        sheet.free(id, "a policy costs nothing; its alarms are priced separately");
    }
    Ok(())
}
