//! From a chain to credentials: which call opens the session, and what is refused beforehand.
//!
//! A long-term key with a device gets an MFA session (GetSessionToken) that is kept between runs; roles are assumed on
//! top of it, without another code, whenever they are needed. If that is impossible (a role for longer than an hour,
//! keys that already are a session), the code goes to AssumeRole itself.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::auth::request::Request;
use crate::aws::credentials::{self, Credentials, SharedCredentialsProvider};
use crate::aws::sts::{Role, Sts};

use super::base_credentials::{BaseCredentials, ends, load};
use super::cache::{Entry, Key};
use super::chain::{Chain, RoleStep};
use super::mfa_session::{self, Wanted};
use super::provider::{self, SessionProvider};

pub use super::base_credentials::quoted;
pub use super::error::SessionError;

/// The longest time, in seconds, for which a session can hold a role: AWS's limit for a role assumed with temporary
/// credentials.
const CHAINED: u32 = 3600;
/// A session's length if none is requested.
pub const TWELVE_HOURS: SignedDuration = SignedDuration::from_hours(12);
/// The shortest session that AWS gives.
pub const SHORTEST: SignedDuration = SignedDuration::from_mins(15);
/// The longest.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(36);

/// Whether the credentials were opened with a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mfa {
    /// They were.
    Yes,
    /// They were not.
    No,
    /// They come from elsewhere and do not say.
    Unknown,
}

/// Credentials, ready for clients.
#[derive(Debug)]
pub struct Opened {
    /// Gives them, and renews what can be renewed without a code.
    pub provider: SharedCredentialsProvider,
    /// The MFA session beneath, if there is one.
    pub session: Option<Arc<SessionProvider>>,
    /// Where they come from, for people.
    pub source: String,
    /// The last four characters of the key at the bottom, once it is known.
    pub ending: Option<String>,
    /// The device.
    pub serial: Option<String>,
    /// Whether a code opened them.
    pub mfa: Mfa,
    /// When they end for good, so that a code or their source is needed again. `None` if they do not end or do not say.
    pub ends: Option<Timestamp>,
    /// The roles assumed on top.
    pub roles: Vec<String>,
}

/// How a chain becomes credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// The credentials as they are, with the roles on top.
    Plain,
    /// GetSessionToken with a code of this device, with the roles on top.
    Session(String),
    /// AssumeRole of the first role with a code of this device, with the other roles on top.
    Role(String),
}

/// Which way a chain takes. `long_term` says that the key at the bottom is a user's own, not a session's.
#[must_use]
pub fn way(chain: &Chain, long_term: bool) -> Way {
    let first = chain.roles.first();
    let serial = first.and_then(|role| role.mfa_serial.as_ref()).or(chain.mfa_serial.as_ref());
    match (serial, first) {
        (Some(serial), Some(role)) if long_term && role.duration_seconds > Some(CHAINED) => Way::Role(serial.clone()),
        (Some(serial), _) if long_term => Way::Session(serial.clone()),
        _ => Way::Plain,
    }
}

/// Opens a session. Asks for a code if one is needed and may be asked for.
pub async fn open(request: &Request<'_>) -> Result<Opened, SessionError> {
    request.refuse_foreign_role()?;
    let BaseCredentials { provider, credentials, source } = load(request).await?;
    let way = way(request.chain, is_long_term(&credentials));
    let opened = Opened {
        provider,
        session: None,
        ending: Some(ending(&credentials)),
        serial: None,
        mfa: if is_long_term(&credentials) { Mfa::No } else { Mfa::Unknown },
        ends: ends(request, &credentials),
        roles: request.chain.roles.iter().map(|role| role.role_arn.clone()).collect(),
        source,
    };
    match way {
        Way::Plain => plain(request, opened, credentials).await,
        Way::Session(serial) => with_code(request, opened, credentials, serial, None).await,
        Way::Role(serial) => {
            let role = request.chain.roles.first().map(role);
            with_code(request, opened, credentials, serial, role).await
        }
    }
}

/// A session for a user with a device that no file names: `konta auth login` found it.
pub async fn open_with_device(request: &Request<'_>, serial: String) -> Result<Opened, SessionError> {
    let mut chain = request.chain.clone();
    chain.mfa_serial = Some(serial);
    open(&Request { chain: &chain, code: request.code.clone(), program: request.program.clone(), ..*request }).await
}

