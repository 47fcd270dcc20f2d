//! Tables that fit the terminal.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, TableStyle, Width};
use serde::Serialize;

use crate::model::{CellNumber, ServingState, Tenant};
use crate::stack::names::Names;
use crate::stack::{Observed, ObservedStack};

use super::text;

/// A tenant as the closing table of a deployment and `konta ls` show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TenantRow {
    /// The tenant.
    pub tenant: String,
    /// The address people are given.
    pub url: String,
    /// The tier.
    pub tier: String,
    /// The cell's number; absent before it is placed.
    pub cell: Option<u32>,
    /// The database's name.
    pub database: String,
    /// The stack's name.
    pub stack: String,
    /// How it stands.
    pub state: String,
    /// What visitors see in the place of its Odoo.
    pub page: ServingState,
    /// Whether a move of it is not at its end.
    pub moving: bool,
}

impl TenantRow {
    /// A tenant of the manifests, deployed or not.
    #[must_use]
    pub fn of(tenant: &Tenant, names: &Names, observed: &Observed) -> Self {
        let stack = names.tenant(&tenant.name);
        let deployed = observed.get(&stack);
        Self {
            tenant: tenant.name.to_string(),
            url: tenant.url(),
            tier: tenant.tier.to_string(),
            cell: deployed.and_then(ObservedStack::cell).map(CellNumber::get),
            database: tenant.name.database(),
            page: deployed.map(ObservedStack::page).unwrap_or_default(),
            moving: observed.is_on_its_way(&tenant.name),
            state: deployed.map_or_else(|| "not deployed".to_owned(), |deployed| deployed.status.clone()),
            stack,
        }
    }
}

/// The rows of these tenants.
#[must_use]
pub fn tenant_rows(tenants: &[&Tenant], names: &Names, observed: &Observed) -> Vec<TenantRow> {
    tenants.iter().map(|tenant| TenantRow::of(tenant, names, observed)).collect()
}

/// How a tenant stands: the state of its stack, after what that does not tell.
fn state(row: &TenantRow) -> String {
    let moving = row.moving.then_some("being moved");
    moving.or(row.page.state()).map_or_else(|| row.state.clone(), |paged| format!("{paged} ({})", row.state))
}

/// The tenants as a table as wide as the terminal allows.
#[must_use]
pub fn tenants(rows: &[TenantRow]) -> String {
    table(&TENANT_HEADERS, tenant_cells(rows))
}

const TENANT_HEADERS: [&str; 7] = ["tenant", "url", "tier", "cell", "database", "stack", "state"];

fn tenant_cells(rows: &[TenantRow]) -> Vec<Vec<String>> {
    rows.iter()
        .map(|row| {
            vec![
                row.tenant.clone(),
                row.url.clone(),
                row.tier.clone(),
                row.cell.map_or_else(|| "-".into(), |cell| cell.to_string()),
                row.database.clone(),
                row.stack.clone(),
                state(row),
            ]
        })
        .collect()
}

/// A table as wide as the terminal behind stdout allows, [`text::DEFAULT_WIDTH`] when there is none.
#[must_use]
pub fn table(headers: &[&str], rows: Vec<Vec<String>>) -> String {
    table_at(text::stdout_width(), headers, rows)
}

/// A table of at most `width` columns. Cells wrap between words, never inside one: names and addresses are there to be copied. When
/// that does not fit, every row becomes a record of a few lines, headed by its first cell.
#[must_use]
pub fn table_at(width: usize, headers: &[&str], rows: Vec<Vec<String>>) -> String {
    aligned_at(width, headers, &[], rows)
}

