//! The binary against a sandbox that runs a real Odoo.

pub mod life;
mod moving;
