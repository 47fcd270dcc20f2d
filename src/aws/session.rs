//! A session: clients of the services that konta uses, for one account, region and, in the sandbox, one endpoint.

use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

use crate::aws::identity::Identity;

use super::error::AwsError;

/// Where AWS, or the sandbox, is called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    /// The region.
    pub region: String,
    /// A profile of the AWS configuration; `None` for the usual order (environment, default profile, container,
    /// instance).
    pub profile: Option<String>,
    /// The sandbox's address instead of AWS's.
    pub endpoint: Option<String>,
    /// Whether that sandbox runs tasks, or only shows them.
    pub sandbox_runs_tasks: bool,
}

/// Clients of every service that konta uses.
#[derive(Debug, Clone)]
pub struct Aws {
    pub(super) cloudformation: aws_sdk_cloudformation::Client,
    pub(super) costexplorer: aws_sdk_costexplorer::Client,
    pub(super) ecs: aws_sdk_ecs::Client,
    pub(super) elb: aws_sdk_elasticloadbalancingv2::Client,
    pub(super) iam: aws_sdk_iam::Client,
    pub(super) logs: aws_sdk_cloudwatchlogs::Client,
    pub(super) pricing: aws_sdk_pricing::Client,
    pub(super) quotas: aws_sdk_servicequotas::Client,
    pub(super) rds: aws_sdk_rds::Client,
    pub(super) rdsdata: aws_sdk_rdsdata::Client,
    pub(super) route53: aws_sdk_route53::Client,
    pub(super) s3: aws_sdk_s3::Client,
    pub(super) ssm: aws_sdk_ssm::Client,
    pub(super) sts: aws_sdk_sts::Client,
    region: String,
    sandbox: bool,
    runs_tasks: bool,
}

impl Aws {
    /// Opens a session: with the sandbox's own keys if the target names an endpoint, else with what the SDK finds.
    /// Makes no call to AWS yet.
    pub async fn open(target: &Target) -> Self {
        Self::with(target, None).await
    }

    /// Opens a session with AWS with these credentials. Makes no call to AWS yet.
    pub async fn open_as(target: &Target, credentials: SharedCredentialsProvider) -> Self {
        Self::with(target, Some(credentials)).await
    }

    async fn with(target: &Target, credentials: Option<SharedCredentialsProvider>) -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(target.region.clone()))
            // Many tenants deploy side by side: adaptive retry slows down together when AWS throttles.
            .retry_config(RetryConfig::adaptive().with_max_attempts(6))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(10))
                    .operation_attempt_timeout(Duration::from_mins(1))
                    .build(),
            );
        if let Some(profile) = &target.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(credentials) = credentials {
            // konta's provider calls STS itself, several times if roles are assumed on top of roles: the SDK's five
            // seconds may be too few.
            let cache = IdentityCache::lazy().load_timeout(Duration::from_secs(30)).build();
            loader = loader.credentials_provider(credentials).identity_cache(cache);
        }
        if let Some(endpoint) = &target.endpoint {
            // The keys of the sandbox's own root user; real keys must not be sent to it. Lent addresses are signed with
            // them.
            loader = loader
                .endpoint_url(endpoint)
                .credentials_provider(Credentials::new("test", "test", None, None, "sandbox"));
        }
        Self::new(&loader.load().await, target)
    }

    /// From a loaded configuration.
    #[must_use]
    pub fn new(config: &SdkConfig, target: &Target) -> Self {
        Self {
            cloudformation: aws_sdk_cloudformation::Client::new(config),
            costexplorer: aws_sdk_costexplorer::Client::from_conf(
                aws_sdk_costexplorer::config::Builder::from(config).region(Region::new("us-east-1")).build(),
            ),
            ecs: aws_sdk_ecs::Client::new(config),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            pricing: aws_sdk_pricing::Client::from_conf(
                aws_sdk_pricing::config::Builder::from(config).region(Region::new("us-east-1")).build(),
            ),
            quotas: aws_sdk_servicequotas::Client::new(config),
            rds: aws_sdk_rds::Client::new(config),
            rdsdata: aws_sdk_rdsdata::Client::new(config),
            route53: aws_sdk_route53::Client::new(config),
            // In the sandbox, a bucket's own host name leads nowhere.
            s3: aws_sdk_s3::Client::from_conf(
                aws_sdk_s3::config::Builder::from(config).force_path_style(config.endpoint_url().is_some()).build(),
            ),
            ssm: aws_sdk_ssm::Client::new(config),
            sts: aws_sdk_sts::Client::new(config),
            region: target.region.clone(),
            sandbox: target.endpoint.is_some(),
            runs_tasks: target.endpoint.is_none() || target.sandbox_runs_tasks,
        }
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Whether this is the sandbox rather than AWS.
    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        self.sandbox
    }

    /// Whether tasks really run: on AWS, and in a sandbox with an Odoo.
    #[must_use]
    pub fn runs_tasks(&self) -> bool {
        self.runs_tasks
    }

    /// To whom the session belongs. Needs no permission.
    pub async fn identity(&self) -> Result<Identity, AwsError> {
        Identity::ask(&self.sts).await
    }
}
