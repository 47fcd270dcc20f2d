//! Which cell holds which tenant: a tenant stays where it is, and a new cell opens before a load balancer or a database
//! reaches a quota.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;

use super::TenantName;

/// A cell's number within its environment, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellNumber(NonZeroU32);

impl CellNumber {
    /// The first cell.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// A cell's number; `None` for 0.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for CellNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What one tenant needs from a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// Target groups on the load balancer: 1 for a dedicated tenant, 0 for a pooled one.
    pub target_groups: u32,
    /// Listener rules.
    pub rules: u32,
    /// Certificates in addition to the cell's own.
    pub certificates: u32,
    /// PostgreSQL connections, at most.
    pub connections: u32,
}

impl Demand {
    /// The smaller of each: a demand that exceeds neither of the two.
    fn least(self, other: Self) -> Self {
        Self {
            target_groups: self.target_groups.min(other.target_groups),
            rules: self.rules.min(other.rules),
            certificates: self.certificates.min(other.certificates),
            connections: self.connections.min(other.connections),
        }
    }
}

/// What a cell still has to offer, from which demands are subtracted.
///
/// Target groups: 100 per load balancer, not adjustable; rules: 100; certificates: 25 in addition to the default.
/// Source: Elastic Load Balancing, "Quotas for your Application Load Balancers".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Tenants that still fit, by the operator's own limit.
    pub tenants: u32,
    /// Target groups still free.
    pub target_groups: u32,
    /// Listener rules still free.
    pub rules: u32,
    /// Certificates still free.
    pub certificates: u32,
    /// PostgreSQL connections still free.
    pub connections: u32,
}

impl Room {
    /// An empty cell's room: the load balancer's quotas minus what the cell itself uses, and the database's connections
    /// minus those of the pool and a fifth kept for release tasks, a second revision during a deployment, and
    /// administrators.
    #[must_use]
    pub fn of_empty_cell(most_tenants: u32, max_connections: u32, pool_connections: u32) -> Self {
        Self {
            tenants: most_tenants,
            target_groups: 100 - 1,
            rules: 100 - 2,
            certificates: 25,
            connections: (max_connections - max_connections / 5).saturating_sub(pool_connections),
        }
    }

    fn takes(&self, demand: Demand) -> bool {
        self.tenants >= 1
            && self.target_groups >= demand.target_groups
            && self.rules >= demand.rules
            && self.certificates >= demand.certificates
            && self.connections >= demand.connections
    }

    /// Subtracts a demand, down to zero.
    pub fn take(&mut self, demand: Demand) {
        self.tenants = self.tenants.saturating_sub(1);
        self.target_groups = self.target_groups.saturating_sub(demand.target_groups);
        self.rules = self.rules.saturating_sub(demand.rules);
        self.certificates = self.certificates.saturating_sub(demand.certificates);
        self.connections = self.connections.saturating_sub(demand.connections);
    }
}

/// One tenant to place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The tenant.
    pub tenant: TenantName,
    /// What it needs.
    pub demand: Demand,
    /// The cell that its manifest names.
    pub wanted: Option<CellNumber>,
    /// The cell in which it already is; such a tenant never moves by itself.
    pub lives_in: Option<CellNumber>,
}

/// Places every candidate: those already in a cell stay, those whose manifest names a cell get it, the others fill the
/// lowest cell with room.
#[must_use]
pub fn place(candidates: &[Candidate], empty: Room) -> BTreeMap<TenantName, CellNumber> {
    let mut rooms: BTreeMap<CellNumber, Room> = BTreeMap::new();
    let mut placed = BTreeMap::new();
    let (settled, open): (Vec<_>, Vec<_>) = candidates.iter().partition(|c| c.lives_in.is_some() || c.wanted.is_some());
    for candidate in settled {
        let Some(cell) = candidate.lives_in.or(candidate.wanted) else { continue };
        rooms.entry(cell).or_insert(empty).take(candidate.demand);
        placed.insert(candidate.tenant.clone(), cell);
    }
    let mut lowest = CellNumber::FIRST;
    let least = open.iter().map(|candidate| candidate.demand).reduce(Demand::least);
    for candidate in open {
        let mut cell = lowest;
        while !rooms.entry(cell).or_insert(empty).takes(candidate.demand) {
            // An empty cell takes any tenant: the plan lets the operator see a demand above a whole cell's room.
            if rooms.get(&cell) == Some(&empty) {
                break;
            }
            cell = CellNumber(cell.0.saturating_add(1));
        }
        let room = rooms.entry(cell).or_insert(empty);
        room.take(candidate.demand);
        // A cell without room even for the smallest demand is not considered again: placing n tenants stays linear.
        while least.is_some_and(|least| rooms.get(&lowest).is_some_and(|room| !room.takes(least))) {
            lowest = CellNumber(lowest.0.saturating_add(1));
        }
        placed.insert(candidate.tenant.clone(), cell);
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEDICATED: Demand = Demand { target_groups: 1, rules: 1, certificates: 0, connections: 8 };

    fn candidate(name: &str) -> Candidate {
        Candidate { tenant: TenantName::new(name).unwrap(), demand: DEDICATED, wanted: None, lives_in: None }
    }

    #[test]
    fn a_new_cell_opens_before_the_load_balancer_runs_out_of_rules() {
        let many: Vec<_> = (0..150).map(|n| candidate(&format!("t{n}"))).collect();
        let placed = place(&many, Room::of_empty_cell(200, 5000, 0));
        let first = placed.values().filter(|cell| **cell == CellNumber::FIRST).count();
        assert_eq!(first, 98);
        assert_eq!(placed.values().map(|cell| cell.get()).max(), Some(2));
    }

    #[test]
    fn a_tenant_stays_where_it_lives_whatever_comes_before_it() {
        let mut late = candidate("zeta");
        late.lives_in = CellNumber::new(2);
        let placed = place(&[candidate("alpha"), late], Room::of_empty_cell(1, 5000, 0));
        assert_eq!(placed[&TenantName::new("zeta").unwrap()].get(), 2);
        assert_eq!(placed[&TenantName::new("alpha").unwrap()].get(), 1);
    }

    #[test]
    fn connections_open_a_new_cell_too() {
        let many: Vec<_> = (0..40).map(|n| candidate(&format!("t{n}"))).collect();
        let placed = place(&many, Room::of_empty_cell(100, 189, 0));
        assert_eq!(placed.values().filter(|cell| cell.get() == 1).count(), (189 - 189 / 5) / 8);
    }
}
