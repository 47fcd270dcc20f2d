//! Designs that could hold a number of tenants, and the limits that they break.

use std::fmt::Write as _;

use rust_decimal::Decimal;

use crate::model::{Egress, FargateSize, Isolation};

/// The limits that a design must keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The least memory of a task, in MiB.
    pub memory: u32,
    /// The fewest tasks of a service.
    pub tasks: u32,
    /// The required isolation; `None` if any will do.
    pub isolation: Option<Isolation>,
    /// Whether tenants may be offline at night.
    pub may_sleep: bool,
    /// Whether AWS may stop all tasks of a service at the same time.
    pub may_be_interrupted: bool,
    /// The highest cost of a tenant, in US dollars a month.
    pub at_most_usd: Option<Decimal>,
    /// How many tenants one cell will hold; each task of a pool serves all of them.
    pub in_a_cell: u32,
}

/// Memory of a pool's process before the first visit, and for each visited tenant, in tenths of a MiB. Measured, not on
/// AWS: `docs/benchmarks.md` (199 MB, and 10.6 MB per tenant with the modules for a web shop and a newsletter).
const POOL_BASE: u32 = 2000;
const POOL_TENANT: u32 = 106;
/// How much higher virtual memory was, which is what Odoo counts; also in tenths of a MiB.
const POOL_VIRTUAL: u32 = 1200;

/// Memory that a task of a pool needs for a number of tenants, in MiB. Three quarters of it are the limit above which
/// Odoo restarts itself (`limit_memory_soft` in the templates).
fn pool_memory(tenants: u32) -> u32 {
    let virtual_memory = tenants.saturating_mul(POOL_TENANT).saturating_add(POOL_BASE + POOL_VIRTUAL);
    virtual_memory.saturating_mul(4).div_ceil(30)
}

/// The capacity on which the tasks of a service run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capacity {
    /// All on demand.
    OnDemand,
    /// The first on demand, the others on Spot, like every pool.
    FirstOnDemand,
    /// All on Spot.
    Spot,
}

/// One way to hold tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Design {
    /// Whether tenants share a process.
    pub isolation: Isolation,
    /// The size of a task: the pool's, or each tenant's.
    pub size: FargateSize,
    /// Tasks of a service: the pool's, or each tenant's.
    pub tasks: u32,
    /// The capacity on which they run.
    pub capacity: Capacity,
    /// Whether tenants are offline at night.
    pub asleep: bool,
    /// The way to the internet.
    pub egress: Egress,
}

/// The sizes that are tried, in CPU units and MiB, in addition to the smallest one with the required memory.
const SIZES: &[(u32, u32)] = &[(256, 512), (256, 1024), (512, 2048)];

/// The smallest size with this much memory; the fewest CPU units first.
fn smallest(memory: u32) -> Option<FargateSize> {
    [256, 512, 1024, 2048, 4096, 8192, 16384].into_iter().find_map(|cpu| {
        (1..=120)
            .map(|step| step * 512)
            .chain([61_440, 122_880])
            .filter(|mib| *mib >= memory)
            .find_map(|mib| FargateSize::new(cpu, mib).ok())
    })
}

/// The sizes that are tried if this much memory is required or needed. Beyond the first that has it, a
/// larger one only costs more.
fn sizes(memory: u32) -> Vec<FargateSize> {
    let mut sizes: Vec<FargateSize> = SIZES.iter().filter_map(|(cpu, mib)| FargateSize::new(*cpu, *mib).ok()).collect();
    sizes.extend(smallest(memory));
    sizes.sort_by_key(|size| (size.memory(), size.cpu()));
    sizes.dedup();
    let enough = sizes.iter().position(|size| size.memory() >= memory).unwrap_or(sizes.len());
    sizes.truncate(enough + 1);
    sizes
}