/// Replaces the held session with a new one, from which the same clients then get their credentials.
pub async fn renew(request: &Request<'_>, opened: &mut Opened) -> Result<(), SessionError> {
    let Some(session) = &opened.session else { return Ok(()) };
    let since = Some(request.since.unwrap_or_else(Timestamp::now));
    let request = Request { since, code: request.code.clone(), program: request.program.clone(), ..*request };
    let load = load(&request).await?;
    let key = session.key().clone();
    let role = key.role.as_ref().and(request.chain.roles.first()).map(role);
    let entry = mfa_session::entry(&request, &Wanted { key, role, base: load.credentials }).await?;
    opened.ends = Some(entry.ends);
    session.replace(entry);
    Ok(())
}

/// The base credentials of a chain as they are: AWS says whose they are without a code.
pub async fn bottom(request: &Request<'_>) -> Result<(SharedCredentialsProvider, Credentials), SessionError> {
    let load = load(request).await?;
    Ok((load.provider, load.credentials))
}

/// Whether keys are a user's own rather than a session's.
#[must_use]
pub fn is_long_term(credentials: &Credentials) -> bool {
    credentials.session_token().is_none()
}

fn ending(credentials: &Credentials) -> String {
    let id = credentials.access_key_id();
    id.chars().skip(id.chars().count().saturating_sub(4)).collect()
}

fn role(step: &RoleStep) -> Role {
    Role {
        arn: step.role_arn.clone(),
        external_id: step.external_id.clone(),
        session_name: step.session_name.clone(),
        duration_seconds: step.duration_seconds,
    }
}

/// The roles on top of a session, each held for at most an hour.
fn on_top(steps: &[RoleStep]) -> Vec<Role> {
    let mut roles: Vec<Role> = steps.iter().map(role).collect();
    for role in &mut roles {
        role.duration_seconds = role.duration_seconds.map(|seconds| seconds.min(CHAINED));
    }
    roles
}

/// No session beneath. Still, a role whose trust policy requires a code gets one if the base credentials are a user's
/// session from elsewhere.
async fn plain(request: &Request<'_>, opened: Opened, base: Credentials) -> Result<Opened, SessionError> {
    let chain = request.chain;
    let Some(first) = chain.roles.first() else { return Ok(opened) };
    let alone = SharedCredentialsProvider::new(base.clone());
    let serial = match &first.mfa_serial {
        Some(serial) if !is_long_term(&base) => serial.clone(),
        _ => {
            let roles = chain.roles.iter().map(role).collect();
            let provider = credentials::assuming(opened.provider, roles, request.region);
            credentials::load(&provider).await?;
            return Ok(Opened { provider, ..opened });
        }
    };
    let sts = Sts::open(alone, request.region).await;
    match sts.assume_role(&role(first), None).await {
        Ok(_) => {
            let roles = chain.roles.iter().map(role).collect();
            Ok(Opened { provider: credentials::assuming(opened.provider, roles, request.region), ..opened })
        }
        // Only a user has a device; a role's session cannot be asked for a code.
        Err(error) if error.is("AccessDenied") && sts.identity().await.is_ok_and(|who| who.user().is_some()) => {
            with_code(request, opened, base, serial, Some(role(first))).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn with_code(
    request: &Request<'_>,
    opened: Opened,
    base: Credentials,
    serial: String,
    role: Option<Role>,
) -> Result<Opened, SessionError> {
    let asked = match &role {
        Some(role) => SignedDuration::from_secs(i64::from(role.duration_seconds.unwrap_or(CHAINED))),
        None => request.duration.unwrap_or(TWELVE_HOURS),
    };
    let key = Key {
        access_key_id: base.access_key_id().to_owned(),
        serial: serial.clone(),
        role: role.as_ref().map(|role| role.arn.clone()),
        partition: request.partition().to_owned(),
        duration_seconds: asked.as_secs(),
    };
    let rest = if role.is_some() { request.chain.roles.get(1..).unwrap_or_default() } else { &request.chain.roles };
    let entry: Entry = mfa_session::entry(request, &Wanted { key: key.clone(), role, base }).await?;
    let ends = entry.ends;
    let session = SessionProvider::new(request.cache.clone(), key, entry);
    let provider = credentials::assuming(provider::shared(&session), on_top(rest), request.region);
    if !rest.is_empty() {
        credentials::load(&provider).await?;
    }
    Ok(Opened { provider, session: Some(session), serial: Some(serial), mfa: Mfa::Yes, ends: Some(ends), ..opened })
}

#[cfg(test)]
mod tests;
