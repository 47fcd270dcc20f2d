//! Service Quotas: how much of something the account may have.

use super::error::AwsError;
use super::session::Aws;

/// Fargate On-Demand vCPUs. Source: AWS general reference, ECS quotas.
pub const FARGATE_ON_DEMAND: (&str, &str) = ("fargate", "L-3032A538");
/// Fargate Spot vCPUs.
pub const FARGATE_SPOT: (&str, &str) = ("fargate", "L-36FBB829");

impl Aws {
    /// A quota's value; `None` if the account has none with that code.
    pub async fn quota(&self, service: &str, code: &str) -> Result<Option<f64>, AwsError> {
        match self.quotas.get_service_quota().service_code(service).quota_code(code).send().await {
            Ok(answer) => Ok(answer.quota.and_then(|quota| quota.value)),
            Err(error) => {
                let error = AwsError::from_sdk("servicequotas GetServiceQuota", &error);
                if error.is("NoSuchResource") { Ok(None) } else { Err(error) }
            }
        }
    }
}
