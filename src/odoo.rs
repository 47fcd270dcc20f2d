//! What belongs to Odoo: the SQL that prepares a tenant's database, the tasks that install its modules, back it up and
//! restore it, and the format of its log. Has no terminal and no AWS.

pub mod backup;
pub mod database;
pub mod database_swap;
pub mod first_setup;
pub mod log;
pub mod modules;
pub mod password;
pub mod retention;
pub mod template;
pub mod upgrade;
