//! Asking for a session with a code: once for all commands that run side by side, and again only if another code can
//! help.

use jiff::{SignedDuration, Timestamp};

use crate::aws::credentials::{Credentials, SharedCredentialsProvider};
use crate::aws::sts::{Mfa, Role, Sts};
use crate::aws::{AwsError, Identity};

use super::cache::{Cache, CacheError, Entry, Key, Lock};
use super::chain::Keys;
use super::error::{SessionError, no_codes};
use super::mfa_code::{self, CodeSource, Operator};
use super::request::{Request, admit};

/// How many codes konta asks for before it gives up.
const ATTEMPTS: usize = 3;
/// The longest session of the root user: AWS's limit.
const ROOT: SignedDuration = SignedDuration::from_hours(1);

/// The session that is wanted.
pub(super) struct Wanted {
    pub key: Key,
    /// The role that the code is for; `None` for the user's own session.
    pub role: Option<Role>,
    /// The credentials that ask for it.
    pub base: Credentials,
}

/// The session from the cache, else a new one.
pub(super) async fn entry(request: &Request<'_>, wanted: &Wanted) -> Result<Entry, SessionError> {
    if let Some(entry) = kept(request, wanted)? {
        return Ok(entry);
    }
    let serial = &wanted.key.serial;
    if let Some(reason) = no_codes(serial) {
        return Err(reason);
    }
    if !request.may_ask {
        return Err(SessionError::CodeNeeded { serial: serial.clone() });
    }
    let _lock = locked(request.cache, serial, request.operator).await?;
    // The command that held the lock may have opened it meanwhile.
    if let Some(entry) = kept(request, wanted)? {
        return Ok(entry);
    }
    let source = request.code_source().ok_or_else(|| SessionError::CodeNeeded { serial: serial.clone() })?;
    let sts = Sts::open(SharedCredentialsProvider::new(wanted.base.clone()), request.region).await;
    // Keys that AWS does not know, the root user and a foreign account are refused before anyone looks for the device.
    let identity = sts.identity().await?;
    let account = if request.chain.roles.is_empty() { request.account } else { None };
    admit(&identity, account, request.allow_root)?;
    ask(request, wanted, &sts, &source, &identity).await
}

fn kept(request: &Request<'_>, wanted: &Wanted) -> Result<Option<Entry>, CacheError> {
    let found = request.cache.find(&wanted.key, Timestamp::now())?;
    Ok(found.filter(|entry| request.since.is_none_or(|since| entry.begun >= since)))
}

async fn locked(cache: &Cache, serial: &str, operator: &dyn Operator) -> Result<Lock, SessionError> {
    if let Some(lock) = cache.try_lock(serial)? {
        return Ok(lock);
    }
    operator.say(&format!("another konta is asking for a code of {serial}; waiting for it"));
    let (cache, serial) = (cache.clone(), serial.to_owned());
    let waited = tokio::task::spawn_blocking(move || cache.lock(&serial)).await;
    waited.map_err(|_| SessionError::Interrupted)?.map_err(Into::into)
}

async fn ask(
    request: &Request<'_>,
    wanted: &Wanted,
    sts: &Sts,
    source: &CodeSource,
    identity: &Identity,
) -> Result<Entry, SessionError> {
    let serial = wanted.key.serial.as_str();
    let mut again = None;
    for attempt in 1..=ATTEMPTS {
        let code = mfa_code::fresh(source, request.cache, serial, request.operator, again.take()).await?;
        let begun = Timestamp::now();
        match call(wanted, sts, &Mfa { serial, code: &code }, identity).await {
            Ok(credentials) => {
                let entry = new_entry(wanted, identity, &credentials, begun)?;
                request.cache.write(&wanted.key, &entry, begun)?;
                return Ok(entry);
            }
            Err(error) if is_wrong_code(&error) => match source {
                CodeSource::Person if attempt < ATTEMPTS => {
                    again = Some("AWS refused this code: it was mistyped, too old or already used".to_owned());
                }
                CodeSource::Program(_) if attempt < ATTEMPTS => {
                    mfa_code::next_step(request.operator, "AWS refused the code").await;
                }
                _ => return Err(SessionError::WrongCode { serial: serial.to_owned(), error: error.into() }),
            },
            // Another code would not help.
            Err(error) if is_wrong_serial(&error) => {
                return Err(SessionError::wrong_serial(serial, identity, error));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(SessionError::Interrupted)
}

async fn call(wanted: &Wanted, sts: &Sts, mfa: &Mfa<'_>, identity: &Identity) -> Result<Credentials, AwsError> {
    if let Some(role) = &wanted.role {
        return sts.assume_role(role, Some(mfa)).await;
    }
    let asked = SignedDuration::from_secs(wanted.key.duration_seconds);
    let allowed = if identity.is_root() { asked.min(ROOT) } else { asked };
    sts.session(mfa, i32::try_from(allowed.as_secs()).unwrap_or(i32::MAX)).await
}

fn new_entry(
    wanted: &Wanted,
    identity: &Identity,
    credentials: &Credentials,
    begun: Timestamp,
) -> Result<Entry, SessionError> {
    let ends = credentials.expiry().and_then(|ends| Timestamp::try_from(ends).ok());
    let ends = ends.ok_or_else(|| AwsError::incomplete("sts GetSessionToken", "expiration"))?;
    Ok(Entry {
        keys: Keys {
            access_key_id: credentials.access_key_id().to_owned(),
            secret_access_key: credentials.secret_access_key().into(),
            session_token: credentials.session_token().map(Into::into),
            expiration: Some(ends),
        },
        ends,
        begun,
        user_key: wanted.key.access_key_id.clone(),
        serial: wanted.key.serial.clone(),
        role: wanted.key.role.clone(),
        arn: wanted.role.as_ref().map_or_else(|| identity.arn.clone(), |role| role.arn.clone()),
    })
}

/// "MultiFactorAuthentication failed with invalid MFA one time pass code."
fn is_wrong_code(error: &AwsError) -> bool {
    error.is("AccessDenied") && error.message.contains("one time pass code") && error.message.contains("invalid")
}

/// "MultiFactorAuthentication failed, unable to validate MFA code. Please verify your MFA serial number is valid and
/// associated with this user."
fn is_wrong_serial(error: &AwsError) -> bool {
    error.is("AccessDenied") && error.message.contains("unable to validate MFA code")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(message: &str) -> AwsError {
        let code = "AccessDenied".to_owned();
        AwsError { operation: "sts GetSessionToken", code, message: message.to_owned(), help: None }
    }

    #[test]
    fn a_wrong_code_is_told_from_a_wrong_serial() {
        let code = denied("MultiFactorAuthentication failed with invalid MFA one time pass code. ");
        let serial = denied(
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.",
        );
        let both =
            denied("MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.");
        assert!(is_wrong_code(&code) && !is_wrong_serial(&code));
        assert!(is_wrong_serial(&serial) && !is_wrong_code(&serial));
        assert!(!is_wrong_code(&both) && !is_wrong_serial(&both));
    }
}
