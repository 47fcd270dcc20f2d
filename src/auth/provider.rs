//! Gives the SDK the session beneath a command's clients. It never asks a question: codes are asked for before work
//! starts.

use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use jiff::Timestamp;

use crate::aws::credentials::{Credentials, SharedCredentialsProvider, of_keys};
use crate::aws::error::SessionEnded;

use super::cache::{Cache, Entry, Key};

/// A session opened with a code, as long as it lasts; after that, the one that another command has opened since, if
/// there is one.
#[derive(Debug)]
pub struct SessionProvider {
    cache: Cache,
    key: Key,
    held: Mutex<Entry>,
}

impl SessionProvider {
    /// Holds a session.
    #[must_use]
    pub fn new(cache: Cache, key: Key, entry: Entry) -> Arc<Self> {
        Arc::new(Self { cache, key, held: Mutex::new(entry) })
    }

    /// The session held now.
    #[must_use]
    pub fn entry(&self) -> Entry {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces it with a newer one.
    pub fn replace(&self, entry: Entry) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = entry;
    }

    /// What distinguishes this session from others.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    fn current(&self, now: Timestamp) -> provider::Result {
        let held = self.entry();
        if held.lasts(now) {
            return Ok(credentials(&held));
        }
        if let Ok(Some(newer)) = self.cache.find(&self.key, now) {
            self.replace(newer.clone());
            return Ok(credentials(&newer));
        }
        // The last five minutes are still good if there is nothing better.
        if held.ends > now {
            return Ok(credentials(&held));
        }
        let ended = SessionEnded(format!("the session of {} ended at {}", held.arn, held.ends));
        Err(CredentialsError::not_loaded(ended))
    }
}

impl ProvideCredentials for SessionProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(self.current(Timestamp::now()))
    }
}

/// For the SDK.
#[must_use]
pub fn shared(session: &Arc<SessionProvider>) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Shared(Arc::clone(session)))
}

#[derive(Debug)]
struct Shared(Arc<SessionProvider>);

impl ProvideCredentials for Shared {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        self.0.provide_credentials()
    }
}

fn credentials(entry: &Entry) -> Credentials {
    let keys = &entry.keys;
    of_keys(&keys.access_key_id, &keys.secret_access_key, keys.session_token.as_ref(), entry.ends.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::chain::Keys;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn entry(id: &str, begun: i64, ends: i64) -> Entry {
        Entry {
            keys: Keys {
                access_key_id: id.into(),
                secret_access_key: "secret".into(),
                session_token: Some("token".into()),
                expiration: Some(at(ends)),
            },
            ends: at(ends),
            begun: at(begun),
            user_key: "AKIA".into(),
            serial: "device".into(),
            role: None,
            arn: "arn:aws:iam::123456789012:user/ada".into(),
        }
    }

    #[test]
    fn a_session_that_has_ended_gives_way_to_the_one_another_command_has_opened() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("sessions"));
        let key = Key {
            access_key_id: "AKIA".into(),
            serial: "device".into(),
            role: None,
            partition: "aws".into(),
            duration_seconds: 43_200,
        };
        let session = SessionProvider::new(cache.clone(), key.clone(), entry("ASIA1", 0, 1_000));
        assert_eq!(session.current(at(0)).unwrap().access_key_id(), "ASIA1");
        assert_eq!(session.current(at(900)).unwrap().access_key_id(), "ASIA1", "the last minutes are good too");
        let error = session.current(at(1_000)).unwrap_err();
        let told = crate::aws::AwsError::from_provider(&error);
        assert_eq!(told.code, "ExpiredToken");
        assert!(told.help.unwrap().contains("attaches"));
        cache.write(&key, &entry("ASIA2", 900, 5_000), at(900)).unwrap();
        assert_eq!(session.current(at(1_000)).unwrap().access_key_id(), "ASIA2");
        assert_eq!(session.entry().ends, at(5_000));
    }
}
