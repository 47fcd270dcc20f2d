//! What a change costs: two estimates, item by item.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use super::estimate::{Estimate, Unknown, Unpriced};
use super::item::LineItem;
use super::range::Range;

/// What a change of several stacks costs per month.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Before, in US dollars a month.
    pub before_usd: Range,
    /// After.
    pub after_usd: Range,
    /// After minus before, scenario by scenario; negative if it becomes cheaper.
    pub difference_usd: Range,
    /// The stacks that change.
    pub stacks: Vec<StackDifference>,
    /// Stacks whose cost before is unknown; they are not in any sum.
    pub unread: Vec<Unread>,
}

/// What the change of one stack costs per month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StackDifference {
    /// The stack's name, or `account` for traffic that belongs to no stack.
    pub stack: String,
    /// What it is, for people.
    pub title: String,
    /// Before, in US dollars a month.
    pub before_usd: Range,
    /// After.
    pub after_usd: Range,
    /// After minus before.
    pub difference_usd: Range,
    /// The items that differ before and after.
    pub items: Vec<ItemChange>,
    /// What costs an unknown amount after the change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Unknown>,
    /// Resources of types that konta does not price, after the change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unpriced: Vec<Unpriced>,
}

/// A stack whose cost before is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// The stack's name.
    pub stack: String,
    /// What it is, for people.
    pub title: String,
    /// Why.
    pub reason: String,
}

/// What happens to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It is new.
    Added,
    /// It goes away.
    Removed,
    /// It costs a different amount.
    Changed,
}

/// An item before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ItemChange {
    /// The logical id.
    pub resource: String,
    /// The service, as `prices/prices.csv` spells it.
    pub service: String,
    /// The usage type.
    pub usage_type: String,
    /// The unit.
    pub unit: String,
    /// What happens to it.
    pub change: Kind,
    /// The monthly quantity before; all tiers of a price together.
    pub before_quantity: Range,
    /// The monthly quantity after.
    pub after_quantity: Range,
    /// US dollars a month before.
    pub before_usd: Range,
    /// After.
    pub after_usd: Range,
    /// After minus before.
    pub difference_usd: Range,
}

/// After minus before, scenario by scenario.
fn less(after: Range, before: Range) -> Range {
    after.zip(before, Decimal::saturating_sub)
}

impl Difference {
    /// Adds a stack that changes; `None` means that it does not exist before, or after.
    pub fn add(&mut self, stack: &str, title: &str, before: Option<&Estimate>, after: Option<&Estimate>) {
        let none = Estimate::default();
        let (old, new) = (before.unwrap_or(&none), after.unwrap_or(&none));
        let difference_usd = less(new.total_usd, old.total_usd);
        self.before_usd = self.before_usd + old.total_usd;
        self.after_usd = self.after_usd + new.total_usd;
        self.difference_usd = self.difference_usd + difference_usd;
        self.stacks.push(StackDifference {
            stack: stack.to_owned(),
            title: title.to_owned(),
            before_usd: old.total_usd,
            after_usd: new.total_usd,
            difference_usd,
            items: items(old, new),
            unknown: new.unknown.clone(),
            unpriced: new.unpriced.clone(),
        });
    }

    /// Adds a stack whose cost before is unknown.
    pub fn add_unread(&mut self, stack: &str, title: &str, reason: String) {
        self.unread.push(Unread { stack: stack.to_owned(), title: title.to_owned(), reason });
    }

    /// Removes the stacks that cost the same, item by item.
    #[must_use]
    pub fn without_same(mut self) -> Self {
        self.stacks.retain(|stack| !stack.items.is_empty() || !stack.difference_usd.is_zero());
        self
    }

    /// How much of the difference belongs to usage types with this prefix.
    #[must_use]
    pub fn of_it(&self, usage_type: &str) -> Range {
        self.stacks.iter().map(|stack| stack.of_it(usage_type)).sum()
    }
}

impl StackDifference {
    /// How much of the difference belongs to usage types with this prefix.
    #[must_use]
    pub fn of_it(&self, usage_type: &str) -> Range {
        let those = self.items.iter().filter(|item| item.usage_type.starts_with(usage_type));
        those.map(|item| item.difference_usd).sum()
    }
}

