//! What faces the internet: DNS zones, firewalls, mail and HTTP APIs.

use rust_decimal::Decimal;

use super::{Missing, Sheet};
use crate::cost::evaluate::Node;
use crate::cost::range::Range;

/// `AWS::Route53::HostedZone`: the first 25 of an account cost more than the others. Queries for AWS aliases are free;
/// usage gives only the others.
pub fn hosted_zone(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    sheet.charge(id, "AmazonRoute53", "HostedZone", Range::exact(Decimal::ONE), None);
    let queries = sheet.used(id, "queries");
    sheet.charge(id, "AmazonRoute53", "DNS-Queries", queries, None);
    Ok(())
}

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
        sheet.unknown(id, &format!("the rule group {group} has its own price, which the price table lacks"));
    }
    Ok(())
}

/// AWS's rule groups that cost more than a rule. Source: WAF pricing page.
const PAID: [&str; 4] = [
    "AWSManagedRulesBotControlRuleSet",
    "AWSManagedRulesATPRuleSet",
    "AWSManagedRulesACFPRuleSet",
    "AWSManagedRulesAntiDDoSRuleSet",
];

/// The managed rule groups of a rule that are billed separately: some of AWS's, and all of other vendors'.
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

/// Types that share an account's mail.
const MAIL: [&str; 2] = ["AWS::SES::ConfigurationSet", "AWS::SES::EmailIdentity"];

/// `AWS::SES::EmailIdentity` and `AWS::SES::ConfigurationSet`: only what is sent. The same mail goes through several of
/// them, so what is given or assumed for the type is charged once, with the first.
pub fn email(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let first = MAIL.iter().flat_map(|kind| sheet.of_type(kind)).min().unwrap_or(id);
    if first != id && !sheet.is_named(id) {
        sheet.free(id, &format!("billed by the mail sent, which is counted with {first}"));
        return Ok(());
    }
    let emails = sheet.used(id, "emails");
    let attachments = sheet.used(id, "attachments_gb");
    sheet.charge(id, "AmazonSES", "Recipients", emails, None);
    sheet.charge(id, "AmazonSES", "AttachmentsSize-Bytes", attachments, None);
    Ok(())
}

/// `AWS::ApiGatewayV2::Api`, for the protocol HTTP.
pub fn http_api(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    if sheet.properties(id).text("ProtocolType")?.as_deref() == Some("WEBSOCKET") {
        let reason = "the price table has no price for websocket messages";
        sheet.unknown_price(id, "AmazonApiGateway", "ApiGatewayMessage", reason);
        return Ok(());
    }
    let requests = sheet.used(id, "requests");
    sheet.charge(id, "AmazonApiGateway", "ApiGatewayHttpRequest", requests, None);
    Ok(())
}
