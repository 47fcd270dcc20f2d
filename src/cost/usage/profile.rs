//! Defaults for what no file says. Each has its origin, and a range where it is not certain.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::cost::decimal::dec;

use super::ACCOUNT;
use crate::cost::range::Range;
use crate::model::{BackupsKept, Isolation, Tenant};

/// A default and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Default {
    /// How much.
    pub range: Range,
    /// Where the figure comes from, for people.
    pub origin: String,
}

/// Defaults by field of a resource type, or of one resource by its logical id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    defaults: BTreeMap<&'static str, BTreeMap<&'static str, Default>>,
}

const LOAD_BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const CLUSTER: &str = "AWS::RDS::DBCluster";
const FILES: &str = "AWS::EFS::FileSystem";
const LOGS: &str = "AWS::Logs::LogGroup";
const NAT: &str = "AWS::EC2::NatGateway";
const ZONE: &str = "AWS::Route53::HostedZone";

/// The logical id of the bucket of tenants' backups, in `templates/environment.yml`.
const BACKUPS: &str = "BackupBucket";
/// Days for which that bucket keeps what was deleted in it, by its lifecycle rule `former-versions`.
const FORMER_DAYS: u32 = 30;
/// A backup's size: of database and files the half, compressed.
const COMPRESSED: Decimal = dec!(0.5);

/// Requests that the backups of one tenant make in a month.
const BACKUP_REQUESTS: Range = Range::new(dec!(10), dec!(300), dec!(1_000));

/// One row of a profile: type, field, low, expected, high.
type Row = (&'static str, &'static str, Decimal, Decimal, Decimal);

/// A small service of anybody: enough that no usage is taken for nothing.
const GENERAL: &[Row] = &[
    (LOAD_BALANCER, "new_connections_per_second", dec!(0.1), dec!(1), dec!(10)),
    (LOAD_BALANCER, "active_connections", dec!(10), dec!(100), dec!(1000)),
    (LOAD_BALANCER, "processed_gb", dec!(1), dec!(10), dec!(100)),
    (LOAD_BALANCER, "new_flows_per_second", dec!(0.1), dec!(1), dec!(10)),
    (LOAD_BALANCER, "active_flows", dec!(10), dec!(100), dec!(1000)),
    (CLUSTER, "storage_gb", dec!(1), dec!(10), dec!(100)),
    (CLUSTER, "io_millions", dec!(1), dec!(10), dec!(100)),
    (FILES, "standard_gb", dec!(1), dec!(10), dec!(100)),
    (FILES, "read_gb", dec!(1), dec!(10), dec!(100)),
    (FILES, "write_gb", dec!(0.1), dec!(1), dec!(10)),
    (LOGS, "ingested_gb", dec!(0.1), dec!(1), dec!(10)),
    (LOGS, "stored_gb", dec!(0.1), dec!(1), dec!(10)),
    (NAT, "processed_gb", dec!(1), dec!(10), dec!(100)),
    ("AWS::EC2::VPCEndpoint", "processed_gb", dec!(0.1), dec!(1), dec!(10)),
    ("AWS::S3::Bucket", "standard_gb", dec!(1), dec!(10), dec!(100)),
    ("AWS::S3::Bucket", "put_requests", dec!(1_000), dec!(10_000), dec!(100_000)),
    ("AWS::S3::Bucket", "get_requests", dec!(10_000), dec!(100_000), dec!(1_000_000)),
    ("AWS::ECR::Repository", "stored_gb", dec!(0.5), dec!(2), dec!(10)),
    (ZONE, "queries", dec!(10_000), dec!(100_000), dec!(1_000_000)),
    ("AWS::Lambda::Function", "invocations", dec!(1_000), dec!(100_000), dec!(1_000_000)),
    ("AWS::Lambda::Function", "duration_ms", dec!(50), dec!(200), dec!(1_000)),
    ("AWS::WAFv2::WebACL", "requests", dec!(10_000), dec!(100_000), dec!(10_000_000)),
    ("AWS::SecretsManager::Secret", "api_requests", dec!(100), dec!(1_000), dec!(10_000)),
    ("AWS::RDS::DBInstance", "io_millions", dec!(1), dec!(10), dec!(100)),
    ("AWS::Backup::BackupVault", "stored_gb", dec!(1), dec!(10), dec!(100)),
    ("AWS::ApiGatewayV2::Api", "requests", dec!(10_000), dec!(100_000), dec!(1_000_000)),
    ("AWS::SES::EmailIdentity", "emails", dec!(100), dec!(1_000), dec!(10_000)),
    ("AWS::SES::ConfigurationSet", "emails", dec!(100), dec!(1_000), dec!(10_000)),
];

