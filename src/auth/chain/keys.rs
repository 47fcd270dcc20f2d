//! Keys as written in a section or the environment, and what is wrong with them, found before AWS is asked.

use std::path::Path;

use crate::auth::surroundings::Surroundings;

use super::super::files::{Files, Profile};
use super::super::ini::{Body, Values};
use super::Keys;
use super::error::ChainError;

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";

/// A section of a file, for people.
pub(super) struct Named<'a> {
    pub(super) path: &'a Path,
    pub(super) profile: &'a str,
}

impl Named<'_> {
    fn place(&self, values: &Values, key: &str) -> String {
        let line = values.get(key).map(|value| format!(":{}", value.line)).unwrap_or_default();
        format!("{}{line} [{}]", self.path.display(), self.profile)
    }
}

/// The keys of one section. Like botocore, konta never pairs a key id from one file with a secret from the other.
pub(super) fn of_section(values: &Values, named: &Named<'_>) -> Result<Option<Keys>, ChainError> {
    let text = |key: &str| match &values.get(key)?.body {
        Body::Text(text) if !text.is_empty() => Some(text.as_str()),
        _ => None,
    };
    if values.get(ID).is_none() {
        return Ok(None);
    }
    let place = || named.place(values, ID);
    let half = |present, missing| ChainError::HalfAKey { place: place(), present, missing };
    let id = text(ID).ok_or_else(|| half(ID, "value for it"))?;
    let secret = text(SECRET).ok_or_else(|| half(ID, "`aws_secret_access_key`"))?;
    // The older name wins, even if it is empty.
    let older = values.get("aws_security_token").map(|_| "aws_security_token");
    let token_key = older.unwrap_or("aws_session_token");
    let keys = Keys {
        access_key_id: id.to_owned(),
        secret_access_key: secret.into(),
        session_token: text(token_key).map(Into::into),
        expiration: None,
    };
    fitting(keys, place, token_key).map(Some)
}

/// The keys of the environment.
pub(super) fn of_environment(around: &Surroundings) -> Result<Option<Keys>, ChainError> {
    let place = || "the environment".to_owned();
    let half = |present, missing| ChainError::HalfAKey { place: place(), present, missing };
    let Some(id) = around.variable("AWS_ACCESS_KEY_ID") else { return Ok(None) };
    let secret = around.variable("AWS_SECRET_ACCESS_KEY");
    let secret = secret.ok_or_else(|| half("AWS_ACCESS_KEY_ID", "`AWS_SECRET_ACCESS_KEY`"))?;
    let token = ["AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"].into_iter().find(|name| around.variable(name).is_some());
    let keys = Keys {
        access_key_id: id.to_owned(),
        secret_access_key: secret.into(),
        session_token: token.and_then(|name| around.variable(name)).map(Into::into),
        expiration: around.variable("AWS_CREDENTIAL_EXPIRATION").and_then(|time| time.parse().ok()),
    };
    fitting(keys, place, token.unwrap_or("AWS_SESSION_TOKEN")).map(Some)
}

/// botocore skips a secret without a key id. If nothing else is found either, the secret was meant to be used.
pub(super) fn refuse_a_lone_secret(profile: &Profile, files: &Files, name: &str) -> Result<(), ChainError> {
    for (values, path) in [(&profile.shared, &files.credentials), (&profile.configured, &files.config)] {
        if let Some(values) = values.as_ref().filter(|values| values.get(SECRET).is_some()) {
            let place = Named { path, profile: name }.place(values, SECRET);
            return Err(ChainError::HalfAKey { place, present: SECRET, missing: "`aws_access_key_id`" });
        }
    }
    Ok(())
}

/// The same for the environment.
pub(super) fn refuse_a_lone_secret_of_environment(around: &Surroundings) -> Result<(), ChainError> {
    if around.variable("AWS_SECRET_ACCESS_KEY").is_none() || around.variable("AWS_ACCESS_KEY_ID").is_some() {
        return Ok(());
    }
    let place = "the environment".to_owned();
    Err(ChainError::HalfAKey { place, present: "AWS_SECRET_ACCESS_KEY", missing: "`AWS_ACCESS_KEY_ID`" })
}

/// A session's key needs a token, and a user's key has none: AWS would refuse a mismatch without saying why.
fn fitting(keys: Keys, place: impl Fn() -> String, token: &'static str) -> Result<Keys, ChainError> {
    let ending = keys.ending();
    match (keys.access_key_id.get(..4), &keys.session_token) {
        (Some("ASIA"), None) => Err(ChainError::TokenMissing { place: place(), ending, token }),
        (Some("AKIA"), Some(_)) => Err(ChainError::TokenLeftOver { place: place(), ending, token }),
        _ => Ok(keys),
    }
}
