//! The price table: dated prices by service, usage type and region, from the embedded `prices/prices.csv`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rust_decimal::Decimal;
use serde::Serialize;

use super::error::CostError;
use super::range::{Range, as_amount};

/// The prices konta brings.
const EMBEDDED: &str = include_str!("../../prices/prices.csv");
/// Prices found after those, for gaps among them.
const ADDITIONS: &str = include_str!("../../prices/additions.csv");
/// The columns every table has, in this order.
const HEADER: &str = "service,usage_type,region,unit,price_usd,from_tier,source,source_date";
/// The region of prices that are the same everywhere.
const EVERYWHERE: &str = "global";

/// One price, valid from a number of units on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Price {
    /// The service's code in the price list.
    pub service: String,
    /// The usage type without a region's prefix.
    pub usage_type: String,
    /// The region, or `global`.
    pub region: String,
    /// What one unit is.
    pub unit: String,
    /// US dollars for one unit.
    #[serde(rename = "price_usd", serialize_with = "as_amount")]
    pub usd: Decimal,
    /// The number of units from which the price holds, in the unit.
    #[serde(rename = "from_tier", serialize_with = "as_amount")]
    pub from: Decimal,
    /// Where the price was read.
    pub source: String,
    /// The day on which it was true, ISO 8601.
    #[serde(rename = "source_date")]
    pub date: String,
}

/// Prices by service, usage type and region. Only the lines that are asked for are parsed.
#[derive(Debug, Clone)]
pub struct PriceTable {
    /// Every line, sorted; the first three columns need no quotes and lead the line.
    lines: Vec<Arc<str>>,
    /// What was looked up before: ten thousand tenants ask for the same few prices.
    found: Arc<Mutex<HashMap<String, Vec<Arc<Price>>>>>,
}

impl PriceTable {
    /// The prices konta brings.
    #[must_use]
    pub fn embedded() -> Self {
        let mut lines: Vec<Arc<str>> =
            EMBEDDED.lines().skip(1).chain(ADDITIONS.lines().skip(1)).map(Arc::from).collect();
        lines.sort_unstable();
        Self { lines, found: Arc::default() }
    }

    /// Only the rows of a text.
    ///
    /// # Errors
    /// As [`PriceTable::with`].
    pub fn of(name: &str, text: &str) -> Result<Self, CostError> {
        Self { lines: Vec::new(), found: Arc::default() }.with(name, text)
    }

    /// Prices as the text of a table, in the order given.
    #[must_use]
    pub fn text<'a>(prices: impl Iterator<Item = &'a Price>) -> String {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
        for price in prices {
            let (usd, from) = (price.usd.to_string(), price.from.to_string());
            // Writing to memory does not fail.
            let _ = writer.write_record([
                &price.service,
                &price.usage_type,
                &price.region,
                &price.unit,
                &usd,
                &from,
                &price.source,
                &price.date,
            ]);
        }
        let rows = writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        format!("{HEADER}\n{rows}")
    }

    /// The same table with the rows of another text beside its own; where both price the same, the later day wins.
    ///
    /// # Errors
    /// When the text has other columns or a row cannot be read.
    pub fn with(mut self, name: &str, text: &str) -> Result<Self, CostError> {
        let wrong = |problem: String| CostError::Prices { name: name.to_owned(), problem };
        let mut rows = text.lines();
        if rows.next().map(str::trim_end) != Some(HEADER) {
            return Err(wrong(format!("the first line is not `{HEADER}`")));
        }
        for (number, row) in rows.enumerate().filter(|(_, row)| !row.trim().is_empty()) {
            if parse(row).is_none() {
                return Err(wrong(format!("line {} is no price", number + 2)));
            }
            self.lines.push(Arc::from(row));
        }
        self.lines.sort_unstable();
        // Copies of the table look in what was found before; this one is another table now.
        self.found = Arc::default();
        Ok(self)
    }

    /// The tiers of a price, lowest first: the region's, else those that hold everywhere; empty when the table has none.
    ///
    /// Where several sources carry a tier, the latest day wins.
    #[must_use]
    pub fn lookup(&self, service: &str, usage_type: &str, region: &str) -> Vec<Arc<Price>> {
        let own = self.tiers(&format!("{service},{usage_type},{region},"));
        if own.is_empty() { self.tiers(&format!("{service},{usage_type},{EVERYWHERE},")) } else { own }
    }

    /// Every price of the table, in the table's order.
    pub fn all(&self) -> impl Iterator<Item = Price> + '_ {
        self.lines.iter().filter_map(|line| parse(line))
    }

    fn tiers(&self, prefix: &str) -> Vec<Arc<Price>> {
        let found = || self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tiers) = found().get(prefix) {
            return tiers.clone();
        }
        let tiers = self.read(prefix);
        found().insert(prefix.to_owned(), tiers.clone());
        tiers
    }

    fn read(&self, prefix: &str) -> Vec<Arc<Price>> {
        let start = self.lines.partition_point(|line| &**line < prefix);
        let mut found: Vec<Price> = self.lines[start..]
            .iter()
            .take_while(|line| line.starts_with(prefix))
            .filter_map(|line| parse(line))
            .collect();
        found.sort_by(|a, b| a.from.cmp(&b.from).then_with(|| b.date.cmp(&a.date)));
        found.dedup_by(|later, first| later.from == first.from);
        found.into_iter().map(Arc::new).collect()
    }
}