/// Every design that is tried; `pool` is the size and the tasks of the environment's own pool.
#[must_use]
pub fn designs(limits: &Limits, pool: (FargateSize, u32)) -> Vec<Design> {
    let mut pools: Vec<(FargateSize, u32)> = sizes(limits.memory.max(pool_memory(limits.in_a_cell)))
        .into_iter()
        .flat_map(|size| [(size, limits.tasks), (size, pool.1.max(limits.tasks))])
        .chain([(pool.0, pool.1.max(limits.tasks))])
        .collect();
    pools.sort_by_key(|(size, tasks)| (size.memory(), size.cpu(), *tasks));
    pools.dedup();
    let mut designs = Vec::new();
    for egress in [Egress::PublicIp, Egress::Nat] {
        for (size, tasks) in &pools {
            let (size, tasks) = (*size, *tasks);
            let capacity = if tasks == 1 { Capacity::OnDemand } else { Capacity::FirstOnDemand };
            designs.push(Design { isolation: Isolation::Pooled, size, tasks, capacity, asleep: false, egress });
        }
        for size in &sizes(limits.memory) {
            for capacity in [Capacity::OnDemand, Capacity::FirstOnDemand, Capacity::Spot] {
                // A single task is the first one, and so on demand.
                if capacity == Capacity::FirstOnDemand && limits.tasks < 2 {
                    continue;
                }
                for asleep in [false, true] {
                    let (isolation, size, tasks) = (Isolation::Dedicated, *size, limits.tasks);
                    designs.push(Design { isolation, size, tasks, capacity, asleep, egress });
                }
            }
        }
    }
    designs
}

impl Design {
    /// Which limit the design breaks, before it is priced; `None` if it breaks none.
    #[must_use]
    pub fn breaks(&self, limits: &Limits) -> Option<String> {
        if let Some(asked) = limits.isolation.filter(|asked| *asked != self.isolation) {
            return Some(format!("it is {}, but {} is required", self.isolation.as_str(), asked.as_str()));
        }
        if self.size.memory() < limits.memory {
            return Some(format!("{} MiB per task is less than the {} required", self.size.memory(), limits.memory));
        }
        let needed = pool_memory(limits.in_a_cell);
        if self.isolation == Isolation::Pooled && self.size.memory() < needed {
            return Some(format!(
                "{} MiB per task is less than the {needed} that a pool of {} needs (200 MB plus 10.6 MB per tenant, \
                 as measured)",
                self.size.memory(),
                if limits.in_a_cell == 1 { "1 tenant".to_owned() } else { format!("{} tenants", limits.in_a_cell) }
            ));
        }
        if self.asleep && !limits.may_sleep {
            return Some("it is offline at night; `--downtime nights` allows that".to_owned());
        }
        if self.capacity == Capacity::Spot && !limits.may_be_interrupted {
            let reason = "AWS may stop all its tasks with two minutes' notice; `--downtime spot` allows that";
            return Some(reason.to_owned());
        }
        None
    }

    /// Why the design costs too much; `None` if it does not.
    #[must_use]
    pub fn is_too_dear(&self, per_tenant_usd: Decimal, limits: &Limits) -> Option<String> {
        let most = limits.at_most_usd.filter(|most| per_tenant_usd > *most)?;
        Some(format!("{} USD per tenant is more than the {most} allowed", per_tenant_usd.round_dp(2)))
    }

    /// The design in a few words.
    #[must_use]
    pub fn title(&self) -> String {
        let capacity = match self.capacity {
            Capacity::OnDemand => "on demand",
            Capacity::FirstOnDemand => "first on demand, rest Spot",
            Capacity::Spot => "Spot",
        };
        let asleep = if self.asleep { ", asleep at night" } else { "" };
        format!(
            "{}, {} x {}/{} {capacity}, {}{asleep}",
            self.isolation.as_str(),
            self.tasks,
            self.size.cpu(),
            self.size.memory(),
            self.egress.as_str()
        )
    }

    /// What to write in the manifests, as YAML with the files' names as comments.
    #[must_use]
    pub fn manifest(&self) -> String {
        let (cpu, memory, tasks) = (self.size.cpu(), self.size.memory(), self.tasks);
        let egress = self.egress.as_str();
        let environment = format!("# environments/NAME.yml\nnetwork: {{ egress: {egress} }}\n");
        if self.isolation == Isolation::Pooled {
            let pool = format!("pool: {{ size: {{ cpu: {cpu}, memory: {memory} }}, tasks: {tasks} }}\n");
            return format!("{environment}{pool}# the tier in konta.yml\nisolation: pooled\n");
        }
        let (spot, on_demand) = self.spot();
        let mut text = format!(
            "{environment}# the tier in konta.yml\nisolation: dedicated\nsize: {{ cpu: {cpu}, memory: {memory} }}\n\
             tasks: {tasks}\nspot: {spot}\non_demand: {on_demand}\n"
        );
        if self.asleep {
            let night = super::scenario::night();
            let _ = writeln!(
                text,
                "# tenants/NAME.yml\nschedule: {{ sleep: \"{}\", wake: \"{}\", timezone: {} }}",
                night.sleep, night.wake, night.timezone
            );
        }
        text
    }

