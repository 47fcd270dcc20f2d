//! How much of what is used in a month: the usage file first, then the defaults of a profile.

mod field;
mod file;
mod profile;
mod read;

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::error::CostError;
use super::range::Range;
use crate::model::BackupsKept;

pub use file::UsageFile;
pub use profile::{Default, Profile};

/// The fields of usage that a resource type has.
#[must_use]
pub fn fields_of(resource_type: &str) -> &'static [&'static str] {
    field::of_type(resource_type).unwrap_or_default()
}

/// Hours of a month, as AWS counts them in its own examples.
pub const HOURS: Decimal = Decimal::from_parts(730, 0, 0, false, 0);

/// The name under which usage that no resource shows is kept.
pub const ACCOUNT: &str = "account";

/// Usage by field.
pub type Fields = BTreeMap<String, Range>;

/// What one tenant uses of what is shared; only to divide cost, not to price it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantUse {
    /// Database capacity, in ACU.
    pub acu: Decimal,
    /// Requests a second, averaged over the month.
    pub requests_per_second: Decimal,
    /// Its weight among the tenants.
    pub weight: Option<Decimal>,
}

impl std::default::Default for TenantUse {
    fn default() -> Self {
        Self { acu: profile::CAPACITY.expected, requests_per_second: profile::REQUESTS.expected, weight: None }
    }
}

/// What is used in a month: what a usage file says, and a profile for the rest.
#[derive(Debug, Clone)]
pub struct Usage {
    hours: Decimal,
    account: Fields,
    types: BTreeMap<String, Fields>,
    resources: BTreeMap<String, Fields>,
    tenants: BTreeMap<String, TenantUse>,
    backups: BackupsKept,
    profile: Profile,
}

impl Usage {
    /// Nothing but a profile's defaults.
    #[must_use]
    pub fn of(profile: Profile) -> Self {
        Self {
            hours: HOURS,
            account: Fields::new(),
            types: BTreeMap::new(),
            resources: BTreeMap::new(),
            tenants: BTreeMap::new(),
            backups: BackupsKept::default(),
            profile: profile.keeping(BackupsKept::default()),
        }
    }

    /// Reads a usage file; what it leaves out comes from `profile`.
    pub fn parse(name: &str, text: &str, profile: Profile) -> Result<Self, CostError> {
        read::read(name, text, profile)
    }

    /// The same usage over another profile.
    #[must_use]
    pub fn over(&self, profile: Profile) -> Self {
        Self { profile: profile.keeping(self.backups), ..self.clone() }
    }

    /// The same where so many backups of each tenant are kept; it counts for the profiles that follow.
    #[must_use]
    pub fn keeping(self, backups: BackupsKept) -> Self {
        Self { backups, ..self }
    }

    /// What the usage file says of a tenant, else what is assumed of each.
    #[must_use]
    pub fn of_tenant(&self, tenant: &str) -> TenantUse {
        self.tenants.get(tenant).copied().unwrap_or_default()
    }

    /// Hours of the month.
    #[must_use]
    pub fn hours(&self) -> Decimal {
        self.hours
    }

    /// What the usage file says of a field: for the resource, else for its type.
    #[must_use]
    pub fn said(&self, resource: &str, resource_type: &str, field: &str) -> Option<Range> {
        if resource_type == ACCOUNT {
            return self.account.get(field).copied();
        }
        let of_type = || {
            let own = self.types.get(resource_type).and_then(|fields| fields.get(field));
            own.or_else(|| {
                // `AWS::SES::*` stands for every type of the service.
                let service = resource_type.rsplit_once("::")?.0;
                self.types.get(&format!("{service}::*"))?.get(field)
            })
        };
        self.resources.get(resource).and_then(|fields| fields.get(field)).or_else(of_type).copied()
    }

    /// Whether the usage file says anything of a resource or its type.
    #[must_use]
    pub fn mentions(&self, resource: &str, resource_type: &str) -> bool {
        let service = resource_type.rsplit_once("::").map(|(service, _)| format!("{service}::*"));
        let of_type = |name: &str| self.types.get(name).is_some_and(|fields| !fields.is_empty());
        self.resources.get(resource).is_some_and(|fields| !fields.is_empty())
            || of_type(resource_type)
            || service.is_some_and(|service| of_type(&service))
    }

    /// Whether the usage file names this very resource.
    #[must_use]
    pub fn names(&self, resource: &str) -> bool {
        self.resources.contains_key(resource)
    }

    /// The profile's default of a field: the resource's own, else its type's.
    #[must_use]
    pub fn default_of(&self, resource: &str, resource_type: &str, field: &str) -> Option<&Default> {
        self.profile.default_of(resource, resource_type, field)
    }

    /// The fields of the account that are used.
    pub fn account_fields(&self) -> impl Iterator<Item = &str> {
        let of_profile = self.profile.fields_of(ACCOUNT);
        self.account.keys().map(String::as_str).chain(of_profile).collect::<BTreeSet<_>>().into_iter()
    }

