//! A page as Markdown for a pull request: one line with the result, tables, and the details folded.

use std::fmt::Write as _;

use super::page::{Grid, Page, Section};
use crate::report::text;

/// How many rows of a table are shown: a comment on GitHub holds 65,536 characters.
const ROWS: usize = 50;
/// The longest comment, with room for what others write around it.
const MOST: usize = 60_000;

impl Page {
    /// The page in GitHub's Markdown, of at most 60,000 characters.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "### {}\n\n**{}**\n", escape(&self.title), escape(&self.headline));
        for (name, value) in &self.facts {
            let _ = writeln!(out, "- {}: {}", escape(name), escape(value));
        }
        for section in self.sections.iter().filter(|section| !section.detail) {
            let _ = write!(out, "\n#### {}\n\n{}", escape(&section.title), body(section));
        }
        let details: Vec<&Section> = self.sections.iter().filter(|section| section.detail).collect();
        for section in details {
            let folded = format!(
                "\n<details>\n<summary>{}</summary>\n\n{}\n</details>\n",
                escape_html(&section.title),
                body(section)
            );
            if out.chars().count() + folded.chars().count() > MOST {
                let _ = writeln!(out, "\n{}: left out because it is too long for a comment", escape(&section.title));
            } else {
                out.push_str(&folded);
            }
        }
        out
    }
}

fn body(section: &Section) -> String {
    let intro = section.intro.as_ref().map(|intro| format!("{}\n\n", escape(intro))).unwrap_or_default();
    let grid = section.grid.as_ref().map(|grid| table(&grid.cut(ROWS))).unwrap_or_default();
    let notes = section.notes.iter().fold(String::new(), |notes, note| notes + "\n" + &escape(note) + "\n");
    let verbatim = section.verbatim.as_ref().map(|text| fenced(text)).unwrap_or_default();
    format!("{intro}{grid}{notes}{verbatim}")
}

/// Text as it is, in a fence longer than any in the text.
fn fenced(verbatim: &str) -> String {
    let longest = verbatim.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("\n{fence}\n{}\n{fence}\n", text::printable(verbatim).trim_end())
}

fn table(grid: &Grid) -> String {
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let heads: Vec<String> = grid.columns.iter().map(|column| escape(&column.head)).collect();
    let rules: Vec<String> =
        grid.columns.iter().map(|column| if column.figures { "---:" } else { "---" }.to_owned()).collect();
    let mut out = row(&heads) + &row(&rules);
    for cells in &grid.rows {
        out.push_str(&row(&cells.iter().map(|cell| escape(&cell.shown())).collect::<Vec<_>>()));
    }
    out
}

/// Text on one line that Markdown and HTML show as it is. GitHub also turns names with `@` into mentions and `#1` into
/// links: an entity prevents that.
fn escape(words: &str) -> String {
    let mut out = String::new();
    for c in text::one_line(words).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' | '!' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    // A bare address would become a link.
    out.replace("://", "&#58;//").replace("www.", "www&#46;")
}

/// Text inside an HTML element, where Markdown's signs have no meaning.
fn escape_html(words: &str) -> String {
    text::one_line(words).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
