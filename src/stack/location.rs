//! Where a tenant is: in which cell, in the pool or not, in the cell's database cluster or its own.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{CellNumber, DatabaseChoice, Isolation, Tenant, TenantName};
use crate::stack::ObservedStack;
use crate::stack::build::AURORA;
use crate::stack::names::Names;

use super::tags::DATABASE_TAG;

/// Where a tenant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The cell's number.
    pub cell: u32,
    /// Whether the cell's pool serves it.
    pub pooled: bool,
    /// Whether its database is in its own cluster.
    pub own_cluster: bool,
}

impl Location {
    /// Where the manifest wants the tenant, in this cell.
    #[must_use]
    pub fn wanted(tenant: &Tenant, cell: CellNumber) -> Self {
        Self {
            cell: cell.get(),
            pooled: tenant.isolation == Isolation::Pooled,
            own_cluster: tenant.database == DatabaseChoice::Dedicated,
        }
    }

    /// Where a deployed tenant's stack is; `None` if the stack has no cell.
    #[must_use]
    pub fn standing(stack: &ObservedStack) -> Option<Self> {
        let own_cluster = stack.tags.get(DATABASE_TAG).is_some_and(|tag| tag == "dedicated");
        Some(Self { cell: stack.cell()?.get(), pooled: stack.is_pooled(), own_cluster })
    }

    /// Its cell.
    #[must_use]
    pub fn cell(self) -> CellNumber {
        CellNumber::new(self.cell).unwrap_or(CellNumber::FIRST)
    }

    /// The stack whose cluster holds its database.
    pub fn database_stack(self, names: &Names, tenant: &TenantName) -> String {
        if self.own_cluster { names.addon(tenant, AURORA) } else { names.cell(self.cell()) }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = if self.pooled { "the pool" } else { "its own service" };
        let cluster = if self.own_cluster { ", with its own database cluster" } else { "" };
        write!(f, "{service} in cell {}{cluster}", self.cell)
    }
}
