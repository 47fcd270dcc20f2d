//! Why there is no session, and the way out.

use miette::Diagnostic;
use thiserror::Error;

use crate::aws::{AwsError, Identity};

use super::cache::CacheError;
use super::chain::{Base, ChainError};
use super::files::FileError;
use super::mfa_code::CodeError;

/// Why there is no session.
#[derive(Debug, Error, Diagnostic)]
pub enum SessionError {
    /// The AWS CLI's files cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Files(#[from] FileError),
    /// The profiles do not lead to keys.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Chain(#[from] ChainError),
    /// konta's cache of sessions cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Cache(#[from] CacheError),
    /// There is no code.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Code(#[from] CodeError),
    /// AWS refused or could not be reached.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Aws(#[from] AwsError),
    /// There is no one to ask for a code.
    #[error("an MFA code of {serial} is needed, and there is no terminal to ask for it")]
    #[diagnostic(
        code(konta::auth::code_needed),
        help(
            "run `konta auth login` at a terminal first, or pass the code on standard input: `--mfa-code -`. A pipeline has no device: let it assume a role by OIDC (`AWS_ROLE_ARN` and `AWS_WEB_IDENTITY_TOKEN_FILE`)"
        )
    )]
    CodeNeeded {
        /// The device.
        serial: String,
    },
    /// AWS refused every code.
    #[error("AWS refuses the code of {serial}: {error}", error = error.message.trim())]
    #[diagnostic(
        code(konta::auth::wrong_code),
        help(
            "wait for the device's next code and run the command again. Check that it is this device and that its clock is right. If codes keep failing, resynchronise it (IAM > Users > Security credentials > Resync)"
        )
    )]
    WrongCode {
        /// The device.
        serial: String,
        /// What AWS said.
        error: Box<AwsError>,
    },
    /// The device is not this user's.
    #[error("{serial} is not an MFA device of {arn}: {error}", error = error.message.trim())]
    #[diagnostic(code(konta::auth::wrong_serial), help("{help}"))]
    WrongSerial {
        /// The device named.
        serial: String,
        /// The user.
        arn: String,
        /// What the serial should look like.
        help: String,
        /// What AWS said.
        error: Box<AwsError>,
    },
    /// A passkey or security key.
    #[error("{serial} is a passkey or security key, which shows no codes")]
    #[diagnostic(
        code(konta::auth::not_a_code_device),
        help(
            "add a virtual MFA device (an authenticator app) to the user and set `mfa_serial` to it, or sign in with the browser: `aws login`"
        )
    )]
    NotACodeDevice {
        /// The device.
        serial: String,
    },
    /// The root user.
    #[error("these are the keys of the root user of account {account}")]
    #[diagnostic(
        code(konta::auth::root),
        help(
            "no policy can restrict the root user: create an IAM user or role for deployments, use its profile, and delete the root user's keys. `--allow-root` uses them all the same"
        )
    )]
    Root {
        /// The account.
        account: String,
    },
    /// An account other than the environment's.
    #[error("these credentials belong to account {is}, but the environment is in {wanted}")]
    #[diagnostic(
        code(konta::auth::other_account),
        help(
            "choose the right profile with `--profile` or `AWS_PROFILE`; `account` in the environment's manifest guards against mix-ups"
        )
    )]
    OtherAccount {
        /// The account of the credentials.
        is: String,
        /// The one that is wanted.
        wanted: String,
    },
    /// A session instead of a user's own key.
    #[error("{source_of_keys} are already a session (...{ending}), and a session cannot open another")]
    #[diagnostic(
        code(konta::auth::session_keys),
        help(
            "unset `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, or name a profile with a user's own key (AKIA...): `konta auth login --profile NAME`"
        )
    )]
    SessionKeys {
        /// Where they are from.
        source_of_keys: String,
        /// The key's last four characters.
        ending: String,
    },
    /// Credentials that need no `konta auth login`.
    #[error("{source_of_keys} needs no `konta auth login`")]
    #[diagnostic(code(konta::auth::no_login), help("{help}"))]
    NoLogin {
        /// Where they are from.
        source_of_keys: String,
        /// What to run instead.
        help: String,
    },
    /// It is unknown which device gives the code.
    #[error("no MFA device is known for {who}: {problem}")]
    #[diagnostic(
        code(konta::auth::no_device),
        help("add `mfa_serial = arn:aws:iam::ACCOUNT:mfa/NAME` to the profile, or set `KONTA_MFA_SERIAL`")
    )]
    NoDevice {
        /// The user.
        who: String,
        /// Why.
        problem: String,
    },
    /// No credentials anywhere.
    #[error("no credentials found")]
    #[diagnostic(
        code(konta::auth::nothing_found),
        help(
            "set `AWS_PROFILE` or `--profile`, or try konta without an account with `--sandbox`; docs/profiles.md says where konta looks, and in which order"
        )
    )]
    NothingFound,
    /// A source that is named gives nothing.
    #[error("{source_of_keys} gives no credentials: {error}", error = error.message)]
    #[diagnostic(code(konta::auth::unavailable), help("{help}"))]
    Unavailable {
        /// Where they should come from.
        source_of_keys: String,
        /// What to do.
        help: String,
        /// What went wrong.
        error: Box<AwsError>,
    },
    /// The profile's program is konta itself, for the same profile.
    #[error("the credential_process of the profile {profile} asks konta for the same profile, which would never end")]
    #[diagnostic(
        code(konta::auth::process_loop),
        help(
            "name the profile that has the keys: `credential_process = konta auth export --format credential-process --profile OTHER`"
        )
    )]
    Loop {
        /// The profile.
        profile: String,
    },
    /// A wait was interrupted.
    #[error("interrupted while waiting for another konta")]
    #[diagnostic(code(konta::auth::interrupted))]
    Interrupted,
}

impl SessionError {
    /// The device is another user's, or its ARN is not a device's.
    pub(super) fn wrong_serial(serial: &str, identity: &Identity, error: AwsError) -> Self {
        let partition = identity.arn.split(':').nth(1).unwrap_or("aws");
        let account = &identity.account;
        let help = match identity.user() {
            Some(user) => format!(
                "a new code would not help. Set `mfa_serial` to the device of {user}, usually arn:{partition}:iam::{account}:mfa/{user}; IAM > Users > {user} > Security credentials shows it"
            ),
            None => "a new code would not help: only a user has an MFA device, and these credentials are not a user's"
                .to_owned(),
        };
        Self::WrongSerial { serial: serial.to_owned(), arn: identity.arn.clone(), help, error: error.into() }
    }

    pub(super) fn unavailable(base: &Base, source_of_keys: String, error: AwsError) -> Self {
        let help = match base {
            Base::Sso { profile } => format!("run `aws sso login --profile {profile}`"),
            Base::Login { profile } => format!("run `aws login --profile {profile}`"),
            Base::Process { .. } => {
                "run the program by hand: it must print AWS's JSON (Version 1) and exit with 0".to_owned()
            }
            Base::WebIdentity { token_file, .. } => {
                format!("check that {} holds a fresh token and that the role trusts its issuer", token_file.display())
            }
            _ => {
                "check that the machine or container has a role and that its metadata service can be reached".to_owned()
            }
        };
        Self::Unavailable { source_of_keys, help, error: error.into() }
    }
}

/// The error for a device that shows no codes.
pub(super) fn no_codes(serial: &str) -> Option<SessionError> {
    serial.contains(":u2f/").then(|| SessionError::NotACodeDevice { serial: serial.to_owned() })
}
