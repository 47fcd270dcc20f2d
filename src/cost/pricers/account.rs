//! What belongs to the account instead of a resource: traffic to the internet and between zones.

use crate::cost::decimal::dec;

use super::Sheet;
use crate::cost::usage::ACCOUNT;

/// Prices the account's traffic.
pub fn price(sheet: &mut Sheet<'_, '_>) {
    let fields: Vec<String> = sheet.usage().account_fields().map(ToOwned::to_owned).collect();
    for field in fields {
        let used = sheet.used(ACCOUNT, &field);
        match field.as_str() {
            "data_out_gb" => sheet.charge(ACCOUNT, "AWSDataTransfer", "DataTransfer-Out-Bytes", used, None),
            // Each gigabyte is billed both where it leaves and where it arrives.
            "data_between_zones_gb" => sheet.charge(
                ACCOUNT,
                "AWSDataTransfer",
                "DataTransfer-Regional-Bytes",
                used * dec!(2),
                Some("billed in each direction"),
            ),
            _ => {}
        }
    }
}
