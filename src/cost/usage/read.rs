//! Reads a usage file's text as [`Usage`].

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_yaml::{Mapping, Value};

use crate::cost::error::CostError;
use crate::cost::evaluate::number;
use crate::cost::range::Range;
use crate::model::nearest;
use crate::template::document::yaml_problem;

use super::{ACCOUNT, Fields, Profile, TenantUse, Usage, field};

/// Hours of the longest month.
const LONGEST_MONTH: Decimal = Decimal::from_parts(744, 0, 0, false, 0);

/// A problem at a place in the file, and what to write instead.
type Wrong = (String, String);

pub(super) fn read(name: &str, text: &str, profile: Profile) -> Result<Usage, CostError> {
    let failed = |(problem, help): Wrong| CostError::Usage { name: name.to_owned(), problem, help };
    let root: Value = serde_yaml::from_str(text)
        .map_err(|error| failed((yaml_problem(&error), "docs/cost.md shows a usage file".to_owned())))?;
    fill(&root, Usage::of(profile)).map_err(failed)
}

fn fill(root: &Value, mut usage: Usage) -> Result<Usage, Wrong> {
    if root.is_null() {
        return Ok(usage);
    }
    for (key, value) in map(root, "the file")? {
        match text(key)? {
            "hours" => usage.hours = hours(value)?,
            ACCOUNT => usage.account = fields(value, ACCOUNT, Some(ACCOUNT))?,
            "types" => {
                for (name, value) in map(value, "types")? {
                    let name = text(name)?;
                    if field::of_type(name).is_none() {
                        let known: Vec<&str> = field::FIELDS.iter().map(|(name, _)| *name).collect();
                        return Err((format!("types.{name}: konta knows no usage of this type"), meant(name, &known)));
                    }
                    usage.types.insert(name.to_owned(), fields(value, &format!("types.{name}"), Some(name))?);
                }
            }
            "resources" => {
                for (name, value) in map(value, "resources")? {
                    let name = text(name)?;
                    usage.resources.insert(name.to_owned(), fields(value, &format!("resources.{name}"), None)?);
                }
            }
            "tenants" => {
                for (name, value) in map(value, "tenants")? {
                    let name = text(name)?;
                    usage.tenants.insert(name.to_owned(), tenant(value, &format!("tenants.{name}"))?);
                }
            }
            other => {
                let known = ["hours", ACCOUNT, "types", "resources", "tenants"];
                return Err((format!("a usage file has no key `{other}`"), meant(other, &known)));
            }
        }
    }
    no_longer_than_the_month(&usage)?;
    Ok(usage)
}

/// Checks that no resource runs for more hours than the month has.
fn no_longer_than_the_month(usage: &Usage) -> Result<(), Wrong> {
    let of = |section: &'static str, all: &'_ BTreeMap<String, Fields>| {
        all.iter()
            .flat_map(|(name, fields)| fields.iter().map(move |(field, range)| (name, field, range)))
            .find(|(_, field, range)| field.ends_with("hours") && range.high > usage.hours)
            .map(|(name, field, range)| {
                let problem = format!(
                    "{section}.{name}.{field}: {} is more than the {} hours of the month",
                    range.high, usage.hours
                );
                (problem, "set `hours` at the top of the file to the hours of the month".to_owned())
            })
    };
    of("resources", &usage.resources).or_else(|| of("types", &usage.types)).map_or(Ok(()), Err)
}

fn hours(value: &Value) -> Result<Decimal, Wrong> {
    let hours = amount(value, "hours")?;
    if hours.is_zero() || hours > LONGEST_MONTH {
        return Err((format!("hours: a month does not have {hours} hours"), "leave it out for 730".to_owned()));
    }
    Ok(hours)
}

fn tenant(value: &Value, place: &str) -> Result<TenantUse, Wrong> {
    let mut used = TenantUse::default();
    for (key, value) in map(value, place)? {
        let key = text(key)?;
        let place = format!("{place}.{key}");
        match key {
            "acu" => used.acu = amount(value, &place)?,
            "requests_per_second" => used.requests_per_second = amount(value, &place)?,
            "weight" => used.weight = Some(amount(value, &place)?),
            other => {
                let known = ["acu", "requests_per_second", "weight"];
                return Err((format!("{place}: there is no such field"), meant(other, &known)));
            }
        }
    }
    Ok(used)
}

fn fields(value: &Value, place: &str, resource_type: Option<&str>) -> Result<Fields, Wrong> {
    let known = match resource_type {
        Some(name) => field::of_type(name).unwrap_or_default().to_vec(),
        None => field::all(),
    };
    let mut found = Fields::new();
    for (key, value) in map(value, place)? {
        let key = text(key)?;
        let place = format!("{place}.{key}");
        if !known.contains(&key) {
            return Err((format!("{place}: there is no such field"), meant(key, &known)));
        }
        let range = range(value, &place)?;
        if key == "spot_share" && range.high > Decimal::ONE {
            return Err((format!("{place}: a share is at most 1"), "write 0.7 for 70 %".to_owned()));
        }
        found.insert(key.to_owned(), range);
    }
    Ok(found)
}

fn range(value: &Value, place: &str) -> Result<Range, Wrong> {
    let Value::Mapping(map) = value else { return Ok(Range::exact(amount(value, place)?)) };
    let part = |name: &str| match map.get(name) {
        Some(value) => amount(value, &format!("{place}.{name}")),
        None => Err((format!("{place} has no `{name}`"), "write a number, or low, expected and high".to_owned())),
    };
    let range = Range::new(part("low")?, part("expected")?, part("high")?);
    if map.len() != 3 || range.low > range.expected || range.expected > range.high {
        let help = "low must be at most expected, and expected at most high".to_owned();
        return Err((format!("{place} is not a range from low to high"), help));
    }
    Ok(range)
}

fn amount(value: &Value, place: &str) -> Result<Decimal, Wrong> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => String::new(),
    };
    let help = || "write a number, or { low: 1, expected: 2, high: 5 }".to_owned();
    let amount = match number(&text) {
        Some(amount) => amount,
        None if text.parse::<f64>().is_ok_and(|number| number > 1.0) => {
            return Err((format!("{place}: {text} is too large"), help()));
        }
        None => return Err((format!("{place} is not a number"), help())),
    };
    if Range::exact(amount).is_believable() {
        return Ok(amount);
    }
    let problem = if amount.is_sign_negative() { "is below zero" } else { "is too large" };
    Err((format!("{place}: {amount} {problem}"), help()))
}

fn map<'a>(value: &'a Value, place: &str) -> Result<&'a Mapping, Wrong> {
    static EMPTY: std::sync::LazyLock<Mapping> = std::sync::LazyLock::new(Mapping::new);
    match value {
        Value::Mapping(map) => Ok(map),
        Value::Null => Ok(&EMPTY),
        _ => Err((format!("{place} is not a map"), "docs/cost.md shows a usage file".to_owned())),
    }
}

fn text(key: &Value) -> Result<&str, Wrong> {
    key.as_str().ok_or_else(|| ("a key is not a text".to_owned(), "docs/cost.md shows a usage file".to_owned()))
}

fn meant(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(known) => format!("did you mean `{known}`?"),
        None if known.len() <= 12 => format!("choose one of {}", known.join(", ")),
        None => "docs/cost.md lists them".to_owned(),
    }
}
