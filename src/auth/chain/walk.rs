//! The walk from the requested profile down to its base credentials, in botocore's order.

use std::path::PathBuf;

use crate::auth::surroundings::Surroundings;

use super::super::files::Files;
use super::super::ini::{Body, Value, Values};
use super::error::ChainError;
use super::keys::{self, Named};
use super::{Base, RoleStep};

/// What a walk has found.
pub(super) struct Found {
    pub(super) base: Base,
    /// The one assumed first comes first.
    pub(super) roles: Vec<RoleStep>,
    /// The profiles walked through, the requested one first.
    pub(super) passed: Vec<String>,
}

/// Where the walk looks.
#[derive(Clone, Copy)]
pub(super) struct Walk<'a> {
    pub(super) files: &'a Files,
    pub(super) around: &'a Surroundings,
    /// The environment counts only if no profile is named on the command line.
    pub(super) with_environment: bool,
}

impl<'a> Walk<'a> {
    /// What the profile leads to; `None` if it has nothing.
    pub(super) fn from(self, profile: &'a str) -> Result<Option<Found>, ChainError> {
        if self.has_role(profile) {
            return self.down(profile).map(Some);
        }
        let passed = vec![profile.to_owned()];
        Ok(self.own(profile, self.with_environment)?.map(|base| Found { base, roles: Vec::new(), passed }))
    }

    /// Walks from a profile with a role to the bottom. A loop, not a recursion, so that no file exhausts the stack.
    fn down(self, profile: &'a str) -> Result<Found, ChainError> {
        let mut passed: Vec<String> = vec![profile.to_owned()];
        let mut seen = std::collections::BTreeSet::from([profile]);
        let mut roles = Vec::new();
        let mut at = profile;
        let base = loop {
            roles.push(self.role(at)?);
            let source = match self.source(at)? {
                Source::Machine(base) => break base,
                Source::Profile(source) => source,
            };
            if !seen.insert(source) {
                self.once_more(at, source, &passed)?;
            }
            passed.push(source.to_owned());
            if self.has_keys(source) || !self.has_role(source) {
                let empty = || ChainError::EmptySource { profile: at.to_owned(), source_profile: source.to_owned() };
                break self.own(source, false)?.ok_or_else(empty)?;
            }
            at = source;
        };
        roles.reverse();
        passed.dedup();
        Ok(Found { base, roles, passed })
    }

    /// A profile may name itself, to have its keys and its role in one place; any other repetition is a cycle.
    fn once_more(self, at: &str, source: &str, passed: &[String]) -> Result<(), ChainError> {
        if at != source {
            return Err(ChainError::Cycle { path: format!("{} -> {source}", passed.join(" -> ")) });
        }
        if self.has_keys(source) { Ok(()) } else { Err(ChainError::OwnSource { profile: at.to_owned() }) }
    }

    fn role(self, profile: &str) -> Result<RoleStep, ChainError> {
        let text = |key| Ok::<_, ChainError>(self.text(profile, key)?.map(ToOwned::to_owned));
        let role_arn = text("role_arn")?.unwrap_or_default();
        // The AWS CLI refuses shorter ones too, by STS's own rules.
        if role_arn.len() < 20 || !role_arn.starts_with("arn:") {
            return Err(ChainError::NoRole { place: self.place(profile, "role_arn") });
        }
        Ok(RoleStep {
            profile: profile.to_owned(),
            role_arn,
            external_id: text("external_id")?,
            session_name: text("role_session_name")?,
            // A value that is not a number is skipped, as in botocore.
            duration_seconds: text("duration_seconds")?.and_then(|seconds| seconds.trim().parse().ok()),
            mfa_serial: text("mfa_serial")?.filter(|serial| !serial.is_empty()),
        })
    }