/// As [`table_at`], with figures in the columns of the given indices: they end below each other.
#[must_use]
pub fn aligned_at(width: usize, headers: &[&str], figures: &[usize], rows: Vec<Vec<String>>) -> String {
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|row| row.iter().map(|cell| text::one_line(cell).into_owned()).collect()).collect();
    if !fits(width, headers, &rows) {
        return records(width, headers, &rows);
    }
    let narrowest = narrowest(headers, &rows);
    let mut table = Table::new();
    table
        .load_style(TableStyle::new())
        .set_content_arrangement(ContentArrangement::Dynamic)
        // The last column's gap may lie beyond the edge: it is trimmed.
        .set_width(u16::try_from(width + GAP).unwrap_or(u16::MAX))
        // Colours and widths are decided here, not by what comfy-table thinks of the terminal.
        .force_no_tty()
        .set_header(headers.iter().map(|header| header.to_uppercase()));
    for row in &rows {
        table.add_row(row);
    }
    for (index, narrowest) in narrowest.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_padding((0, u16::try_from(GAP).unwrap_or(0)));
            let least = u16::try_from(narrowest + GAP).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
            if figures.contains(&index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Whether a table of `width` columns need not break a word.
#[must_use]
pub fn fits(width: usize, headers: &[&str], rows: &[Vec<String>]) -> bool {
    narrowest(headers, rows).iter().map(|column| column + GAP).sum::<usize>() <= width + GAP
}

fn narrowest(headers: &[&str], rows: &[Vec<String>]) -> Vec<usize> {
    let widest_word = |(index, header): (usize, &&str)| {
        let cells = rows.iter().filter_map(|row| row.get(index)).map(String::as_str);
        cells.chain([*header]).map(longest_word).max().unwrap_or(0)
    };
    headers.iter().enumerate().map(widest_word).collect()
}

/// Spaces between two columns.
const GAP: usize = 2;

fn longest_word(cell: &str) -> usize {
    cell.split_whitespace().map(console::measure_text_width).max().unwrap_or(0)
}

/// Each row as its first cell and, below it, `header: cell` pairs, as many on a line as fit.
fn records(width: usize, headers: &[&str], rows: &[Vec<String>]) -> String {
    let mut lines = Vec::new();
    for row in rows {
        let mut cells = headers.iter().zip(row);
        lines.extend(cells.next().map(|(_, first)| first.clone()));
        let mut line = String::new();
        for (header, cell) in cells.filter(|(_, cell)| !cell.is_empty()) {
            let pair = format!("  {header}: {cell}");
            if !line.is_empty() && console::measure_text_width(&line) + console::measure_text_width(&pair) > width {
                lines.push(std::mem::take(&mut line));
            }
            line.push_str(&pair);
        }
        if !line.is_empty() {
            lines.push(line);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<TenantRow> {
        let row = |tenant: &str, url: &str, cell| TenantRow {
            tenant: tenant.into(),
            url: url.into(),
            tier: "catalogue".into(),
            cell,
            database: tenant.replace('-', "_"),
            stack: format!("konta-prod-tenant-{tenant}"),
            state: "CREATE_COMPLETE".into(),
            page: ServingState::Serving,
            moving: false,
        };
        vec![
            row("artista", "https://artista.konta.shop", Some(1)),
            row("bread-free", "https://breadfree.example.com", None),
        ]
    }

    #[test]
    fn a_wide_terminal_shows_each_tenant_on_one_line() {
        insta::assert_snapshot!(table_at(140, &TENANT_HEADERS, tenant_cells(&rows())), @"
        TENANT      URL                            TIER       CELL  DATABASE    STACK                         STATE
        artista     https://artista.konta.shop     catalogue  1     artista     konta-prod-tenant-artista     CREATE_COMPLETE
        bread-free  https://breadfree.example.com  catalogue  -     bread_free  konta-prod-tenant-bread-free  CREATE_COMPLETE
        ");
    }

    #[test]
    fn a_narrow_terminal_shows_records_since_no_name_may_be_broken() {
        let table = table_at(80, &TENANT_HEADERS, tenant_cells(&rows()));
        insta::assert_snapshot!(table, @"
        artista
          url: https://artista.konta.shop  tier: catalogue  cell: 1  database: artista
          stack: konta-prod-tenant-artista  state: CREATE_COMPLETE
        bread-free
          url: https://breadfree.example.com  tier: catalogue  cell: -
          database: bread_free  stack: konta-prod-tenant-bread-free
          state: CREATE_COMPLETE
        ");
        assert!(table.lines().all(|line| console::measure_text_width(line) <= 80));
    }

    #[test]
    fn sentences_wrap_between_words() {
        let rows =
            vec![vec!["cell-1".into(), "the database is asleep and wakes with the first visitor".into(), "ok".into()]];
        let table = table_at(40, &["stack", "what", "state"], rows);
        insta::assert_snapshot!(table, @"
        STACK   WHAT                       STATE
        cell-1  the database is asleep     ok
                and wakes with the first
                visitor
        ");
        assert!(table.lines().all(|line| console::measure_text_width(line) <= 40));
    }
}