    /// Checks that every resource the file names is one of `known`, and that its type has the fields. A name may stand for resources of
    /// several types, in stacks of their own.
    pub fn check_resources(&self, name: &str, known: &BTreeMap<&str, BTreeSet<&str>>) -> Result<(), CostError> {
        let wrong = |problem: String, help: String| CostError::Usage { name: name.to_owned(), problem, help };
        for (id, fields) in &self.resources {
            let Some(types) = known.get(id.as_str()) else {
                let help = "name a resource by its logical id, or its type under `types`";
                return Err(wrong(format!("resources.{id}: there is no such resource"), help.to_owned()));
            };
            let has: BTreeSet<&str> = types.iter().flat_map(|kind| fields_of(kind)).copied().collect();
            if let Some(field) = fields.keys().find(|field| !has.contains(field.as_str())) {
                let kinds = types.iter().copied().collect::<Vec<_>>().join(" and ");
                let help = match has.iter().copied().collect::<Vec<_>>().join("`, `") {
                    none if none.is_empty() => "usage says nothing of this type".to_owned(),
                    has => format!("it has `{has}`"),
                };
                return Err(wrong(format!("resources.{id}.{field}: {kinds} has no such field"), help));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::decimal::dec;

    fn parse(text: &str) -> Result<Usage, CostError> {
        Usage::parse("usage.yml", text, Profile::none())
    }

    #[test]
    fn a_resource_goes_before_its_type_and_both_before_the_profile() {
        let usage = Usage::parse(
            "u",
            "types: { 'AWS::Logs::LogGroup': { ingested_gb: 5, stored_gb: 2 }, 'AWS::SES::*': { emails: 9 } }\nresources: { Mine: { ingested_gb: { low: 1, expected: 2, high: 3 } } }\n",
            Profile::general(),
        )
        .unwrap();
        let log = |resource, field| usage.said(resource, "AWS::Logs::LogGroup", field);
        assert_eq!(log("Mine", "ingested_gb"), Some(Range::new(dec!(1), dec!(2), dec!(3))));
        assert_eq!(log("Mine", "stored_gb"), Some(Range::exact(dec!(2))));
        assert_eq!(log("Other", "ingested_gb"), Some(Range::exact(dec!(5))));
        assert_eq!(log("Other", "scanned_gb"), None);
        assert!(usage.default_of("Other", "AWS::Logs::LogGroup", "ingested_gb").is_some());
        assert_eq!(usage.said("X", "AWS::SES::EmailIdentity", "emails"), Some(Range::exact(dec!(9))));
    }

    #[test]
    fn wrong_files_are_told_from_right_ones() {
        for (text, part) in [
            ("[]", "map"),
            ("hourz: 3", "hourz"),
            ("hours: -1", "hours"),
            ("hours: 800", "hours"),
            ("account: { data_out: 1 }", "data_out_gb"),
            ("types: { 'AWS::Logs::LogGroup': { ingested: 1 } }", "ingested_gb"),
            ("types: { 'AWS::Nope::Nope': { x: 1 } }", "AWS::Nope::Nope"),
            ("resources: { A: { lcu: many } }", "number"),
            ("resources: { A: { lcu: -2 } }", "below zero"),
            ("resources: { A: { lcu: 1e30 } }", "large"),
            ("resources: { A: { lcu: { low: 3, expected: 2, high: 4 } } }", "low"),
            ("resources: { A: { lcu: { low: 3, high: 4 } } }", "expected"),
            ("resources: { A: { spot_share: 2 } }", "spot_share"),
            ("a: [", "line"),
        ] {
            let error = parse(text).unwrap_err();
            let CostError::Usage { problem, help, .. } = &error else { panic!("{error:?}") };
            assert!(format!("{problem} {help}").contains(part), "{text}: {problem} {help}");
        }
    }

    #[test]
    fn a_resource_nobody_has_or_a_field_of_another_type_is_told() {
        let usage = parse("resources: { Balancer: { lcu: 1 } }").unwrap();
        let check = |id, kind| usage.check_resources("u", &BTreeMap::from([(id, BTreeSet::from([kind]))]));
        assert!(check("Balancr", "AWS::ElasticLoadBalancingV2::LoadBalancer").is_err());
        assert!(check("Balancer", "AWS::ElasticLoadBalancingV2::LoadBalancer").is_ok());
        let CostError::Usage { problem, help, .. } = check("Balancer", "AWS::Logs::LogGroup").unwrap_err() else {
            panic!("another error")
        };
        assert!(problem.contains("resources.Balancer.lcu: AWS::Logs::LogGroup") && help.contains("ingested_gb"));
    }

    #[test]
    fn nothing_runs_longer_than_the_month() {
        for text in [
            "resources: { A: { hours: 9999 } }",
            "hours: 700\ntypes: { 'AWS::EC2::EIP': { idle_hours: 730 } }",
            "resources: { A: { awake_hours: { low: 1, expected: 2, high: 731 } } }",
        ] {
            let CostError::Usage { problem, .. } = parse(text).unwrap_err() else { panic!("another error") };
            assert!(problem.contains("hours of the month"), "{problem}");
        }
        assert!(parse("hours: 744\nresources: { A: { hours: 744 } }").is_ok());
    }

    #[test]
    fn backups_are_assumed_by_how_many_the_environment_keeps() {
        let kept = BackupsKept { daily: 0, weekly: 2, monthly: 1 };
        let of = |usage: Usage| usage.default_of("BackupBucket", "AWS::S3::Bucket", "standard_gb").unwrap().range;
        let usage = Usage::of(Profile::none()).keeping(kept).over(Profile::tenants(1, 0));
        // Half of 1 GB of database and 1 GB of files; three are kept and four deleted ones stay for a month.
        assert_eq!(of(usage).expected, dec!(7));
        assert_eq!(of(Usage::of(Profile::tenants(2, 0))).expected, dec!(94));
        let other = Usage::of(Profile::tenants(2, 0));
        assert_eq!(other.default_of("Own", "AWS::S3::Bucket", "standard_gb").unwrap().range.expected, dec!(10));
    }
}
