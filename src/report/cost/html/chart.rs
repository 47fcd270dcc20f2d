//! The positions in a chart: percentages of the width, pixels of the height.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::cost::Range;
use crate::report::cost::amount;
use crate::report::cost::page::{Bars, Curve};
use crate::report::text;

/// Pixels from one bar to the next: the text, and the bar below it.
const STEP: usize = 44;
/// How many letters of a bar's name fit on a phone.
const NAME: usize = 26;
/// The width of the curve in units; it is stretched to the page.
const WIDE: f64 = 1000.0;
/// The height of the curve in pixels.
const HIGH: f64 = 240.0;
/// The space above the curve in pixels.
const ABOVE: f64 = 20.0;

pub(super) struct BarsView {
    pub(super) title: String,
    pub(super) description: String,
    pub(super) height: usize,
    pub(super) zero: String,
    pub(super) bars: Vec<BarView>,
}

pub(super) struct BarView {
    pub(super) name: String,
    pub(super) figure: String,
    pub(super) words_y: usize,
    pub(super) bar_y: usize,
    pub(super) x: String,
    pub(super) width: String,
    pub(super) possible_x: String,
    pub(super) possible: String,
    pub(super) below: bool,
}

pub(super) struct CurveView {
    pub(super) title: String,
    pub(super) description: String,
    pub(super) count: String,
    pub(super) line: String,
    pub(super) band: String,
    /// Where something is added, on the curve's own width.
    pub(super) steps: Vec<String>,
    pub(super) said_steps: Vec<String>,
    /// Pixels from the top, and the amount.
    pub(super) amounts: Vec<(f64, String)>,
    /// Pixels from the top, and the level's name.
    pub(super) levels: Vec<(f64, String)>,
    /// Percent of the width, the count, and which side of the text is there.
    pub(super) counts: Vec<(String, u32, &'static str)>,
}

impl BarsView {
    pub(super) fn new(bars: &Bars) -> Self {
        let (lowest, highest) = bars.bounds();
        let span = highest.saturating_sub(lowest);
        let place = |amount: Decimal| percent(amount.saturating_sub(lowest), span);
        let said: Vec<String> =
            bars.bars.iter().map(|(name, range)| format!("{name} {}", amount::amount(*range))).collect();
        let view = |(index, (name, range)): (usize, &(String, Range))| {
            let (from, to) = (range.expected.min(Decimal::ZERO), range.expected.max(Decimal::ZERO));
            BarView {
                name: text::cut_start(&text::one_line(name), NAME).into_owned(),
                figure: amount::money(range.expected),
                words_y: index * STEP + 15,
                bar_y: index * STEP + 22,
                x: place(from),
                width: percent(to.saturating_sub(from), span),
                possible_x: place(range.low),
                possible: percent(range.high.saturating_sub(range.low), span),
                below: range.expected < Decimal::ZERO,
            }
        };
        Self {
            title: bars.title.clone(),
            description: format!("Bars: {}.", said.join("; ")),
            height: bars.bars.len() * STEP,
            zero: place(Decimal::ZERO),
            bars: bars.bars.iter().enumerate().map(view).collect(),
        }
    }
}

impl CurveView {
    /// `None` if there is nothing to draw.
    pub(super) fn new(curve: &Curve) -> Option<Self> {
        let top = curve.top();
        let (first, last) = (curve.points.first()?, curve.points.last()?);
        if top <= Decimal::ZERO {
            return None;
        }
        let down = |amount: Decimal| {
            let share = amount.checked_div(top).and_then(|share| share.to_f64()).unwrap_or(0.0);
            HIGH - share.clamp(0.0, 1.0) * HIGH
        };
        let at = |count: u32| curve.place(count) * WIDE;
        let point = |count: u32, amount: Decimal| format!("{:.1},{:.1}", at(count), down(amount));
        let high = curve.points.iter().map(|(count, range)| point(*count, range.high));
        let low = curve.points.iter().rev().map(|(count, range)| point(*count, range.low));
        let line: Vec<String> = curve.points.iter().map(|(count, range)| point(*count, range.expected)).collect();
        let quarters = (1..=4_u32).map(|part| top / Decimal::from(4) * Decimal::from(part));
        let edges = |count: u32| {
            if count == first.0 {
                "start"
            } else if count == last.0 {
                "end"
            } else {
                "middle"
            }
        };
        Some(Self {
            title: curve.title.clone(),
            description: format!(
                "A curve over {} {}: {} at {}, {} at {}.",
                curve.points.len(),
                curve.count,
                amount::amount(first.1),
                first.0,
                amount::amount(last.1),
                last.0
            ),
            count: curve.count.clone(),
            line: line.join(" "),
            band: high.chain(low).collect::<Vec<_>>().join(" "),
            steps: curve.steps.iter().map(|step| format!("{:.1}", at(step.0))).collect(),
            said_steps: curve.said_steps(),
            amounts: quarters.map(|amount| (pixels(down(amount)), amount::money(amount))).collect(),
            levels: curve
                .levels
                .iter()
                .map(|(name, level)| (pixels(down(*level)), format!("{name}: {}", amount::money(*level))))
                .collect(),
            counts: curve
                .ticks()
                .into_iter()
                .map(|tick| (format!("{:.1}", curve.place(tick) * 100.0), tick, edges(tick)))
                .collect(),
        })
    }
}

fn pixels(down: f64) -> f64 {
    (down + ABOVE).round()
}

fn percent(part: Decimal, span: Decimal) -> String {
    let share = part.checked_div(span).unwrap_or_default() * Decimal::ONE_HUNDRED;
    share.round_dp(2).normalize().to_string()
}
