//! `konta.yml`: the application, its currency and what customers can buy.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::diagnostic::Code;
use super::parse::{Kind, Node};
use super::read::{Field, Fields, Reader, Refusal};
use super::workload::{self, DEFAULT_SIZE};
use crate::model::{ApplicationName, ExchangeRate, FargateSize, Isolation, TaskRange, Terms, Tier, TierName};

const KEYS: &[&str] = &["application", "currency", "exchange_rate", "cost", "image", "tiers"];
const TIER_KEYS: &[&str] = &["price", "isolation", "modules", "image", "size", "tasks", "spot", "on_demand"];

/// The words for who shares a process.
const ISOLATIONS: &[(&str, Isolation)] = &[("pooled", Isolation::Pooled), ("dedicated", Isolation::Dedicated)];

/// What `konta.yml` says; `None` for a field that was refused.
#[derive(Debug)]
pub(super) struct Application {
    pub(super) name: Option<ApplicationName>,
    pub(super) currency: Option<String>,
    pub(super) exchange_rate: Option<ExchangeRate>,
    /// The default terms if it names none.
    pub(super) terms: Option<Terms>,
    /// The image of every tier and pool that names none.
    pub(super) image: Option<String>,
    /// Tiers by their written names; a refused one remains known, so that its tenants are not blamed too.
    pub(super) tiers: BTreeMap<String, Option<Tier>>,
}

/// Reads `konta.yml`.
pub(super) fn read(reader: &mut Reader<'_>, root: &Node) -> Option<Application> {
    let fields = reader.root(root, "workspace", KEYS)?;
    let name = fields.required("application", "application: konta", reader);
    let name = name.and_then(|field| reader.checked(field, application_name));
    let currency = fields.required("currency", "currency: EUR", reader);
    let currency = currency.and_then(|field| reader.checked(field, currency_code));
    let rate = fields.required("exchange_rate", "exchange_rate: { usd: 1.14, date: 2026-09-25 }", reader);
    let exchange_rate = rate.and_then(|field| exchange_rate(reader, field, currency.as_deref()));
    let terms = fields.get("cost").map_or(Some(Terms::default()), |field| terms(reader, field));
    let image = fields.required("image", "image: name:tag@sha256:...", reader);
    let image = image.and_then(|field| workload::image(reader, field));
    let mut tiers = BTreeMap::new();
    if let Some(field) = fields.required("tiers", "tiers: { ... } with one entry for each tier", reader) {
        let entries = reader.entries(field, "write each tier's name as a key under `tiers`");
        if entries.is_empty() && matches!(field.node.kind, Kind::Map(_)) {
            reader.add(Code::MissingKey, &field.key.span, "empty", "there is no tier", "add one under `tiers`");
        }
        for entry in entries {
            let tier = tier(reader, entry, image.as_deref());
            tiers.entry(entry.key.text.clone()).or_insert(tier);
        }
    }
    Some(Application { name, currency, exchange_rate, terms, image, tiers })
}

/// The application's name begins the paths of its SSM parameters, and AWS reserves some beginnings.
fn application_name(text: &str) -> Result<ApplicationName, Refusal> {
    let name = ApplicationName::new(text)?;
    if text.starts_with("aws") || text.starts_with("ssm") {
        let problem = format!("application name `{text}` begins with aws or ssm");
        return Err(Refusal::new(problem, "choose another name: AWS refuses parameters under such a path"));
    }
    Ok(name)
}

fn currency_code(text: &str) -> Result<String, Refusal> {
    if text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(text.to_owned());
    }
    Err(Refusal::new(
        format!("`{text}` is not a currency code"),
        "write the three capital letters of ISO 4217, such as EUR",
    ))
}

fn exchange_rate(reader: &mut Reader<'_>, field: Field<'_>, currency: Option<&str>) -> Option<ExchangeRate> {
    let fields = reader.fields(field, "exchange rate", &["usd", "date"])?;
    let given = fields.required("usd", "usd: 1.14", reader);
    let usd = given.and_then(|field| reader.decimal(field, false));
    if let (Some(field), Some(usd), Some("USD")) = (given, usd, currency)
        && usd != Decimal::ONE
    {
        reader.refuse(field, Refusal::new(format!("one USD is not {usd} dollars"), "write `usd: 1`"));
    }
    let date = fields.required("date", "date: 2026-09-25", reader).and_then(|field| {
        reader.checked(field, |text| {
            let date = text.parse::<jiff::civil::Date>().ok().filter(|date| date.to_string() == text);
            date.map(|_| text.to_owned()).ok_or_else(|| {
                Refusal::new(format!("`{text}` is not a date"), "write it as year-month-day, such as 2026-09-25")
            })
        })
    });
    Some(ExchangeRate { usd: usd?, date: date? })
}

