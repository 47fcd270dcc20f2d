//! The names of stacks, and of what konta keeps next to them.

use std::collections::BTreeMap;

use super::tags::{APPLICATION_TAG, ENVIRONMENT_TAG, TENANT_TAG};
use crate::model::{CellNumber, TenantName};

/// What the names of parameters about operations under way begin with, below [`Names::kept`]. No tenant's name has a slash.
pub const OPERATION: &str = "operation/";

/// How the names of parameters about moves begin, below [`Names::kept`]. No tenant's name contains a slash.
pub const MOVING: &str = "moving/";

/// The names of an environment's stacks, and of what konta keeps next to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    prefix: String,
    path: String,
}

impl Names {
    /// The names in one environment of one application.
    #[must_use]
    pub fn new(application: &str, environment: &str) -> Self {
        Self { prefix: format!("{application}-{environment}"), path: format!("/{application}/{environment}") }
    }

    /// The hosted zone's stack.
    #[must_use]
    pub fn dns(&self) -> String {
        format!("{}-dns", self.prefix)
    }

    /// The environment's stack.
    #[must_use]
    pub fn environment(&self) -> String {
        self.prefix.clone()
    }

    /// A cell's stack.
    #[must_use]
    pub fn cell(&self, cell: CellNumber) -> String {
        format!("{}-cell-{cell}", self.prefix)
    }

    /// A tenant's stack.
    #[must_use]
    pub fn tenant(&self, tenant: &TenantName) -> String {
        format!("{}-tenant-{tenant}", self.prefix)
    }

    /// An addon's stack.
    #[must_use]
    pub fn addon(&self, tenant: &TenantName, addon: &str) -> String {
        format!("{}-addon-{tenant}-{addon}", self.prefix)
    }

    /// The SSM parameter with the password of a tenant's role.
    #[must_use]
    pub fn tenant_password(&self, tenant: &TenantName) -> String {
        format!("{}/tenant/{tenant}/password", self.path)
    }

    /// The SSM parameter with the password of a tenant's first administrator.
    #[must_use]
    pub fn administrator_password(&self, tenant: &TenantName) -> String {
        format!("{}/tenant/{tenant}/administrator", self.path)
    }

    /// The SSM parameter with the password of a cell's pool role.
    #[must_use]
    pub fn pool_password(&self, cell: CellNumber) -> String {
        format!("{}/cell-{cell}/pool/password", self.path)
    }

    /// The path of the SSM parameters that name stacks whose tasks were not seen to answer since their last deployment.
    #[must_use]
    pub fn unverified(&self) -> String {
        format!("{}/unverified", self.path)
    }

    /// The SSM parameter that says so about one stack.
    #[must_use]
    pub fn unverified_stack(&self, stack: &str) -> String {
        format!("{}/unverified/{stack}", self.path)
    }

    /// The path of the SSM parameters that name deleted tenants whose data was kept, each with the tenant's cell.
    #[must_use]
    pub fn kept(&self) -> String {
        format!("{}/kept", self.path)
    }

    /// The SSM parameter that says so about one tenant.
    #[must_use]
    pub fn kept_tenant(&self, tenant: &TenantName) -> String {
        format!("{}/kept/{tenant}", self.path)
    }

    /// The SSM parameter that says where a tenant on the move comes from and how far it has come. It is under
    /// [`Names::kept`], so that one call finds both.
    #[must_use]
    pub fn moving_tenant(&self, tenant: &TenantName) -> String {
        format!("{}/{MOVING}{tenant}", self.kept())
    }

    /// The SSM parameter that says which operation is under way on a tenant: only one writer can make it. It is under [`Names::kept`],
    /// so that one question finds all of them.
    #[must_use]
    pub fn operation(&self, tenant: &TenantName) -> String {
        format!("{}/{OPERATION}{tenant}", self.kept())
    }

    /// The tags of a parameter that belongs to a tenant.
    #[must_use]
    pub fn tags(&self, tenant: &TenantName) -> BTreeMap<String, String> {
        let mut parts = self.path.trim_start_matches('/').split('/');
        let mut tag = |key: &str| (key.to_owned(), parts.next().unwrap_or_default().to_owned());
        let own = (TENANT_TAG.to_owned(), tenant.to_string());
        [tag(APPLICATION_TAG), tag(ENVIRONMENT_TAG), own].into()
    }

    /// The SSM parameter that reserves a listener rule's priority in a cell: only one writer can create it.
    #[must_use]
    pub fn priority(&self, cell: CellNumber, priority: u32) -> String {
        format!("{}/{priority}", self.priorities(cell))
    }

    /// The path of the reservations in a cell.
    #[must_use]
    pub fn priorities(&self, cell: CellNumber) -> String {
        format!("{}/cell-{cell}/priority", self.path)
    }
}

/// The role with which the pool's Odoo connects; a member of every pooled tenant's role.
pub const POOL_USER: &str = "konta_pool";
