//! Cost over the number of tenants: what they share is priced for each number, what is their own once.

mod break_even;
mod cell_filler;
mod tenant_mix;

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::model::Isolation;
use crate::model::placement::{Demand, Room};
use crate::template::Document;

use self::cell_filler::CellFiller;
use super::estimate::{self, Unknown};
use super::evaluate::{Evaluator, Inputs};
use super::price::PriceTable;
use super::range::{Range, as_amount};
use super::usage::{Profile, Usage};

pub use break_even::BreakEven;
pub use cell_filler::Limit;
pub use tenant_mix::order;

/// Fargate vCPUs that a new account may run, on demand and on Spot each. Source: ECS service quotas, L-3032A538.
pub const VCPU_QUOTA: Decimal = Decimal::from_parts(6, 0, 0, false, 0);

/// A document with the parameters it is deployed with.
#[derive(Debug, Clone)]
pub struct PricedTemplate {
    /// The document.
    pub document: Arc<Document>,
    /// Region and parameters.
    pub inputs: Inputs,
}

/// A tenant such as many are: its own stacks, and what it asks of its cell.
#[derive(Debug, Clone)]
pub struct TenantKind {
    /// The tier's name.
    pub tier: String,
    /// Who shares its process, which decides its usage.
    pub isolation: Isolation,
    /// Its own stacks.
    pub own: Vec<PricedTemplate>,
    /// What it asks of its cell.
    pub demand: Demand,
    /// vCPUs of its tasks on demand.
    pub vcpu_on_demand: Decimal,
    /// vCPUs of its tasks on Spot.
    pub vcpu_spot: Decimal,
}

/// What is needed to price an environment with any number of tenants.
#[derive(Debug, Clone)]
pub struct Footprint {
    /// The region.
    pub region: String,
    /// What a usage file says.
    pub usage: Usage,
    /// The environment's own stacks.
    pub environment: Vec<PricedTemplate>,
    /// The first cell, and one that comes later.
    pub cells: [PricedTemplate; 2],
    /// The kinds of tenants.
    pub kinds: Vec<TenantKind>,
    /// What an empty cell offers.
    pub room: Room,
    /// vCPUs of one cell's pool on demand; zero without a pool.
    pub pool_on_demand: Decimal,
    /// vCPUs of one cell's pool on Spot.
    pub pool_spot: Decimal,
    /// Spot or on-demand vCPUs that a new account may run, each: the quota L-3032A538 and its sister of Spot.
    pub vcpu_quota: Decimal,
}

/// The cost with so many tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Point {
    /// How many tenants.
    pub tenants: u32,
    /// In how many cells.
    pub cells: u32,
    /// US dollars a month.
    pub total_usd: Range,
    /// The same for each tenant.
    pub per_tenant_usd: Range,
    /// vCPUs of tasks on demand.
    #[serde(serialize_with = "as_amount")]
    pub vcpu_on_demand: Decimal,
    /// vCPUs of tasks on Spot.
    #[serde(serialize_with = "as_amount")]
    pub vcpu_spot: Decimal,
}

/// Where the curve has a step, or a quota is met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The number of tenants at which it comes.
    pub tenants: u32,
    /// Why.
    pub reason: String,
    /// What that tenant adds, US dollars a month.
    pub adds_usd: Range,
}

/// Cost over the number of tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Curve {
    /// From one tenant on.
    pub points: Vec<Point>,
    /// The steps.
    pub steps: Vec<Step>,
    /// What has no price, and so is in no total.
    pub unknown: Vec<Unknown>,
}

/// How many tenants of each isolation share something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Count {
    pooled: u32,
    dedicated: u32,
}

impl Count {
    fn add(&mut self, isolation: Isolation) {
        match isolation {
            Isolation::Pooled => self.pooled += 1,
            Isolation::Dedicated => self.dedicated += 1,
        }
    }

    fn profile(self) -> Profile {
        Profile::tenants(self.pooled, self.dedicated)
    }
}

impl Footprint {
    /// Prices one tenant more at a time; `order` names the kind of each by its index.
    #[must_use]
    pub fn curve(&self, order: &[usize], prices: &PriceTable) -> Curve {
        let mut pricing = Pricing::of(self, prices);
        let mut curve = Curve { points: Vec::new(), steps: Vec::new(), unknown: pricing.unknown(order) };
        let mut quota_told = [false; 2];
        for kind in order.iter().filter_map(|index| self.kinds.get(*index).map(|kind| (*index, kind))) {
            let (cell, opened) = pricing.add(kind.0, kind.1);
            pricing.price_cell(cell);
            let point = pricing.point();
            let before = curve.points.last().map_or(Range::ZERO, |point: &Point| point.total_usd);
            let adds_usd = point.total_usd.zip(before, |now, before| now - before);
            if let Some(limit) = opened {
                let reason = format!("cell {} opens: {}", point.cells, limit.reason(self));
                curve.steps.push(Step { tenants: point.tenants, reason, adds_usd });
            }
            let vcpus = [("on demand", "L-3032A538", point.vcpu_on_demand), ("on Spot", "L-36FBB829", point.vcpu_spot)];
            for ((what, code, vcpu), told) in vcpus.into_iter().zip(&mut quota_told) {
                if vcpu > self.vcpu_quota && !std::mem::replace(told, true) {
                    let reason = format!(
                        "{vcpu} Fargate vCPUs {what} are above the quota of {} ({code}): ask AWS for more",
                        self.vcpu_quota
                    );
                    curve.steps.push(Step { tenants: point.tenants, reason, adds_usd });
                }
            }
            curve.points.push(point);
        }
        curve
    }

