//! What konta knows of credentials before a client exists: profile files, the chain of profiles, users and roles, MFA
//! sessions.

mod base_credentials;
pub mod cache;
pub mod chain;
pub mod cloud9;
pub mod diagnosis;
pub mod doctor;
mod error;
pub mod files;
mod ini;
pub mod mfa_code;
mod mfa_session;
mod private_dir;
pub mod provider;
pub mod request;
pub mod session;
pub mod shell_words;
pub mod surroundings;

pub use chain::{Base, Chain, ChainError, Keys, RoleStep, resolve};
pub use files::{FileError, Files};

pub use crate::auth::surroundings::Surroundings;
