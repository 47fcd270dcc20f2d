//! The sheet a pricer writes on: it looks up prices and usage, and keeps what was charged, free, unknown and assumed.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::cost::estimate::{Assumption, Estimate, Free, Unknown, Unpriced};
use crate::cost::evaluate::{Evaluator, Properties};
use crate::cost::item::LineItem;
use crate::cost::price::PriceTable;
use crate::cost::range::Range;
use crate::cost::usage::{ACCOUNT, Usage};
use crate::template::Document;

use super::price_tiers;

/// Decimals kept of a quantity: what is divided by three is no thirty digits long, and no bill is finer.
const DIGITS: u32 = 6;

/// What a pricer could not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing(pub String);

impl From<String> for Missing {
    fn from(reason: String) -> Self {
        Self(reason)
    }
}

/// Which assumptions keep their range; the others are taken as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Focus {
    /// All.
    Everything,
    /// One, to see how much hangs on it.
    Only {
        /// The logical id.
        resource: String,
        /// The field.
        field: String,
    },
}

/// What a document's resources cost, while it is written.
#[derive(Debug)]
pub struct Sheet<'s, 'a> {
    evaluator: &'s Evaluator<'a>,
    usage: &'s Usage,
    prices: &'s PriceTable,
    focus: &'s Focus,
    written: Estimate,
    /// How much of a usage type is charged so far: tiers go on from there.
    meters: BTreeMap<(String, String), Range>,
}

impl<'s, 'a> Sheet<'s, 'a> {
    /// An empty sheet.
    #[must_use]
    pub fn new(evaluator: &'s Evaluator<'a>, usage: &'s Usage, prices: &'s PriceTable, focus: &'s Focus) -> Self {
        Self { evaluator, usage, prices, focus, written: Estimate::default(), meters: BTreeMap::new() }
    }

    /// What was written.
    #[must_use]
    pub fn finish(mut self) -> Estimate {
        self.written.total_usd = self.written.items.iter().map(|item| item.monthly_usd).sum();
        self.written
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> &'a Document {
        self.evaluator.document()
    }

