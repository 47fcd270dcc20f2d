//! Where a tenant that comes from another place gets its data.

use std::fmt;

use futures::future::LocalBoxFuture;

use crate::model::Tenant;
use crate::operation::context::Context;
use crate::operation::database::Database;
use crate::operation::error::OperationError;
use crate::stack::runtime::TenantRuntime;

/// A tenant at the moment when its database exists and its service does not.
#[derive(Debug)]
pub struct NewTenant<'a> {
    /// Its stack.
    pub stack: &'a str,
    /// The tenant as it is to be.
    pub tenant: &'a Tenant,
    /// The cluster that holds the new database.
    pub data: &'a Database<'a>,
    /// Where its tasks run, which mount the new folder.
    pub runtime: &'a TenantRuntime,
    /// The role of one-off tasks that reach backups.
    pub operations_role: String,
}

/// Brings a tenant's data to its new place, instead of a template's copy. It may be called again, and does nothing twice.
pub trait DataSource: fmt::Debug {
    /// Fills the new database and the new folder.
    ///
    /// # Errors
    /// When the data is not there whole; the service is not made then.
    fn fill<'a>(
        &'a self,
        context: &'a Context<'_>,
        new: &'a NewTenant<'a>,
    ) -> LocalBoxFuture<'a, Result<(), OperationError>>;
}
