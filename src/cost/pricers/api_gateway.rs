//! API Gateway: HTTP APIs.

use super::{Missing, Sheet};

/// `AWS::ApiGatewayV2::Api`, of the protocol HTTP.
pub fn http_api(sheet: &mut Sheet<'_, '_>, id: &str) -> Result<(), Missing> {
    if sheet.properties(id).text("ProtocolType")?.as_deref() == Some("WEBSOCKET") {
        let reason = "the table has no price of websocket messages";
        sheet.unknown_price(id, "AmazonApiGateway", "ApiGatewayMessage", reason);
        return Ok(());
    }
    let requests = sheet.used(id, "requests");
    sheet.charge(id, "AmazonApiGateway", "ApiGatewayHttpRequest", requests, None);
    Ok(())
}
