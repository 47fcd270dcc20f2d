//! Of the library, or of the binary alone: no AWS, no sandbox, no network.

mod architecture;
mod auth;
mod cost;
pub mod html;
mod snapshots;
mod templates;
