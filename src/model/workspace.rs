//! A whole workspace, checked and cross-referenced.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{ApplicationName, Environment, EnvironmentName, Isolation, Tenant, TenantName, Terms, Tier, TierName};

/// How many US dollars one unit of the workspace's currency buys, and on which day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeRate {
    /// US dollars for one unit.
    pub usd: Decimal,
    /// The day of the rate, ISO 8601.
    pub date: String,
}

/// Everything the manifests say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// The application.
    pub application: ApplicationName,
    /// ISO 4217 code of the currency of prices.
    pub currency: String,
    /// Its rate.
    pub exchange_rate: ExchangeRate,
    /// Tax, fees and other costs that are taken off a price.
    pub terms: Terms,
    /// What customers can buy.
    pub tiers: BTreeMap<TierName, Tier>,
    /// The environments.
    pub environments: BTreeMap<EnvironmentName, Environment>,
    /// The tenants.
    pub tenants: BTreeMap<TenantName, Tenant>,
}

impl Workspace {
    /// The tenants of one environment, by name.
    pub fn tenants_of<'a>(&'a self, environment: &'a EnvironmentName) -> impl Iterator<Item = &'a Tenant> {
        self.tenants.values().filter(move |tenant| tenant.environment == *environment)
    }

    /// Whether any tenant of the environment is pooled, and so whether its cells run a pool.
    #[must_use]
    pub fn has_pool(&self, environment: &EnvironmentName) -> bool {
        self.tenants_of(environment).any(|tenant| tenant.isolation == Isolation::Pooled)
    }
}
