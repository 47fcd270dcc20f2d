//! What is Odoo's: the SQL that prepares a tenant's database, and the tasks that install its modules. Knows no terminal and no AWS.

pub mod database;
pub mod modules;
pub mod password;
