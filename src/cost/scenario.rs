//! Alternatives: the same workspace with one thing changed, priced by the same engine.

use serde_json::{Value, json};

use super::error::CostError;
use super::estimate::{Estimate, Unknown};
use super::item::LineItem;
use super::price::PriceTable;
use super::range::Range;
use super::usage::HOURS;
use crate::cost::decimal::dec;
use crate::model::{DatabaseChoice, Egress, Environment, EnvironmentName, Isolation, Schedule, Tenant, Workspace};
use crate::template::Document;

/// When a sleeping tenant sleeps: from 22:00 to 07:00, every day.
const NIGHT: (&str, &str) = ("0 22 ? * * *", "0 7 ? * * *");

/// What a scenario changes.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// Nothing.
    None,
    /// Each tenant that the comparison is about.
    Tenant(fn(&mut Tenant)),
    /// The environment.
    Environment(fn(&mut Environment)),
    /// The documents, for what no manifest can say.
    Documents(fn(&mut Document)),
}

/// One row of a comparison.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Its name.
    pub title: &'static str,
    /// What it changes, for people.
    pub changes: &'static str,
    /// What the tenants lose or gain.
    pub loses: &'static str,
    /// Whether manifests can express it.
    pub deployable: bool,
    /// The change.
    pub change: Change,
}

const fn row(
    title: &'static str,
    changes: &'static str,
    loses: &'static str,
    deployable: bool,
    change: Change,
) -> Scenario {
    Scenario { title, changes, loses, deployable, change }
}

/// Every scenario, the workspace as it is first.
pub const SCENARIOS: &[Scenario] = &[
    row("as it is", "nothing", "nothing", true, Change::None),
    row(
        "dedicated",
        "isolation: dedicated, database: dedicated",
        "gains its own process and Aurora cluster",
        true,
        Change::Tenant(|tenant| own(tenant, DatabaseChoice::Dedicated)),
    ),
    row(
        "shared",
        "isolation: dedicated, database: shared",
        "gains its own process; shares the cell's cluster and its failures",
        true,
        Change::Tenant(|tenant| own(tenant, DatabaseChoice::Shared)),
    ),
    row(
        "pooled",
        "isolation: pooled",
        "loses its own process, size, secrets and addons; one tenant's load slows the others",
        true,
        Change::Tenant(pooled),
    ),
    row(
        "asleep at night",
        "schedule: asleep from 22:00 to 07:00 UTC (dedicated tenants)",
        "visitors get an error at night",
        true,
        Change::Tenant(|tenant| {
            if tenant.isolation == Isolation::Dedicated {
                tenant.schedule = Some(night());
            }
        }),
    ),
    row(
        "on demand",
        "spot: false",
        "gains tasks that AWS does not stop with two minutes' notice",
        true,
        Change::Tenant(|tenant| {
            if tenant.isolation == Isolation::Dedicated {
                tenant.spot = false;
            }
        }),
    ),
    row(
        "all on Spot",
        "every service's strategy",
        "AWS may stop every task at the same time, with two minutes' notice",
        false,
        Change::Documents(|document| strategy(document, "FARGATE_SPOT")),
    ),
    row(
        "x86",
        "CpuArchitecture: X86_64",
        "loses only money; for modules with binaries that have no ARM build",
        false,
        Change::Documents(x86),
    ),
    row(
        "NAT gateway",
        "network.egress: nat",
        "one gateway in one zone; tasks have no public address",
        true,
        Change::Environment(|environment| environment.network.egress = Egress::Nat),
    ),
    row(
        "public addresses",
        "network.egress: public-ip",
        "tasks have public addresses, protected by their security group",
        true,
        Change::Environment(|environment| environment.network.egress = Egress::PublicIp),
    ),
    row(
        "RDS instead of Aurora",
        "a db.t4g.medium (4 GB, 20 GB gp3, one zone) for each cluster",
        "no scaling with load, no fast failover, about 450 connections",
        false,
        Change::Documents(rds),
    ),
];

fn own(tenant: &mut Tenant, database: DatabaseChoice) {
    tenant.isolation = Isolation::Dedicated;
    tenant.database = database;
}

fn pooled(tenant: &mut Tenant) {
    tenant.isolation = Isolation::Pooled;
    tenant.database = DatabaseChoice::Shared;
    tenant.addons.clear();
    tenant.variables.clear();
    tenant.secrets.clear();
    tenant.schedule = None;
}

/// The nightly sleep that comparisons use.
#[must_use]
pub fn night() -> Schedule {
    Schedule { sleep: NIGHT.0.to_owned(), wake: NIGHT.1.to_owned(), timezone: "UTC".to_owned() }
}

impl Scenario {
    /// The workspace with the change; `None` if the change makes no difference, so that the row would say nothing.
    ///
    /// With `only`, only that tenant is changed.
    #[must_use]
    pub fn changed(
        &self,
        workspace: &Workspace,
        environment: &EnvironmentName,
        only: Option<&str>,
    ) -> Option<Workspace> {
        let mut changed = workspace.clone();
        match self.change {
            Change::None | Change::Documents(_) => return Some(changed),
            // No single tenant can change what all of them share.
            Change::Environment(_) if only.is_some() => return None,
            Change::Environment(change) => changed.environments.get_mut(environment).into_iter().for_each(change),
            Change::Tenant(change) => changed
                .tenants
                .values_mut()
                .filter(|tenant| tenant.environment == *environment)
                .filter(|tenant| only.is_none_or(|only| tenant.name.as_str() == only))
                .for_each(change),
        }
        (changed != *workspace).then_some(changed)
    }
}