/// The key that identifies an item before and after.
type Key<'a> = (&'a str, &'a str, &'a str, &'a str);

/// Quantity and amount.
type Sums = (Range, Range);

fn items(before: &Estimate, after: &Estimate) -> Vec<ItemChange> {
    let mut sides: BTreeMap<Key<'_>, (Option<Sums>, Option<Sums>)> = BTreeMap::new();
    for item in &before.items {
        sum(&mut sides.entry(key(item)).or_default().0, item);
    }
    for item in &after.items {
        sum(&mut sides.entry(key(item)).or_default().1, item);
    }
    let changed = sides.into_iter().filter(|(_, (before, after))| before != after);
    changed
        .map(|((resource, service, usage_type, unit), (before, after))| {
            let change = match (before, after) {
                (None, _) => Kind::Added,
                (_, None) => Kind::Removed,
                _ => Kind::Changed,
            };
            let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
            ItemChange {
                resource: resource.to_owned(),
                service: service.to_owned(),
                usage_type: usage_type.to_owned(),
                unit: unit.to_owned(),
                change,
                before_quantity: before.0,
                after_quantity: after.0,
                before_usd: before.1,
                after_usd: after.1,
                difference_usd: less(after.1, before.1),
            }
        })
        .collect()
}

fn key(item: &LineItem) -> Key<'_> {
    (&item.resource, item.service(), item.usage_type(), &item.price.unit)
}

fn sum(side: &mut Option<Sums>, item: &LineItem) {
    let (quantity, amount) = side.unwrap_or_default();
    *side = Some((quantity + item.quantity, amount + item.monthly_usd));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::decimal::dec;
    use crate::cost::price::PriceTable;

    fn estimate(items: &[(&str, &str, &str, Decimal)]) -> Estimate {
        let table = PriceTable::embedded();
        let items: Vec<LineItem> = items
            .iter()
            .map(|(resource, service, usage_type, quantity)| {
                let price = table.lookup(service, usage_type, "eu-west-1")[0].clone();
                LineItem::new(resource, price, Range::exact(*quantity), None)
            })
            .collect();
        Estimate { total_usd: items.iter().map(|item| item.monthly_usd).sum(), items, ..Estimate::default() }
    }

    #[test]
    fn an_item_is_added_removed_or_changed_and_what_is_the_same_is_not_named() {
        const ADDRESS: (&str, &str) = ("AmazonVPC", "PublicIPv4:InUseAddress");
        let before = estimate(&[("A", ADDRESS.0, ADDRESS.1, dec!(730)), ("Gone", ADDRESS.0, ADDRESS.1, dec!(730))]);
        let after = estimate(&[("A", ADDRESS.0, ADDRESS.1, dec!(1460)), ("New", ADDRESS.0, ADDRESS.1, dec!(1460))]);
        let mut difference = Difference::default();
        difference.add("s", "stack", Some(&before), Some(&after));
        difference.add("same", "the same", Some(&before), Some(&before));
        let kinds: Vec<_> = difference.stacks[0]
            .items
            .iter()
            .map(|i| (i.resource.as_str(), i.change, i.difference_usd.expected))
            .collect();
        assert_eq!(
            kinds,
            [("A", Kind::Changed, dec!(3.65)), ("Gone", Kind::Removed, dec!(-3.65)), ("New", Kind::Added, dec!(7.3))]
        );
        assert_eq!(difference.difference_usd, Range::exact(dec!(7.3)));
        assert_eq!(difference.of_it("PublicIPv4"), Range::exact(dec!(7.3)));
        assert_eq!(difference.without_same().stacks.len(), 1);
    }

    #[test]
    fn what_was_not_there_before_costs_everything_it_costs() {
        let after = estimate(&[("A", "AmazonVPC", "PublicIPv4:InUseAddress", dec!(730))]);
        let mut difference = Difference::default();
        difference.add("new", "new", None, Some(&after));
        difference.add("old", "old", Some(&after), None);
        assert_eq!(difference.stacks[0].difference_usd, Range::exact(dec!(3.65)));
        assert_eq!(difference.stacks[1].difference_usd, Range::exact(dec!(-3.65)));
        assert!(difference.difference_usd.is_zero());
    }
}
