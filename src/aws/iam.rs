//! IAM: the service-linked roles that a fresh account lacks, its quota of roles, and a user's MFA devices.

use super::error::AwsError;
use super::session::Aws;

impl Aws {
    /// Creates a service-linked role unless it exists; `true` if it was created now.
    pub async fn ensure_service_role(&self, service: &str) -> Result<bool, AwsError> {
        match self.iam.create_service_linked_role().aws_service_name(service).send().await {
            Ok(_) => Ok(true),
            Err(error) => {
                let error = AwsError::from_sdk("iam CreateServiceLinkedRole", &error);
                // IAM says "has been taken in this account" with the same code as for any bad input.
                let there = error.is("InvalidInput") && error.message.contains("has been taken");
                if there || error.is("EntityAlreadyExists") { Ok(false) } else { Err(error) }
            }
        }
    }

    /// The number of roles in use and the account's maximum, if AWS gives both.
    pub async fn role_quota(&self) -> Result<Option<(i32, i32)>, AwsError> {
        use aws_sdk_iam::types::SummaryKeyType;
        let answer =
            self.iam.get_account_summary().send().await.map_err(|e| AwsError::from_sdk("iam GetAccountSummary", &e))?;
        Ok(answer
            .summary_map()
            .and_then(|map| Some((*map.get(&SummaryKeyType::Roles)?, *map.get(&SummaryKeyType::RolesQuota)?))))
    }

    /// The serial numbers of a user's devices; those of the user whose credentials these are if no name is given.
    pub async fn mfa_devices(&self, user: Option<&str>) -> Result<Vec<String>, AwsError> {
        let answer = self
            .iam
            .list_mfa_devices()
            .set_user_name(user.map(Into::into))
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("iam ListMFADevices", &e))?;
        Ok(answer.mfa_devices().iter().map(|device| device.serial_number().to_owned()).collect())
    }
}
