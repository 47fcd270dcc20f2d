//! Fargate services: vCPU, memory, disk and public addresses of their tasks, on demand and on
//! Spot; and cluster metrics.

mod capacity;
pub(super) mod size;

use capacity::Capacity;
use rust_decimal::Decimal;
use size::TaskSize;

use crate::cost::decimal::dec;
use crate::cost::pricers::ecs::size::MOST_TASKS;
use crate::cost::range::Range;

use super::schedule::{self, Waking};
use super::{Missing, Sheet};

const ECS: &str = "AmazonECS";

/// `AWS::ECS::Service`.
pub fn service(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let properties = sheet.properties(id);
    let on_demand_share = match capacity::of_service(sheet, id)? {
        Capacity::Fargate(strategy) => strategy,
        Capacity::Elsewhere(reason) => {
            sheet.free(id, reason);
            return Ok(());
        }
    };
    let definition = properties
        .linked("TaskDefinition")
        .ok_or_else(|| "its task definition is not in the template, so the size of a task is unknown".to_owned())?;
    let size = size::of_task(sheet, &definition)?;
    let (tasks, hours, note) = running(sheet, id)?;
    let on_demand = match sheet.said(id, "spot_share") {
        Some(_) => {
            let spot = sheet.used(id, "spot_share");
            // The more runs on Spot, the less it costs, so a high cost has a low share.
            tasks
                * Range::new(spot.high, spot.expected, spot.low).map(|share| (Decimal::ONE - share).max(Decimal::ZERO))
        }
        None => tasks.map(|tasks| on_demand_share.on_demand(tasks)),
    };
    charge_tasks(sheet, id, size, on_demand * hours, false, note.as_deref());
    charge_tasks(sheet, id, size, tasks.less(on_demand) * hours, true, note.as_deref());
    if size.disk_beyond > Decimal::ZERO {
        let quantity = tasks * hours * size.disk_beyond;
        sheet.charge_flat(
            id,
            ECS,
            "Fargate-EphemeralStorage-GB-Hours",
            quantity,
            Some("beyond the 20 GB that a task includes"),
        );
    }
    public_addresses(sheet, id, tasks * hours)
}

/// How many tasks run, for how many hours of the month, and a note on why.
fn running(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(Range, Range, Option<String>), Missing> {
    let month = sheet.hours();
    let desired = sheet.properties(id).measure("DesiredCount", MOST_TASKS)?;
    let target = schedule::target_of(sheet, id);
    let (bounds, waking) = match &target {
        Some(target) => (Some(schedule::bounds(sheet, target)?), schedule::waking(sheet, target)),
        None => (None, Waking::Always),
    };
    let (told, origin) = match (bounds, desired) {
        (Some((least, most)), desired) => {
            let expected = desired.unwrap_or(least).max(least).min(most);
            (Range::new(least, expected, most), "the limits of its scaling; the minimum is expected")
        }
        (None, desired) => (Range::exact(desired.unwrap_or(Decimal::ONE)), ""),
    };
    let (told, awake, note) = match waking {
        Waking::Always => (told, Decimal::ONE, None),
        Waking::Unknown(reason) => {
            sheet.unknown(id, &format!("its sleep is not subtracted: {reason}"));
            (told, Decimal::ONE, None)
        }
        Waking::Part { share, least, most } => {
            let told = Range::new(least, least, most);
            (
                told,
                share,
                Some(format!("awake {} of {month} hours by its schedule", (share * month).round_dp(1).normalize())),
            )
        }
    };
    let tasks = sheet.used_or(id, "tasks", Some((told, origin)));
    let hours = sheet.used_or(id, "hours", Some((Range::exact(awake * month), "")));
    Ok((tasks, hours.map(|hours| hours.min(month)), note))
}

fn charge_tasks(sheet: &mut Sheet<'_, '_>, id: &str, size: TaskSize, hours: Range, spot: bool, note: Option<&str>) {
    let arm = if size.arm { "-ARM" } else { "" };
    let (cpu, memory) = if spot {
        (format!("FargateSpot{arm}-vCPU-Hours"), format!("FargateSpot{arm}-GB-Hours"))
    } else {
        (format!("Fargate{arm}-vCPU-Hours:perCPU"), format!("Fargate{arm}-GB-Hours"))
    };
    sheet.charge(id, ECS, &cpu, hours * size.vcpu, note);
    sheet.charge(id, ECS, &memory, hours * size.memory_gb, note);
}

fn public_addresses(sheet: &mut Sheet<'_, '_>, id: &str, task_hours: Range) -> Result<(), Missing> {
    let assigned = sheet.properties(id).text("NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp")?;
    if assigned.as_deref() == Some("ENABLED") {
        sheet.charge(id, "AmazonVPC", "PublicIPv4:InUseAddress", task_hours, Some("one address per task"));
    }
    Ok(())
}

/// `AWS::ECS::Cluster`: free, except for the metrics of Container Insights.
pub fn cluster(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let settings = sheet.properties(id).list("ClusterSettings")?.unwrap_or_default();
    let insights = settings.iter().any(|setting| {
        let crate::cost::evaluate::Node::Map(setting) = setting else { return false };
        let is = |key: &str, wanted: &[&str]| {
            setting.get(key).and_then(crate::cost::evaluate::Node::text).is_some_and(|text| wanted.contains(&text))
        };
        is("Name", &["containerInsights"]) && is("Value", &["enabled", "enhanced"])
    });
    let metrics = sheet.used(id, "metrics");
    if insights && metrics.is_zero() {
        return Err(Missing(
            "Container Insights bills every metric: give their number as `metrics` in a usage file".to_owned(),
        ));
    }
    if metrics.is_zero() {
        sheet.free(id, "a cluster costs nothing; its tasks do");
    }
    sheet.charge(id, "AmazonCloudWatch", "CW:MetricMonitorUsage", metrics, None);
    Ok(())
}

/// Disk that a task includes for free, in GB. Source: Fargate pricing page.
const DISK: Decimal = dec!(20);
