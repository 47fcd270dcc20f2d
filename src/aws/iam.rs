//! IAM: the service-linked roles that a fresh account lacks, its quota of roles, and a user's MFA devices.

use super::error::AwsError;
use super::session::Aws;

impl Aws {
    /// Makes a service's own role unless it is there; `true` when it was made now.
    pub async fn ensure_service_role(&self, service: &str) -> Result<bool, AwsError> {
        match self.iam.create_service_linked_role().aws_service_name(service).send().await {
            Ok(_) => Ok(true),
            Err(error) => {
                let error = AwsError::from_sdk("iam CreateServiceLinkedRole", &error);
                // IAM says "has been taken in this account" with the code of any bad input.
                let there = error.is("InvalidInput") && error.message.contains("has been taken");
                if there || error.is("EntityAlreadyExists") { Ok(false) } else { Err(error) }
            }
        }
    }

    /// Roles in use and the most the account may have, when the account says so.
    pub async fn role_quota(&self) -> Result<Option<(i32, i32)>, AwsError> {
        use aws_sdk_iam::types::SummaryKeyType;
        let answer =
            self.iam.get_account_summary().send().await.map_err(|e| AwsError::from_sdk("iam GetAccountSummary", &e))?;
        Ok(answer
            .summary_map()
            .and_then(|map| Some((*map.get(&SummaryKeyType::Roles)?, *map.get(&SummaryKeyType::RolesQuota)?))))
    }

    /// The serial numbers of a user's devices; of the one whose credentials these are when no name is given.
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
