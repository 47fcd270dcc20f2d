//! Which cell the next tenant goes to, and which limit opened it.

use crate::model::placement::{Demand, Room};

use super::Footprint;

/// What the cells before ran out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Tenants, by the environment's own limit.
    Tenants,
    /// Target groups of a load balancer.
    TargetGroups,
    /// Listener rules of a load balancer.
    Rules,
    /// Certificates of a listener.
    Certificates,
    /// Connections of the database.
    Connections,
}

impl Limit {
    pub(super) fn reason(self, footprint: &Footprint) -> String {
        let room = &footprint.room;
        match self {
            Self::Tenants => {
                format!("a cell takes {} tenants (tenants_per_cell), and each cell has its load balancer", room.tenants)
            }
            Self::TargetGroups => "a load balancer takes 100 target groups".to_owned(),
            Self::Rules => "a load balancer takes 100 rules".to_owned(),
            Self::Certificates => "a listener takes 25 certificates besides its own".to_owned(),
            Self::Connections => {
                format!("the database's capacity leaves {} connections for tenants", room.connections)
            }
        }
    }
}

/// Cells with the room that is left in each, filled as [`crate::model::placement::place`] does: the lowest with room.
pub(super) struct CellFiller {
    empty: Room,
    rooms: Vec<Room>,
}

impl CellFiller {
    pub(super) fn new(empty: Room) -> Self {
        Self { empty, rooms: Vec::new() }
    }

    /// The next tenant's cell, counted from 0, and the limit of the last cell that made konta open it. The first
    /// cell opens without a limit.
    pub(super) fn take(&mut self, demand: Demand) -> (usize, Option<Limit>) {
        let fits = |room: &Room| lacking(room, demand).is_none();
        if let Some(cell) = self.rooms.iter().position(|room| fits(room) || *room == self.empty) {
            self.rooms[cell].take(demand);
            return (cell, None);
        }
        let limit = self.rooms.last().and_then(|room| lacking(room, demand));
        let mut room = self.empty;
        room.take(demand);
        self.rooms.push(room);
        (self.rooms.len() - 1, limit)
    }
}

fn lacking(room: &Room, demand: Demand) -> Option<Limit> {
    if room.tenants < 1 {
        return Some(Limit::Tenants);
    }
    [
        (room.target_groups, demand.target_groups, Limit::TargetGroups),
        (room.rules, demand.rules, Limit::Rules),
        (room.certificates, demand.certificates, Limit::Certificates),
        (room.connections, demand.connections, Limit::Connections),
    ]
    .into_iter()
    .find(|(left, asked, _)| left < asked)
    .map(|(_, _, limit)| limit)
}
