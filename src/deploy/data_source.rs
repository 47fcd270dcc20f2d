//! A tenant that comes from another place: what its new place offers to whoever brings its data.

use std::fmt;

use futures::future::LocalBoxFuture;

use crate::aws::rds_data::DataTarget;
use crate::model::Tenant;
use crate::operation::error::OperationError;

use super::deployer::Deployer;

/// A tenant's new place, at the moment when its database stands and its service does not.
#[derive(Debug)]
pub struct NewPlace<'a> {
    /// The tenant's stack.
    pub stack: &'a str,
    /// The tenant as it is to be.
    pub tenant: &'a Tenant,
    /// The cluster that holds the new database.
    pub data: &'a DataTarget,
    /// The ECS cluster.
    pub cluster: &'a str,
    /// The task definition whose tasks mount the new folder: the tenant's own, or the pool's.
    pub task_definition: &'a str,
    /// Subnets of its tasks.
    pub subnets: Vec<String>,
    /// Their security group.
    pub security_group: &'a str,
    /// Whether they get a public address.
    pub public_ip: bool,
    /// The role of one-off tasks that reach backups.
    pub operations_role: String,
    /// The log group of the environment.
    pub log_group: String,
    /// The stack's tags.
    pub tags: Vec<(String, String)>,
}

/// Brings a tenant's data to its new place, in the stead of a template's copy. It may be called again, and does nothing twice.
pub trait DataSource: fmt::Debug {
    /// Fills the new database and the new folder.
    ///
    /// # Errors
    /// When the data is not there whole; the service is not made then.
    fn arrive<'a>(
        &'a self,
        deployer: &'a Deployer<'_>,
        place: &'a NewPlace<'a>,
    ) -> LocalBoxFuture<'a, Result<(), OperationError>>;
}
