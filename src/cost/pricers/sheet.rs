//! The sheet that a pricer writes on: it looks up prices and usage, and records what is charged,
//! free, unknown and assumed.

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

/// How many decimals of a quantity are kept: a third does not get thirty digits, and no bill is more precise.
const DIGITS: u32 = 6;

/// What a pricer does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing(pub String);

impl From<String> for Missing {
    fn from(reason: String) -> Self {
        Self(reason)
    }
}

/// Which assumptions keep their range; the others have their expected figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Focus {
    /// All.
    Everything,
    /// One, to see how much depends on it.
    Only {
        /// The logical id.
        resource: String,
        /// The field.
        field: String,
    },
}

/// What a document's resources cost, as it is recorded.
#[derive(Debug)]
pub struct Sheet<'s, 'a> {
    evaluator: &'s Evaluator<'a>,
    usage: &'s Usage,
    prices: &'s PriceTable,
    focus: &'s Focus,
    written: Estimate,
    /// How much of a usage type was charged so far: tiers continue from there.
    meters: BTreeMap<(String, String), Range>,
}

impl<'s, 'a> Sheet<'s, 'a> {
    /// An empty sheet.
    #[must_use]
    pub fn new(evaluator: &'s Evaluator<'a>, usage: &'s Usage, prices: &'s PriceTable, focus: &'s Focus) -> Self {
        Self { evaluator, usage, prices, focus, written: Estimate::default(), meters: BTreeMap::new() }
    }

    /// The finished estimate.
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

    /// Whether a resource is created.
    ///
    /// # Errors Why that is unknown.
    pub fn is_made(&self, resource: &Value) -> Result<bool, String> {
        self.evaluator.is_made(resource)
    }

    /// The resources of a type that are created, or may be.
    pub fn of_type(&self, kind: &str) -> Vec<&'a str> {
        let document = self.document();
        document
            .resources()
            .iter()
            .filter(|(id, resource)| document.resource_type(id) == kind && self.is_made(resource) != Ok(false))
            .map(|(id, _)| id.as_str())
            .collect()
    }

    /// How much of a field is used: what a usage file says, else the profile's default, else zero.
    pub fn used(&mut self, id: &str, field: &str) -> Range {
        self.used_or(id, field, None)
    }

    /// The same, with what the template itself says (and how) instead of a profile's default.
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

    /// What a usage file says about a field.
    #[must_use]
    pub fn said(&self, id: &str, field: &str) -> Option<Range> {
        self.usage.said(id, self.document().resource_type(id), field)
    }

    /// Whether a usage file says anything about a resource or its type.
    #[must_use]
    pub fn is_mentioned(&self, id: &str) -> bool {
        self.usage.mentions(id, self.document().resource_type(id))
    }

    /// Whether a usage file names this resource itself.
    #[must_use]
    pub fn is_named(&self, id: &str) -> bool {
        self.usage.names(id)
    }

    /// How many entries of any kind were recorded so far.
    #[must_use]
    pub fn entries(&self) -> usize {
        let Estimate { items, free, unpriced, unknown, assumptions, .. } = &self.written;
        items.len() + free.len() + unpriced.len() + unknown.len() + assumptions.len()
    }

    /// Records an assumed figure, and returns it: with its range if it is in focus, else only the expected figure.
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

    /// Charges a quantity, split over the tiers of its price; tiers continue from what other resources used.
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
            self.free(id, &format!("{usage_type}: the first {first} {unit} a month are free"));
        }
        if !split.beyond.is_zero() {
            let reason =
                format!("the price beyond {} {} a month is not in the price table", split.until, tiers[0].unit);
            self.unknown_price(id, service, usage_type, &reason);
        }
    }

    /// Charges a quantity at the first tier's price, whatever its lower bound: for allowances
    /// that belong to a resource.
    pub fn charge_flat(&mut self, id: &str, service: &str, usage_type: &str, quantity: Range, note: Option<&str>) {
        let quantity = quantity.map(|quantity| quantity.round_dp(DIGITS));
        let Some(tiers) = self.tiers(id, service, usage_type, quantity) else { return };
        if let Some(price) = tiers.into_iter().next() {
            self.written.items.push(LineItem::new(id, price, quantity, note.map(ToOwned::to_owned)));
        }
    }

    /// The tiers of a price. `None` if nothing is used; also, with an unknown entry, if the table has none
    /// or the quantity is absurd.
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
            self.unknown_price(id, service, usage_type, "the quantity is not believable");
            return None;
        }
        let tiers = self.prices.lookup(service, usage_type, self.evaluator.region());
        if tiers.is_empty() {
            let region = self.evaluator.region();
            let reason = format!("the price table has no price for {service} {usage_type} in {region}");
            self.unknown_price(id, service, usage_type, &reason);
            return None;
        }
        Some(tiers)
    }

    /// Records a resource, or a part of its use, as free.
    pub fn free(&mut self, id: &str, reason: &str) {
        self.written.free.push(Free {
            resource: id.to_owned(),
            resource_type: self.document().resource_type(id).to_owned(),
            reason: reason.to_owned(),
        });
    }

    /// Records a resource as one that konta does not price.
    pub fn unpriced(&mut self, id: &str) {
        let resource_type = self.document().resource_type(id).to_owned();
        self.written.unpriced.push(Unpriced { resource: id.to_owned(), resource_type });
    }

    /// Records an unknown cost.
    pub fn unknown(&mut self, id: &str, reason: &str) {
        let region = self.evaluator.region().to_owned();
        let reason = reason.to_owned();
        self.written.unknown.push(Unknown { resource: id.to_owned(), service: None, usage_type: None, region, reason });
    }

    /// Records a missing price.
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
