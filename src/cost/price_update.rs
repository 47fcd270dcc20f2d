//! A table of prices compared with what the Price List answers, and what is kept of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::error::CostError;
use super::price::{Price, PriceTable};
use super::price_list::{self, PriceChange, Question};

/// The file of a workspace's own prices, in its folder.
pub const LOCK: &str = "prices.lock.csv";

/// A price of the table: its service, usage type and region.
type Key = (String, String, String);

/// What becomes of the prices that are asked for.
#[derive(Debug, Default, Serialize)]
pub struct PriceUpdate {
    /// Those that are another now.
    pub changed: Vec<ChangedPrice>,
    /// How many are the same, with a newer date.
    pub same: usize,
    /// Those that are not believable; taken only by force.
    pub absurd: Vec<ChangedPrice>,
    /// Those that were not taken, with the reason.
    pub not_taken: Vec<NotTaken>,
    /// The rows for the lock.
    #[serde(skip)]
    pub rows: Vec<Price>,
    /// The prices whose questions are not answered yet, in the order of the questions.
    #[serde(skip)]
    asked: Vec<Key>,
}

/// A price that changed.
#[derive(Debug, Serialize)]
pub struct ChangedPrice {
    /// The service.
    pub service: String,
    /// The usage type.
    pub usage_type: String,
    /// The region.
    pub region: String,
    /// Before, tier by tier, in USD.
    pub before: Vec<String>,
    /// After.
    pub after: Vec<String>,
}

/// A price that was not taken.
#[derive(Debug, Serialize)]
pub struct NotTaken {
    /// The service.
    pub service: String,
    /// The usage type.
    pub usage_type: String,
    /// The region.
    pub region: String,
    /// Why.
    pub reason: String,
}

impl PriceUpdate {
    /// The questions for every price of the table in these regions, of these services or of all.
    #[must_use]
    pub fn ask(table: &PriceTable, regions: &BTreeSet<String>, services: &[String]) -> (Self, Vec<Question>) {
        let mut keys: BTreeSet<Key> = BTreeSet::new();
        for price in table.all() {
            let asked = regions.contains(&price.region) || price.region == "global";
            if asked && (services.is_empty() || services.contains(&price.service)) {
                keys.insert((price.service, price.usage_type, price.region));
            }
        }
        let mut update = Self::default();
        let mut questions = Vec::new();
        for (service, usage_type, region) in keys {
            match price_list::question(&service, &usage_type, &region) {
                Ok(question) => {
                    questions.push(question);
                    update.asked.push((service, usage_type, region));
                }
                Err(reason) => update.not_taken.push(NotTaken { service, usage_type, region, reason }),
            }
        }
        (update, questions)
    }

    /// Compares the answers, in the order of the questions, with the table. With `force` what is not believable is taken too.
    #[must_use]
    pub fn answered(mut self, table: &PriceTable, answers: &[Vec<String>], force: bool) -> Self {
        for (key, answer) in std::mem::take(&mut self.asked).into_iter().zip(answers) {
            self.take(table, key, answer, force);
        }
        self
    }

    fn take(&mut self, table: &PriceTable, (service, usage_type, region): Key, answer: &[String], force: bool) {
        let known: Vec<Price> =
            table.lookup(&service, &usage_type, &region).iter().map(|price| (**price).clone()).collect();
        let new = match price_list::read(answer, &known) {
            Ok(new) => new,
            Err(reason) => {
                self.not_taken.push(NotTaken { service, usage_type, region, reason });
                return;
            }
        };
        let usd = |prices: &[Price]| prices.iter().map(|price| price.usd.normalize().to_string()).collect();
        let change = ChangedPrice { service, usage_type, region, before: usd(&known), after: usd(&new) };
        match price_list::compare(&known, &new) {
            PriceChange::Same => self.same += 1,
            PriceChange::Changed => self.changed.push(change),
            PriceChange::Absurd => {
                self.absurd.push(change);
                if !force {
                    return;
                }
            }
        }
        self.rows.extend(new);
    }
}

/// The text of a lock: the rows of `kept`, the lock as it is, with `rows` in place of those for the same price.
///
/// # Errors
/// When the lock as it is cannot be read.
pub fn merged(name: &str, kept: Option<&str>, rows: &[Price]) -> Result<String, CostError> {
    let key = |price: &Price| (price.service.clone(), price.usage_type.clone(), price.region.clone(), price.from);
    let mut all: BTreeMap<_, Price> = BTreeMap::new();
    if let Some(text) = kept {
        let kept = PriceTable::of(name, text)?;
        all.extend(kept.all().map(|price| (key(&price), price)));
    }
    all.extend(rows.iter().map(|price| (key(price), price.clone())));
    Ok(PriceTable::text(all.values()))
}
