//! From what was seen to a cause and its fix. Pure. The error code alone is not enough: six causes share
//! InvalidClientTokenId.

use serde::Serialize;

use crate::aws::AwsError;

use super::chain::ChainError;
use super::error::SessionError;
use super::mfa_code::CodeError;

mod rows;
#[cfg(test)]
mod tests;

pub use rows::{ROWS, Row};

/// How far a clock may be off before AWS's services refuse what it signs.
pub const CLOCK_LIMIT: i64 = 300;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// AWS refused.
    Refused {
        /// Service and operation, such as `sts AssumeRole`.
        operation: String,
        /// AWS's code.
        code: String,
        /// AWS's message.
        message: String,
    },
    /// The key's kind and the session token do not match.
    TokenMismatch,
    /// A session instead of a user's own key.
    SessionKeys,
    /// A code that is not six digits.
    CodeShape,
    /// There is no one to ask for a code.
    CodeNeeded,
    /// The device shows no codes.
    NoCodeDevice,
    /// The clock is off by more than [`CLOCK_LIMIT`].
    Clock,
}

impl Trouble {
    /// From AWS's answer.
    #[must_use]
    pub fn of_aws(error: &AwsError) -> Self {
        Self::Refused {
            operation: error.operation.to_owned(),
            code: error.code.clone(),
            message: error.message.trim().to_owned(),
        }
    }

    /// From the reason why there is no session, if the table may know it.
    #[must_use]
    pub fn of_session(error: &SessionError) -> Option<Self> {
        Some(match error {
            SessionError::Aws(error) => Self::of_aws(error),
            SessionError::WrongCode { error, .. }
            | SessionError::WrongSerial { error, .. }
            | SessionError::Unavailable { error, .. } => Self::of_aws(error),
            SessionError::SessionKeys { .. } => Self::SessionKeys,
            SessionError::NotACodeDevice { .. } => Self::NoCodeDevice,
            SessionError::CodeNeeded { .. } => Self::CodeNeeded,
            SessionError::Code(CodeError::Shape { .. }) => Self::CodeShape,
            SessionError::Chain(ChainError::TokenMissing { .. } | ChainError::TokenLeftOver { .. }) => {
                Self::TokenMismatch
            }
            _ => return None,
        })
    }
}

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Where the keys come from, for people.
    pub source: String,
    /// The key id's last four characters.
    pub ending: String,
    /// Whether the key is a session's (`ASIA...`, or with a token).
    pub session_key: bool,
    /// Whether GetCallerIdentity works in the region; `None` if it was not called.
    pub known_here: Option<bool>,
    /// Whether it works in us-east-1.
    pub known_elsewhere: Option<bool>,
    /// Seconds that AWS's clock is ahead of this machine's.
    pub clock_offset: Option<i64>,
    /// The signs of Cloud9, for people; empty if there are none.
    pub cloud9: Vec<String>,
    /// The device.
    pub serial: Option<String>,
    /// The ARN of the keys' user or role.
    pub arn: Option<String>,
    /// Whether a code opened the session; `None` if it is unknown.
    pub mfa: Option<bool>,
    /// The region that was called.
    pub region: String,
}

/// A cause, what distinguishes it from others, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// Its row in docs/doctor.md; `None` if it has no row.
    pub row: Option<u8>,
    /// Why it is so.
    pub cause: String,
    /// What distinguishes it from others.
    pub told_by: Option<String>,
    /// What to do, one line each.
    pub fix: Vec<String>,
}

impl Diagnosis {
    /// Cause and fix as the help of an error.
    #[must_use]
    pub fn help(&self) -> String {
        let told = self.told_by.as_ref().map(|told| format!(" ({told})")).unwrap_or_default();
        let mut lines = vec![format!("{}{told}", self.cause)];
        lines.extend(self.fix.iter().map(|fix| format!("- {fix}")));
        lines.join("\n")
    }
}

/// The cause; `None` if the table has none.
#[must_use]
pub fn diagnose(trouble: &Trouble, evidence: &Evidence) -> Option<Diagnosis> {
    let number = number(trouble, evidence)?;
    let row = ROWS.iter().find(|row| row.number == number)?;
    let offset = stated_offset(trouble).or(evidence.clock_offset);
    let fill = |text: &str| fill(text, trouble, evidence, offset);
    Some(Diagnosis {
        row: Some(number),
        cause: fill(row.cause),
        told_by: Some(fill(row.told)),
        fix: row.fix.iter().map(|line| fill(line)).collect(),
    })
}

fn number(trouble: &Trouble, evidence: &Evidence) -> Option<u8> {
    Some(match trouble {
        Trouble::TokenMismatch => 6,
        Trouble::SessionKeys if !evidence.cloud9.is_empty() && evidence.known_here != Some(false) => 1,
        Trouble::SessionKeys => 4,
        Trouble::CodeShape => 13,
        Trouble::CodeNeeded => 20,
        Trouble::NoCodeDevice => 21,
        Trouble::Clock => 17,
        Trouble::Refused { operation, code, message } => return refused(operation, code, message, evidence),
    })
}

