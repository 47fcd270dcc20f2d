//! A curve in a terminal: one column of blocks for each step along the width.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::amount;
use super::page::Curve;
use crate::report::text;

/// Parts of a block, the lowest first.
const EIGHTHS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The height of the curve in lines.
const HEIGHT: usize = 12;

/// Draws the curve, the amounts to compare with as dotted lines, the counts below, and what is added at which counts.
pub(super) fn draw(curve: &Curve, width: usize) -> String {
    let expected = curve.points.iter().map(|point| point.1.expected);
    let top = expected.chain(curve.levels.iter().map(|level| level.1)).max().unwrap_or_default();
    if curve.points.is_empty() || top <= Decimal::ZERO {
        return String::new();
    }
    let label_width = console::measure_text_width(&amount::money(top)).max(4);
    let room = width.saturating_sub(label_width + 3).max(10);
    let heights: Vec<usize> = columns(curve, room).map(|cost| eighths(cost, top)).collect();
    let levels: Vec<(usize, &str, Decimal)> =
        curve.levels.iter().map(|(name, level)| (eighths(*level, top) / 8, name.as_str(), *level)).collect();
    let mut lines = vec![curve.title.clone()];
    for row in (0..HEIGHT).rev() {
        let level = levels.iter().find(|level| level.0.min(HEIGHT - 1) == row);
        let label = match level {
            Some(level) => amount::money(level.2),
            None if row == HEIGHT - 1 => amount::money(top),
            None if row == 0 => "0".to_owned(),
            None => String::new(),
        };
        let drawn: String = heights.iter().map(|height| block(*height, row, level.is_some())).collect();
        lines.push(format!("{label:>label_width$} │{drawn}").trim_end().to_owned());
    }
    lines.push(format!("{} └{}", " ".repeat(label_width), "─".repeat(room)));
    lines.push(format!("{}{}", " ".repeat(label_width + 2), axis(curve, room)).trim_end().to_owned());
    lines.push(format!("{}{}", " ".repeat(label_width + 2), curve.count));
    lines.extend(levels.iter().map(|level| format!("┈ {} {}", amount::money(level.2), text::one_line(level.1))));
    lines.extend(curve.said_steps().iter().map(|said| text::wrap(&text::one_line(said), width, 0)));
    lines.join("\n")
}

/// The expected amount at each column: that of the last count at or before it.
fn columns(curve: &Curve, room: usize) -> impl Iterator<Item = Decimal> + '_ {
    let places: Vec<f64> = curve.points.iter().map(|point| curve.place(point.0)).collect();
    let steps = u32::try_from(room.saturating_sub(1)).unwrap_or(u32::MAX);
    (0..=steps).map(move |column| {
        // A count exactly at the column belongs to it, in spite of rounding errors.
        let at = f64::from(column) / f64::from(steps.max(1)) + 1e-9;
        let index = places.partition_point(|place| *place <= at).saturating_sub(1);
        curve.points[index].1.expected
    })
}

fn eighths(amount: Decimal, top: Decimal) -> usize {
    let share = amount.checked_div(top).unwrap_or_default() * Decimal::from(HEIGHT * 8);
    share.round().to_usize().unwrap_or(0)
}

fn block(height: usize, row: usize, level: bool) -> char {
    match height.saturating_sub(row * 8) {
        0 if level => '┈',
        0 => ' ',
        part => EIGHTHS[part.min(8) - 1],
    }
}

/// The counts below the axis, each at its position; a count that would touch the one before is left out.
fn axis(curve: &Curve, room: usize) -> String {
    let mut line = String::new();
    for tick in curve.ticks() {
        let name = tick.to_string();
        let steps = u32::try_from(room.saturating_sub(1)).unwrap_or(u32::MAX);
        let at = (0..=steps).find(|column| f64::from(*column) >= curve.place(tick) * f64::from(steps) - 0.5);
        let at = usize::try_from(at.unwrap_or(0)).unwrap_or(0).min(room.saturating_sub(name.len()));
        if line.is_empty() || at > line.len() {
            line.push_str(&" ".repeat(at.saturating_sub(line.len())));
            line.push_str(&name);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Range;
    use crate::cost::decimal::dec;

    fn falling(last: u32) -> Curve {
        Curve {
            title: "USD a month for each tenant".into(),
            count: "tenants".into(),
            points: (1..=last).map(|n| (n, Range::exact(dec!(77) / Decimal::from(n) + dec!(8)))).collect(),
            levels: vec![("price of catalogue, 15 EUR".into(), dec!(17.10))],
            steps: vec![(101, "a second cell, since a load balancer takes 100 target groups".into())],
        }
    }

    #[test]
    fn a_thousand_tenants_are_drawn_by_doublings_and_fit() {
        let drawn = draw(&falling(1000), 72);
        insta::assert_snapshot!(drawn);
        assert!(drawn.lines().all(|line| console::measure_text_width(line) <= 72));
    }

    #[test]
    fn a_few_tenants_are_drawn_evenly() {
        let drawn = draw(&falling(12), 44);
        insta::assert_snapshot!(drawn);
        assert!(drawn.lines().all(|line| console::measure_text_width(line) <= 60));
    }

    #[test]
    fn no_points_and_no_cost_draw_nothing() {
        assert_eq!(draw(&Curve::default(), 60), "");
        let free = Curve { points: vec![(1, Range::ZERO)], ..Curve::default() };
        assert_eq!(draw(&free, 60), "");
    }
}