/// What one tenant of the tier `catalogue` (a web catalogue and a newsletter, served by the pool) uses.
const CATALOGUE: &[Row] = &[
    (LOAD_BALANCER, "active_connections", dec!(1), dec!(3), dec!(20)),
    (CLUSTER, "storage_gb", dec!(0.2), dec!(1), dec!(5)),
    (CLUSTER, "io_millions", dec!(0.1), dec!(1), dec!(10)),
    (FILES, "standard_gb", dec!(0.1), dec!(1), dec!(5)),
    (FILES, "read_gb", dec!(0.1), dec!(1), dec!(5)),
    (FILES, "write_gb", dec!(0.02), dec!(0.2), dec!(1)),
    (LOGS, "ingested_gb", dec!(0.02), dec!(0.1), dec!(0.5)),
    (LOGS, "stored_gb", dec!(0.02), dec!(0.1), dec!(0.5)),
    (NAT, "processed_gb", dec!(0.1), dec!(0.5), dec!(2)),
    (ZONE, "queries", dec!(1_000), dec!(10_000), dec!(100_000)),
    (ACCOUNT, "data_out_gb", dec!(0.5), dec!(2), dec!(10)),
];

/// What one tenant of the tier `production` (inventory and production too, an Odoo of its own) uses.
const PRODUCTION: &[Row] = &[
    (LOAD_BALANCER, "active_connections", dec!(2), dec!(10), dec!(50)),
    (CLUSTER, "storage_gb", dec!(0.5), dec!(1), dec!(10)),
    (CLUSTER, "io_millions", dec!(0.2), dec!(1), dec!(20)),
    (FILES, "standard_gb", dec!(0.2), dec!(1), dec!(10)),
    (FILES, "read_gb", dec!(0.2), dec!(1), dec!(10)),
    (FILES, "write_gb", dec!(0.05), dec!(0.2), dec!(2)),
    (LOGS, "ingested_gb", dec!(0.05), dec!(0.1), dec!(1)),
    (LOGS, "stored_gb", dec!(0.05), dec!(0.1), dec!(1)),
    (NAT, "processed_gb", dec!(0.5), dec!(1), dec!(5)),
    (ZONE, "queries", dec!(1_000), dec!(10_000), dec!(100_000)),
    (ACCOUNT, "data_out_gb", dec!(0.5), dec!(2), dec!(20)),
];

/// Requests a second of one tenant, averaged over the month.
pub(super) const REQUESTS: Range = Range::new(dec!(0.01), dec!(0.05), dec!(0.5));
/// Aurora capacity of one tenant while it is awake, in ACU.
pub(super) const CAPACITY: Range = Range::new(dec!(0.01), dec!(0.02), dec!(0.10));
/// What an awake cluster takes at the least, in ACU.
const FLOOR: Decimal = dec!(0.5);

const GENERAL_ORIGIN: &str = "assumed for a small service, not measured";
const TENANT_ORIGIN: &str = "assumed for each tenant, not measured";

impl Profile {
    /// No defaults: what no file says is not used.
    #[must_use]
    pub fn none() -> Self {
        Self { defaults: BTreeMap::new() }
    }

    /// A small service of anybody.
    #[must_use]
    pub fn general() -> Self {
        let mut profile = Self::none();
        for row in GENERAL {
            profile.add(row, Decimal::ONE, GENERAL_ORIGIN);
        }
        profile
    }

