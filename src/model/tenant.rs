//! A tenant: one customer, fully resolved against its tier.

use std::collections::BTreeMap;

use super::placement::Demand;
use super::{
    AddonName, CellNumber, EnvironmentName, FargateSize, HostName, Isolation, TaskRange, TenantName, TierName,
};

/// A host on which the tenant answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantHost {
    /// The name.
    pub host: HostName,
    /// The ARN of an issued certificate, for a host outside the environment's domain.
    pub certificate: Option<String>,
    /// A hosted zone in the same account in which konta may validate a certificate for the host.
    pub hosted_zone: Option<String>,
}

/// Where a secret's value is kept; never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretReference {
    /// An SSM parameter's name, with its leading slash.
    Parameter(String),
    /// A full ARN, of SSM or Secrets Manager.
    Arn(String),
}

/// Where the tenant's database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseChoice {
    /// In the cell's cluster.
    Shared,
    /// In its own Aurora cluster, in an addon stack.
    Dedicated,
}

/// When the tenant sleeps, in its own time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Six-field cron expression for going to sleep, without `cron()`.
    pub sleep: String,
    /// Six-field cron expression for waking up.
    pub wake: String,
    /// IANA time zone.
    pub timezone: String,
}

/// One customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its name.
    pub name: TenantName,
    /// Its environment.
    pub environment: EnvironmentName,
    /// The tier that it buys.
    pub tier: TierName,
    /// From the tier.
    pub isolation: Isolation,
    /// Its hosts; the first one is its address.
    pub hosts: Vec<TenantHost>,
    /// Modules to install: the tier's, then its own, without repetition.
    pub modules: Vec<String>,
    /// The image, with its digest.
    pub image: String,
    /// CPU and memory of a task.
    pub size: FargateSize,
    /// How many tasks.
    pub tasks: TaskRange,
    /// Whether Spot is used beyond `on_demand`.
    pub spot: bool,
    /// Tasks on demand before Spot.
    pub on_demand: u32,
    /// Plain variables of the container.
    pub variables: BTreeMap<String, String>,
    /// Secret variables of the container, by reference.
    pub secrets: BTreeMap<String, SecretReference>,
    /// Where its database is.
    pub database: DatabaseChoice,
    /// Its addons, each a file in `addons/`.
    pub addons: Vec<AddonName>,
    /// The cell that its manifest names.
    pub cell: Option<CellNumber>,
    /// When it sleeps.
    pub schedule: Option<Schedule>,
}

impl Tenant {
    /// How many connections one Odoo process opens at most: `db_maxconn` in `templates/odoo/odoo.conf`.
    pub const CONNECTIONS_PER_TASK: u32 = 16;

    /// What the tenant needs from its cell.
    #[must_use]
    pub fn demand(&self) -> Demand {
        let dedicated = self.isolation == Isolation::Dedicated;
        let certificates = self.hosts.iter().filter(|h| h.certificate.is_some() || h.hosted_zone.is_some()).count();
        Demand {
            target_groups: u32::from(dedicated),
            rules: 1,
            certificates: u32::try_from(certificates).unwrap_or(u32::MAX),
            // The pool's connections are the cell's, not the tenant's; a tenant with its own cluster needs none of the
            // cell's.
            connections: if dedicated && self.database == DatabaseChoice::Shared {
                Self::CONNECTIONS_PER_TASK * self.tasks.max()
            } else {
                0
            },
        }
    }

    /// Its address, as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.hosts.first().map(|h| format!("https://{}", h.host)).unwrap_or_default()
    }
}