    /// Prices only the last of the points, and what has no price in it.
    #[must_use]
    pub fn at(&self, order: &[usize], prices: &PriceTable) -> (Point, Vec<Unknown>) {
        let mut pricing = Pricing::of(self, prices);
        for (index, kind) in order.iter().filter_map(|index| self.kinds.get(*index).map(|kind| (*index, kind))) {
            pricing.add(index, kind);
        }
        for cell in 0..pricing.in_cells.len() {
            pricing.price_cell(cell);
        }
        (pricing.point(), pricing.unknown(order))
    }
}

/// The state while tenants are added.
struct Pricing<'a> {
    footprint: &'a Footprint,
    prices: &'a PriceTable,
    environment: Vec<Evaluator<'a>>,
    cells: [Evaluator<'a>; 2],
    own: Vec<Option<Range>>,
    places: CellFiller,
    all: Count,
    tenants: u32,
    in_cells: Vec<(Count, Range)>,
    sum_of_cells: Range,
    sum_of_own: Range,
    vcpu: [Decimal; 2],
}

impl<'a> Pricing<'a> {
    fn of(footprint: &'a Footprint, prices: &'a PriceTable) -> Self {
        let evaluator = |shape: &'a PricedTemplate| Evaluator::new(&shape.document, &shape.inputs);
        Self {
            footprint,
            prices,
            environment: footprint.environment.iter().map(evaluator).collect(),
            cells: [evaluator(&footprint.cells[0]), evaluator(&footprint.cells[1])],
            own: vec![None; footprint.kinds.len()],
            places: CellFiller::new(footprint.room),
            all: Count::default(),
            tenants: 0,
            in_cells: Vec::new(),
            sum_of_cells: Range::ZERO,
            sum_of_own: Range::ZERO,
            vcpu: [Decimal::ZERO; 2],
        }
    }

    /// Adds a tenant; its cell, and the limit that opened it, if one did. The cell is not priced yet.
    fn add(&mut self, index: usize, kind: &TenantKind) -> (usize, Option<Limit>) {
        let (cell, opened) = self.places.take(kind.demand);
        while self.in_cells.len() <= cell {
            self.in_cells.push((Count::default(), Range::ZERO));
            self.vcpu[0] += self.footprint.pool_on_demand;
            self.vcpu[1] += self.footprint.pool_spot;
        }
        self.in_cells[cell].0.add(kind.isolation);
        self.sum_of_own = self.sum_of_own + self.own(index, kind);
        self.vcpu[0] += kind.vcpu_on_demand;
        self.vcpu[1] += kind.vcpu_spot;
        self.all.add(kind.isolation);
        self.tenants += 1;
        (cell, opened)
    }

    fn price_cell(&mut self, cell: usize) {
        let (count, before) = self.in_cells[cell];
        let usage = self.footprint.usage.over(count.profile());
        let now = estimate::total_of_evaluated(&self.cells[usize::from(cell > 0)], &usage, self.prices);
        self.in_cells[cell] = (count, now);
        self.sum_of_cells = (self.sum_of_cells + now).zip(before, |sum, before| sum - before);
    }

    fn own(&mut self, index: usize, kind: &TenantKind) -> Range {
        if let Some(known) = self.own[index] {
            return known;
        }
        let usage = self.footprint.usage.over(one(kind.isolation));
        let priced = kind.own.iter().map(|shape| {
            estimate::total_of_evaluated(&Evaluator::new(&shape.document, &shape.inputs), &usage, self.prices)
        });
        let sum = priced.sum();
        self.own[index] = Some(sum);
        sum
    }

    fn point(&self) -> Point {
        let usage = self.footprint.usage.over(self.all.profile());
        let environment = self.environment.iter().map(|of| estimate::total_of_evaluated(of, &usage, self.prices));
        let account = estimate::total_of_account(&self.footprint.region, &usage, self.prices);
        let total_usd = environment.sum::<Range>() + account + self.sum_of_cells + self.sum_of_own;
        Point {
            tenants: self.tenants,
            cells: u32::try_from(self.in_cells.len()).unwrap_or(u32::MAX),
            total_usd,
            per_tenant_usd: total_usd.per(Decimal::from(self.tenants)),
            vcpu_on_demand: self.vcpu[0],
            vcpu_spot: self.vcpu[1],
        }
    }

    /// What has no price in any shape that is used.
    fn unknown(&self, order: &[usize]) -> Vec<Unknown> {
        let usage = self.footprint.usage.over(Profile::tenants(1, 1));
        let mut found: Vec<Unknown> = Vec::new();
        let mut take = |more: Vec<Unknown>| {
            for unknown in more {
                if !found.contains(&unknown) {
                    found.push(unknown);
                }
            }
        };
        for evaluator in self.environment.iter().chain(self.cells.iter().take(1)) {
            take(estimate::of_evaluated(evaluator, &usage, self.prices).unknown);
        }
        take(estimate::of_account(&self.footprint.region, &usage, self.prices).unknown);
        for (index, kind) in self.footprint.kinds.iter().enumerate() {
            if order.contains(&index) {
                let usage = self.footprint.usage.over(one(kind.isolation));
                for shape in &kind.own {
                    let evaluator = Evaluator::new(&shape.document, &shape.inputs);
                    take(estimate::of_evaluated(&evaluator, &usage, self.prices).unknown);
                }
            }
        }
        found
    }
}

fn one(isolation: Isolation) -> Profile {
    let mut count = Count::default();
    count.add(isolation);
    count.profile()
}

#[cfg(test)]
mod tests;
