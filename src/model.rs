//! The domain: what a workspace says, checked, with no YAML, no AWS and no I/O.
//!
//! Every name and limit is a newtype, whose constructor refuses what AWS or PostgreSQL would refuse later.

pub mod billing_terms;
pub mod environment;
pub mod name;
pub mod placement;
mod region;
mod serving_state;
pub mod size;
mod suggestion;
pub mod tenant;
pub mod tier;
pub mod workspace;

pub use billing_terms::Terms;
pub use environment::{
    BackupsKept, Certificate, DatabaseSettings, DeployRole, Egress, Environment, HostedZone, Network, PoolSettings, Vpc,
};
pub use name::{
    AccountId, AddonName, ApplicationName, EnvironmentName, HostName, NameError, RegionName, TenantName, TierName,
};
pub use placement::CellNumber;
pub use size::{CapacityRange, FargateSize, SizeError, TaskRange};
pub use suggestion::nearest;
pub use tenant::{DatabaseChoice, Schedule, SecretReference, Tenant, TenantHost};
pub use tier::{Isolation, Tier};
pub use workspace::{ExchangeRate, Workspace};

pub use crate::model::serving_state::ServingState;
