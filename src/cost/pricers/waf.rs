//! WAF: access control lists, their rules and requests.

use rust_decimal::Decimal;

use super::{Missing, Sheet};
use crate::cost::evaluate::Node;
use crate::cost::range::Range;

/// `AWS::WAFv2::WebACL`: itself, each of its rules, and requests.
pub fn web_acl(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    sheet.charge(id, "awswaf", "WebACLV2", Range::exact(Decimal::ONE), None);
    let rules = sheet.properties(id).list("Rules")?.unwrap_or_default();
    sheet.charge(id, "awswaf", "RuleV2", Range::exact(Decimal::from(rules.len())), None);
    let requests = sheet.used(id, "requests");
    sheet.charge(id, "awswaf", "RequestV2-Tier1", requests, None);
    let mut groups = Vec::new();
    for rule in &rules {
        paid_groups(rule, &mut groups);
    }
    for group in groups {
        sheet.unknown(id, &format!("the rules {group} have a price of their own, which the table lacks"));
    }
    Ok(())
}

/// AWS's rule groups that cost more than a rule does. Source: WAF pricing page.
const PAID: [&str; 4] = [
    "AWSManagedRulesBotControlRuleSet",
    "AWSManagedRulesATPRuleSet",
    "AWSManagedRulesACFPRuleSet",
    "AWSManagedRulesAntiDDoSRuleSet",
];

/// The managed rule groups of a rule that are billed by themselves: some of AWS's, and all of other vendors'.
fn paid_groups(node: &Node, found: &mut Vec<String>) {
    match node {
        Node::Map(map) => {
            if let Some(Node::Map(group)) = map.get("ManagedRuleGroupStatement") {
                let text = |key: &str| group.get(key).and_then(Node::text).unwrap_or("(unknown)");
                let (vendor, name) = (text("VendorName"), text("Name"));
                if vendor != "AWS" || PAID.contains(&name) {
                    found.push(format!("{name} of {vendor}"));
                }
            }
            for value in map.values() {
                paid_groups(value, found);
            }
        }
        Node::List(items) => {
            for item in items {
                paid_groups(item, found);
            }
        }
        _ => {}
    }
}
