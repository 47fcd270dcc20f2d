//! The fields that a usage file may have, by resource type.

use super::ACCOUNT;

/// Fields by type. All are per month, unless the name says otherwise.
pub(super) const FIELDS: &[(&str, &[&str])] = &[
    (ACCOUNT, &["data_out_gb", "data_between_zones_gb"]),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        &[
            "new_connections_per_second",
            "active_connections",
            "processed_gb",
            "rule_evaluations_per_second",
            "new_flows_per_second",
            "active_flows",
            "lcu",
            "hours",
        ],
    ),
    ("AWS::ECS::Service", &["tasks", "hours", "spot_share"]),
    ("AWS::ECS::Cluster", &["metrics"]),
    ("AWS::RDS::DBCluster", &["acu", "awake_hours", "storage_gb", "io_millions", "backup_gb"]),
    ("AWS::RDS::DBInstance", &["hours", "storage_gb", "io_millions", "backup_gb"]),
    ("AWS::EC2::NatGateway", &["processed_gb", "hours"]),
    ("AWS::EC2::VPCEndpoint", &["processed_gb", "hours"]),
    ("AWS::EC2::EIP", &["idle_hours", "hours"]),
    (
        "AWS::EFS::FileSystem",
        &[
            "standard_gb",
            "ia_gb",
            "archive_gb",
            "read_gb",
            "write_gb",
            "ia_read_gb",
            "ia_write_gb",
            "throughput_mibps",
            "backup_gb",
        ],
    ),
    (
        "AWS::S3::Bucket",
        &["standard_gb", "ia_gb", "glacier_ir_gb", "glacier_gb", "deep_archive_gb", "put_requests", "get_requests"],
    ),
    ("AWS::Logs::LogGroup", &["ingested_gb", "stored_gb", "scanned_gb"]),
    ("AWS::SecretsManager::Secret", &["api_requests"]),
    ("AWS::KMS::Key", &["requests"]),
    ("AWS::KMS::ReplicaKey", &["requests"]),
    ("AWS::ECR::Repository", &["stored_gb"]),
    ("AWS::Route53::HostedZone", &["queries"]),
    ("AWS::SES::*", &["emails", "attachments_gb"]),
    ("AWS::SES::EmailIdentity", &["emails", "attachments_gb"]),
    ("AWS::SES::ConfigurationSet", &["emails", "attachments_gb"]),
    ("AWS::WAFv2::WebACL", &["requests"]),
    ("AWS::Lambda::Function", &["invocations", "duration_ms"]),
    ("AWS::ApiGatewayV2::Api", &["requests"]),
    ("AWS::Backup::BackupVault", &["stored_gb"]),
    ("AWS::CloudWatch::Alarm", &[]),
];

/// The fields of a type; `None` if the type has no usage.
pub(super) fn of_type(resource_type: &str) -> Option<&'static [&'static str]> {
    FIELDS.iter().find(|(name, _)| *name == resource_type).map(|(_, fields)| *fields)
}

/// Every field of every resource type, once.
pub(super) fn all() -> Vec<&'static str> {
    let mut fields: Vec<&str> =
        FIELDS.iter().filter(|(name, _)| *name != ACCOUNT).flat_map(|(_, fields)| fields.iter().copied()).collect();
    fields.sort_unstable();
    fields.dedup();
    fields
}
