//! What is known of credentials before a client exists: the profile files and the chain of profiles, users and roles.

pub mod chain;
pub mod files;
mod ini;
pub mod words;

pub use chain::{Base, Chain, ChainError, Keys, RoleStep, Surroundings, resolve};
pub use files::{FileError, Files};