    /// The usage.
    #[must_use]
    pub fn usage(&self) -> &'s Usage {
        self.usage
    }

    /// Hours of the month.
    #[must_use]
    pub fn hours(&self) -> Decimal {
        self.usage.hours()
    }

    /// A resource's properties.
    #[must_use]
    pub fn properties(&self, id: &str) -> Properties<'s, 'a> {
        self.evaluator.properties(id)
    }

    /// Whether a resource is made.
    ///
    /// # Errors
    /// Why that cannot be known.
    pub fn is_made(&self, resource: &Value) -> Result<bool, String> {
        self.evaluator.is_made(resource)
    }

    /// The resources of a type that are made, or may be.
    pub fn of_type(&self, kind: &str) -> Vec<&'a str> {
        let document = self.document();
        document
            .resources()
            .iter()
            .filter(|(id, resource)| document.resource_type(id) == kind && self.is_made(resource) != Ok(false))
            .map(|(id, _)| id.as_str())
            .collect()
    }

    /// How much of a field is used: what a usage file says, else the profile's default, else nothing.
    pub fn used(&mut self, id: &str, field: &str) -> Range {
        self.used_or(id, field, None)
    }

    /// The same, with what the template itself tells (and how) in place of a profile's default.
    pub fn used_or(&mut self, id: &str, field: &str, told: Option<(Range, &str)>) -> Range {
        let kind = if id == ACCOUNT { ACCOUNT } else { self.document().resource_type(id) };
        if let Some(said) = self.usage.said(id, kind, field) {
            return if said.is_exact() { said } else { self.assume(id, field, said, "the usage file") };
        }
        match (told, self.usage.default_of(id, kind, field)) {
            (Some((range, _)), _) if range.is_exact() => range,
            (Some((range, origin)), _) => self.assume(id, field, range, origin),
            (None, Some(default)) => self.assume(id, field, default.range, &default.origin),
            (None, None) => Range::ZERO,
        }
    }

    /// What a usage file says of a field.
    #[must_use]
    pub fn said(&self, id: &str, field: &str) -> Option<Range> {
        self.usage.said(id, self.document().resource_type(id), field)
    }

    /// Whether a usage file says anything of a resource or its type.
    #[must_use]
    pub fn is_mentioned(&self, id: &str) -> bool {
        self.usage.mentions(id, self.document().resource_type(id))
    }

    /// Whether a usage file names this very resource.
    #[must_use]
    pub fn is_named(&self, id: &str) -> bool {
        self.usage.names(id)
    }

    /// How many entries were written so far, of any kind.
    #[must_use]
    pub fn entries(&self) -> usize {
        let Estimate { items, free, unpriced, unknown, assumptions, .. } = &self.written;
        items.len() + free.len() + unpriced.len() + unknown.len() + assumptions.len()
    }

    /// Notes a figure that nobody gave, and gives it as far as it is in focus.
    pub fn assume(&mut self, id: &str, field: &str, value: Range, origin: &str) -> Range {
        self.written.assumptions.push(Assumption {
            resource: id.to_owned(),
            field: field.to_owned(),
            value,
            origin: origin.to_owned(),
            swing_usd: Decimal::ZERO,
        });
        match self.focus {
            Focus::Everything => value,
            Focus::Only { resource, field: only } if resource == id && only == field => value,
            Focus::Only { .. } => value.collapsed(),
        }
    }

    /// Charges a quantity, split over the tiers of its price; tiers go on from what other resources used.
    pub fn charge(&mut self, id: &str, service: &str, usage_type: &str, quantity: Range, note: Option<&str>) {
        let quantity = quantity.map(|quantity| quantity.round_dp(DIGITS));
        let Some(tiers) = self.tiers(id, service, usage_type, quantity) else { return };
        if let [price] = tiers.as_slice()
            && price_tiers::is_only(price)
        {
            self.written.items.push(LineItem::new(id, Arc::clone(price), quantity, note.map(ToOwned::to_owned)));
            return;
        }
        let meter = self.meters.entry((service.to_owned(), usage_type.to_owned())).or_default();
        let split = price_tiers::split(&tiers, *meter, quantity);
        *meter = *meter + quantity;
        for (price, portion, of_tier) in split.portions {
            let note = match (note, of_tier) {
                (Some(note), Some(of_tier)) => Some(format!("{note}; {of_tier}")),
                (Some(note), None) => Some(note.to_owned()),
                (None, of_tier) => of_tier,
            };
            self.written.items.push(LineItem::new(id, price, portion, note));
        }
        if !split.free.is_zero() {
            let first = tiers.first().map_or(Decimal::ZERO, |tier| tier.from);
            let unit = tiers.first().map_or("unit", |tier| tier.unit.as_str());
            self.free(id, &format!("{usage_type}: the first {first} {unit} a month cost nothing"));
        }
        if !split.beyond.is_zero() {
            let reason = format!("the price beyond {} {} a month is not in the table", split.until, tiers[0].unit);
            self.unknown_price(id, service, usage_type, &reason);
        }
    }

    /// Charges a quantity at the first tier's price, whatever its lower bound: for allowances that are a resource's own.
    pub fn charge_flat(&mut self, id: &str, service: &str, usage_type: &str, quantity: Range, note: Option<&str>) {
        let quantity = quantity.map(|quantity| quantity.round_dp(DIGITS));
        let Some(tiers) = self.tiers(id, service, usage_type, quantity) else { return };
        if let Some(price) = tiers.into_iter().next() {
            self.written.items.push(LineItem::new(id, price, quantity, note.map(ToOwned::to_owned)));
        }
    }

    /// The tiers of a price; none when nothing is used, and an unknown entry when the table has none or the quantity is absurd.
    fn tiers(
        &mut self,
        id: &str,
        service: &str,
        usage_type: &str,
        quantity: Range,
    ) -> Option<Vec<Arc<crate::cost::Price>>> {
        if quantity.is_zero() {
            return None;
        }
        if !quantity.is_believable() {
            self.unknown_price(id, service, usage_type, "the quantity is beyond belief");
            return None;
        }
        let tiers = self.prices.lookup(service, usage_type, self.evaluator.region());
        if tiers.is_empty() {
            let region = self.evaluator.region();
            let reason = format!("the table has no price of {service} {usage_type} in {region}");
            self.unknown_price(id, service, usage_type, &reason);
            return None;
        }
        Some(tiers)
    }

    /// Writes a resource, or a part of its use, down as free.
    pub fn free(&mut self, id: &str, reason: &str) {
        self.written.free.push(Free {
            resource: id.to_owned(),
            resource_type: self.document().resource_type(id).to_owned(),
            reason: reason.to_owned(),
        });
    }

    /// Writes a resource down as one that konta does not price.
    pub fn unpriced(&mut self, id: &str) {
        let resource_type = self.document().resource_type(id).to_owned();
        self.written.unpriced.push(Unpriced { resource: id.to_owned(), resource_type });
    }

    /// Writes down what could not be worked out.
    pub fn unknown(&mut self, id: &str, reason: &str) {
        let region = self.evaluator.region().to_owned();
        let reason = reason.to_owned();
        self.written.unknown.push(Unknown { resource: id.to_owned(), service: None, usage_type: None, region, reason });
    }

    /// Writes down a price that is missing.
    pub fn unknown_price(&mut self, id: &str, service: &str, usage_type: &str, reason: &str) {
        self.written.unknown.push(Unknown {
            resource: id.to_owned(),
            service: Some(service.to_owned()),
            usage_type: Some(usage_type.to_owned()),
            region: self.evaluator.region().to_owned(),
            reason: reason.to_owned(),
        });
    }
}
