//! Which credentials the AWS CLI would take, found without asking AWS and without running anything.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

use crate::auth::surroundings::Surroundings;

use self::walk::{Found, Walk};
use super::files::Files;

pub use self::error::ChainError;

mod error;
mod keys;
mod mfa;
#[cfg(test)]
mod tests;
mod walk;

/// Keys as written in a file or the environment. Debug shows the key id's last four characters only; secrets are wiped
/// on drop.
#[derive(Clone)]
pub struct Keys {
    /// `aws_access_key_id`: `AKIA...` of a user, `ASIA...` of a session.
    pub access_key_id: String,
    /// `aws_secret_access_key`.
    pub secret_access_key: SecretString,
    /// `aws_session_token`, of a session.
    pub session_token: Option<SecretString>,
    /// When the session ends, if the source says so.
    pub expiration: Option<jiff::Timestamp>,
}

impl Keys {
    /// The key id's last four characters, for people.
    #[must_use]
    pub fn ending(&self) -> String {
        let skipped = self.access_key_id.chars().count().saturating_sub(4);
        self.access_key_id.chars().skip(skipped).collect()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("access_key_id", &format_args!("...{}", self.ending()))
            .field("session_token", &self.session_token)
            .field("expiration", &self.expiration)
            .finish_non_exhaustive()
    }
}

/// The base credentials: those at the bottom of a chain.
#[derive(Debug, Clone)]
pub enum Base {
    /// `AWS_ACCESS_KEY_ID` and the variables that go with it.
    Environment(Keys),
    /// Keys in a profile.
    Static {
        /// The profile.
        profile: String,
        /// Its keys.
        keys: Keys,
    },
    /// A program that prints keys (`credential_process`).
    Process {
        /// The profile.
        profile: String,
        /// The command line. It may hold a secret, so it is not shown.
        command: SecretString,
    },
    /// IAM Identity Center; the SDK resolves it from the same files.
    Sso {
        /// The profile.
        profile: String,
    },
    /// A session of `aws login` (`login_session`).
    Login {
        /// The profile.
        profile: String,
    },
    /// A token of an identity provider, as in pipelines.
    WebIdentity {
        /// The profile; `None` if the token is from the environment.
        profile: Option<String>,
        /// The role.
        role_arn: String,
        /// The file that holds the token.
        token_file: PathBuf,
        /// The session's name; if there is none, the caller chooses one.
        session_name: Option<String>,
    },
    /// The container's role (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `AWS_CONTAINER_CREDENTIALS_FULL_URI`).
    Container,
    /// The instance's role; also if nothing was found.
    Instance,
}

impl Base {
    /// "the keys of the profile ada".
    #[must_use]
    pub fn source(&self) -> String {
        match self {
            Self::Environment(_) => "the environment's keys".to_owned(),
            Self::Static { profile, .. } => format!("the keys of the profile {profile}"),
            Self::Process { profile, .. } => format!("the credential_process of the profile {profile}"),
            Self::Sso { profile } => format!("single sign-on of the profile {profile}"),
            Self::Login { profile } => format!("`aws login` of the profile {profile}"),
            Self::WebIdentity { role_arn, .. } => format!("a web identity token for {role_arn}"),
            Self::Container => "the container's role".to_owned(),
            Self::Instance => "the machine's role".to_owned(),
        }
    }
}

/// A role assumed on top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleStep {
    /// The profile that names the role.
    pub profile: String,
    /// `role_arn`.
    pub role_arn: String,
    /// `external_id`.
    pub external_id: Option<String>,
    /// `role_session_name`.
    pub session_name: Option<String>,
    /// `duration_seconds`.
    pub duration_seconds: Option<u32>,
    /// `mfa_serial` of the role's profile. For the role assumed first, its source's or the environment's is used if
    /// there is none.
    pub mfa_serial: Option<String>,
}

/// A profile resolved down to where its keys come from.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The profile; `None` if the environment or the machine decides.
    pub profile: Option<String>,
    /// The base credentials.
    pub base: Base,
    /// The roles on top; the one assumed first comes first.
    pub roles: Vec<RoleStep>,
    /// The device of the base's user.
    pub mfa_serial: Option<String>,
    /// A program that prints a code of the device.
    pub mfa_process: Option<String>,
    /// The region from the environment or the profile.
    pub region: Option<String>,
    /// The profiles walked through, the requested one first.
    pub passed: Vec<String>,
}

/// The chain that a command would use.
///
/// `asked` is the profile named on the command line. Without one, the environment's keys come first, then the profile
/// of `AWS_DEFAULT_PROFILE` or `AWS_PROFILE`, then `default`, then the container, then the instance: botocore's order.
pub fn resolve(files: &Files, asked: Option<&str>, around: &Surroundings) -> Result<Chain, ChainError> {
    let named = asked.or_else(|| around.variable("AWS_DEFAULT_PROFILE")).or_else(|| around.variable("AWS_PROFILE"));
    let profile = named.unwrap_or("default");
    if named.is_some() && files.profile(profile).is_none() {
        return Err(ChainError::unknown_profile(files, profile, who_names(asked, around)));
    }
    let walk = Walk { files, around, with_environment: asked.is_none() };
    let region = around.variable("AWS_REGION").or_else(|| around.variable("AWS_DEFAULT_REGION"));
    let region = match region {
        Some(region) => Some(region),
        None => walk.text(profile, "region")?,
    };
    let found = found(walk, profile, named)?;
    let mut chain = Chain {
        profile: found.passed.first().cloned(),
        base: found.base,
        roles: found.roles,
        mfa_serial: None,
        mfa_process: None,
        region: region.filter(|region| !region.is_empty()).map(ToOwned::to_owned),
        passed: found.passed,
    };
    mfa::complete(&mut chain, files, around);
    Ok(chain)
}

fn found(walk: Walk<'_>, profile: &str, named: Option<&str>) -> Result<Found, ChainError> {
    let alone = |base| Found { base, roles: Vec::new(), passed: Vec::new() };
    if walk.with_environment
        && let Some(keys) = keys::of_environment(walk.around)?
    {
        return Ok(alone(Base::Environment(keys)));
    }
    if let Some(mut found) = walk.from(profile)? {
        if matches!(found.base, Base::WebIdentity { profile: None, .. }) {
            found.passed.clear();
        }
        return Ok(found);
    }
    if walk.with_environment {
        keys::refuse_a_lone_secret_of_environment(walk.around)?;
    }
    let base = if walk.has_container() { Base::Container } else { Base::Instance };
    Ok(Found { passed: named.map(ToOwned::to_owned).into_iter().collect(), ..alone(base) })
}

fn who_names(asked: Option<&str>, around: &Surroundings) -> &'static str {
    match asked {
        Some(_) => "`--profile`",
        None if around.variable("AWS_DEFAULT_PROFILE").is_some() => "`AWS_DEFAULT_PROFILE`",
        None => "`AWS_PROFILE`",
    }
}