    /// The values of `spot` and `on_demand` for a tier.
    #[must_use]
    pub fn spot(&self) -> (bool, u32) {
        match self.capacity {
            Capacity::OnDemand => (false, 0),
            Capacity::FirstOnDemand => (true, 1),
            Capacity::Spot => (true, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        let (isolation, at_most_usd) = (None, None);
        let in_a_cell = 40;
        Limits {
            memory: 1024,
            tasks: 1,
            isolation,
            may_sleep: false,
            may_be_interrupted: false,
            at_most_usd,
            in_a_cell,
        }
    }

    fn tried(limits: &Limits) -> Vec<Design> {
        designs(limits, (FargateSize::new(512, 2048).unwrap(), 2))
    }

    #[test]
    fn what_sleeps_or_may_be_taken_away_is_refused_unless_allowed() {
        let strict = limits();
        let kept: Vec<Design> = tried(&strict).into_iter().filter(|design| design.breaks(&strict).is_none()).collect();
        assert!(!kept.is_empty() && kept.iter().all(|design| !design.asleep && design.capacity != Capacity::Spot));
        let lax = Limits { may_sleep: true, may_be_interrupted: true, ..strict };
        assert!(tried(&lax).iter().any(|design| design.asleep && design.breaks(&lax).is_none()));
    }

    #[test]
    fn a_design_with_less_memory_says_how_much_is_asked() {
        let asked = Limits { memory: 3000, ..limits() };
        let designs = tried(&asked);
        assert!(designs.iter().any(|d| d.breaks(&asked).is_some_and(|reason| reason.contains("1024 MiB"))));
        let enough: Vec<_> = designs.iter().filter(|design| design.breaks(&asked).is_none()).collect();
        assert!(enough.iter().all(|design| (design.size.cpu(), design.size.memory()) == (512, 3072)), "{enough:?}");
    }

    #[test]
    fn smaller_pools_are_tried_and_those_too_small_for_their_tenants_refused_with_the_measure() {
        let pools = |limits: &Limits| -> (Vec<(u32, u32)>, Vec<String>) {
            let all =
                tried(limits).into_iter().filter(|d| d.isolation == Isolation::Pooled && d.egress == Egress::PublicIp);
            let (kept, refused): (Vec<_>, Vec<_>) = all.partition(|design| design.breaks(limits).is_none());
            let kept = kept.iter().map(|design| (design.size.memory(), design.tasks)).collect();
            (kept, refused.iter().filter_map(|design| design.breaks(limits)).collect())
        };
        assert_eq!(pools(&limits()).0, [(1024, 1), (1024, 2), (2048, 2)]);
        // Four thirds of 320 and 90 times 10.6.
        let (kept, refused) = pools(&Limits { memory: 512, in_a_cell: 90, ..limits() });
        assert_eq!(kept, [(2048, 1), (2048, 2), (2048, 2)]);
        assert!(refused.iter().all(|reason| reason.contains("1699") && reason.contains("90 tenants")), "{refused:?}");
        assert_eq!(pools(&Limits { tasks: 2, ..limits() }).0, [(1024, 2), (2048, 2)]);
    }

    #[test]
    fn the_isolation_and_the_price_asked_are_held_to() {
        let asked = Limits { isolation: Some(Isolation::Pooled), at_most_usd: Some(Decimal::TEN), ..limits() };
        let pooled = tried(&asked).into_iter().find(|design| design.breaks(&asked).is_none()).unwrap();
        assert_eq!(pooled.isolation, Isolation::Pooled);
        assert!(pooled.is_too_dear(Decimal::from(11), &asked).is_some());
        assert!(pooled.is_too_dear(Decimal::TEN, &asked).is_none());
    }
}
