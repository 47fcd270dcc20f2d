//! What is needed to price an environment with any number of tenants: its stacks, and a typical tenant of each tier.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::cost::curve::{Footprint, PricedTemplate, TenantKind};
use crate::cost::error::CostError;
use crate::cost::price::PriceTable;
use crate::cost::usage::Usage;
use crate::model::placement::Room;
use crate::model::{
    CellNumber, DatabaseChoice, Environment, HostName, Isolation, NameError, ServingState, Tenant, TenantHost,
    TenantName, Tier, Workspace,
};
use crate::stack::DesiredStack;
use crate::stack::build::Builder;
use crate::stack::placement::Placement;
use crate::template::TemplateError;
use crate::template::compose::Composer;

use super::stack_pricer::StackPricer;

/// The tasks of a pool that run on demand: the base of its strategy in `templates/cell.yml`.
const POOL_ON_DEMAND: u32 = 1;

/// A workspace with one environment and only typical tenants in it.
#[derive(Debug)]
pub struct Typical {
    workspace: Workspace,
    environment: Environment,
    tenants: Vec<Tenant>,
}

impl Typical {
    /// With one typical tenant of each of `tiers`.
    ///
    /// # Errors If a tier's name or the domain is too long for the tenant's name and host.
    pub fn of(workspace: &Workspace, environment: &Environment, tiers: &[&Tier]) -> Result<Self, CostError> {
        let tenants = tiers.iter().map(|tier| typical(environment, tier)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::with(workspace, environment, tenants))
    }

    /// With these tenants.
    pub(super) fn with(workspace: &Workspace, environment: &Environment, tenants: Vec<Tenant>) -> Self {
        let mut workspace = workspace.clone();
        workspace.environments.insert(environment.name.clone(), environment.clone());
        workspace.tenants = tenants.iter().map(|tenant| (tenant.name.clone(), tenant.clone())).collect();
        Self { workspace, environment: environment.clone(), tenants }
    }

    /// The footprint; `usage` is what a usage file says.
    ///
    /// # Errors If a stack cannot be composed.
    pub fn footprint(
        &self,
        composer: &Composer,
        usage: &Usage,
        vcpu_quota: Decimal,
    ) -> Result<Footprint, TemplateError> {
        let environment = &self.environment;
        let mut pricer =
            StackPricer::new(&self.workspace, composer, environment, usage.clone(), PriceTable::embedded());
        let mut shape = |stack: &DesiredStack| {
            let inputs = pricer.register(stack);
            PricedTemplate { document: Arc::clone(&stack.document), inputs }
        };
        let builder = Builder::new(&self.workspace, composer);
        let own = builder.environment(environment)?.iter().map(&mut shape).collect();
        let second = CellNumber::new(2).unwrap_or(CellNumber::FIRST);
        let cells = [
            shape(&builder.cell(environment, CellNumber::FIRST, false)?),
            shape(&builder.cell(environment, second, false)?),
        ];
        let mut kinds = Vec::new();
        for tenant in &self.tenants {
            let place = Placement { cell: CellNumber::FIRST, priority: 3, page: ServingState::Serving };
            let stacks: Vec<PricedTemplate> =
                builder.tenant(environment, tenant, place)?.iter().map(&mut shape).collect();
            kinds.push(kind(tenant, stacks));
        }
        let has_pool = self.workspace.has_pool(&environment.name);
        let pool_connections = if has_pool { environment.pool.connections() } else { 0 };
        let capacity = environment.database.capacity.max_connections();
        let (on_demand, spot) = if has_pool { pool_vcpu(environment) } else { (Decimal::ZERO, Decimal::ZERO) };
        Ok(Footprint {
            region: environment.region.to_string(),
            usage: usage.clone().keeping(environment.backups),
            environment: own,
            cells,
            kinds,
            room: Room::of_empty_cell(environment.tenants_per_cell, capacity, pool_connections),
            pool_on_demand: on_demand,
            pool_spot: spot,
            vcpu_quota,
        })
    }
}

fn kind(tenant: &Tenant, own: Vec<PricedTemplate>) -> TenantKind {
    let dedicated = tenant.isolation == Isolation::Dedicated;
    let tasks = if dedicated { tenant.tasks.min() } else { 0 };
    let on_demand = if tenant.spot { tenant.on_demand.min(tasks) } else { tasks };
    TenantKind {
        tier: tenant.tier.to_string(),
        isolation: tenant.isolation,
        own,
        demand: tenant.demand(),
        vcpu_on_demand: vcpu(tenant.size.cpu(), on_demand),
        vcpu_spot: vcpu(tenant.size.cpu(), tasks - on_demand),
    }
}

fn vcpu(units: u32, tasks: u32) -> Decimal {
    Decimal::from(units) * Decimal::from(tasks) / Decimal::from(1024)
}

fn pool_vcpu(environment: &Environment) -> (Decimal, Decimal) {
    let pool = &environment.pool;
    let on_demand = pool.tasks.min(POOL_ON_DEMAND);
    (vcpu(pool.size.cpu(), on_demand), vcpu(pool.size.cpu(), pool.tasks - on_demand))
}

/// A tenant with only what its tier has; its host is under the environment's domain.
pub(super) fn typical(environment: &Environment, tier: &Tier) -> Result<Tenant, CostError> {
    let named = format!("typical-{}", tier.name);
    let name = TenantName::new(&named).map_err(|error| wrong(&error))?;
    let host = HostName::new(&format!("{}.{}", name, environment.domain)).map_err(|error| wrong(&error))?;
    Ok(Tenant {
        name,
        environment: environment.name.clone(),
        tier: tier.name.clone(),
        isolation: tier.isolation,
        hosts: vec![TenantHost { host, certificate: None, hosted_zone: None }],
        modules: tier.modules.clone(),
        image: tier.image.clone(),
        size: tier.size,
        tasks: tier.tasks,
        spot: tier.spot,
        on_demand: tier.on_demand,
        variables: BTreeMap::new(),
        secrets: BTreeMap::new(),
        database: DatabaseChoice::Shared,
        addons: Vec::new(),
        cell: None,
        schedule: None,
    })
}

fn wrong(error: &NameError) -> CostError {
    CostError::TypicalTenant { reason: error.to_string() }
}
