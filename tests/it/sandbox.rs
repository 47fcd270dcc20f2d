//! The binary against a sandbox: an emulated AWS with a real PostgreSQL, on this machine.

mod backups;
mod databases;
mod delete;
mod deploy;
mod failure;
mod logs;
mod operations;
mod placement;
mod resize;
mod sessions;
mod suspension;
pub mod terminal;
mod upgrade;
mod workspaces;
