//! NAT gateways, Elastic IPs and VPC endpoints.

use rust_decimal::Decimal;

use super::{Missing, Sheet};
use crate::cost::range::Range;

/// `AWS::EC2::NatGateway`. Its address is priced where it is allocated.
pub fn nat_gateway(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let hours = of_the_month(sheet, id);
    sheet.charge(id, "AmazonEC2", "NatGateway-Hours", hours, None);
    let processed = sheet.used(id, "processed_gb");
    sheet.charge(id, "AmazonEC2", "NatGateway-Bytes", processed, None);
    let properties = sheet.properties(id);
    let public = properties.text("ConnectivityType").ok().flatten().is_none_or(|kind| kind != "private");
    if public && properties.linked("AllocationId").is_none() {
        sheet.free(id, "its public address is allocated elsewhere, and priced there");
    }
    Ok(())
}

/// `AWS::EC2::EIP`: in use or idle, an address is billed by the hour.
pub fn elastic_ip(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    if sheet.properties(id).text("PublicIpv4Pool").ok().flatten().is_some_and(|pool| pool != "amazon") {
        sheet.free(id, "an address from your own pool costs nothing");
        return Ok(());
    }
    let hours = of_the_month(sheet, id);
    let idle = sheet.used(id, "idle_hours").zip(hours, Decimal::min);
    sheet.charge(id, "AmazonVPC", "PublicIPv4:InUseAddress", hours.less(idle), None);
    sheet.charge(id, "AmazonVPC", "PublicIPv4:IdleAddress", idle, None);
    Ok(())
}

/// `AWS::EC2::VPCEndpoint`: interfaces are billed by zone and byte; gateways are free.
pub fn endpoint(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    let properties = sheet.properties(id);
    let kind = properties.text("VpcEndpointType")?.unwrap_or_else(|| "Gateway".to_owned());
    match kind.as_str() {
        "Gateway" => {
            sheet.free(id, "gateway endpoints cost nothing");
            Ok(())
        }
        "Interface" => {
            let zones = properties.count("SubnetIds")?;
            if zones == 0 {
                return Err(Missing("SubnetIds does not say in how many zones it is".to_owned()));
            }
            let hours = of_the_month(sheet, id) * Decimal::from(zones);
            sheet.charge(id, "AmazonVPC", "VpcEndpoint-Hours", hours, Some("each zone, by the hour"));
            let processed = sheet.used(id, "processed_gb");
            sheet.charge(id, "AmazonVPC", "VpcEndpoint-Bytes", processed, None);
            Ok(())
        }
        other => {
            sheet.unknown_price(
                id,
                "AmazonVPC",
                &format!("VpcEndpoint-{other}-Hours"),
                "the table has no price for this type of endpoint",
            );
            Ok(())
        }
    }
}

fn of_the_month(sheet: &mut Sheet<'_, '_>, id: &str) -> Range {
    let month = Range::exact(sheet.hours());
    sheet.used_or(id, "hours", Some((month, "")))
}
