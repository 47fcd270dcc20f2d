//! Where a service's tasks run: on Fargate on demand, on Fargate Spot, or on the operator's own machines.

use rust_decimal::Decimal;

use crate::cost::evaluate::{Node, number};
use crate::cost::pricers::{Missing, Sheet};

/// Where tasks run.
pub(super) enum Capacity {
    /// On Fargate, split by a strategy.
    Fargate(Strategy),
    /// Where this service does not pay for them, with the reason.
    Elsewhere(&'static str),
}

/// How tasks are split between on demand and Spot.
#[derive(Debug, Clone, Default)]
pub(super) struct Strategy {
    base: Decimal,
    base_spot: Decimal,
    weight: Decimal,
    weight_spot: Decimal,
}

impl Strategy {
    /// How many of these tasks run on demand: the base first, the rest by weight.
    pub(super) fn on_demand(&self, tasks: Decimal) -> Decimal {
        let base = tasks.min(self.base);
        let base_spot = tasks.saturating_sub(base).min(self.base_spot);
        let rest = tasks.saturating_sub(base).saturating_sub(base_spot).max(Decimal::ZERO);
        let weights = self.weight.saturating_add(self.weight_spot);
        if self.weight_spot.is_zero() {
            return base.saturating_add(rest);
        }
        // Multiplied first, so that three thirds are one.
        base.saturating_add(rest.saturating_mul(self.weight).checked_div(weights).unwrap_or_default())
    }
}

const OWN_MACHINES: &str = "its tasks run on machines that are priced separately";

pub(super) fn of_service(sheet: &Sheet<'_, '_>, id: &str) -> Result<Capacity, Missing> {
    let properties = sheet.properties(id);
    if let Some(strategy) = properties.list("CapacityProviderStrategy")? {
        return of_strategy(&strategy);
    }
    match properties.text("LaunchType")?.as_deref() {
        Some("FARGATE") => return Ok(Capacity::Fargate(Strategy { weight: Decimal::ONE, ..Strategy::default() })),
        Some(_) => return Ok(Capacity::Elsewhere(OWN_MACHINES)),
        None => {}
    }
    if let Some(cluster) = properties.linked("Cluster") {
        let own = sheet.properties(&cluster).list("DefaultCapacityProviderStrategy")?;
        let associated = sheet
            .of_type("AWS::ECS::ClusterCapacityProviderAssociations")
            .into_iter()
            .find(|id| sheet.properties(id).linked("Cluster").as_deref() == Some(cluster.as_str()));
        let associated = match associated {
            Some(id) => sheet.properties(id).list("DefaultCapacityProviderStrategy")?,
            None => None,
        };
        if let Some(strategy) = associated.or(own).filter(|strategy| !strategy.is_empty()) {
            return of_strategy(&strategy);
        }
        return Ok(Capacity::Elsewhere(OWN_MACHINES));
    }
    Err(Missing(
        "neither LaunchType nor a strategy says where its tasks run, and its cluster is not in the template".to_owned(),
    ))
}

fn of_strategy(entries: &[Node]) -> Result<Capacity, Missing> {
    let mut strategy = Strategy::default();
    let mut fargate = false;
    for entry in entries {
        let Node::Map(entry) = entry else {
            return Err(Missing(entry.reason().unwrap_or_else(|| "an entry of its strategy is not a map".to_owned())));
        };
        let amount = |key: &str| -> Result<Decimal, Missing> {
            match entry.get(key) {
                None => Ok(Decimal::ZERO),
                Some(node) => node
                    .text()
                    .and_then(number)
                    .filter(|amount| !amount.is_sign_negative() || amount.is_zero())
                    .ok_or_else(|| Missing(format!("{key} of its strategy is not a number that is known now"))),
            }
        };
        let (base, weight) = (amount("Base")?, amount("Weight")?);
        match entry.get("CapacityProvider").and_then(Node::text) {
            Some("FARGATE") => {
                fargate = true;
                strategy.base = base;
                strategy.weight = weight;
            }
            Some("FARGATE_SPOT") => {
                fargate = true;
                strategy.base_spot = base;
                strategy.weight_spot = weight;
            }
            _ => {}
        }
    }
    Ok(if fargate { Capacity::Fargate(strategy) } else { Capacity::Elsewhere(OWN_MACHINES) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::decimal::dec;

    #[test]
    fn the_base_runs_on_demand_and_the_rest_by_weight() {
        let strategy = Strategy { base: dec!(1), weight: dec!(1), weight_spot: dec!(3), ..Strategy::default() };
        assert_eq!(strategy.on_demand(dec!(0.5)), dec!(0.5));
        assert_eq!(strategy.on_demand(dec!(1)), dec!(1));
        assert_eq!(strategy.on_demand(dec!(5)), dec!(2));
    }

    #[test]
    fn a_strategy_of_spot_alone_has_nothing_on_demand() {
        let strategy = Strategy { weight_spot: dec!(1), ..Strategy::default() };
        assert_eq!(strategy.on_demand(dec!(4)), dec!(0));
    }
}