fn refused(operation: &str, code: &str, message: &str, evidence: &Evidence) -> Option<u8> {
    match code.strip_suffix("Exception").unwrap_or(code) {
        "RequestExpired" | "RequestTimeTooSkewed" => Some(17),
        // Some services say InvalidSignatureException.
        "SignatureDoesNotMatch" | "InvalidSignature" => {
            let off = evidence.clock_offset.is_some_and(|offset| offset.abs() > CLOCK_LIMIT);
            let stated = message.contains("Signature expired") || message.contains("Signature not yet current");
            Some(if off || stated { 17 } else { 18 })
        }
        "ExpiredToken" => Some(9),
        "RegionDisabled" => Some(8),
        "AccessDenied" => denied(operation, message, evidence),
        "ValidationError" | "Validation" if message.contains("DurationSeconds exceeds") => Some(16),
        "ValidationError" | "Validation" if message.contains("tokenCode") || message.contains("serialNumber") => {
            Some(13)
        }
        "InvalidClientTokenId" => Some(unknown_key(operation, evidence).unwrap_or(5)),
        // The same causes under other services' names.
        "UnrecognizedClient" | "AuthFailure" | "InvalidAccessKeyId" => {
            Some(unknown_key(operation, evidence).unwrap_or(19))
        }
        _ => None,
    }
}

fn denied(operation: &str, message: &str, evidence: &Evidence) -> Option<u8> {
    if message.contains("with session credentials") {
        Some(4)
    } else if message.contains("must provide both MFA serial number") {
        Some(12)
    } else if message.contains("invalid MFA one time pass code") {
        Some(10)
    } else if message.contains("unable to validate MFA code") {
        Some(11)
    } else if message.contains("explicit deny") && evidence.mfa != Some(true) {
        Some(15)
    } else if operation.ends_with(" AssumeRole") {
        Some(14)
    } else {
        None
    }
}

/// What an unknown key means, if something other than the code shows it.
fn unknown_key(operation: &str, evidence: &Evidence) -> Option<u8> {
    let known = evidence.known_here == Some(true);
    let of_user = evidence.arn.as_deref().is_some_and(|arn| arn.contains(":user/"));
    if evidence.session_key && known && !evidence.cloud9.is_empty() {
        return Some(if operation.ends_with(" GetSessionToken") { 1 } else { 2 });
    }
    if operation.starts_with("iam ") && evidence.session_key && known && of_user && evidence.mfa != Some(true) {
        return Some(3);
    }
    if evidence.known_here == Some(false) {
        return Some(if evidence.known_elsewhere == Some(true) { 7 } else { 5 });
    }
    None
}

/// How far the clock is off, by AWS's own message: "Signature expired: A is now earlier than B (C - 15 min.)" was
/// signed at A and read at C.
fn stated_offset(trouble: &Trouble) -> Option<i64> {
    let Trouble::Refused { message, .. } = trouble else { return None };
    let rest = message.strip_prefix("Signature expired: ").or(message.strip_prefix("Signature not yet current: "))?;
    let signed = time(rest.split_whitespace().next()?)?;
    let read = time(rest.rsplit_once('(')?.1.split_whitespace().next()?)?;
    Some(read - signed)
}

fn time(stamp: &str) -> Option<i64> {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", stamp).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_timestamp(time).ok()?.as_second())
}

/// "10 minutes behind": this machine's clock compared with AWS's.
#[must_use]
pub fn clock(offset: i64) -> String {
    let size = offset.unsigned_abs();
    let amount = match size {
        0..120 => format!("{size} s"),
        120..7200 => format!("{} minutes", (size + 30) / 60),
        _ => format!("{} hours", (size + 1800) / 3600),
    };
    format!("{amount} {}", if offset < 0 { "ahead" } else { "behind" })
}

fn fill(text: &str, trouble: &Trouble, evidence: &Evidence, offset: Option<i64>) -> String {
    let arn = evidence.arn.as_deref().unwrap_or("this user");
    let operation = match trouble {
        Trouble::Refused { operation, .. } => operation.as_str(),
        _ => "the call",
    };
    let mfa = match evidence.mfa {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    };
    text.replace("{key}", &evidence.ending)
        .replace("{source}", &evidence.source)
        .replace("{region}", &evidence.region)
        .replace("{serial}", evidence.serial.as_deref().unwrap_or("the device"))
        .replace("{account}", arn.split(':').nth(4).unwrap_or("ACCOUNT"))
        .replace("{user}", arn)
        .replace("{offset}", &offset.map_or_else(|| "wrong".to_owned(), clock))
        .replace("{marks}", &evidence.cloud9.join(", "))
        .replace("{operation}", operation)
        .replace("{mfa}", mfa)
}
