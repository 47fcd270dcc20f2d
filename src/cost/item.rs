//! A line item: one priced thing in an estimate.

use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::price::Price;
use super::range::{Amount, Range};

/// One priced thing: a resource, what it uses in a month and how much, and the dated price of that.
///
/// Nothing is rounded: `monthly_usd` is `quantity` x `unit_price_usd` with every digit; only the display rounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineItem {
    /// The logical id; in a workspace's estimate, after the stack's name and a slash.
    pub resource: String,
    /// The price, with service, usage type and unit as `prices/prices.csv` spells them.
    pub price: Arc<Price>,
    /// The monthly quantity, in the price's unit.
    pub quantity: Range,
    /// US dollars a month.
    pub monthly_usd: Range,
    /// Where the quantity comes from, or which tier of the price this is.
    pub note: Option<String>,
}

impl LineItem {
    /// An item that uses `quantity` at `price`.
    #[must_use]
    pub fn new(resource: &str, price: Arc<Price>, quantity: Range, note: Option<String>) -> Self {
        let monthly_usd = quantity * price.usd;
        Self { resource: resource.to_owned(), price, quantity, monthly_usd, note }
    }

    /// The service, as the price list spells it.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.price.service
    }

    /// The usage type without a region's prefix.
    #[must_use]
    pub fn usage_type(&self) -> &str {
        &self.price.usage_type
    }
}

/// Writes the fields in the order of the documentation.
impl Serialize for LineItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("resource", &self.resource)?;
        map.serialize_entry("service", &self.price.service)?;
        map.serialize_entry("usage_type", &self.price.usage_type)?;
        map.serialize_entry("unit", &self.price.unit)?;
        map.serialize_entry("quantity", &self.quantity)?;
        map.serialize_entry("unit_price_usd", &Amount(self.price.usd))?;
        map.serialize_entry("monthly_usd", &self.monthly_usd)?;
        map.serialize_entry("price_date", &self.price.date)?;
        map.serialize_entry("price_source", &self.price.source)?;
        if let Some(note) = &self.note {
            map.serialize_entry("note", note)?;
        }
        map.end()
    }
}
