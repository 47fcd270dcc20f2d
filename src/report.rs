//! Data -> eyes: text, JSON, tables, progress and questions.
//!
//! The only room that writes to the terminal: data to stdout, talk to stderr. It shows types and never acts.

pub mod cost;
pub mod doctor;
pub mod error;
pub mod log;
pub mod message;
pub mod output;
pub mod plan;
pub mod progress;
pub mod prompt;
pub mod style;
pub mod table;
pub mod text;

pub use output::OutputFormat;
pub use plan::plan_text;
pub use progress::{Drawer, draw};
pub use prompt::PromptError;
pub use style::Palette;
