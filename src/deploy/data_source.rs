//! Where a tenant that moves gets its data.

use std::fmt;

use futures::future::LocalBoxFuture;

use crate::model::Tenant;
use crate::operation::context::Context;
use crate::operation::database::Database;
use crate::operation::error::OperationError;
use crate::stack::runtime::TenantRuntime;

/// A tenant at the moment when its database exists and its service does not yet.
#[derive(Debug)]
pub struct NewTenant<'a> {
    /// Its stack.
    pub stack: &'a str,
    /// The desired tenant.
    pub tenant: &'a Tenant,
    /// The cluster that holds the new database.
    pub data: &'a Database<'a>,
    /// Where its tasks run, which mount the new folder.
    pub runtime: &'a TenantRuntime,
    /// The role of one-off tasks that reach backups.
    pub operations_role: String,
}

/// Brings a tenant's data to its new location, instead of a copy of a database template. It can be called again, and
/// does nothing twice.
pub trait DataSource: fmt::Debug {
    /// Fills the new database and the new folder.
    ///
    /// # Errors
    /// When the data is not complete; the service is not made then.
    fn fill<'a>(
        &'a self,
        context: &'a Context<'_>,
        new: &'a NewTenant<'a>,
    ) -> LocalBoxFuture<'a, Result<(), OperationError>>;
}
