//! What is needed to price an environment with any number of tenants: its stacks, and a typical tenant of each tier.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::commands::CommandError;
use crate::cost::PriceTable;
use crate::cost::curve::{Footprint, PricedTemplate, TenantKind};
use crate::model::placement::Room;
use crate::model::{
    CellNumber, DatabaseChoice, Environment, Isolation, ServingState, Tenant, TenantHost, TenantName, Tier, Workspace,
};
use crate::stack::DesiredStack;
use crate::stack::placement::Placement;
use crate::template::compose::Composer;

use super::stacks::StackPricer;

/// The tasks of a pool that run on demand: the base of its strategy in `templates/cell.yml`.
const POOL_ON_DEMAND: u32 = 1;

/// A workspace with one environment and nothing but typical tenants in it.
pub(super) struct Typical {
    workspace: Workspace,
    tenants: Vec<Tenant>,
}

impl Typical {
    /// One typical tenant of each of `tiers`.
    pub(super) fn of(workspace: &Workspace, environment: &Environment, tiers: &[&Tier]) -> Result<Self, CommandError> {
        let tenants = tiers.iter().map(|tier| typical(environment, tier)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::with(workspace, environment, tenants))
    }

    /// These tenants.
    pub(super) fn with(workspace: &Workspace, environment: &Environment, tenants: Vec<Tenant>) -> Self {
        let mut workspace = workspace.clone();
        workspace.environments.insert(environment.name.clone(), environment.clone());
        workspace.tenants = tenants.iter().map(|tenant| (tenant.name.clone(), tenant.clone())).collect();
        Self { workspace, tenants }
    }

    /// The footprint; `usage` is what a file says.
    pub(super) fn footprint(
        &self,
        composer: &Composer,
        environment: &Environment,
        usage: &crate::cost::Usage,
        vcpu_quota: Decimal,
    ) -> Result<Footprint, CommandError> {
        let Some(environment) = self.workspace.environments.get(&environment.name) else {
            return Err(CommandError::Unknown {
                message: format!("no environment {}", environment.name),
                help: String::new(),
            });
        };
        let mut pricer =
            StackPricer::new(&self.workspace, composer, environment, usage.clone(), PriceTable::embedded());
        let mut shape = |stack: &DesiredStack| {
            let inputs = pricer.stand(stack);
            PricedTemplate { document: std::sync::Arc::clone(&stack.document), inputs }
        };
        let builder = crate::stack::build::Builder::new(&self.workspace, composer);
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

/// A tenant with what its tier has and nothing of its own; its host is under the environment's domain.
pub(super) fn typical(environment: &Environment, tier: &Tier) -> Result<Tenant, CommandError> {
    let named = format!("typical-{}", tier.name);
    let name = TenantName::new(&named).map_err(|error| wrong(&error))?;
    let host =
        crate::model::HostName::new(&format!("{}.{}", name, environment.domain)).map_err(|error| wrong(&error))?;
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

fn wrong(error: &crate::model::NameError) -> CommandError {
    CommandError::Usage {
        message: format!("no typical tenant can be named: {error}"),
        help: "shorten the tier's name or the environment's domain".to_owned(),
    }
}
