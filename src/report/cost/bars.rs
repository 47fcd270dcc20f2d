//! Bars in a terminal, drawn with blocks so that they need no colour.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::amount;
use super::page::Bars;
use crate::cost::Range;
use crate::report::text;

/// Parts of a block, the smallest first.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
/// From the expected amount to the high one.
const POSSIBLE: char = '░';
/// Below zero.
const BELOW: char = '▒';

/// One bar per line: name, amount, bar. The pale end of a bar reaches to the high amount.
pub(super) fn draw(bars: &Bars, width: usize) -> String {
    let figures: Vec<String> = bars.bars.iter().map(|bar| amount::money(bar.1.expected)).collect();
    let figures_width = widest(figures.iter().map(String::as_str));
    let names_width = widest(bars.bars.iter().map(|bar| bar.0.as_str())).min(width * 2 / 5);
    let room = width.saturating_sub(names_width + figures_width + 2 * 2).max(8);
    let (lowest, highest) = bars.bounds();
    let span = (-lowest).max(highest);
    let mut lines = vec![bars.title.clone()];
    for ((name, range), figure) in bars.bars.iter().zip(&figures) {
        let name = text::cut_start(&text::one_line(name), names_width).into_owned();
        let pad = " ".repeat(names_width.saturating_sub(console::measure_text_width(&name)));
        lines.push(format!("{name}{pad}  {figure:>figures_width$}  {}", bar(*range, span, room)).trim_end().to_owned());
    }
    lines.join("\n")
}

fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(console::measure_text_width).max().unwrap_or(0)
}

fn bar(range: Range, span: Decimal, room: usize) -> String {
    let eighths = |amount: Decimal| {
        let share = amount.checked_div(span).unwrap_or_default() * Decimal::from(room * 8);
        share.round().to_usize().unwrap_or(0)
    };
    if range.expected.is_sign_negative() && !range.expected.is_zero() {
        return BELOW.to_string().repeat(eighths(-range.expected).div_ceil(8));
    }
    let full = eighths(range.expected);
    let mut bar = EIGHTHS[7].to_string().repeat(full / 8);
    if full % 8 > 0 {
        bar.push(EIGHTHS[full % 8 - 1]);
    } else if full == 0 && !range.expected.is_zero() {
        bar.push(EIGHTHS[0]);
    }
    let drawn = bar.chars().count();
    bar.push_str(&POSSIBLE.to_string().repeat((eighths(range.high) / 8).saturating_sub(drawn)));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::decimal::dec;

    #[test]
    fn a_bar_is_as_long_as_its_amount_and_pale_up_to_the_high_one() {
        let bars = Bars {
            title: "USD a month".into(),
            bars: vec![
                ("AmazonRDS".into(), Range::new(dec!(51.1), dec!(51.1), dec!(102.2))),
                ("AmazonECS".into(), Range::exact(dec!(25.55))),
                ("a-very-long-name-of-a-stack/LoadBalancer".into(), Range::exact(dec!(0.001))),
                ("margin of a tier".into(), Range::exact(dec!(-51.1))),
                ("nothing".into(), Range::ZERO),
            ],
        };
        let drawn = draw(&bars, 60);
        insta::assert_snapshot!(drawn);
        assert!(drawn.lines().all(|line| console::measure_text_width(line) <= 60));
    }

    #[test]
    fn absurd_amounts_do_not_overflow() {
        let bars = Bars { title: String::new(), bars: vec![("x".into(), Range::exact(Decimal::MAX))] };
        assert!(draw(&bars, 40).contains('x'));
    }
}
