//! Names as newtypes: AWS, DNS and PostgreSQL accept every value of these types, also in composed names.

use std::fmt;

use thiserror::Error;

use super::region::REGIONS;
use super::suggestion::nearest;

/// Why a name was refused, and what is allowed instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} `{given}` {problem}")]
pub struct NameError {
    /// What kind of name it was, for people ("tenant name").
    pub what: &'static str,
    /// The text as given.
    pub given: String,
    /// What is wrong with it.
    pub problem: String,
    /// What is allowed.
    pub help: String,
}

/// Checks a lower-case slug: a letter, then letters, digits and single hyphens, not ending in a hyphen.
fn check_slug(what: &'static str, given: &str, longest: usize) -> Result<(), NameError> {
    let help = format!(
        "use 1 to {longest} characters: a lower-case letter first, then lower-case letters, digits or single hyphens"
    );
    let refuse = |problem: String| Err(NameError { what, given: given.to_owned(), problem, help: help.clone() });
    if given.is_empty() {
        return refuse("is empty".into());
    }
    if given.len() > longest {
        return refuse(format!("has {} characters; at most {longest} are allowed", given.chars().count()));
    }
    if let Some(bad) = given.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
        return refuse(format!("contains `{bad}`"));
    }
    if !given.starts_with(|c: char| c.is_ascii_lowercase()) {
        return refuse("does not start with a letter".into());
    }
    if given.ends_with('-') || given.contains("--") {
        return refuse("ends with a hyphen or contains two in a row".into());
    }
    Ok(())
}

