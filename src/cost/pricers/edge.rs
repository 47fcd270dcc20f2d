//! What faces the world: DNS zones, firewalls, mail and HTTP APIs.

use rust_decimal::Decimal;

use super::{Missing, Sheet};
use crate::cost::range::Range;

/// `AWS::Route53::HostedZone`: the first 25 of an account cost more than the others. Queries for aliases of AWS are free; those
/// given as usage are the others.
pub fn hosted_zone(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    sheet.charge(id, "AmazonRoute53", "HostedZone", Range::exact(Decimal::ONE), None);
    let queries = sheet.used(id, "queries");
    sheet.charge(id, "AmazonRoute53", "DNS-Queries", queries, None);
    Ok(())
}

/// `AWS::WAFv2::WebACL`: itself, each of its rules, and requests.
pub fn web_acl(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    sheet.charge(id, "awswaf", "WebACLV2", Range::exact(Decimal::ONE), None);
    let rules = sheet.properties(id).count("Rules")?;
    sheet.charge(id, "awswaf", "RuleV2", Range::exact(Decimal::from(rules)), None);
    let requests = sheet.used(id, "requests");
    sheet.charge(id, "awswaf", "RequestV2-Tier1", requests, None);
    Ok(())
}

/// `AWS::SES::EmailIdentity` and `AWS::SES::ConfigurationSet`: nothing but what is sent.
pub fn email(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let emails = sheet.used(id, "emails");
    let attachments = sheet.used(id, "attachments_gb");
    if emails.is_zero() && attachments.is_zero() {
        sheet.free(id, "costs by the mail sent, and the usage says none");
    }
    sheet.charge(id, "AmazonSES", "Recipients", emails, None);
    sheet.charge(id, "AmazonSES", "AttachmentsSize-Bytes", attachments, None);
    Ok(())
}

/// `AWS::ApiGatewayV2::Api`, of the protocol HTTP.
pub fn http_api(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    if sheet.properties(id).text("ProtocolType")?.as_deref() == Some("WEBSOCKET") {
        let reason = "the table has no price of websocket messages";
        sheet.unknown_price(id, "AmazonApiGateway", "ApiGatewayMessage", reason);
        return Ok(());
    }
    let requests = sheet.used(id, "requests");
    if requests.is_zero() {
        sheet.free(id, "costs by the request, and the usage says none");
    }
    sheet.charge(id, "AmazonApiGateway", "ApiGatewayHttpRequest", requests, None);
    Ok(())
}