/// `cost`: what is taken off a price before AWS is paid.
fn terms(reader: &mut Reader<'_>, field: Field<'_>) -> Option<Terms> {
    let fields = reader.fields(field, "cost", &["vat", "payment_fee", "other_monthly"])?;
    let mut terms = Terms::default();
    if let Some(field) = fields.get("vat") {
        let vat = reader.fields(field, "vat", &["percent", "included"])?;
        let percent = vat.required("percent", "percent: 21", reader);
        terms.vat_percent = percent.and_then(|field| percentage(reader, field))?;
        let included = vat.required("included", "included: true", reader);
        terms.vat_included = included.and_then(|field| reader.flag(field))?;
    }
    if let Some(field) = fields.get("payment_fee") {
        let fee = reader.fields(field, "payment fee", &["percent", "fixed"])?;
        terms.fee_percent = fee.get("percent").map_or(Some(Decimal::ZERO), |field| percentage(reader, field))?;
        terms.fee_fixed = fee.get("fixed").map_or(Some(Decimal::ZERO), |field| amount(reader, field))?;
    }
    terms.other_monthly = fields.get("other_monthly").map_or(Some(Decimal::ZERO), |field| amount(reader, field))?;
    Some(terms)
}

fn percentage(reader: &mut Reader<'_>, field: Field<'_>) -> Option<Decimal> {
    let percent = reader.decimal(field, true)?;
    if percent <= Decimal::ONE_HUNDRED {
        return Some(percent);
    }
    reader.refuse(
        field,
        Refusal::new(format!("{percent} is not a percentage"), "write a number from 0 to 100, such as 21"),
    );
    None
}

fn amount(reader: &mut Reader<'_>, field: Field<'_>) -> Option<Decimal> {
    let amount = reader.decimal(field, true)?;
    if amount <= Decimal::from(1_000_000) {
        return Some(amount);
    }
    reader.refuse(field, Refusal::new(format!("{amount} a month is not plausible"), "write at most 1000000"));
    None
}

fn tier(reader: &mut Reader<'_>, entry: Field<'_>, default_image: Option<&str>) -> Option<Tier> {
    let name = TierName::new(&entry.key.text);
    let name = match name {
        Ok(name) => Some(name),
        Err(error) => {
            reader.add(Code::InvalidValue, &entry.key.span, "this name", error.to_string(), error.help);
            None
        }
    };
    let fields = reader.fields(entry, "tier", TIER_KEYS)?;
    let price = fields.required("price", "price: 15", reader).and_then(|field| reader.decimal(field, true));
    let isolation = fields.required("isolation", "isolation: pooled", reader);
    let isolation = isolation.and_then(|field| reader.word(field, ISOLATIONS));
    let modules = fields.required("modules", "modules: [website]", reader);
    let modules = modules.map(|field| workload::modules(reader, field));
    if isolation == Some(Isolation::Pooled) {
        refuse_in_the_pool(reader, &fields);
    }
    let image = match fields.get("image") {
        Some(field) => workload::image(reader, field),
        // If the workspace's image is missing, that is reported there; the tier itself is sound.
        None => Some(default_image.unwrap_or_default().to_owned()),
    };
    let size = match fields.get("size") {
        Some(field) => workload::size(reader, field),
        None => FargateSize::new(DEFAULT_SIZE.0, DEFAULT_SIZE.1).ok(),
    };
    let tasks = match fields.get("tasks") {
        Some(field) => workload::tasks(reader, field),
        None => TaskRange::new(1, 1).ok(),
    };
    let spot = fields.get("spot").map_or(Some(true), |field| reader.flag(field));
    let on_demand = match fields.get("on_demand") {
        Some(field) => on_demand(reader, field, tasks),
        None => Some(0),
    };
    Some(Tier {
        name: name?,
        price: price?,
        isolation: isolation?,
        modules: modules?,
        image: image?,
        size: size?,
        tasks: tasks?,
        spot: spot?,
        on_demand: on_demand?,
    })
}

/// Tasks kept on demand: never more than there are tasks.
pub(super) fn on_demand(reader: &mut Reader<'_>, field: Field<'_>, tasks: Option<TaskRange>) -> Option<u32> {
    let number = reader.whole(field, 0..=TaskRange::HIGHEST)?;
    match tasks {
        Some(tasks) if number > tasks.max() => {
            let problem = format!("{number} tasks on demand are more than the maximum of {} tasks", tasks.max());
            reader.refuse(field, Refusal::new(problem, "lower `on_demand` or raise `tasks`"));
            None
        }
        _ => Some(number),
    }
}

/// A pooled tier does not have its own process: a size written there would look valid and have no effect.
fn refuse_in_the_pool(reader: &mut Reader<'_>, fields: &Fields<'_>) {
    for key in ["image", "size", "tasks", "spot", "on_demand"] {
        if let Some(field) = fields.get(key) {
            let help = "remove the line: a pooled tier shares the cell's Odoo service, which `pool` in `environments/` describes";
            reader.add(
                Code::NotAllowed,
                &field.key.span,
                "not allowed here",
                format!("a pooled tier has no `{key}`"),
                help,
            );
        }
    }
}
