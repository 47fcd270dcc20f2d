//! Published worked examples: where the prices are those of the table, the amounts agree to the cent.

use std::collections::BTreeMap;
use std::path::Path;

use konta::cost::evaluate::Inputs;
use konta::cost::{Estimate, PriceTable, Profile, Usage, estimate};
use konta::template::Document;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Deserialize;

/// One published example.
#[derive(Debug, Deserialize)]
struct Example {
    source: String,
    region: String,
    template: String,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    #[serde(default)]
    usage: serde_yaml::Value,
    expected: Expected,
}

#[derive(Debug, Deserialize)]
struct Expected {
    items: Vec<Item>,
    total_usd: Decimal,
}

#[derive(Debug, Deserialize)]
struct Item {
    service: String,
    usage_type: String,
    quantity: Decimal,
    monthly_usd: Decimal,
}

fn cents(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

fn estimated(name: &str, example: &Example) -> Estimate {
    let document = Document::parse(name, &example.template).unwrap();
    let parameters = example.parameters.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
    let inputs = Inputs { region: example.region.clone(), parameters };
    let usage = Usage::parse(name, &serde_yaml::to_string(&example.usage).unwrap(), Profile::none()).unwrap();
    let prices = PriceTable::embedded();
    let resources = estimate::of_document(name, &document, &inputs, &usage, &prices).unwrap();
    let mut whole = estimate::of_account(&example.region, &usage, &prices);
    whole.add(&resources);
    whole
}

/// What differs between an example and its estimate.
fn differences(name: &str, example: &Example) -> Vec<String> {
    let estimate = estimated(name, example);
    let mut wrong = Vec::new();
    let mut sums: BTreeMap<(String, String), (Decimal, Decimal)> = BTreeMap::new();
    for item in &estimate.items {
        let sum = sums.entry((item.service().to_owned(), item.usage_type().to_owned())).or_default();
        sum.0 += item.quantity.expected;
        sum.1 += item.monthly_usd.expected;
    }
    let mut expected: BTreeMap<(String, String), (Decimal, Decimal)> = BTreeMap::new();
    for item in &example.expected.items {
        let sum = expected.entry((item.service.clone(), item.usage_type.clone())).or_default();
        sum.0 += item.quantity;
        sum.1 += item.monthly_usd;
    }
    for (key, (quantity, amount)) in &expected {
        let (found_quantity, found) = sums.remove(key).unwrap_or_default();
        if cents(found) != cents(*amount) || found_quantity.round_dp(2) != quantity.round_dp(2) {
            wrong.push(format!("{name}: {key:?} {quantity} = {amount}, estimated {found_quantity} = {found}"));
        }
    }
    wrong.extend(
        sums.iter()
            .filter(|(_, (_, amount))| !amount.is_zero())
            .map(|(key, sum)| format!("{name}: {key:?} {sum:?} is too much")),
    );
    let total = estimate.total_usd.expected;
    if cents(total) != cents(example.expected.total_usd) {
        wrong.push(format!("{name}: total {} of {}, estimated {total}", example.expected.total_usd, example.source));
    }
    if !estimate.unknown.is_empty() || !estimate.unpriced.is_empty() {
        wrong.push(format!("{name}: {:?} {:?}", estimate.unknown, estimate.unpriced));
    }
    wrong
}

#[test]
fn published_worked_examples_come_out_to_the_cent() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/pure/cost/worked");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "yml"));
    paths.sort();
    let mut wrong = Vec::new();
    for path in &paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let example: Example = serde_yaml::from_str(&std::fs::read_to_string(path).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        wrong.extend(differences(&name, &example));
    }
    assert!(paths.len() >= 15, "only {} examples", paths.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
