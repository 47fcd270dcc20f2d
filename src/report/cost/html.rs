//! A page as HTML: one self-contained file with charts in SVG, for phones, paper, light and dark.

mod chart;

use askama::Template;

use super::amount;
use super::page::{Bars, Cell, Chart, Column, Curve, Grid, Page, Section};
use crate::report::text;
use chart::{BarsView, CurveView};

/// How many rows of a table are shown: a browser on a phone must still scroll smoothly.
const ROWS: usize = 500;

/// A word of up to this many letters always fits.
const LONG: usize = 14;

/// The page could not be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("the page could not be written")]
#[diagnostic(code(konta::html), help("report this: it is a bug in konta"))]
pub struct HtmlError {
    #[from]
    source: askama::Error,
}

#[derive(Template)]
#[template(path = "page.html")]
struct Html {
    version: &'static str,
    title: String,
    /// The text, and its range without the opening parenthesis.
    headline: (String, Option<String>),
    facts: Vec<(String, String)>,
    sections: Vec<SectionView>,
}

struct SectionView {
    id: String,
    title: String,
    detail: bool,
    intro: Option<String>,
    bars: Option<BarsView>,
    curve: Option<CurveView>,
    grid: Option<GridView>,
    notes: Vec<String>,
    verbatim: Option<String>,
}

struct GridView {
    /// Whether a phone shows each row as several lines.
    wide: bool,
    heads: Vec<(String, bool)>,
    rows: Vec<Vec<CellView>>,
}

struct CellView {
    head: String,
    class: &'static str,
    words: String,
    bounds: Option<String>,
}

impl Page {
    /// The page as HTML.
    ///
    /// # Errors If the template fails, which should not happen with any page.
    pub fn html(&self) -> Result<String, HtmlError> {
        let headline = text::one_line(&self.headline);
        let html = Html {
            version: env!("CARGO_PKG_VERSION"),
            title: text::one_line(&self.title).into_owned(),
            headline: match headline.rsplit_once(" (") {
                Some((said, bounds)) if bounds.ends_with(')') => (said.to_owned(), Some(bounds.to_owned())),
                _ => (headline.into_owned(), None),
            },
            facts: self.facts.clone(),
            sections: self
                .sections
                .iter()
                .enumerate()
                .map(|(index, section)| SectionView::new(index, section))
                .collect(),
        };
        Ok(html.render()?)
    }
}

impl SectionView {
    fn new(index: usize, section: &Section) -> Self {
        // People who cannot see a chart read its table.
        let grid = section.grid.clone().or_else(|| section.chart.as_ref().map(as_grid));
        let (bars, curve) = match &section.chart {
            Some(Chart::Bars(bars)) => (Some(BarsView::new(bars)), None),
            Some(Chart::Curve(curve)) => (None, CurveView::new(curve)),
            None => (None, None),
        };
        Self {
            id: format!("chart-{index}"),
            title: section.title.clone(),
            detail: section.detail,
            intro: section.intro.clone(),
            bars,
            curve,
            grid: grid.map(|grid| GridView::new(&grid.cut(ROWS))),
            notes: section.notes.clone(),
            verbatim: section.verbatim.as_deref().map(text::printable),
        }
    }
}

impl GridView {
    fn new(grid: &Grid) -> Self {
        let row = |cells: &Vec<Cell>| {
            cells.iter().zip(&grid.columns).map(|(cell, column)| CellView::new(cell, column)).collect()
        };
        let words = grid.columns.iter().filter(|column| !column.figures).count();
        Self {
            wide: words > 2 || grid.columns.len() > 3,
            heads: grid.columns.iter().map(|column| (column.head.to_string(), column.figures)).collect(),
            rows: grid.rows.iter().map(row).collect(),
        }
    }
}

impl CellView {
    fn new(cell: &Cell, column: &Column) -> Self {
        let (words, bounds) = match cell {
            Cell::Text(words) => (text::one_line(words).into_owned(), None),
            Cell::Money(range) => (amount::money(range.expected), amount::bounds(*range)),
        };
        // Only a word that is too long for a line of a narrow column may be broken.
        let long = words.split_whitespace().any(|word| word.chars().count() > LONG);
        let class = match (column.figures, long) {
            (true, _) => "figure",
            (false, true) => "long",
            (false, false) => "",
        };
        Self { head: column.head.to_string(), class, words, bounds }
    }
}

/// A chart's figures as a table; for a curve, only those at which something changes, and round ones.
fn as_grid(chart: &Chart) -> Grid {
    let (head, rows): (_, Vec<_>) = match chart {
        Chart::Bars(Bars { bars, .. }) => {
            ("what", bars.iter().map(|(name, range)| vec![Cell::text(name), Cell::Money(*range)]).collect())
        }
        Chart::Curve(curve) => ("number", notable(curve)),
    };
    Grid { columns: vec![Column::text(head), Column::figures("usd/month")], rows }
}

fn notable(curve: &Curve) -> Vec<Vec<Cell>> {
    let mut counts = curve.ticks();
    counts.extend(curve.steps.iter().flat_map(|step| [step.0.saturating_sub(1), step.0]));
    let points = curve.points.iter().filter(|point| counts.contains(&point.0));
    points.map(|(count, range)| vec![Cell::Text(count.to_string()), Cell::Money(*range)]).collect()
}
