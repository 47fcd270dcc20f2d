//! What is known of credentials before a client exists: the profile files, the chain of profiles, users and roles, sessions with MFA.

pub mod cache;
pub mod chain;
pub mod cloud9;
pub mod code;
pub mod diagnosis;
pub mod doctor;
pub mod files;
mod folder;
mod foundation;
mod ini;
mod obtain;
pub mod provider;
mod refusal;
pub mod session;
mod source;
pub mod words;

pub use chain::{Base, Chain, ChainError, Keys, RoleStep, Surroundings, resolve};
pub use files::{FileError, Files};
