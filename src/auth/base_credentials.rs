//! The base credentials of a chain, loaded: keys at hand, or what the SDK's providers give.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::aws::AwsError;
use crate::aws::credentials::{self, Credentials, SharedCredentialsProvider};

use super::chain::{Base, Chain, Keys};
use super::error::SessionError;
use super::request::Request;

/// Base credentials, loaded.
pub(super) struct BaseCredentials {
    pub provider: SharedCredentialsProvider,
    pub credentials: Credentials,
    pub source: String,
}

/// Loads them.
pub(super) async fn load(request: &Request<'_>) -> Result<BaseCredentials, SessionError> {
    let region = request.region;
    let base = &request.chain.base;
    let source = base.source();
    let provider = match base {
        Base::Environment(keys) | Base::Static { keys, .. } => of_keys(keys),
        Base::Process { profile, command } => credentials::of_process(&guarded(request.within, profile, command)?),
        Base::Sso { profile } | Base::Login { profile } => credentials::of_profile(profile, region),
        Base::WebIdentity { role_arn, token_file, session_name, .. } => {
            credentials::of_web_identity(role_arn, token_file.clone(), session_name.as_deref(), region)
        }
        Base::Container => credentials::of_container(region),
        Base::Instance => credentials::of_instance(region),
    };
    match credentials::load(&provider).await {
        Ok(credentials) => Ok(BaseCredentials { provider, credentials, source }),
        Err(error) => Err(unavailable(request.chain, source, error)),
    }
}

/// The command, which lets a konta inside it know whose program it is: a profile whose program asks konta for the same
/// profile would never end.
fn guarded(within: Option<&str>, profile: &str, command: &SecretString) -> Result<SecretString, SessionError> {
    let within = within.unwrap_or_default();
    if within.lines().any(|outer| outer == profile) {
        return Err(SessionError::Loop { profile: profile.to_owned() });
    }
    let chain = quoted(&format!("{within}\n{profile}"));
    Ok(format!("export KONTA_PROCESS_OF={chain}; {}", command.expose_secret()).into())
}

/// A text as one word for a POSIX shell, whatever it contains.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn of_keys(keys: &Keys) -> SharedCredentialsProvider {
    let ends = keys.expiration.and_then(|ends| ends.try_into().ok());
    let credentials =
        credentials::of_keys(&keys.access_key_id, &keys.secret_access_key, keys.session_token.as_ref(), ends);
    SharedCredentialsProvider::new(credentials)
}

fn unavailable(chain: &Chain, source: String, error: AwsError) -> SessionError {
    match &chain.base {
        // AWS's order ends at the machine: nothing was named anywhere.
        Base::Instance if chain.roles.is_empty() && chain.profile.is_none() => SessionError::NothingFound,
        base => SessionError::unavailable(base, source, error),
    }
}

/// When the base credentials end for good, if they say so. Roles on top are renewed for as long as the base credentials
/// last.
pub(super) fn ends(request: &Request<'_>, credentials: &Credentials) -> Option<Timestamp> {
    match request.chain.base {
        // A pipeline's token is often not renewed: the role's session lasts to its end, and nothing follows it.
        Base::Environment(_) | Base::Static { .. } | Base::WebIdentity { .. } => {
            credentials.expiry().and_then(|ends| Timestamp::try_from(ends).ok())
        }
        // The provider asks a program, Identity Center or a machine again.
        _ => None,
    }
}
