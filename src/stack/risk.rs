//! What a change may cost beside money.

use serde::Serialize;

use super::plan::{Replacement, ResourceAction};

/// What a change may cost beside money, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Nothing that a visitor notices.
    #[default]
    None,
    /// A resource without data is replaced; there may be a short gap.
    Replacement,
    /// A resource that holds data is replaced or removed.
    DataLoss,
}

/// Resource types whose replacement or removal takes data with it, unless it is retained or snapshotted.
/// Source: CloudFormation template reference, types that store data; konta's own templates use the first five.
pub const DATA_TYPES: &[&str] = &[
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::EFS::FileSystem",
    "AWS::EFS::AccessPoint",
    "AWS::Route53::HostedZone",
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::SecretsManager::Secret",
    "AWS::KMS::Key",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::Backup::BackupVault",
];

/// Whether a type holds data.
///
/// An Aurora instance holds none: the cluster does; it counts only outside a cluster, which a type alone cannot tell, so it is left in
/// and konta's own writer is recognised by its `DBClusterIdentifier` in [`super::plan`].
#[must_use]
pub fn holds_data(resource_type: &str) -> bool {
    DATA_TYPES.contains(&resource_type)
}

/// The risk of one resource change.
#[must_use]
pub fn of(resource_type: &str, action: ResourceAction, replacement: Replacement) -> Risk {
    let gone =
        action == ResourceAction::Remove || (action == ResourceAction::Modify && replacement == Replacement::Always);
    let perhaps = action == ResourceAction::Modify && replacement == Replacement::Conditional;
    match (holds_data(resource_type), gone, perhaps) {
        (true, true, _) | (true, _, true) => Risk::DataLoss,
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
        assert_eq!(of("AWS::RDS::DBCluster", ResourceAction::Modify, Replacement::Always), Risk::DataLoss);
        assert_eq!(of("AWS::RDS::DBCluster", ResourceAction::Modify, Replacement::Never), Risk::None);
        assert_eq!(of("AWS::RDS::DBCluster", ResourceAction::Remove, Replacement::Never), Risk::DataLoss);
        assert_eq!(
            of("AWS::ElasticLoadBalancingV2::TargetGroup", ResourceAction::Modify, Replacement::Always),
            Risk::Replacement
        );
        assert_eq!(of("AWS::ECS::Service", ResourceAction::Remove, Replacement::Never), Risk::None);
    }
}
