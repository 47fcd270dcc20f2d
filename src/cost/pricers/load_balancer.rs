//! Load balancers: hours, capacity units, and their public addresses.

use rust_decimal::Decimal;

use crate::cost::decimal::dec;

use super::{Missing, Sheet};
use crate::cost::range::Range;

/// What one capacity unit holds, by dimension, with the usage field for it. Source: Elastic
/// Load Balancing pricing page.
type Dimensions = &'static [(&'static str, Decimal)];

const APPLICATION: Dimensions = &[
    ("new_connections_per_second", dec!(25)),
    ("active_connections", dec!(3000)),
    ("rule_evaluations_per_second", dec!(1000)),
];
const NETWORK_TCP: Dimensions = &[("new_flows_per_second", dec!(800)), ("active_flows", dec!(100_000))];
const NETWORK_UDP: Dimensions = &[("new_flows_per_second", dec!(400)), ("active_flows", dec!(50_000))];
const NETWORK_TLS: Dimensions = &[("new_flows_per_second", dec!(50)), ("active_flows", dec!(3000))];

/// `AWS::ElasticLoadBalancingV2::LoadBalancer`.
pub fn load_balancer(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let properties = sheet.properties(id);
    let kind = properties.text("Type")?.unwrap_or_else(|| "application".to_owned());
    let (name, dimensions) = match kind.as_str() {
        "application" => ("Application", APPLICATION),
        "network" => ("Network", network_dimensions(sheet, id)),
        other => (
            "Gateway",
            if other == "gateway" {
                NETWORK_TCP
            } else {
                return Err(Missing(format!("there is no load balancer of type `{other}`")));
            },
        ),
    };
    let month = Range::exact(sheet.hours());
    let hours = sheet.used_or(id, "hours", Some((month, "")));
    sheet.charge(id, "AWSELB", &format!("LoadBalancerUsage:{name}"), hours, None);
    let (units, note) = capacity(sheet, id, dimensions, hours);
    sheet.charge(id, "AWSELB", &format!("LCUUsage:{name}"), units, note.as_deref());
    // A gateway load balancer is reached only through its endpoints.
    if name == "Gateway" {
        return Ok(());
    }
    public_addresses(sheet, id, hours)
}

/// Capacity unit hours: in each scenario, the dimension that needs the most.
fn capacity(sheet: &mut Sheet<'_, '_>, id: &str, dimensions: Dimensions, hours: Range) -> (Range, Option<String>) {
    if sheet.said(id, "lcu").is_some() {
        return (sheet.used(id, "lcu") * hours, None);
    }
    // One unit takes a gigabyte per hour, so a month's gigabytes are a month's unit hours.
    let mut most = (sheet.used(id, "processed_gb"), "processed_gb");
    for (field, holds) in dimensions {
        let needs = sheet.used(id, field).per(*holds) * hours;
        if needs.expected > most.0.expected {
            most.1 = field;
        }
        most.0 = most.0.max(needs);
    }
    (most.0, Some(format!("{} decides", most.1)))
}

/// TLS and UDP fill a unit sooner than TCP does; the listeners say which it is.
fn network_dimensions(sheet: &Sheet<'_, '_>, id: &str) -> Dimensions {
    let listeners =
        sheet.of_type("AWS::ElasticLoadBalancingV2::Listener").into_iter().map(|listener| sheet.properties(listener));
    let protocols: Vec<String> = listeners
        .filter(|listener| listener.linked("LoadBalancerArn").as_deref() == Some(id))
        .filter_map(|listener| listener.text("Protocol").ok().flatten())
        .collect();
    let has = |protocol: &str| protocols.iter().any(|p| p.contains(protocol));
    if has("TLS") {
        NETWORK_TLS
    } else if has("UDP") {
        NETWORK_UDP
    } else {
        NETWORK_TCP
    }
}

/// An internet-facing load balancer has a public IPv4 address in each of its zones.
fn public_addresses(sheet: &mut Sheet<'_, '_>, id: &str, hours: Range) -> Result<(), Missing> {
    let properties = sheet.properties(id);
    let scheme = properties.text("Scheme")?;
    let addresses = properties.text("IpAddressType")?;
    if scheme.as_deref() == Some("internal") || addresses.as_deref() == Some("dualstack-without-public-ipv4") {
        return Ok(());
    }
    let mappings = properties.list("SubnetMappings")?.unwrap_or_default();
    // An Elastic IP is priced where it is allocated.
    let own = mappings
        .iter()
        .filter(|mapping| matches!(mapping, crate::cost::evaluate::Node::Map(map) if map.contains_key("AllocationId")))
        .count();
    let zones = if mappings.is_empty() { properties.count("Subnets")? } else { mappings.len() };
    if zones == 0 {
        return Err(Missing(
            "neither Subnets nor SubnetMappings says in how many zones it has a public address".to_owned(),
        ));
    }
    let count = Decimal::from(zones.saturating_sub(own));
    sheet.charge(id, "AmazonVPC", "PublicIPv4:InUseAddress", hours * count, Some("one address per zone"));
    Ok(())
}