    /// What these tenants use together.
    #[must_use]
    pub fn of_tenants<'a>(tenants: impl Iterator<Item = &'a Tenant>) -> Self {
        let (mut pooled, mut dedicated) = (0, 0);
        for tenant in tenants {
            match tenant.isolation {
                Isolation::Pooled => pooled += 1,
                Isolation::Dedicated => dedicated += 1,
            }
        }
        Self::tenants(pooled, dedicated)
    }

    /// What shared resources serve when so many tenants of each tier live on them; for a tenant's own stack, one.
    #[must_use]
    pub fn tenants(catalogue: u32, production: u32) -> Self {
        let mut profile = Self::none();
        for (rows, count) in [(CATALOGUE, catalogue), (PRODUCTION, production)] {
            for row in rows {
                profile.add(row, Decimal::from(count), TENANT_ORIGIN);
            }
        }
        let count = Decimal::from(catalogue) + Decimal::from(production);
        let requests = REQUESTS * count;
        profile.set(
            LOAD_BALANCER,
            "new_connections_per_second",
            requests,
            "0.05 requests a second and tenant, each a new connection; assumed, not measured",
        );
        let bytes = profile.default_of(ACCOUNT, ACCOUNT, "data_out_gb").map_or(Range::ZERO, |out| out.range);
        profile.set(
            LOAD_BALANCER,
            "processed_gb",
            bytes,
            "what goes out to the internet; assumed for each tenant, not measured",
        );
        // The first ten rules of a load balancer are not counted, and a request meets half of the others before its own.
        let met = (count - dec!(10)).max(Decimal::ZERO) / dec!(2);
        profile.set(
            LOAD_BALANCER,
            "rule_evaluations_per_second",
            requests * met,
            "0.05 requests a second and tenant, each past half the rules beyond ten; assumed, not measured",
        );
        profile.set(BACKUPS, "standard_gb", profile.stored() * COMPRESSED, TENANT_ORIGIN);
        for field in ["put_requests", "get_requests"] {
            profile.set(
                BACKUPS,
                field,
                BACKUP_REQUESTS * count,
                "some ten for each backup of a tenant; assumed, not measured",
            );
        }
        let capacity = (CAPACITY * count).max(Range::exact(FLOOR));
        profile.set(
            CLUSTER,
            "acu",
            capacity,
            "0.02 ACU a tenant (0.01 to 0.10), at least 0.5 while awake; assumed, not measured",
        );
        // What an addon or an override brings beside what every tenant has.
        for row in
            GENERAL.iter().filter(|row| !CATALOGUE.iter().chain(PRODUCTION).any(|of_tenant| of_tenant.0 == row.0))
        {
            profile.add(row, Decimal::ONE, GENERAL_ORIGIN);
        }
        profile
    }

    /// Database and files of all tenants, GB.
    fn stored(&self) -> Range {
        let of = |kind, field| self.default_of("", kind, field).map_or(Range::ZERO, |found| found.range);
        of(CLUSTER, "storage_gb") + of(FILES, "standard_gb")
    }

    /// The same with as many backups of each tenant as an environment keeps.
    #[must_use]
    pub(super) fn keeping(mut self, kept: BackupsKept) -> Self {
        let Some(bucket) = self.defaults.get_mut(BACKUPS) else { return self };
        let count = kept.daily + kept.weekly + kept.monthly;
        let (often, former) = match (kept.daily, kept.weekly) {
            (0, 0) => ("month", FORMER_DAYS / 30),
            (0, _) => ("week", FORMER_DAYS / 7),
            _ => ("day", FORMER_DAYS),
        };
        let copies = Decimal::from(count + former);
        if let Some(stored) = bucket.get_mut("standard_gb") {
            stored.range = stored.range * Range::new(Decimal::ONE, copies, copies);
            stored.origin = format!(
                "backups: one a {often}, half of a tenant's database and files each; {count} are kept, and {former} deleted ones for \
                 {FORMER_DAYS} days; low: one in all; assumed, not measured"
            );
        }
        self
    }

    /// The default of a field: the resource's by its logical id, else its type's.
    #[must_use]
    pub fn default_of(&self, resource: &str, resource_type: &str, field: &str) -> Option<&Default> {
        let of = |key: &str| self.defaults.get(key)?.get(field);
        of(resource).or_else(|| of(resource_type))
    }

    /// The fields of a type that have a default.
    pub fn fields_of(&self, resource_type: &str) -> impl Iterator<Item = &str> {
        self.defaults.get(resource_type).into_iter().flat_map(BTreeMap::keys).copied()
    }

    fn add(&mut self, row: &Row, count: Decimal, origin: &str) {
        let (kind, field, low, expected, high) = *row;
        let more = Range::new(low, expected, high) * count;
        let entry = self.defaults.entry(kind).or_default().entry(field);
        let found = entry.or_insert_with(|| Default { range: Range::ZERO, origin: origin.to_owned() });
        found.range = found.range + more;
    }

    fn set(&mut self, kind: &'static str, field: &'static str, range: Range, origin: &str) {
        self.defaults.entry(kind).or_default().insert(field, Default { range, origin: origin.to_owned() });
    }
}
