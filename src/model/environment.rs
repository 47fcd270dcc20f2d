//! An environment: one footprint in one account and region.

use super::{AccountId, CapacityRange, EnvironmentName, FargateSize, HostName, RegionName};

/// Where the environment's DNS zone comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostedZone {
    /// konta creates it, in a separate stack.
    Create,
    /// An existing public zone, by id (`Z...`).
    Import(String),
}

/// Where the wildcard certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// The environment's stack creates it and validates it in the hosted zone.
    Create,
    /// An issued certificate's ARN.
    Import(String),
}

/// Where the VPC comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vpc {
    /// The environment's stack creates it with this address range.
    Create {
        /// IPv4 range, /16 or /17.
        cidr: String,
    },
    /// An existing one.
    Import {
        /// `vpc-...`
        id: String,
        /// Two subnets with a route to an internet gateway, in two zones.
        public_subnets: Vec<String>,
        /// Two subnets in the same zones for the database, the file system and, with NAT, the tasks.
        private_subnets: Vec<String>,
    },
}

/// How tasks reach the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Egress {
    /// A public address per task, closed by its security group; cheapest below about eleven tasks.
    PublicIp,
    /// One NAT gateway for the environment.
    Nat,
    /// One NAT gateway in each availability zone.
    NatPerAz,
}

impl Egress {
    /// The word in manifests and in the template's parameter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PublicIp => "public-ip",
            Self::Nat => "nat",
            Self::NatPerAz => "nat-per-az",
        }
    }
}

/// The environment's network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Created or imported.
    pub vpc: Vpc,
    /// How tasks reach the internet.
    pub egress: Egress,
}

/// Aurora PostgreSQL Serverless v2, one cluster per cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseSettings {
    /// Full version, such as `17.9`.
    pub engine_version: String,
    /// Capacity, in ACU.
    pub capacity: CapacityRange,
    /// Seconds without a connection after which the cluster pauses (300 to 86,400); only with a minimum of 0 ACU.
    pub auto_pause_seconds: Option<u32>,
    /// 1, or 2 for a reader in another zone that can take over.
    pub instances: u32,
    /// Days for which backups are kept, 1 to 35.
    pub backup_retention_days: u32,
}

/// The cell's shared Odoo service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSettings {
    /// The image, with its digest.
    pub image: String,
    /// CPU and memory of a task.
    pub size: FargateSize,
    /// How many tasks; the first on demand, the rest on Spot.
    pub tasks: u32,
}

impl PoolSettings {
    /// How many connections one task of the pool opens at most: `ODOO_DB_MAXCONN` in `templates/cell.yml`.
    pub const CONNECTIONS_PER_TASK: u32 = 64;

    /// How many connections the whole pool opens at most.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.tasks * Self::CONNECTIONS_PER_TASK
    }
}

/// How many backups of a tenant are kept: the last one of each of this many days, weeks and months.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupsKept {
    /// Days.
    pub daily: u32,
    /// Weeks.
    pub weekly: u32,
    /// Months.
    pub monthly: u32,
}

impl Default for BackupsKept {
    fn default() -> Self {
        Self { daily: 7, weekly: 4, monthly: 6 }
    }
}

/// Who may deploy without a stored key: a pipeline's identity, through OpenID Connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployRole {
    /// The identity provider's ARN in the account.
    pub provider: String,
    /// `github` or `gitlab`.
    pub issuer: String,
    /// The exact subjects that are trusted.
    pub subjects: Vec<String>,
}

/// One footprint in one account and region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: EnvironmentName,
    /// The only account that konta uses for it.
    pub account: AccountId,
    /// The region.
    pub region: RegionName,
    /// The domain under which tenants get their hosts.
    pub domain: HostName,
    /// The zone of that domain.
    pub hosted_zone: HostedZone,
    /// The wildcard certificate of that domain.
    pub certificate: Certificate,
    /// The network.
    pub network: Network,
    /// The database.
    pub database: DatabaseSettings,
    /// The pool.
    pub pool: PoolSettings,
    /// How many tenants one cell takes at most.
    pub tenants_per_cell: u32,
    /// How many backups of each tenant are kept.
    pub backups: BackupsKept,
    /// Days for which logs are kept; one of `CloudWatch`'s values.
    pub log_retention_days: u32,
    /// Whether stacks and clusters are protected from deletion.
    pub termination_protection: bool,
    /// The permissions boundary of every role.
    pub permissions_boundary: Option<String>,
    /// The pipeline's role.
    pub deploy_role: Option<DeployRole>,
    /// The SNS topic that alarms notify.
    pub alarm_topic: Option<String>,
    /// Tags on every stack, and so on every resource.
    pub tags: std::collections::BTreeMap<String, String>,
}
