//! Credentials that the SDK resolves (Identity Center, `aws login`, programs, web identity, containers, machines), and
//! roles on top.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use aws_config::Region;
use aws_config::credential_process::CredentialProcessProvider;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::error::AwsError;
use super::sts::{Role, Sts};

pub use aws_credential_types::Credentials;
pub use aws_credential_types::provider::SharedCredentialsProvider;

/// How long before their end credentials are requested again.
pub const EARLY: Duration = Duration::from_mins(5);

/// Keys at hand.
#[must_use]
pub fn of_keys(id: &str, secret: &SecretString, token: Option<&SecretString>, ends: Option<SystemTime>) -> Credentials {
    let token = token.map(|token| token.expose_secret().to_owned());
    Credentials::new(id, secret.expose_secret(), token, ends, "konta")
}

/// What a program prints (`credential_process`), in AWS's protocol, version 1.
#[must_use]
pub fn of_process(command: &SecretString) -> SharedCredentialsProvider {
    kept(CredentialProcessProvider::new(command.expose_secret().to_owned()))
}

/// A profile of Identity Center or of `aws login`, which the SDK reads from AWS's own files and caches.
#[must_use]
pub fn of_profile(profile: &str, region: &str) -> SharedCredentialsProvider {
    kept(ProfileFileCredentialsProvider::builder().profile_name(profile).configure(&configuration(region)).build())
}

/// A role assumed with a token of an identity provider.
#[must_use]
pub fn of_web_identity(
    role_arn: &str,
    token_file: PathBuf,
    session_name: Option<&str>,
    region: &str,
) -> SharedCredentialsProvider {
    let fixed = StaticConfiguration {
        web_identity_token_file: token_file,
        role_arn: role_arn.to_owned(),
        session_name: session_name.unwrap_or(super::sts::SESSION_NAME).to_owned(),
    };
    let builder = WebIdentityTokenCredentialsProvider::builder().configure(&configuration(region));
    kept(builder.static_configuration(fixed).build())
}

/// The container's role.
#[must_use]
pub fn of_container(region: &str) -> SharedCredentialsProvider {
    kept(EcsCredentialsProvider::builder().configure(&configuration(region)).build())
}

/// The machine's role.
#[must_use]
pub fn of_instance(region: &str) -> SharedCredentialsProvider {
    kept(ImdsCredentialsProvider::builder().configure(&configuration(region)).build())
}

/// A provider's credentials, now.
pub async fn load(provider: &SharedCredentialsProvider) -> Result<Credentials, AwsError> {
    provider.provide_credentials().await.map_err(|error| AwsError::from_provider(&error))
}

fn configuration(region: &str) -> ProviderConfig {
    ProviderConfig::without_region().with_region(Some(Region::new(region.to_owned())))
}

/// Keeps what a provider gave until shortly before it ends.
fn kept(inner: impl ProvideCredentials + 'static) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Kept { inner: SharedCredentialsProvider::new(inner), held: Mutex::new(None) })
}

#[derive(Debug)]
struct Kept {
    inner: SharedCredentialsProvider,
    held: Mutex<Option<Credentials>>,
}

impl Kept {
    async fn current(&self) -> provider::Result {
        let mut held = self.held.lock().await;
        if let Some(credentials) = held.as_ref().filter(|credentials| lasts(credentials)) {
            return Ok(credentials.clone());
        }
        let fresh = self.inner.provide_credentials().await?;
        *held = Some(fresh.clone());
        Ok(fresh)
    }
}

/// Whether credentials need not be requested again yet.
fn lasts(credentials: &Credentials) -> bool {
    credentials.expiry().is_none_or(|ends| ends > SystemTime::now() + EARLY)
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.current())
    }
}

/// Roles assumed one after the other on top of base credentials, and again, without a question, for as long as those
/// last.
#[must_use]
pub fn assuming(base: SharedCredentialsProvider, roles: Vec<Role>, region: &str) -> SharedCredentialsProvider {
    if roles.is_empty() {
        return base;
    }
    kept(Assuming { base, roles, region: region.to_owned() })
}

#[derive(Debug)]
struct Assuming {
    base: SharedCredentialsProvider,
    roles: Vec<Role>,
    region: String,
}

impl Assuming {
    async fn assume(&self) -> provider::Result {
        let mut credentials = self.base.provide_credentials().await?;
        for role in &self.roles {
            let sts = Sts::open(SharedCredentialsProvider::new(credentials), &self.region).await;
            credentials = sts.assume_role(role, None).await.map_err(CredentialsError::provider_error)?;
        }
        Ok(credentials)
    }
}

impl ProvideCredentials for Assuming {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assume())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Gives keys that last for this long, and counts how often it was asked.
    #[derive(Debug)]
    struct Lasting(Duration, Arc<AtomicU32>);

    impl ProvideCredentials for Lasting {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let number = self.1.fetch_add(1, Ordering::SeqCst);
            let ends = SystemTime::now() + self.0;
            future::ProvideCredentials::ready(Ok(Credentials::new(format!("ASIA{number}"), "s", None, Some(ends), "t")))
        }
    }

    #[tokio::test]
    async fn credentials_are_kept_and_asked_for_anew_five_minutes_before_their_end() {
        for (lasting, asked) in [(Duration::from_hours(1), 1), (Duration::from_mins(4), 3)] {
            let count = Arc::new(AtomicU32::new(0));
            let provider = kept(Lasting(lasting, Arc::clone(&count)));
            for _ in 0..3 {
                load(&provider).await.unwrap();
            }
            assert_eq!(count.load(Ordering::SeqCst), asked, "{lasting:?}");
        }
    }
}
