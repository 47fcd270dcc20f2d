//! Why the files and the environment give no chain.

use miette::Diagnostic;
use thiserror::Error;

use super::super::files::{FileError, Files};

/// How many names a help text lists at most.
const LISTED: usize = 20;

/// Why there is no chain. Of the values, it quotes only names and ARNs.
#[derive(Debug, Error, Diagnostic)]
pub enum ChainError {
    /// A file cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    File(#[from] FileError),
    /// There is no such profile.
    #[error("{by} names the profile `{name}`, which does not exist")]
    #[diagnostic(code(konta::auth::unknown_profile), help("{help}"))]
    UnknownProfile {
        /// Its name.
        name: String,
        /// What names it.
        by: String,
        /// Similar names, and those that exist.
        help: String,
    },
    /// Profiles name each other in a cycle.
    #[error("the profiles name each other as `source_profile` in a cycle: {path}")]
    #[diagnostic(
        code(konta::auth::cycle),
        help("set `source_profile` of the last one to a profile with keys, single sign-on or `credential_process`")
    )]
    Cycle {
        /// The names passed, with arrows between them.
        path: String,
    },
    /// A profile is its own source and has no keys.
    #[error("the profile `{profile}` names itself as `source_profile` and has no keys")]
    #[diagnostic(
        code(konta::auth::own_source),
        help(
            "add `aws_access_key_id` and `aws_secret_access_key` to it, or name another profile that has credentials"
        )
    )]
    OwnSource {
        /// The profile.
        profile: String,
    },
    /// The source of a role has no credentials.
    #[error("`{source_profile}`, the `source_profile` of `{profile}`, has no credentials")]
    #[diagnostic(
        code(konta::auth::empty_source),
        help("give `{source_profile}` keys, single sign-on, a login session, `credential_process` or its own role")
    )]
    EmptySource {
        /// The role's profile.
        profile: String,
        /// Its source.
        source_profile: String,
    },
    /// A role with two sources.
    #[error("the profile `{profile}` has both `source_profile` and `credential_source`")]
    #[diagnostic(code(konta::auth::two_sources), help("remove one of them: a role is assumed with one identity"))]
    TwoSources {
        /// The profile.
        profile: String,
    },
    /// A role without a source.
    #[error("the profile `{profile}` has a `role_arn` but does not say whose credentials assume the role")]
    #[diagnostic(
        code(konta::auth::no_source),
        help(
            "add `source_profile = NAME`, the name of a profile with credentials, \
             or `credential_source = Environment`, `Ec2InstanceMetadata` or `EcsContainer`"
        )
    )]
    NoSource {
        /// The profile.
        profile: String,
    },
    /// A `credential_source` that does not exist.
    #[error("the profile `{profile}` has the unknown `credential_source` `{value}`")]
    #[diagnostic(
        code(konta::auth::unknown_credential_source),
        help("write `Environment`, `Ec2InstanceMetadata` or `EcsContainer`, with these capitals")
    )]
    UnknownCredentialSource {
        /// The profile.
        profile: String,
        /// What it says.
        value: String,
    },
    /// A `credential_source` without credentials.
    #[error("the profile `{profile}` takes its credentials from `{value}`, but `{variable}` is not set")]
    #[diagnostic(
        code(konta::auth::empty_credential_source),
        help("set `{variable}`, or name a `source_profile` in the profile")
    )]
    EmptyCredentialSource {
        /// The profile.
        profile: String,
        /// The source.
        value: String,
        /// The variable that it needs.
        variable: &'static str,
    },
    /// A `role_arn` that is not the ARN of a role.
    #[error("{place}: `role_arn` is not the ARN of a role")]
    #[diagnostic(code(konta::auth::no_role), help("write it in full: arn:aws:iam::123456789012:role/NAME"))]
    NoRole {
        /// Where it is.
        place: String,
    },
    /// One half of a pair of keys.
    #[error("{place} has `{present}` but no {missing}")]
    #[diagnostic(
        code(konta::auth::half_a_key),
        help("paste both again (for a session, the token too), or remove `{present}`")
    )]
    HalfAKey {
        /// File and section, or the environment.
        place: String,
        /// What is there.
        present: &'static str,
        /// What is not.
        missing: &'static str,
    },
    /// A session's key without its token.
    #[error("{place}: the key ...{ending} is a session's (ASIA), but its token is missing")]
    #[diagnostic(
        code(konta::auth::token_missing),
        help(
            "paste all three again: key id, secret and `{token}`; without the token, AWS answers InvalidClientTokenId"
        )
    )]
    TokenMissing {
        /// Where the key is.
        place: String,
        /// The last characters of its id.
        ending: String,
        /// What the token is called there.
        token: &'static str,
    },
    /// A user's key with a token that cannot be its own.
    #[error("{place}: the key ...{ending} is a user's (AKIA), but the token next to it belongs to another key")]
    #[diagnostic(
        code(konta::auth::token_left_over),
        help("remove `{token}`, left over from an older session: with it, AWS answers InvalidClientTokenId")
    )]
    TokenLeftOver {
        /// Where the key is.
        place: String,
        /// The last characters of its id.
        ending: String,
        /// What the token is called there.
        token: &'static str,
    },
    /// An `sso_session` that does not exist.
    #[error("the profile `{profile}` names the `sso_session` `{session}`, which does not exist")]
    #[diagnostic(code(konta::auth::unknown_sso_session), help("{help}"))]
    UnknownSsoSession {
        /// The profile.
        profile: String,
        /// The session's name.
        session: String,
        /// How to create it, and those that exist.
        help: String,
    },
    /// Single sign-on without a key that it needs.
    #[error("the profile `{profile}` uses single sign-on but lacks `{missing}`")]
    #[diagnostic(
        code(konta::auth::incomplete_sso),
        help("run `aws configure sso --profile {profile}`, which writes all that is needed")
    )]
    IncompleteSso {
        /// The profile.
        profile: String,
        /// The keys that are missing, with backticks between them.
        missing: String,
    },
    /// Profile and `sso-session` contradict each other.
    #[error("`{key}` of the profile `{profile}` differs from that of its sso-session")]
    #[diagnostic(code(konta::auth::two_values), help("remove `{key}` from the profile: the sso-session has it"))]
    TwoValues {
        /// The profile.
        profile: String,
        /// The key.
        key: String,
    },
    /// A token of an identity provider without a role for it.
    #[error("{place} has a web identity token but no role")]
    #[diagnostic(code(konta::auth::no_web_role), help("set `{role}` to the role that trusts the identity provider"))]
    NoWebRole {
        /// The profile or the environment.
        place: String,
        /// What the role is called there.
        role: &'static str,
    },
    /// A block of settings or nothing where text is needed.
    #[error("{place}: `{key}` {problem}")]
    #[diagnostic(code(konta::auth::no_text), help("write the value after `{key} =`, on the same line"))]
    NoText {
        /// Where it is.
        place: String,
        /// The key.
        key: &'static str,
        /// What is there instead.
        problem: &'static str,
    },
}

