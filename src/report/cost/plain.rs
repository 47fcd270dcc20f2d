//! A page as text for a terminal.

use std::fmt::Write as _;

use super::page::{Cell, Chart, Column, Grid, Page, Section};
use super::{amount, bars, plot};
use crate::report::{table, text};

/// How many rows of a table are shown without `--verbose`.
const ROWS: usize = 40;

impl Page {
    /// The page for a terminal, in lines of at most `width` columns, except for longer words. `verbose` shows
    /// the details and every row.
    #[must_use]
    pub fn text_at(&self, width: usize, verbose: bool) -> String {
        let mut out = String::new();
        let shown = |section: &&Section| verbose || !section.detail;
        for section in self.sections.iter().filter(shown) {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{}", section_text(section, width, verbose));
        }
        let _ = writeln!(out, "{}", text::wrap(&text::one_line(&self.headline), width, 0));
        let names = self.facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in &self.facts {
            let _ = writeln!(out, "{name:names$}  {}", text::wrap(&text::one_line(value), width, names + 2));
        }
        let folded: Vec<String> = self
            .sections
            .iter()
            .filter(|section| !shown(section))
            .map(|section| section.title.to_lowercase())
            .collect();
        if !folded.is_empty() {
            let _ = writeln!(out, "{}", text::wrap(&format!("--verbose also shows: {}", folded.join("; ")), width, 0));
        }
        out
    }
}

fn section_text(section: &Section, width: usize, verbose: bool) -> String {
    let mut out = String::new();
    let title = section.title.to_uppercase();
    let _ = writeln!(out, "{title}");
    if let Some(intro) = &section.intro {
        let _ = writeln!(out, "{}", text::wrap(&text::one_line(intro), width, 0));
    }
    let drawn = section.chart.as_ref().map(|chart| match chart {
        Chart::Bars(chart) => bars::draw(chart, width),
        Chart::Curve(chart) => plot::draw(chart, width),
    });
    if let Some(drawn) = drawn.filter(|drawn| !drawn.is_empty()) {
        let _ = writeln!(out, "{drawn}\n");
    }
    if let Some(grid) = &section.grid {
        let cut = if verbose { grid.clone() } else { grid.cut(ROWS) };
        let _ = writeln!(out, "{}", grid_text(&cut, width));
    }
    for note in &section.notes {
        let _ = writeln!(out, "{}", text::wrap(&text::one_line(note), width, 0));
    }
    if let Some(verbatim) = &section.verbatim {
        let _ = writeln!(out, "\n{}", text::printable(verbatim).trim_end());
    }
    out
}

/// A table if it fits. Else each row is its first cell with its last amount at the edge, and the rest below.
fn grid_text(grid: &Grid, width: usize) -> String {
    let (columns, rows) = spread(grid);
    let heads: Vec<&str> = columns.iter().map(|column| &*column.head).collect();
    if table::fits(width, &heads, &rows) {
        let figures: Vec<usize> = (0..columns.len()).filter(|index| columns[*index].figures).collect();
        let most = 2 * rows.len() + 2;
        let table = table::aligned_at(width, &heads, &figures, rows);
        // Sentences in very narrow columns are harder to read than lines below each other.
        if table.lines().count() <= most {
            return table;
        }
    }
    grid.rows.iter().map(|row| entry(&grid.columns, row, width)).collect::<Vec<_>>().join("\n")
}

/// Puts the bounds of amounts in a separate column, so that the amounts themselves are aligned.
fn spread(grid: &Grid) -> (Vec<Column>, Vec<Vec<String>>) {
    let has_bounds = |index: usize| {
        grid.rows
            .iter()
            .any(|row| matches!(row.get(index), Some(Cell::Money(range)) if amount::bounds(*range).is_some()))
    };
    let ranged: Vec<bool> = (0..grid.columns.len()).map(has_bounds).collect();
    let columns = grid.columns.iter().zip(&ranged).flat_map(|(column, ranged)| {
        let bounds = ranged.then_some(Column::text("(low–high)"));
        std::iter::once(column.clone()).chain(bounds)
    });
    let spread_row = |row: &Vec<Cell>| {
        row.iter()
            .zip(&ranged)
            .flat_map(|(cell, ranged)| match cell {
                Cell::Money(range) if *ranged => {
                    let bounds = amount::bounds(*range).map_or_else(String::new, |bounds| format!("({bounds})"));
                    vec![amount::money(range.expected), bounds]
                }
                cell if *ranged => vec![text::one_line(&cell.shown()).into_owned(), String::new()],
                cell => vec![text::one_line(&cell.shown()).into_owned()],
            })
            .collect()
    };
    (columns.collect(), grid.rows.iter().map(spread_row).collect())
}

fn entry(columns: &[Column], row: &[Cell], width: usize) -> String {
    let money = row.iter().rposition(|cell| matches!(cell, Cell::Money(_)));
    let first = row.first().map_or_else(String::new, |cell| text::one_line(&cell.shown()).into_owned());
    let edge = money.filter(|index| *index > 0).map_or_else(String::new, |index| row[index].shown());
    let taken = console::measure_text_width(&first) + console::measure_text_width(&edge);
    let mut entry = if edge.is_empty() {
        text::wrap_all(&first, width, 0)
    } else if taken + 2 <= width {
        format!("{first}{}{edge}", " ".repeat(width - taken))
    } else {
        let indent = width.saturating_sub(console::measure_text_width(&edge));
        format!("{}\n{}{edge}", text::wrap_all(&first, width, 0), " ".repeat(indent))
    };
    for (index, (column, cell)) in columns.iter().zip(row).enumerate().skip(1) {
        let shown = cell.shown();
        if Some(index) != money && !shown.is_empty() {
            let label = format!("  {}: ", column.head);
            let indent = console::measure_text_width(&label).min(width / 3);
            let words = text::wrap_all(&text::one_line(&shown), width, indent);
            let _ = write!(entry, "\n{label}{words}");
        }
    }
    entry
}