macro_rules! slug {
    ($(#[$doc:meta])* $type:ident, $what:literal, $longest:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// How many characters such a name may have at most.
            pub const LONGEST: usize = $longest;

            /// Checks `given` and keeps it.
            ///
            /// # Errors
            /// If a character, the length or the first or last character is not allowed.
            pub fn new(given: &str) -> Result<Self, NameError> {
                check_slug($what, given, Self::LONGEST)?;
                Ok(Self(given.to_owned()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

slug!(
    /// The application's name: the first part of every stack name (`konta` in `konta-prod-cell-1`).
    ApplicationName, "application name", 16
);
slug!(
    /// An environment's name, the second part of every stack name.
    EnvironmentName, "environment name", 16
);
slug!(
    /// A tenant's name: part of stack names, host names and, with `_` for `-`, the name of its database and role.
    ///
    /// 40 characters keep `<app>-<env>-addon-<tenant>-<addon>` under CloudFormation's 128 and a database name under
    /// PostgreSQL's 63.
    TenantName, "tenant name", 40
);
slug!(
    /// A tier's name, as in `konta.yml`.
    TierName, "tier name", 32
);
slug!(
    /// An addon's name: its file in `addons/` without `.yml`.
    AddonName, "addon name", 32
);

impl TenantName {
    /// The tenant's database and role in PostgreSQL: the name with `_` for `-`, because a bare hyphen would need quotes
    /// everywhere. Two tenants never share a database name, because a tenant's name cannot contain `_`.
    #[must_use]
    pub fn database(&self) -> String {
        self.0.replace('-', "_")
    }

    /// Names that PostgreSQL, Aurora or konta itself uses: the database or role of such a tenant would collide with
    /// theirs. Source: `AmazonRDS` user guide, reserved words; konta's own registry database and pool role.
    pub const RESERVED: &'static [&'static str] = &[
        "postgres",
        "template0",
        "template1",
        "rdsadmin",
        "konta",
        "konta-registry",
        "public",
        "none",
        "user",
        "all",
        "pool",
        "konta-pool",
        "admin",
    ];

    /// Whether the database or role of this tenant would collide with one that is not a tenant's.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        Self::RESERVED.contains(&self.as_str())
            || self.0.starts_with("pg-")
            || self.0.starts_with("rds-")
            || self.0 == "rds"
            // A cell's pool has such a name in task families and log streams.
            || self.0.strip_prefix("pool-").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
    }
}

/// A 12-digit AWS account id. Text, because an id may start with 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountId(String);

impl AccountId {
    /// Checks that `given` is 12 digits.
    ///
    /// # Errors
    /// If it is not.
    pub fn new(given: &str) -> Result<Self, NameError> {
        if given.len() == 12 && given.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Self(given.to_owned()));
        }
        Err(NameError {
            what: "account",
            given: given.to_owned(),
            problem: "is not an AWS account id".into(),
            help: "an account id is 12 digits, in quotes: account: \"012345678901\"".into(),
        })
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An AWS region's code, such as `eu-west-1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegionName(String);

impl RegionName {
    /// Regions in which the RDS Data API for Aurora PostgreSQL Serverless v2 is not available, by AWS's documentation.
    /// Source: AWS, "Supported Regions and Aurora DB engines for RDS Data API".
    pub const WITHOUT_DATA_API: &'static [&'static str] = &["ap-south-2", "ap-southeast-4", "ap-southeast-6"];

    /// Checks the form `xx-word-9` (also `xx-gov-word-9` and the like), and that AWS has such a region.
    ///
    /// # Errors
    /// If the form is wrong, the region is unknown, or it has no RDS Data API, without which konta cannot create a
    /// tenant's database.
    pub fn new(given: &str) -> Result<Self, NameError> {
        let refuse = |problem: &str, help: &str| {
            Err(NameError { what: "region", given: given.to_owned(), problem: problem.into(), help: help.into() })
        };
        let parts: Vec<&str> = given.split('-').collect();
        let letters = |p: &&str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase());
        let formed = parts.len() >= 3
            && parts[..parts.len() - 1].iter().all(letters)
            && parts[parts.len() - 1].bytes().all(|b| b.is_ascii_digit())
            && !parts[parts.len() - 1].is_empty();
        if !formed {
            return refuse(
                "is not a region's code",
                "write the code, for example eu-west-1 (Ireland) or eu-south-2 (Spain)",
            );
        }
        if !REGIONS.contains(&given) {
            let meant = nearest(given, REGIONS.iter().copied());
            let meant = meant.map_or_else(String::new, |region| format!("did you mean `{region}`? "));
            let help = format!(
                "{meant}konta knows {}; a region that AWS opened later needs a newer konta",
                REGIONS.join(", ")
            );
            return refuse("is not a region of AWS", &help);
        }
        if Self::WITHOUT_DATA_API.contains(&given) {
            return refuse(
                "has no RDS Data API for Aurora PostgreSQL",
                "konta creates databases and roles through the Data API; choose another region, for example eu-west-1",
            );
        }
        Ok(Self(given.to_owned()))
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RegionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A host name that a listener rule accepts: at most 128 characters, a dot, only letters after the last dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

impl HostName {
    /// Checks `given`, lower-cases it and keeps it.
    ///
    /// # Errors
    /// If DNS or the load balancer would refuse it. Source: Elastic Load Balancing, `HostHeaderConditionConfig`.
    pub fn new(given: &str) -> Result<Self, NameError> {
        let lower = given.to_ascii_lowercase();
        let refuse = |problem: String| {
            Err(NameError {
                what: "host",
                given: given.to_owned(),
                problem,
                help: "write a full host name of at most 128 characters, for example shop.example.com".into(),
            })
        };
        if lower.len() > 128 {
            return refuse("is longer than the 128 characters that a listener rule accepts".into());
        }
        let labels: Vec<&str> = lower.split('.').collect();
        if labels.len() < 2 {
            return refuse("has no dot".into());
        }
        for label in &labels {
            let bad = label.is_empty()
                || label.len() > 63
                || label.starts_with('-')
                || label.ends_with('-')
                || !label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            if bad {
                return refuse(format!("has a part `{label}` that DNS refuses"));
            }
        }
        if !labels[labels.len() - 1].bytes().all(|b| b.is_ascii_lowercase()) {
            return refuse("does not end in letters".into());
        }
        Ok(Self(lower))
    }

    /// The host as text, lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a wildcard certificate for `domain` covers this host: the domain itself, or exactly one label before it.
    #[must_use]
    pub fn is_under(&self, domain: &HostName) -> bool {
        self == domain
            || self
                .0
                .strip_suffix(domain.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|label| !label.contains('.'))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_name_becomes_a_database_name_without_hyphens() {
        assert_eq!(TenantName::new("bread-free").unwrap().database(), "bread_free");
    }

    #[test]
    fn names_that_aws_would_refuse_are_refused() {
        for bad in ["", "Bread", "9lives", "a--b", "a-", "a_b", "ñandu"] {
            assert!(TenantName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wildcard_covers_one_label_only() {
        let domain = HostName::new("konta.shop").unwrap();
        assert!(HostName::new("a.konta.shop").unwrap().is_under(&domain));
        assert!(HostName::new("konta.shop").unwrap().is_under(&domain));
        assert!(!HostName::new("a.b.konta.shop").unwrap().is_under(&domain));
        assert!(!HostName::new("akonta.shop").unwrap().is_under(&domain));
    }

    #[test]
    fn a_host_needs_a_dot_and_letters_after_the_last() {
        for bad in ["localhost", "shop.example.1", "-a.example.com", "a..example.com", "a_b.example.com"] {
            assert!(HostName::new(bad).is_err(), "{bad}");
        }
    }

    /// The longest names compose to a stack name that CloudFormation accepts (128) and a database name that PostgreSQL
    /// accepts (63).
    #[test]
    fn the_longest_names_fit_once_composed() {
        let stack = ApplicationName::LONGEST
            + EnvironmentName::LONGEST
            + TenantName::LONGEST
            + AddonName::LONGEST
            + "--addon--".len();
        assert!(stack <= 128);
        const { assert!(TenantName::LONGEST <= 63) };
    }
}
