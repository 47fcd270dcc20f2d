//! What a change may cost apart from money.

use serde_json::Value;

use crate::stack::change::Risk;
use crate::template::policy::KEPT;

use super::change::{PropertyChange, Replacement, ResourceAction};

/// Resource types besides [`KEPT`] whose replacement or removal loses data, unless it is retained or snapshotted.
/// Source: CloudFormation template reference, types that store data.
const OTHER_DATA_TYPES: &[&str] = &[
    "AWS::RDS::DBInstance",
    "AWS::DynamoDB::Table",
    "AWS::SecretsManager::Secret",
    "AWS::KMS::Key",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::Backup::BackupVault",
    // It holds no data itself, but everything that does is in it, and none of that can move to another VPC.
    "AWS::EC2::VPC",
];

/// Whether a resource holds data. `properties` are those in its template, if it has one.
///
/// An instance of an Aurora cluster holds no data: the cluster does, and a reader may come and go.
#[must_use]
pub fn holds_data(resource_type: &str, properties: Option<&Value>) -> bool {
    let in_cluster = properties.is_some_and(|properties| properties.get("DBClusterIdentifier").is_some());
    let of_data = KEPT.contains(&resource_type) || OTHER_DATA_TYPES.contains(&resource_type);
    of_data && !(resource_type == "AWS::RDS::DBInstance" && in_cluster)
}

/// Properties that cannot be changed in place, of the types that hold data in konta's own templates.
/// Source: CloudFormation resource schemas, `createOnlyProperties`.
const CREATE_ONLY: &[(&str, &[&str])] = &[
    (
        "AWS::RDS::DBCluster",
        &[
            "DBClusterIdentifier",
            "DBSubnetGroupName",
            "DatabaseName",
            "EngineMode",
            "KmsKeyId",
            "SnapshotIdentifier",
            "StorageEncrypted",
        ],
    ),
    ("AWS::EFS::FileSystem", &["AvailabilityZoneName", "Encrypted", "KmsKeyId", "PerformanceMode"]),
    ("AWS::Route53::HostedZone", &["Name"]),
    ("AWS::S3::Bucket", &["BucketName"]),
    ("AWS::EC2::VPC", &["CidrBlock", "Ipv4IpamPoolId"]),
];

/// Whether a property that changes, with both values known, can only be changed by a replacement.
#[must_use]
pub fn replaces(resource_type: &str, properties: &[PropertyChange]) -> bool {
    let Some((_, create_only)) = CREATE_ONLY.iter().find(|(kind, _)| *kind == resource_type) else { return false };
    let known = |value: &Option<String>| !value.as_deref().is_some_and(|text| text.contains("KNOWN_AFTER_APPLY"));
    properties.iter().any(|property| {
        create_only.contains(&property.path.trim_start_matches("Properties."))
            && property.before != property.after
            && known(&property.before)
            && known(&property.after)
    })
}

/// The risk of one resource change.
#[must_use]
pub fn of(resource_type: &str, properties: Option<&Value>, action: ResourceAction, replacement: Replacement) -> Risk {
    let gone =
        action == ResourceAction::Remove || (action == ResourceAction::Modify && replacement == Replacement::Always);
    let perhaps = action == ResourceAction::Modify && replacement == Replacement::Conditional;
    match (holds_data(resource_type, properties), gone, perhaps) {
        (true, true, _) => Risk::DataLoss,
        (true, _, true) => Risk::PossibleDataLoss,
        (false, true, _) if action == ResourceAction::Modify => Risk::Replacement,
        (false, _, true) => Risk::Replacement,
        _ => Risk::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_a_cluster_is_data_loss_and_replacing_a_target_group_is_not() {
        let risk = |kind: &str, action, replacement| of(kind, None, action, replacement);
        assert_eq!(risk("AWS::RDS::DBCluster", ResourceAction::Modify, Replacement::Always), Risk::DataLoss);
        assert_eq!(risk("AWS::RDS::DBCluster", ResourceAction::Modify, Replacement::Never), Risk::None);
        assert_eq!(risk("AWS::RDS::DBCluster", ResourceAction::Remove, Replacement::Never), Risk::DataLoss);
        let group = "AWS::ElasticLoadBalancingV2::TargetGroup";
        assert_eq!(risk(group, ResourceAction::Modify, Replacement::Always), Risk::Replacement);
        assert_eq!(risk("AWS::ECS::Service", ResourceAction::Remove, Replacement::Never), Risk::None);
        assert_eq!(risk("AWS::EFS::AccessPoint", ResourceAction::Remove, Replacement::Never), Risk::None);
    }

    #[test]
    fn another_key_replaces_a_cluster_and_a_value_not_known_yet_may_be_the_same() {
        let change = |path: &str, after: &str| PropertyChange {
            path: path.into(),
            before: Some("a".into()),
            after: Some(after.into()),
            replacement: Replacement::Always,
        };
        assert!(replaces("AWS::RDS::DBCluster", &[change("Properties.KmsKeyId", "b")]));
        assert!(!replaces(
            "AWS::RDS::DBCluster",
            &[change("Properties.DBSubnetGroupName", "{{changeSet:KNOWN_AFTER_APPLY}}")]
        ));
        assert!(!replaces("AWS::RDS::DBCluster", &[change("Properties.BackupRetentionPeriod", "b")]));
    }

    #[test]
    fn a_clusters_reader_may_go_and_an_instance_by_itself_may_not() {
        let reader = serde_json::json!({"DBClusterIdentifier": "c"});
        let remove = |properties| of("AWS::RDS::DBInstance", properties, ResourceAction::Remove, Replacement::Never);
        assert_eq!(remove(Some(&reader)), Risk::None);
        assert_eq!(remove(None), Risk::DataLoss);
    }
}