    fn source(self, profile: &'a str) -> Result<Source<'a>, ChainError> {
        let named = self.text(profile, "source_profile")?;
        match (named, self.text(profile, "credential_source")?) {
            (Some(_), Some(_)) => Err(ChainError::TwoSources { profile: profile.to_owned() }),
            (None, None) => Err(ChainError::NoSource { profile: profile.to_owned() }),
            (None, Some(value)) => self.machine(profile, value).map(Source::Machine),
            (Some(source), None) if self.files.profile(source).is_some() => Ok(Source::Profile(source)),
            (Some(source), None) => {
                let by = format!("`source_profile` of `{profile}`");
                Err(ChainError::unknown_profile(self.files, source, by))
            }
        }
    }

    fn machine(self, profile: &str, value: &str) -> Result<Base, ChainError> {
        let empty = |variable| ChainError::EmptyCredentialSource {
            profile: profile.to_owned(),
            value: value.to_owned(),
            variable,
        };
        match value {
            "Environment" => {
                keys::of_environment(self.around)?.map(Base::Environment).ok_or_else(|| empty("AWS_ACCESS_KEY_ID"))
            }
            "EcsContainer" if self.has_container() => Ok(Base::Container),
            "EcsContainer" => Err(empty("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")),
            "Ec2InstanceMetadata" => Ok(Base::Instance),
            _ => Err(ChainError::UnknownCredentialSource { profile: profile.to_owned(), value: value.to_owned() }),
        }
    }

    /// Whether a container offers credentials.
    pub(super) fn has_container(self) -> bool {
        let variables = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
        variables.iter().any(|name| self.around.variables.contains_key(*name))
    }

    /// The profile's own credentials, without a role on top; `None` if it has none.
    fn own(self, profile: &str, with_environment: bool) -> Result<Option<Base>, ChainError> {
        if let Some(base) = self.web_identity(profile, with_environment)? {
            return Ok(Some(base));
        }
        if self.has_sso(profile)? {
            return Ok(Some(Base::Sso { profile: profile.to_owned() }));
        }
        let Some(both) = self.files.profile(profile) else { return Ok(None) };
        let keys = |values: &Option<Values>, path: &PathBuf| match values {
            Some(values) => keys::of_section(values, &Named { path, profile }),
            None => Ok(None),
        };
        let fixed = |keys| Base::Static { profile: profile.to_owned(), keys };
        if let Some(keys) = keys(&both.shared, &self.files.credentials)? {
            return Ok(Some(fixed(keys)));
        }
        if both.value("login_session").is_some() {
            return Ok(Some(Base::Login { profile: profile.to_owned() }));
        }
        if let Some(command) = self.text(profile, "credential_process")? {
            if command.trim().is_empty() {
                return Err(self.empty(profile, "credential_process"));
            }
            return Ok(Some(Base::Process { profile: profile.to_owned(), command: command.into() }));
        }
        if let Some(keys) = keys(&both.configured, &self.files.config)? {
            return Ok(Some(fixed(keys)));
        }
        keys::refuse_a_lone_secret(both, self.files, profile)?;
        Ok(None)
    }

    /// A variable wins over the profile's key; an empty one hides it.
    fn web_identity(self, profile: &str, with_environment: bool) -> Result<Option<Base>, ChainError> {
        let variable = |name: &str| self.around.variables.get(name).filter(|_| with_environment).map(String::as_str);
        let one = |name, key| match variable(name) {
            Some(value) => Ok(Some(value)),
            None => self.text(profile, key),
        };
        let token_file = one("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file")?.filter(|file| !file.is_empty());
        let Some(token_file) = token_file else { return Ok(None) };
        let of_environment = variable("AWS_WEB_IDENTITY_TOKEN_FILE").is_some();
        let Some(role_arn) = one("AWS_ROLE_ARN", "role_arn")?.filter(|role| !role.is_empty()) else {
            return Err(if of_environment {
                ChainError::NoWebRole { place: "the environment".to_owned(), role: "AWS_ROLE_ARN" }
            } else {
                ChainError::NoWebRole { place: format!("the profile `{profile}`"), role: "role_arn" }
            });
        };
        Ok(Some(Base::WebIdentity {
            profile: (!of_environment).then(|| profile.to_owned()),
            role_arn: role_arn.to_owned(),
            token_file: PathBuf::from(token_file),
            session_name: one("AWS_ROLE_SESSION_NAME", "role_session_name")?.map(ToOwned::to_owned),
        }))
    }

    /// Whether the profile uses IAM Identity Center; an error if its settings are incomplete or contradictory.
    fn has_sso(self, profile: &str) -> Result<bool, ChainError> {
        let has = |key: &str| self.value(profile, key).is_some();
        if !has("sso_role_name") && !has("sso_account_id") {
            return Ok(false);
        }
        let session = match self.text(profile, "sso_session")? {
            Some(name) => {
                let unknown = || ChainError::unknown_sso_session(self.files, profile, name);
                Some(self.files.sso_session(name).ok_or_else(unknown)?)
            }
            None => None,
        };
        if let Some(key) = session.and_then(|session| self.contradiction(profile, session)) {
            return Err(ChainError::TwoValues { profile: profile.to_owned(), key });
        }
        let missing: Vec<&str> = ["sso_role_name", "sso_account_id", "sso_start_url", "sso_region"]
            .into_iter()
            .filter(|key| !has(key) && session.is_none_or(|session| session.get(key).is_none()))
            .collect();
        if missing.is_empty() {
            return Ok(true);
        }
        Err(ChainError::IncompleteSso { profile: profile.to_owned(), missing: missing.join("`, `") })
    }

    fn contradiction(self, profile: &str, session: &Values) -> Option<String> {
        let differs = |key: &&str| match (self.value(profile, key), session.get(key)) {
            (Some(own), Some(theirs)) => match (&own.body, &theirs.body) {
                (Body::Text(own), Body::Text(theirs)) => own != theirs,
                _ => true,
            },
            _ => false,
        };
        session.keys().find(differs).map(ToOwned::to_owned)
    }

    /// A web identity has its own `role_arn`, which is not assumed on top.
    fn has_role(self, profile: &str) -> bool {
        let has = |key| self.value(profile, key).is_some();
        has("role_arn") && !has("web_identity_token_file")
    }

    fn has_keys(self, profile: &str) -> bool {
        ["aws_access_key_id", "aws_secret_access_key"].iter().any(|key| self.value(profile, key).is_some())
    }

    fn value(self, profile: &str, key: &str) -> Option<&'a Value> {
        self.files.profile(profile)?.value(key)
    }

    /// The text of a key; a block of settings in its place is an error.
    pub(super) fn text(self, profile: &str, key: &'static str) -> Result<Option<&'a str>, ChainError> {
        match self.value(profile, key).map(|value| &value.body) {
            None => Ok(None),
            Some(Body::Text(text)) => Ok(Some(text)),
            Some(Body::Block) => {
                let problem = "is followed by a block of settings";
                Err(ChainError::NoText { place: self.place(profile, key), key, problem })
            }
        }
    }

    fn empty(self, profile: &str, key: &'static str) -> ChainError {
        ChainError::NoText { place: self.place(profile, key), key, problem: "is empty" }
    }

    fn place(self, profile: &str, key: &str) -> String {
        self.files.place(profile, key).unwrap_or_else(|| format!("the profile `{profile}`"))
    }
}

/// Whose credentials assume a role.
enum Source<'a> {
    Profile(&'a str),
    Machine(Base),
}
