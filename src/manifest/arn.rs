//! ARNs and other names that AWS gave to something that already exists.

use super::read::Refusal;
use crate::model::{AccountId, RegionName};

/// What an ARN must look like.
pub(super) struct ArnForm<'a> {
    /// `acm`, `iam`, ...
    pub(super) service: &'static str,
    /// The region in which it must be; `None` for a global service, whose ARNs have no region.
    pub(super) region: Option<&'a RegionName>,
    /// The account it must belong to.
    pub(super) account: &'a AccountId,
    /// How its last part begins (`certificate/`).
    pub(super) resource: &'static str,
}

impl ArnForm<'_> {
    /// Checks `given` and keeps it.
    pub(super) fn check(&self, given: &str) -> Result<String, Refusal> {
        let region = self.region.map_or("", RegionName::as_str);
        let example = format!("arn:aws:{}:{region}:{}:{}...", self.service, self.account, self.resource);
        let refuse = |problem: String| Err(Refusal::new(problem, format!("write an ARN such as {example}")));
        let parts: Vec<&str> = given.splitn(6, ':').collect();
        let &["arn", partition, service, in_region, of_account, resource] = parts.as_slice() else {
            return refuse(format!("`{given}` is not an ARN"));
        };
        let rest = resource.strip_prefix(self.resource);
        if !is_partition(partition) || service != self.service || rest.is_none_or(|rest| !is_plain(rest)) {
            return refuse(format!("`{given}` is the wrong kind of ARN"));
        }
        if in_region != region {
            return refuse(format!("`{given}` is not in the environment's region {region}"));
        }
        if of_account != self.account.as_str() {
            return refuse(format!("`{given}` is not in the environment's account {}", self.account));
        }
        Ok(given.to_owned())
    }
}

/// Whether the word after `arn:` is one of AWS's partitions.
pub(super) fn is_partition(word: &str) -> bool {
    matches!(word, "aws" | "aws-cn" | "aws-us-gov" | "aws-eusc")
}

fn is_plain(rest: &str) -> bool {
    !rest.is_empty()
        && rest.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '*' | '?' | '"' | '\'' | '\\' | '`' | '{' | '}'))
}

/// A Route 53 zone's id, without `/hostedzone/`, which CloudFormation refuses when it validates a certificate.
pub(super) fn hosted_zone_id(given: &str) -> Result<String, Refusal> {
    let rest = given.strip_prefix('Z').unwrap_or_default();
    if !rest.is_empty() && rest.len() < 32 && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
        return Ok(given.to_owned());
    }
    Err(Refusal::new(
        format!("`{given}` is not the id of a hosted zone"),
        "write only the id, such as Z0123456789ABCDEFGHIJ",
    ))
}

/// The id of a resource of EC2, such as `vpc-0a1b2c3d`.
pub(super) fn ec2_id(prefix: &'static str, given: &str) -> Result<String, Refusal> {
    let digits = given.strip_prefix(prefix).unwrap_or_default();
    if matches!(digits.len(), 8 | 17) && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(given.to_owned());
    }
    Err(Refusal::new(
        format!("`{given}` is not an id that begins with {prefix}"),
        format!("write the id with its 17 (older ones: 8) hexadecimal digits, such as {prefix}0a1b2c3d4e5f60718"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_must_be_of_the_same_service_region_and_account() {
        let (region, account) = (RegionName::new("eu-west-1").unwrap(), AccountId::new("123456789012").unwrap());
        let form = ArnForm { service: "acm", region: Some(&region), account: &account, resource: "certificate/" };
        assert!(form.check("arn:aws:acm:eu-west-1:123456789012:certificate/0a-1b").is_ok());
        for bad in [
            "certificate/0a",
            "arn:aws:acm:us-east-1:123456789012:certificate/0a",
            "arn:aws:acm:eu-west-1:999999999999:certificate/0a",
            "arn:aws:acm:eu-west-1:123456789012:certificate/",
            "arn:aws:acm:eu-west-1:123456789012:certificate/*",
            "arn:aws:iam:eu-west-1:123456789012:certificate/0a",
            "arn:moon:acm:eu-west-1:123456789012:certificate/0a",
        ] {
            assert!(form.check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_have_their_prefix_and_their_length() {
        assert!(hosted_zone_id("Z0123456789ABC").is_ok());
        assert!(hosted_zone_id("/hostedzone/Z0123456789ABC").is_err());
        assert!(hosted_zone_id("Z").is_err());
        assert!(ec2_id("vpc-", "vpc-0a1b2c3d4e5f60718").is_ok());
        assert!(ec2_id("vpc-", "vpc-xyz").is_err());
        assert!(ec2_id("vpc-", "subnet-0a1b2c3d").is_err());
    }
}
