//! The cheapest design of an environment that holds to stated limits.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::cost::advise::{Design, Limits, designs};
use crate::cost::curve::VCPU_QUOTA;
use crate::cost::error::CostError;
use crate::cost::estimate::Unknown;
use crate::cost::range::{Range, as_amount};
use crate::cost::scenario;
use crate::model::{Isolation, TaskRange, Tier, TierName};

use super::Basis;
use super::footprint::{Typical, typical};

/// A design that holds to the limits.
#[derive(Debug, Clone, Serialize)]
pub struct Offer {
    /// The design.
    pub design: String,
    /// US dollars a month.
    pub total_usd: Range,
    /// The same for each tenant.
    pub per_tenant_usd: Range,
    /// In how many cells.
    pub cells: u32,
    /// vCPUs of tasks on demand.
    #[serde(serialize_with = "as_amount")]
    pub vcpu_on_demand: Decimal,
    /// vCPUs of tasks on Spot.
    #[serde(serialize_with = "as_amount")]
    pub vcpu_spot: Decimal,
    /// What has no price and is in no total.
    pub unknown: Vec<Unknown>,
    /// What to write in the manifests.
    pub write: String,
}

/// A design that breaks a limit.
#[derive(Debug, Clone, Serialize)]
pub struct Rejected {
    /// The design.
    pub design: String,
    /// Which limit, and how.
    pub reason: String,
}

impl Basis<'_> {
    /// The designs that hold to the limits for so many tenants, the cheapest first, and those that do not.
    ///
    /// # Errors
    /// When a typical tenant cannot be named, or a stack cannot be composed.
    pub fn advise(&self, limits: &Limits, tenants: u32) -> Result<(Vec<Offer>, Vec<Rejected>), CostError> {
        let pool = &self.environment.pool;
        let (mut offers, mut rejected) = (Vec::new(), Vec::new());
        for design in designs(limits, (pool.size, pool.tasks)) {
            if let Some(reason) = design.breaks(limits) {
                rejected.push(Rejected { design: design.title(), reason });
                continue;
            }
            let offer = self.offer(&design, tenants)?;
            match design.is_too_dear(offer.per_tenant_usd.expected, limits) {
                Some(reason) => rejected.push(Rejected { design: offer.design, reason }),
                None => offers.push(offer),
            }
        }
        offers.sort_by_key(|offer: &Offer| offer.total_usd.expected);
        Ok((offers, rejected))
    }

    /// What a design costs with so many tenants.
    fn offer(&self, design: &Design, tenants: u32) -> Result<Offer, CostError> {
        let mut environment = self.environment.clone();
        environment.network.egress = design.egress;
        if design.isolation == Isolation::Pooled {
            environment.pool.size = design.size;
            environment.pool.tasks = design.tasks;
        }
        let mut tenant = typical(&environment, &self.tier(design)?)?;
        tenant.schedule = design.asleep.then(scenario::night);
        let typical = Typical::with(&self.loaded.workspace, &environment, vec![tenant]);
        let footprint = typical.footprint(&self.loaded.composer, &self.usage.usage, VCPU_QUOTA)?;
        let (point, unknown) = footprint.at(&vec![0; tenants as usize], self.prices);
        Ok(Offer {
            design: design.title(),
            total_usd: point.total_usd,
            per_tenant_usd: point.per_tenant_usd,
            cells: point.cells,
            vcpu_on_demand: point.vcpu_on_demand,
            vcpu_spot: point.vcpu_spot,
            unknown,
            write: design.manifest(),
        })
    }

    /// The tier a design would need.
    fn tier(&self, design: &Design) -> Result<Tier, CostError> {
        let wrong = |problem, help| CostError::Design { problem, help };
        let (spot, on_demand) = design.spot();
        let image = self.loaded.workspace.tiers.values().next().map(|tier| tier.image.clone()).unwrap_or_default();
        Ok(Tier {
            name: TierName::new("advised").map_err(|error| wrong(error.to_string(), error.help))?,
            price: Decimal::ZERO,
            isolation: design.isolation,
            modules: vec!["website".to_owned()],
            image,
            size: design.size,
            tasks: TaskRange::new(design.tasks, design.tasks).map_err(|error| wrong(error.problem, error.help))?,
            spot,
            on_demand,
        })
    }
}
