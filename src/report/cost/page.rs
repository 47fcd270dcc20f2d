//! A page about costs, independent of how it looks: headline, facts, and sections with a chart and a table.
//!
//! Everything with a cost to show (an estimate, a comparison, a curve) makes a page; text, Markdown and HTML
//! are made only from pages.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::amount;
use crate::cost::Range;

/// The content of a page. Its texts may contain anything: each format escapes what it must.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// What it is about.
    pub title: String,
    /// The most important fact; its range comes last, in parentheses.
    pub headline: String,
    /// Other facts as names and values: region, dates, budget.
    pub facts: Vec<(String, String)>,
    /// The rest, in the order of importance.
    pub sections: Vec<Section>,
}

/// A part of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// Whether it is a detail: hidden in text without `--verbose`, folded in Markdown and HTML.
    pub detail: bool,
    /// A sentence about it.
    pub intro: Option<String>,
    /// A chart of the table.
    pub chart: Option<Chart>,
    /// The table.
    pub grid: Option<Grid>,
    /// Sentences below the table.
    pub notes: Vec<String>,
    /// Text that is shown as it is, such as a manifest.
    pub verbatim: Option<String>,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grid {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with one cell per column.
    pub rows: Vec<Vec<Cell>>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub head: Cow<'static, str>,
    /// Whether it holds figures, which are aligned on the right.
    pub figures: bool,
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Text, or a formatted figure.
    Text(String),
    /// An amount of money.
    Money(Range),
}

/// A chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chart {
    /// Amounts next to each other.
    Bars(Bars),
    /// An amount over a number.
    Curve(Curve),
}

/// Amounts next to each other; some may be negative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bars {
    /// What it shows.
    pub title: String,
    /// Name and amount of each.
    pub bars: Vec<(String, Range)>,
}

/// An amount over a number, such as the cost of each tenant over the number of tenants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Curve {
    /// What it shows.
    pub title: String,
    /// What is counted.
    pub count: String,
    /// Count and amount, in ascending order of counts.
    pub points: Vec<(u32, Range)>,
    /// Amounts to compare with, such as prices.
    pub levels: Vec<(String, Decimal)>,
    /// Counts at which something is added, and what.
    pub steps: Vec<(u32, String)>,
}

impl Column {
    /// A column of words.
    #[must_use]
    pub fn text(head: impl Into<Cow<'static, str>>) -> Self {
        Self { head: head.into(), figures: false }
    }

    /// A column of figures.
    #[must_use]
    pub fn figures(head: impl Into<Cow<'static, str>>) -> Self {
        Self { head: head.into(), figures: true }
    }
}

impl Cell {
    /// Words.
    #[must_use]
    pub fn text(words: impl Into<String>) -> Self {
        Self::Text(words.into())
    }

    /// The cell in one string.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Money(range) => amount::amount(*range),
        }
    }
}

impl Grid {
    /// The first `most` rows, and one that says how many are left out and what they add up to in each column of money.
    #[must_use]
    pub fn cut(&self, most: usize) -> Self {
        if self.rows.len() <= most {
            return self.clone();
        }
        let (kept, left) = self.rows.split_at(most);
        let rest = (0..self.columns.len()).map(|column| match left[0].get(column) {
            _ if column == 0 => Cell::Text(format!("and {} more", left.len())),
            Some(Cell::Money(_)) => Cell::Money(left.iter().filter_map(|row| row.get(column)?.money()).sum()),
            _ => Cell::Text(String::new()),
        });
        let rest = rest.collect();
        Self { columns: self.columns.clone(), rows: kept.iter().cloned().chain([rest]).collect() }
    }
}

impl Cell {
    fn money(&self) -> Option<Range> {
        match self {
            Self::Money(range) => Some(*range),
            Self::Text(_) => None,
        }
    }
}

impl Bars {
    /// The `most` largest bars; the last one is the sum of the rest.
    #[must_use]
    pub fn largest(mut self, most: usize) -> Self {
        self.bars.sort_by(|a, b| b.1.expected.cmp(&a.1.expected).then_with(|| a.0.cmp(&b.0)));
        if self.bars.len() > most {
            let left = self.bars.split_off(most.saturating_sub(1));
            self.bars.push((format!("{} others", left.len()), left.into_iter().map(|bar| bar.1).sum()));
        }
        self
    }

    /// The lowest and the highest amount in the chart; zero is always within them.
    pub(super) fn bounds(&self) -> (Decimal, Decimal) {
        let lowest = self.bars.iter().map(|bar| bar.1.low.min(bar.1.expected)).min().unwrap_or_default();
        let highest = self.bars.iter().map(|bar| bar.1.high.max(bar.1.expected)).max().unwrap_or_default();
        (lowest.min(Decimal::ZERO), highest.max(Decimal::ZERO))
    }
}

impl Curve {
    /// The highest amount in the chart.
    pub(super) fn top(&self) -> Decimal {
        let highest = self.points.iter().map(|point| point.1.high.max(point.1.expected));
        highest.chain(self.levels.iter().map(|level| level.1)).max().unwrap_or_default()
    }

    /// What is added at which counts, each thing once: "from 101, 201: one more cell".
    pub(super) fn said_steps(&self) -> Vec<String> {
        let mut said: Vec<(&str, Vec<String>)> = Vec::new();
        for (count, what) in &self.steps {
            match said.iter_mut().find(|(known, _)| known == what) {
                Some((_, counts)) => counts.push(count.to_string()),
                None => said.push((what, vec![count.to_string()])),
            }
        }
        said.into_iter().map(|(what, counts)| format!("from {}: {what}", counts.join(", "))).collect()
    }

    /// The position of a count between the first and the last, from 0 to 1. If the last is at least a hundred times the
    /// first, the scale is logarithmic.
    pub(super) fn place(&self, count: u32) -> f64 {
        let (Some((first, _)), Some((last, _))) = (self.points.first(), self.points.last()) else { return 0.0 };
        let scale = |count: u32| if self.is_logarithmic() { f64::from(count.max(1)).ln() } else { f64::from(count) };
        let span = scale(*last) - scale(*first);
        if span > 0.0 { ((scale(count) - scale(*first)) / span).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Whether the scale is logarithmic: each doubling has the same width.
    pub(super) fn is_logarithmic(&self) -> bool {
        let (first, last) = (self.points.first(), self.points.last());
        first.zip(last).is_some_and(|(first, last)| first.0 > 0 && last.0 / first.0 >= 100)
    }

    /// Counts to write below the curve: the first, the last, and round ones between.
    pub(super) fn ticks(&self) -> Vec<u32> {
        let (Some((first, _)), Some((last, _))) = (self.points.first(), self.points.last()) else { return Vec::new() };
        let mut ticks = vec![*first];
        if self.is_logarithmic() {
            let tens = std::iter::successors(Some(10_u32), |tick| tick.checked_mul(10));
            ticks.extend(tens.take_while(|tick| tick < last).filter(|tick| tick > first));
        } else {
            ticks.extend(
                (1..4).map(|part| first + (last - first) / 4 * part).filter(|tick| tick > first && tick < last),
            );
        }
        ticks.push(*last);
        ticks.dedup();
        ticks
    }
}
