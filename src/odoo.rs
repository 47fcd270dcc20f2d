//! What is Odoo's: the SQL that prepares a tenant's database, and the tasks that install its modules. Knows no terminal and no AWS.

pub mod database;
pub mod fresh;
pub mod modules;
pub mod password;
pub mod template;
