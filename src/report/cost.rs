//! What something costs: JSON as the struct says it; text, Markdown and HTML from one [`Page`] made of it.

pub mod actual;
mod amount;
mod bars;
pub mod difference;

mod html;
mod markdown;
mod overview;
pub mod page;
mod plain;
mod plot;
#[cfg(test)]
mod tests;

pub mod advise;
pub mod compare;
pub mod curve;
mod shares;

use crate::report::text;

pub use html::HtmlError;
pub use page::Page;

/// What is said of choices with parts that have no price; once where all have as many.
fn without_price(missing: &[(&str, usize)]) -> Vec<String> {
    let said = |name: &str, count| format!("{name}: {} without a price, in no total.", text::count(count, "part"));
    match missing {
        [(_, first), _, ..] if *first > 0 && missing.iter().all(|(_, count)| count == first) => {
            vec![said("each", *first)]
        }
        _ => missing.iter().filter(|(_, count)| *count > 0).map(|(name, count)| said(name, *count)).collect(),
    }
}
