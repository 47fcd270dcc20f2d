//! Each tenant's part of the cost, its price and margin, and from how many tenants on a tier pays.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::cost::allocate::{self, Allocation, Member, Rule, TenantCost};
use crate::cost::curve::{BreakEven, VCPU_QUOTA};
use crate::cost::error::CostError;
use crate::cost::margin::Margin;
use crate::cost::range::{Amount, Range, as_amount};
use crate::model::{Tenant, Terms, Workspace};

use super::footprint::Typical;
use super::{Basis, EnvironmentCost};

/// Up to how many tenants a break-even is searched.
const SEARCHED: usize = 1000;

/// Who pays what.
#[derive(Debug, Clone, Serialize)]
pub struct Shares {
    /// How shared cost is divided.
    pub rule: Rule,
    /// What that rule means.
    pub meaning: &'static str,
    /// The currency of prices and margins.
    pub currency: String,
    /// US dollars for one unit of that currency.
    #[serde(serialize_with = "as_amount")]
    pub exchange_rate_usd: Decimal,
    /// The day of that rate.
    pub exchange_rate_date: String,
    /// What is taken off a price.
    #[serde(serialize_with = "of_terms")]
    pub terms: Terms,
    /// Each tenant.
    pub tenants: Vec<TenantShare>,
    /// What no tenant bears, US dollars.
    pub unallocated_usd: Range,
    /// The tenants' costs and what nobody bears.
    pub total_usd: Range,
    /// From how many tenants on each tier pays.
    pub break_even: Vec<TierBreakEven>,
}

/// One tenant's cost and margin.
#[derive(Debug, Clone, Serialize)]
pub struct TenantShare {
    /// What it costs, US dollars.
    #[serde(flatten)]
    pub cost: TenantCost,
    /// The tier it buys.
    pub tier: String,
    /// What is left of its price, in the workspace's currency.
    #[serde(flatten)]
    pub margin: Margin,
}

/// From how many tenants on a tier pays for an environment that holds nothing else.
#[derive(Debug, Clone, Serialize)]
pub struct TierBreakEven {
    /// The tier.
    pub tier: String,
    /// Its price.
    #[serde(serialize_with = "as_amount")]
    pub price: Decimal,
    /// How many, in each scenario.
    pub tenants: BreakEven,
}

fn of_terms<S: serde::Serializer>(terms: &Terms, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap as _;
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("vat_percent", &Amount(terms.vat_percent))?;
    map.serialize_entry("vat_included", &terms.vat_included)?;
    map.serialize_entry("fee_percent", &Amount(terms.fee_percent))?;
    map.serialize_entry("fee_fixed", &Amount(terms.fee_fixed))?;
    map.serialize_entry("other_monthly", &Amount(terms.other_monthly))?;
    map.end()
}

impl Shares {
    /// Of an allocation.
    fn new(workspace: &Workspace, terms: Terms, allocation: &Allocation, tenants: Vec<TenantShare>) -> Self {
        Self {
            rule: allocation.rule,
            meaning: allocation.meaning,
            currency: workspace.currency.clone(),
            exchange_rate_usd: workspace.exchange_rate.usd,
            exchange_rate_date: workspace.exchange_rate.date.clone(),
            terms,
            tenants,
            unallocated_usd: allocation.unallocated_usd,
            total_usd: allocation.total_usd,
            break_even: Vec::new(),
        }
    }
}

impl Basis<'_> {
    /// Divides the cost of the environment between its tenants.
    #[must_use]
    pub(super) fn shares(&self, all: &EnvironmentCost, rule: Rule, terms: Terms) -> Shares {
        let workspace = &self.loaded.workspace;
        let tenants = self.tenants();
        let price = |tenant: &Tenant| workspace.tiers.get(&tenant.tier).map_or(Decimal::ZERO, |tier| tier.price);
        let members: Vec<Member> = tenants
            .iter()
            .map(|tenant| {
                let used = self.usage.usage.of_tenant(tenant.name.as_str());
                Member {
                    tenant: tenant.name.to_string(),
                    cell: all.places.get(&tenant.name).map_or(1, |place| place.cell.get()),
                    weight: used.weight.unwrap_or_else(|| price(tenant)),
                    acu: used.acu,
                    requests: used.requests_per_second,
                }
            })
            .collect();
        let parts = all.stacks.iter().map(|stack| (&stack.owner, &*stack.estimate));
        let allocation = allocate::allocate(rule, &members, parts);
        let rows = allocation.tenants.iter().zip(&tenants).map(|(cost, tenant)| TenantShare {
            cost: cost.clone(),
            tier: tenant.tier.to_string(),
            margin: Margin::of(price(tenant), &terms, cost.total_usd, &workspace.exchange_rate),
        });
        let tenants = rows.collect();
        Shares::new(workspace, terms, &allocation, tenants)
    }

    /// From how many tenants on each tier pays for itself, when the environment holds nothing else.
    pub(super) fn break_even(&self, terms: &Terms) -> Result<Vec<TierBreakEven>, CostError> {
        let workspace = &self.loaded.workspace;
        let mut found = Vec::new();
        for tier in workspace.tiers.values() {
            let typical = Typical::of(workspace, self.environment, &[tier])?;
            let footprint = typical.footprint(&self.loaded.composer, &self.usage.usage, VCPU_QUOTA)?;
            let revenue = terms.left_of(tier.price).saturating_mul(workspace.exchange_rate.usd);
            // The number is below the first of many, so most of the curve need not be priced.
            let mut points = 32;
            let tenants = loop {
                let curve = footprint.curve(&vec![0; points], self.prices);
                let reached = BreakEven::of(&curve, |tenants| revenue.saturating_mul(Decimal::from(tenants)));
                if reached.high.is_some() || points >= SEARCHED || revenue <= Decimal::ZERO {
                    break reached;
                }
                points = (points * 6).min(SEARCHED);
            };
            found.push(TierBreakEven { tier: tier.name.to_string(), price: tier.price, tenants });
        }
        Ok(found)
    }
}
