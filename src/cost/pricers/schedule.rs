//! How many tasks a service's scaling keeps, and for which part of the month its schedule keeps the service awake.

mod cron;

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use crate::cost::evaluate::{Node, number};
use crate::template::intrinsic::names_in;

use super::{Missing, Sheet};

/// For which part of the month a service runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waking {
    /// The whole month: nothing puts it to sleep.
    Always,
    /// Part of the month, with bounds for the tasks while it is awake.
    Part {
        /// The part, 0 to 1.
        share: Decimal,
        /// The fewest tasks, averaged over the waking hours.
        least: Decimal,
        /// The most tasks, averaged over the waking hours.
        most: Decimal,
    },
    /// There is a schedule that konta cannot follow, with the reason.
    Unknown(String),
}

/// The scalable target of a service: its `ResourceId` refers to the service, or has the service's literal name.
#[must_use]
pub fn target_of(sheet: &Sheet<'_, '_>, service: &str) -> Option<String> {
    let document = sheet.document();
    let properties = sheet.properties(service);
    let known = |name: &str| properties.get(name).text().map(ToOwned::to_owned);
    let (name, cluster) = (known("ServiceName"), known("Cluster"));
    sheet.of_type("AWS::ApplicationAutoScaling::ScalableTarget").into_iter().find_map(|id| {
        let mut names = Vec::new();
        names_in(document.resources().get(id)?.get("Properties")?.get("ResourceId")?, &mut names);
        if names.iter().any(|name| name == service) {
            return Some(id.to_owned());
        }
        let Node::Text(target) = sheet.properties(id).get("ResourceId") else { return None };
        let (its_cluster, its_name) = target.strip_prefix("service/")?.split_once('/')?;
        let same_cluster = cluster.as_deref().is_none_or(|cluster| {
            let short = cluster.rsplit('/').next().unwrap_or(cluster);
            its_cluster == short || Node::Text(its_cluster.to_owned()).text().is_none()
        });
        (name.as_deref() == Some(its_name) && same_cluster).then(|| id.to_owned())
    })
}

/// The fewest and the most tasks of a target.
///
/// # Errors If they are unknown, or not a range.
pub fn bounds(sheet: &Sheet<'_, '_>, target: &str) -> Result<(Decimal, Decimal), Missing> {
    let properties = sheet.properties(target);
    let bound = |name: &str| -> Result<Decimal, Missing> {
        Ok(properties.measure(name, super::ecs::size::MOST_TASKS)?.ok_or_else(|| format!("{target} has no {name}"))?)
    };
    let (least, most) = (bound("MinCapacity")?, bound("MaxCapacity")?);
    if least > most {
        return Err(Missing(format!("{target}: from {least} to {most} tasks is not a range")));
    }
    Ok((least, most))
}

/// A scheduled change: its minute in the year, and the bounds from then on.
struct Change {
    minute: u32,
    least: Option<Decimal>,
    most: Option<Decimal>,
}

/// The waking part of a target's month, over a year of whole weeks.
#[must_use]
pub fn waking(sheet: &Sheet<'_, '_>, target: &str) -> Waking {
    let bounds = match bounds(sheet, target) {
        Ok(bounds) => bounds,
        Err(missing) => return Waking::Unknown(missing.0),
    };
    let actions = match sheet.properties(target).list("ScheduledActions") {
        Ok(None) => return Waking::Always,
        Ok(Some(actions)) => actions,
        Err(reason) => return Waking::Unknown(reason),
    };
    let mut changes = Vec::new();
    let mut zones = BTreeSet::new();
    for action in &actions {
        match changes_of(action) {
            Ok(Some((zone, mut its))) => {
                zones.insert(zone);
                changes.append(&mut its);
            }
            Ok(None) => {}
            Err(reason) => return Waking::Unknown(reason),
        }
    }
    if changes.is_empty() {
        return Waking::Always;
    }
    if zones.len() > 1 {
        return Waking::Unknown("its actions are in different time zones".to_owned());
    }
    changes.sort_by_key(|change| change.minute);
    averaged(&changes, bounds)
}

/// The changes of one action and its time zone; `None` for one that happens once.
fn changes_of(action: &Node) -> Result<Option<(String, Vec<Change>)>, String> {
    let Node::Map(action) = action else {
        return Err(action.reason().unwrap_or_else(|| "an action is not a map".to_owned()));
    };
    let text = |key: &str| match action.get(key) {
        None => Ok(None),
        Some(node) => node.text().map(Some).ok_or_else(|| format!("{key} of an action is known only later")),
    };
    let schedule = text("Schedule")?.unwrap_or_default();
    let zone = text("Timezone")?.unwrap_or("UTC").to_owned();
    if schedule.starts_with("at(") {
        return Ok(None);
    }
    let Some(expression) = schedule.strip_prefix("cron(").and_then(|rest| rest.strip_suffix(')')) else {
        return Err(format!("`{schedule}` is not a cron expression"));
    };
    let minutes = cron::minutes(expression)?;
    let Some(Node::Map(wanted)) = action.get("ScalableTargetAction") else {
        return Err("an action has no ScalableTargetAction".to_owned());
    };
    let capacity = |key: &str| match wanted.get(key) {
        None => Ok(None),
        Some(node) => {
            node.text().and_then(number).map(Some).ok_or_else(|| format!("{key} of an action is known only later"))
        }
    };
    let (least, most) = (capacity("MinCapacity")?, capacity("MaxCapacity")?);
    Ok(Some((zone, minutes.into_iter().map(|minute| Change { minute, least, most }).collect())))
}

/// Follows the changes through the year. What an action leaves out stays as it was.
fn averaged(changes: &[Change], start: (Decimal, Decimal)) -> Waking {
    let (mut least, mut most) = start;
    for change in changes {
        least = change.least.unwrap_or(least);
        most = change.most.unwrap_or(most);
    }
    let (mut awake, mut least_minutes, mut most_minutes) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
    let mut at = 0;
    let end = std::iter::once((cron::YEAR, None, None));
    for (minute, next_least, next_most) in changes.iter().map(|c| (c.minute, c.least, c.most)).chain(end) {
        let minutes = Decimal::from(minute - at);
        if most > Decimal::ZERO {
            awake += minutes;
            least_minutes = least_minutes.saturating_add(least.min(most).saturating_mul(minutes));
            most_minutes = most_minutes.saturating_add(most.saturating_mul(minutes));
        }
        at = minute;
        least = next_least.unwrap_or(least);
        most = next_most.unwrap_or(most);
    }
    let over = |amount: Decimal| amount.checked_div(awake).unwrap_or_default();
    Waking::Part { share: awake / Decimal::from(cron::YEAR), least: over(least_minutes), most: over(most_minutes) }
}
