//! The Security Token Service: whose credentials they are, MFA sessions, roles. Always at the region's own endpoint:
//! opt-in regions refuse the global endpoint's tokens.

use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::Builder;
use secrecy::{ExposeSecret, SecretString};

use super::error::AwsError;
use super::identity::Identity;

/// The session's name in AWS's logs if none is configured.
pub const SESSION_NAME: &str = "konta";

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// `external_id`.
    pub external_id: Option<String>,
    /// `role_session_name`; [`SESSION_NAME`] if absent.
    pub session_name: Option<String>,
    /// In seconds. AWS's default is an hour, which is also its maximum for a role that a role assumes.
    pub duration_seconds: Option<u32>,
}

/// A device and one of its codes. Debug does not show the code.
#[derive(Debug)]
pub struct Mfa<'a> {
    /// The device's serial number or ARN.
    pub serial: &'a str,
    /// Six digits.
    pub code: &'a SecretString,
}

/// A client of STS only.
#[derive(Debug, Clone)]
pub struct Sts {
    pub(super) client: aws_sdk_sts::Client,
}

impl Sts {
    /// A client with these credentials. Makes no call yet.
    pub async fn open(credentials: SharedCredentialsProvider, region: &str) -> Self {
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(credentials)
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(10))
                    .operation_attempt_timeout(Duration::from_secs(30))
                    .build(),
            )
            .load()
            .await;
        Self { client: aws_sdk_sts::Client::new(&config) }
    }

    /// To whom the credentials belong. Needs no permission, and no policy can deny it.
    pub async fn identity(&self) -> Result<Identity, AwsError> {
        Identity::ask(&self.client).await
    }

    /// The user's own session (GetSessionToken), of 15 minutes to 36 hours.
    pub async fn session(&self, mfa: &Mfa<'_>, seconds: i32) -> Result<Credentials, AwsError> {
        const OPERATION: &str = "sts GetSessionToken";
        let request = self.client.get_session_token().duration_seconds(seconds);
        let request = request.serial_number(mfa.serial).token_code(mfa.code.expose_secret());
        let answer = request.customize().config_override(once()).send().await;
        answer.map_err(|e| AwsError::from_sdk(OPERATION, &e)).and_then(|a| received(OPERATION, a.credentials))
    }

    /// A session of a role (AssumeRole), with a code if the role's trust policy requires one.
    pub async fn assume_role(&self, role: &Role, mfa: Option<&Mfa<'_>>) -> Result<Credentials, AwsError> {
        const OPERATION: &str = "sts AssumeRole";
        let mut request = self
            .client
            .assume_role()
            .role_arn(&role.arn)
            .role_session_name(role.session_name.as_deref().unwrap_or(SESSION_NAME))
            .set_external_id(role.external_id.clone())
            .set_duration_seconds(role.duration_seconds.and_then(|seconds| i32::try_from(seconds).ok()));
        let mut settings = Builder::new();
        if let Some(mfa) = mfa {
            request = request.serial_number(mfa.serial).token_code(mfa.code.expose_secret());
            settings = once();
        }
        let answer = request.customize().config_override(settings).send().await;
        answer.map_err(|e| AwsError::from_sdk(OPERATION, &e)).and_then(|a| received(OPERATION, a.credentials))
    }
}

/// A code is good for one call: AWS would refuse the SDK's second attempt as a wrong code.
fn once() -> Builder {
    Builder::new().retry_config(RetryConfig::disabled())
}

fn received(
    operation: &'static str,
    credentials: Option<aws_sdk_sts::types::Credentials>,
) -> Result<Credentials, AwsError> {
    let given = credentials.ok_or_else(|| AwsError::incomplete(operation, "credentials"))?;
    let ends =
        SystemTime::try_from(given.expiration).map_err(|_| AwsError::incomplete(operation, "readable expiration"))?;
    Ok(Credentials::new(given.access_key_id, given.secret_access_key, Some(given.session_token), Some(ends), "konta"))
}
