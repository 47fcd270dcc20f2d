//! Whose session it is.

use super::error::AwsError;

/// The user or role to which a session belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account's id.
    pub account: String,
    /// The ARN of the user or role.
    pub arn: String,
}

impl Identity {
    pub(super) async fn ask(sts: &aws_sdk_sts::Client) -> Result<Self, AwsError> {
        const OPERATION: &str = "sts GetCallerIdentity";
        let answer = sts.get_caller_identity().send().await.map_err(|e| AwsError::from_sdk(OPERATION, &e))?;
        Ok(Self {
            account: answer.account.ok_or_else(|| AwsError::incomplete(OPERATION, "account"))?,
            arn: answer.arn.unwrap_or_default(),
        })
    }

    /// Whether this is the account's root user, who may do everything and whom no policy of the account can restrict.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.arn.ends_with(":root")
    }

    /// The name, if this is a user: only a user has MFA devices.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        let resource = self.arn.split(':').nth(5)?.strip_prefix("user/")?;
        resource.rsplit('/').next()
    }
}
