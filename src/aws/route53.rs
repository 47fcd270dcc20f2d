//! Route 53: emptying a zone before its stack is deleted.

use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, RrType};

use super::error::AwsError;
use super::session::Aws;

impl Aws {
    /// Deletes an empty zone; all is well when it is gone.
    pub async fn delete_zone(&self, zone: &str) -> Result<(), AwsError> {
        match self.route53.delete_hosted_zone().id(zone).send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let error = AwsError::from_sdk("route53 DeleteHostedZone", &error);
                if error.is("NoSuchHostedZone") { Ok(()) } else { Err(error) }
            }
        }
    }

    /// Deletes every record of a zone but its own NS and SOA, and says how many there were.
    ///
    /// The records that validated a certificate stay behind when their stack is deleted, and a zone with records cannot be deleted.
    pub async fn empty_zone(&self, zone: &str) -> Result<usize, AwsError> {
        let answer = self
            .route53
            .list_resource_record_sets()
            .hosted_zone_id(zone)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("route53 ListResourceRecordSets", &e))?;
        let changes: Vec<Change> = answer
            .resource_record_sets()
            .iter()
            .filter(|record| !matches!(record.r#type(), RrType::Ns | RrType::Soa))
            .filter_map(|record| {
                Change::builder().action(ChangeAction::Delete).resource_record_set(record.clone()).build().ok()
            })
            .collect();
        let count = changes.len();
        if count == 0 {
            return Ok(0);
        }
        let batch = ChangeBatch::builder()
            .set_changes(Some(changes))
            .build()
            .map_err(|_| AwsError::incomplete("route53 ChangeResourceRecordSets", "change"))?;
        self.route53
            .change_resource_record_sets()
            .hosted_zone_id(zone)
            .change_batch(batch)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("route53 ChangeResourceRecordSets", &e))?;
        Ok(count)
    }
}
