//! RDS: engine versions, and clusters.

use aws_sdk_rds::types::DbCluster;

use super::error::AwsError;
use super::rds_data::DataTarget;
use super::session::Aws;

/// What a region offers for an engine version.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EngineVersion {
    /// The lowest and highest Serverless v2 capacity, in ACU, if AWS says so.
    pub capacity: Option<(f64, f64)>,
}

impl Aws {
    /// A version of Aurora PostgreSQL as the region offers it; `None` if it does not.
    pub async fn engine_version(&self, version: &str) -> Result<Option<EngineVersion>, AwsError> {
        let answer = self
            .rds
            .describe_db_engine_versions()
            .engine("aurora-postgresql")
            .engine_version(version)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("rds DescribeDBEngineVersions", &e))?;
        Ok(answer.db_engine_versions().first().map(|offered| {
            let support = offered.serverless_v2_features_support();
            EngineVersion { capacity: support.and_then(|s| Some((s.min_capacity()?, s.max_capacity()?))) }
        }))
    }

    /// Whether the region offers Serverless v2 for this version.
    pub async fn offers_serverless(&self, version: &str) -> Result<bool, AwsError> {
        let answer = self
            .rds
            .describe_orderable_db_instance_options()
            .engine("aurora-postgresql")
            .engine_version(version)
            .db_instance_class("db.serverless")
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("rds DescribeOrderableDBInstanceOptions", &e))?;
        Ok(!answer.orderable_db_instance_options().is_empty())
    }

    /// The ARNs of a cluster and of its master user's secret, which RDS keeps; `None` while either does not exist.
    /// `cluster` is its identifier or ARN.
    pub async fn data_target(&self, cluster: &str) -> Result<Option<DataTarget>, AwsError> {
        Ok(self.cluster(cluster).await?.and_then(|found| {
            let secret = found.master_user_secret()?.secret_arn()?.to_owned();
            Some(DataTarget { cluster: found.db_cluster_arn()?.to_owned(), secret })
        }))
    }

    /// Whether a cluster's Data API is on; `None` if there is no such cluster. `cluster` is its identifier or ARN.
    pub async fn data_api_is_on(&self, cluster: &str) -> Result<Option<bool>, AwsError> {
        Ok(self.cluster(cluster).await?.map(|found| found.http_endpoint_enabled().unwrap_or_default()))
    }

    /// RDS's status of a cluster, such as `available` or `deleting`; `None` if there is no such cluster. `cluster` is
    /// its identifier or ARN.
    pub async fn cluster_status(&self, cluster: &str) -> Result<Option<String>, AwsError> {
        Ok(self.cluster(cluster).await?.map(|found| found.status().unwrap_or_default().to_owned()))
    }

    async fn cluster(&self, cluster: &str) -> Result<Option<DbCluster>, AwsError> {
        match self.rds.describe_db_clusters().db_cluster_identifier(cluster).send().await {
            Ok(answer) => Ok(answer.db_clusters.unwrap_or_default().into_iter().next()),
            Err(error) => {
                let error = AwsError::from_sdk("rds DescribeDBClusters", &error);
                if error.is("DBClusterNotFoundFault") { Ok(None) } else { Err(error) }
            }
        }
    }
}

impl Aws {
    /// Turns off a cluster's deletion protection. `cluster` is its identifier or ARN.
    pub async fn unprotect_cluster(&self, cluster: &str) -> Result<(), AwsError> {
        self.rds
            .modify_db_cluster()
            .db_cluster_identifier(cluster)
            .deletion_protection(false)
            .apply_immediately(true)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("rds ModifyDBCluster", &e))?;
        Ok(())
    }
}
