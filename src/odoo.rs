//! What is Odoo's: the SQL that prepares a tenant's database, the tasks that install its modules, the form of its log. Knows no terminal and no AWS.

pub mod database;
pub mod fresh;
pub mod log;
pub mod modules;
pub mod password;
pub mod template;
