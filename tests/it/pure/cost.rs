//! Estimates: against published worked examples, what holds whatever is estimated, and the command.

mod command;
mod diff;
mod foreign_templates;
mod invariants;
mod random;
mod readme;
mod references;
mod shares;
mod worked;

use konta::cost::evaluate::Inputs;
use konta::cost::{Estimate, PriceTable, Profile, Usage, estimate};
use konta::template::Document;
use rust_decimal::Decimal;

/// A template's estimate in eu-west-1, with nothing used but what `usage` says.
fn priced(template: &str, usage: &str) -> Estimate {
    priced_with(template, usage, Profile::none())
}

/// The same over a profile's defaults.
fn priced_with(template: &str, usage: &str, profile: Profile) -> Estimate {
    let document = Document::parse("t", template).unwrap();
    let inputs = Inputs { region: "eu-west-1".to_owned(), ..Inputs::default() };
    let usage = Usage::parse("u", usage, profile).unwrap();
    estimate::of_document("t", &document, &inputs, &usage, &PriceTable::embedded()).unwrap()
}

/// The expected quantity of a usage type, over all items.
fn quantity(estimate: &Estimate, usage_type: &str) -> Decimal {
    estimate.items.iter().filter(|item| item.usage_type() == usage_type).map(|item| item.quantity.expected).sum()
}
