//! Document + usage -> line items: what a template costs a month, from dated prices, with every assumption named.
//!
//! Pure functions: nothing here reads a file, a clock or AWS. [`estimate::of_document`] is the way in.

pub mod actual;
pub mod advise;
pub mod allocate;
pub mod curve;
pub(crate) mod decimal;
pub mod difference;
pub mod error;
pub mod estimate;
pub mod evaluate;
pub mod item;
pub mod margin;
pub mod price;
pub mod price_list;
pub mod price_update;
pub mod pricers;
pub mod range;
pub mod scenario;
pub mod usage;
pub mod workspace;

pub use difference::Difference;
pub use error::CostError;
pub use estimate::Estimate;
pub use item::LineItem;
pub use price::{Price, PriceTable};
pub use range::Range;
pub use usage::{Profile, Usage};