/// Reads one row; `None` when it is no price.
fn parse(row: &str) -> Option<Price> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(row.as_bytes());
    let record = reader.records().next()?.ok()?;
    let column = |index: usize| record.get(index).map(ToOwned::to_owned);
    let usd: Decimal = record.get(4)?.parse().ok()?;
    let from: Decimal = record.get(5)?.parse().ok()?;
    let believable = |amount: Decimal| !amount.is_sign_negative() && amount <= Range::LARGEST;
    (record.len() == 8 && believable(usd) && believable(from)).then_some(())?;
    Some(Price {
        service: column(0)?,
        usage_type: column(1)?,
        region: column(2)?,
        unit: column(3)?,
        usd,
        from,
        source: column(6)?,
        date: column(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::decimal::dec;

    #[test]
    fn every_row_of_the_table_is_a_price_with_date_and_source() {
        let table = PriceTable::embedded();
        assert_eq!(table.all().count(), EMBEDDED.lines().count() + ADDITIONS.lines().count() - 2);
        for price in table.all() {
            assert!(price.date.len() == 10 && price.date.starts_with("20"), "{price:?}");
            assert!(price.source.len() > 10, "{price:?}");
        }
        assert_eq!((EMBEDDED.lines().next(), ADDITIONS.lines().next()), (Some(HEADER), Some(HEADER)));
    }

    #[test]
    fn a_price_found_twice_carries_the_later_day() {
        let tiers = PriceTable::embedded().lookup("AmazonECS", "Fargate-GB-Hours", "eu-west-1");
        assert_eq!(tiers.len(), 1);
        assert_eq!((tiers[0].usd, tiers[0].date.as_str()), (dec!(0.004445), "2026-09-11"));
    }

    #[test]
    fn a_region_without_a_price_takes_the_one_that_holds_everywhere_and_no_other() {
        let table = PriceTable::embedded();
        let zones = table.lookup("AmazonRoute53", "HostedZone", "eu-west-3");
        assert_eq!(
            zones.iter().map(|tier| (tier.from, tier.usd)).collect::<Vec<_>>(),
            [(dec!(0), dec!(0.5)), (dec!(25), dec!(0.1))]
        );
        assert!(table.lookup("AmazonECS", "FargateSpot-ARM-vCPU-Hours", "eu-south-2").is_empty());
    }

    #[test]
    fn rows_beside_the_embedded_ones_are_checked() {
        let row = "AmazonECS,FargateSpot-ARM-vCPU-Hours,eu-south-2,vCPU-hour,0.0099,0,a bill,2026-11-01";
        let table = PriceTable::embedded().with("mine", &format!("{HEADER}\n{row}\n")).unwrap();
        assert_eq!(table.lookup("AmazonECS", "FargateSpot-ARM-vCPU-Hours", "eu-south-2")[0].usd, dec!(0.0099));
        assert!(PriceTable::embedded().with("mine", &format!("{HEADER}\n{}\n", row.replace("0.0099", "-1"))).is_err());
        assert!(PriceTable::embedded().with("mine", row).is_err());
    }
}