fn of_type(document: &Document, kind: &str) -> Vec<String> {
    document.resources().keys().filter(|id| document.resource_type(id) == kind).cloned().collect()
}

fn strategy(document: &mut Document, provider: &str) {
    for id in of_type(document, "AWS::ECS::Service") {
        if let Some(properties) = document.properties_mut(&id) {
            let strategy = json!([{ "CapacityProvider": provider, "Weight": 1 }]);
            properties.insert("CapacityProviderStrategy".to_owned(), strategy);
        }
    }
}

fn x86(document: &mut Document) {
    for id in of_type(document, "AWS::ECS::TaskDefinition") {
        if let Some(platform) = document.properties_mut(&id).and_then(|p| p.get_mut("RuntimePlatform"))
            && let Some(platform) = platform.as_object_mut()
        {
            platform.insert("CpuArchitecture".to_owned(), Value::from("X86_64"));
        }
    }
}

/// Replaces each cluster by one instance; the clusters' own instances go away.
fn rds(document: &mut Document) {
    let clusters = of_type(document, "AWS::RDS::DBCluster");
    let instances = of_type(document, "AWS::RDS::DBInstance");
    let Ok(instance) = serde_yaml::from_str::<Value>(include_str!("scenario/rds.yml")) else { return };
    let Some(resources) = document.section_mut("Resources") else { return };
    if clusters.is_empty() {
        return;
    }
    resources.retain(|id, _| !instances.contains(id));
    for cluster in clusters {
        if let Some(old) = resources.get_mut(&cluster) {
            let condition = old.get("Condition").cloned();
            *old = instance.clone();
            if let (Some(condition), Some(new)) = (condition, old.as_object_mut()) {
                new.insert("Condition".to_owned(), condition);
            }
        }
    }
}

const GOOGLE: &str = include_str!("../../prices/google.csv");
/// The region of Google's prices: for a European region, no dated ones were found.
const IOWA: &str = "us-central1";

/// What tenants cost on Google: a Cloud Run service for each, with 1 vCPU and 1 GiB, always on (less has no
/// concurrency), and one Cloud SQL instance with 1 vCPU and 3.75 GB for all. Storage and load balancer have no dated
/// price and are unknown; traffic is left out.
///
/// # Errors If the table of Google's prices cannot be read.
pub fn google(tenants: u32) -> Result<Estimate, CostError> {
    let table = PriceTable::embedded().with("prices/google.csv", GOOGLE)?;
    let hours = HOURS;
    let seconds = hours * dec!(3600) * rust_decimal::Decimal::from(tenants);
    let rows = [
        ("GoogleCloudRun", "Services-CPU-AlwaysAllocated-vCPU-Seconds", seconds),
        ("GoogleCloudRun", "Services-Memory-AlwaysAllocated-GiB-Seconds", seconds),
        ("GoogleCloudSQL", "PostgreSQL-Enterprise-vCPU-Hours", hours),
        ("GoogleCloudSQL", "PostgreSQL-Enterprise-Memory-GB-Hours", hours * dec!(3.75)),
    ];
    let mut estimate = Estimate::default();
    for (service, usage_type, quantity) in rows {
        match table.lookup(service, usage_type, IOWA).into_iter().next() {
            Some(price) => estimate.items.push(LineItem::new(service, price, Range::exact(quantity), None)),
            None => estimate.unknown.push(unknown(service, usage_type)),
        }
    }
    estimate.unknown.push(unknown("GoogleCloudSQL", "PostgreSQL-Enterprise-SSD-Storage"));
    estimate.unknown.push(unknown("GoogleCloudLoadBalancing", "ForwardingRules"));
    estimate.total_usd = estimate.items.iter().map(|item| item.monthly_usd).sum();
    Ok(estimate)
}

fn unknown(service: &str, usage_type: &str) -> Unknown {
    Unknown {
        resource: service.to_owned(),
        service: Some(service.to_owned()),
        usage_type: Some(usage_type.to_owned()),
        region: IOWA.to_owned(),
        reason: format!("no dated price for {service} {usage_type} was found"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_becomes_one_instance_and_keeps_its_condition() {
        let mut document = Document::parse(
            "t",
            "Resources:\n  C: { Type: AWS::RDS::DBCluster, Condition: Wanted, Properties: { Engine: aurora-postgresql } }\n  \
             I: { Type: AWS::RDS::DBInstance, Properties: { DBClusterIdentifier: !Ref C } }\n",
        )
        .unwrap();
        rds(&mut document);
        assert_eq!(document.resources().keys().collect::<Vec<_>>(), ["C"]);
        assert_eq!(document.resource_type("C"), "AWS::RDS::DBInstance");
        assert_eq!(document.resources()["C"]["Condition"], "Wanted");
    }

    #[test]
    fn google_is_priced_where_a_price_is_dated_and_unknown_where_none_is() {
        let (one, two) = (google(1).unwrap(), google(2).unwrap());
        // 730 x 3600 x (0.000018 + 0.000002) = 52.56; 730 x (0.0413 + 3.75 x 0.007) = 49.3115.
        assert_eq!(one.total_usd.expected, dec!(101.8715));
        assert_eq!(two.total_usd.expected - one.total_usd.expected, dec!(52.56));
        assert!(one.items.iter().all(|item| item.price.date.starts_with("202")));
        assert_eq!(one.unknown.len(), 2);
    }
}
