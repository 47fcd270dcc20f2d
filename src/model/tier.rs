//! A tier: what the customer buys.

use rust_decimal::Decimal;

use super::{FargateSize, TaskRange, TierName};

/// Who shares a tenant's Odoo process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isolation {
    /// The cell's shared Odoo service serves the tenant's database, routed by host name.
    Pooled,
    /// The tenant has its own Fargate service.
    Dedicated,
}

impl Isolation {
    /// The word in manifests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pooled => "pooled",
            Self::Dedicated => "dedicated",
        }
    }
}

/// What the customer buys, as `konta.yml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// Its name.
    pub name: TierName,
    /// Price per month, in the workspace's currency.
    pub price: Decimal,
    /// Who shares the process.
    pub isolation: Isolation,
    /// Odoo modules that every tenant of the tier has.
    pub modules: Vec<String>,
    /// The image, with its digest.
    pub image: String,
    /// CPU and memory of a task (dedicated tiers).
    pub size: FargateSize,
    /// How many tasks (dedicated tiers).
    pub tasks: TaskRange,
    /// Whether tasks beyond the first `on_demand` run on Fargate Spot.
    pub spot: bool,
    /// Tasks kept on demand before Spot is used.
    pub on_demand: u32,
}
