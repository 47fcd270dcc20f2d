//! What is Odoo's: the SQL that prepares a tenant's database, and the tasks that install its modules, back it up and restore it.
//! Knows no terminal and no AWS.

pub mod backup;
pub mod database;
pub mod modules;
pub mod password;
pub mod retention;
pub mod swap;
