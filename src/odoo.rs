//! What is Odoo's: the SQL that prepares a tenant's database, the tasks that install its modules, back it up and restore it, the form of
//! its log. Knows no terminal and no AWS.

pub mod backup;
pub mod database;
pub mod fresh;
pub mod log;
pub mod modules;
pub mod password;
pub mod retention;
pub mod swap;
pub mod template;
pub mod upgrade;
