//! Route 53: emptying a zone before its stack is deleted.

use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ResourceRecordSet, RrType};

use super::error::AwsError;
use super::session::Aws;

impl Aws {
    /// Deletes an empty zone; not an error if it does not exist.
    pub async fn delete_zone(&self, zone: &str) -> Result<(), AwsError> {
        match self.route53.delete_hosted_zone().id(zone).send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let error = AwsError::from_sdk("route53 DeleteHostedZone", &error);
                if error.is("NoSuchHostedZone") { Ok(()) } else { Err(error) }
            }
        }
    }

    /// Deletes every record of a zone except its own NS and SOA, and returns how many there were; 0 if the zone does
    /// not exist. Delegations of domains below it are deleted too.
    ///
    /// The records that validated a certificate remain when their stack is deleted, and a zone with records cannot be
    /// deleted.
    pub async fn empty_zone(&self, zone: &str) -> Result<usize, AwsError> {
        let records = match self.records(zone).await {
            Err(error) if error.is("NoSuchHostedZone") => return Ok(0),
            records => records?,
        };
        let doomed = without_the_zones_own(records);
        let count = doomed.len();
        for batch in batches(doomed) {
            self.delete_records(zone, batch).await?;
        }
        Ok(count)
    }

    /// Every record of a zone; AWS returns at most 300 per page.
    async fn records(&self, zone: &str) -> Result<Vec<ResourceRecordSet>, AwsError> {
        let mut found = Vec::new();
        let mut next = (None, None, None);
        loop {
            let answer = self
                .route53
                .list_resource_record_sets()
                .hosted_zone_id(zone)
                .set_start_record_name(next.0)
                .set_start_record_type(next.1)
                .set_start_record_identifier(next.2)
                .send()
                .await
                .map_err(|e| AwsError::from_sdk("route53 ListResourceRecordSets", &e))?;
            found.extend(answer.resource_record_sets);
            if !answer.is_truncated {
                return Ok(found);
            }
            next = (answer.next_record_name, answer.next_record_type, answer.next_record_identifier);
        }
    }

    async fn delete_records(&self, zone: &str, records: Vec<ResourceRecordSet>) -> Result<(), AwsError> {
        const OPERATION: &str = "route53 ChangeResourceRecordSets";
        let changes = records
            .into_iter()
            .map(|record| Change::builder().action(ChangeAction::Delete).resource_record_set(record).build())
            .collect::<Result<Vec<Change>, _>>()
            .map_err(|_| AwsError::incomplete(OPERATION, "record"))?;
        let batch = ChangeBatch::builder()
            .set_changes(Some(changes))
            .build()
            .map_err(|_| AwsError::incomplete(OPERATION, "change"))?;
        self.route53
            .change_resource_record_sets()
            .hosted_zone_id(zone)
            .change_batch(batch)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, &e))?;
        Ok(())
    }
}

/// The records without the NS and SOA of the zone itself. Its apex is the name of its one SOA.
fn without_the_zones_own(records: Vec<ResourceRecordSet>) -> Vec<ResourceRecordSet> {
    let apex = records.iter().find(|record| *record.r#type() == RrType::Soa).map(|soa| soa.name().to_owned());
    records
        .into_iter()
        .filter(|record| match record.r#type() {
            RrType::Soa => false,
            // Without an SOA the apex is unknown: then every NS is kept.
            RrType::Ns => apex.as_deref().is_some_and(|apex| record.name() != apex),
            _ => true,
        })
        .collect()
}

/// Records in batches that Route 53 accepts: at most 1,000 values and 32,000 characters of values in one request.
/// Source: Route 53, `ChangeResourceRecordSets`, limits.
fn batches(records: Vec<ResourceRecordSet>) -> Vec<Vec<ResourceRecordSet>> {
    const VALUES: usize = 1000;
    const CHARACTERS: usize = 32_000;
    let mut batches = Vec::new();
    let (mut batch, mut values, mut characters) = (Vec::new(), 0, 0);
    for record in records {
        let more = record.resource_records().len().max(1);
        let longer: usize = record.resource_records().iter().map(|value| value.value().len()).sum();
        if !batch.is_empty() && (values + more > VALUES || characters + longer > CHARACTERS) {
            batches.push(std::mem::take(&mut batch));
            (values, characters) = (0, 0);
        }
        values += more;
        characters += longer;
        batch.push(record);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

#[cfg(test)]
mod tests {
    use aws_sdk_route53::types::ResourceRecord;

    use super::*;

    fn record(name: &str, kind: RrType, values: usize) -> ResourceRecordSet {
        let value = ResourceRecord::builder().value("v".repeat(100)).build().unwrap();
        ResourceRecordSet::builder()
            .name(name)
            .r#type(kind)
            .set_resource_records(Some(vec![value; values]))
            .build()
            .unwrap()
    }

    #[test]
    fn a_delegation_below_the_apex_goes_and_the_apex_keeps_its_own() {
        let all = vec![
            record("konta.shop.", RrType::Ns, 4),
            record("konta.shop.", RrType::Soa, 1),
            record("konta.shop.", RrType::Txt, 1),
            record("staging.konta.shop.", RrType::Ns, 4),
        ];
        let doomed = without_the_zones_own(all);
        let names: Vec<_> = doomed.iter().map(|r| (r.name(), r.r#type().as_str())).collect();
        assert_eq!(names, [("konta.shop.", "TXT"), ("staging.konta.shop.", "NS")]);
    }

    #[test]
    fn no_batch_is_larger_than_route_53_takes() {
        let all: Vec<_> = (0..700).map(|n| record(&format!("r{n}."), RrType::A, 1)).collect();
        let sizes: Vec<usize> = batches(all).iter().map(Vec::len).collect();
        assert_eq!(sizes, [320, 320, 60], "each value has 100 characters");
        assert!(batches(Vec::new()).is_empty());
    }
}