impl ChainError {
    /// A profile that neither file has.
    pub(super) fn unknown_profile(files: &Files, name: &str, by: impl Into<String>) -> Self {
        Self::UnknownProfile { name: name.to_owned(), by: by.into(), help: unknown_profile_help(files, name) }
    }

    /// A session that the configuration file does not have.
    pub(super) fn unknown_sso_session(files: &Files, profile: &str, session: &str) -> Self {
        let path = files.config.display();
        let known = listed(files.sso_session_names());
        let help = format!("add a section `[sso-session {session}]` to {path}, or run `aws configure sso`; {known}");
        Self::UnknownSsoSession { profile: profile.to_owned(), session: session.to_owned(), help }
    }
}

fn unknown_profile_help(files: &Files, name: &str) -> String {
    if let Some(line) = files.stray(name) {
        return format!("{}:{line} says `[{name}]`; in this file, write `[profile {name}]`", files.config.display());
    }
    if files.profile(&format!("profile {name}")).is_some() {
        return format!("{} says `[profile {name}]`; in this file, write `[{name}]`", files.credentials.display());
    }
    if name.contains(' ') && files.stray(&format!("profile {name}")).is_some() {
        return format!("put a name with spaces in quotes: [profile \"{name}\"]");
    }
    let near = match files.near(name).first() {
        Some(near) => format!("did you mean `{near}`? "),
        None => String::new(),
    };
    format!(
        "{near}{}; konta reads {} and {}",
        listed(files.names()),
        files.config.display(),
        files.credentials.display()
    )
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.len() {
        0 => "none exists".to_owned(),
        count if count > LISTED => format!("these exist: {}, and {} more", names[..LISTED].join(", "), count - LISTED),
        _ => format!("these exist: {}", names.join(", ")),
    }
}
