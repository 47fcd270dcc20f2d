//! The domain: what a workspace says, checked, with no YAML, no AWS and no I/O.
//!
//! Every name and limit is a newtype whose constructor refuses what AWS or PostgreSQL would refuse later.

pub mod environment;
pub mod name;
mod nearest;
mod page;
pub mod placement;
mod region;
pub mod size;
pub mod tenant;
pub mod terms;
pub mod tier;
pub mod workspace;

pub use environment::{
    BackupsKept, Certificate, DatabaseSettings, DeployRole, Egress, Environment, HostedZone, Network, PoolSettings, Vpc,
};
pub use name::{
    AccountId, AddonName, ApplicationName, EnvironmentName, HostName, NameError, RegionName, TenantName, TierName,
};
pub use nearest::nearest;
pub use page::Page;
pub use placement::CellNumber;
pub use size::{CapacityRange, FargateSize, SizeError, TaskRange};
pub use tenant::{DatabaseChoice, Schedule, SecretReference, Tenant, TenantHost};
pub use terms::Terms;
pub use tier::{Isolation, Tier};
pub use workspace::{ExchangeRate, Workspace};
