//! A request for a session: whose credentials, for which account, and who can give a code.

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::aws::Identity;

use super::cache::Cache;
use super::chain::Chain;
use super::error::SessionError;
use super::mfa_code::{CodeSource, Operator};

/// The session that a command wants.
pub struct Request<'a> {
    /// Whose credentials, resolved.
    pub chain: &'a Chain,
    /// The region whose STS is called.
    pub region: &'a str,
    /// Sessions kept between runs.
    pub cache: &'a Cache,
    /// Gives a code, and reads why konta waits.
    pub operator: &'a dyn Operator,
    /// `--mfa-code` or `KONTA_MFA_CODE`.
    pub code: Option<SecretString>,
    /// `KONTA_MFA_PROCESS`; the profile's `mfa_process` takes precedence.
    pub program: Option<SecretString>,
    /// How long a new session should last.
    pub duration: Option<SignedDuration>,
    /// The account that it must belong to.
    pub account: Option<&'a str>,
    /// Whether the root user may be used.
    pub allow_root: bool,
    /// Whether a code may be asked for at all.
    pub may_ask: bool,
    /// Sessions begun before this are not used: a new one is wanted.
    pub since: Option<Timestamp>,
    /// The profiles, one per line, whose `credential_process` this process runs in (`KONTA_PROCESS_OF`).
    pub within: Option<&'a str>,
}

impl Request<'_> {
    /// Where a code would come from; `None` if there is nobody to ask.
    #[must_use]
    pub fn code_source(&self) -> Option<CodeSource> {
        if !self.may_ask {
            return None;
        }
        let program = self.chain.mfa_process.as_deref().map(SecretString::from).or_else(|| self.program.clone());
        let person = || self.operator.can_ask().then_some(CodeSource::Person);
        self.code.clone().map(CodeSource::Given).or(program.map(CodeSource::Program)).or_else(person)
    }

    /// `aws`, `aws-cn` or `aws-us-gov`, by the region's name.
    #[must_use]
    pub fn partition(&self) -> &'static str {
        match self.region {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    /// Refuses a foreign account that already shows in the last role's ARN.
    pub(super) fn refuse_foreign_role(&self) -> Result<(), SessionError> {
        let Some(wanted) = self.account else { return Ok(()) };
        let is = self.chain.roles.last().and_then(|role| role.role_arn.split(':').nth(4));
        match is {
            Some(is) if is != wanted => {
                Err(SessionError::OtherAccount { is: is.to_owned(), wanted: wanted.to_owned() })
            }
            _ => Ok(()),
        }
    }
}

/// Refuses the root user and a foreign account.
pub fn admit(identity: &Identity, account: Option<&str>, allow_root: bool) -> Result<(), SessionError> {
    if identity.is_root() && !allow_root {
        return Err(SessionError::Root { account: identity.account.clone() });
    }
    match account {
        Some(wanted) if wanted != identity.account => {
            Err(SessionError::OtherAccount { is: identity.account.clone(), wanted: wanted.to_owned() })
        }
        _ => Ok(()),
    }
}
