//! `konta auth status`: whose credentials these are, their source, with MFA or not, and for how long.

use jiff::Timestamp;
use serde::Serialize;

use crate::auth::request::Request;
use crate::auth::session::{self, Mfa, Opened, SessionError};
use crate::aws::sts::Sts;
use crate::aws::{Identity, credentials};
use crate::commands::credentials::{Gathered, rfc3339};
use crate::commands::exit_code::ExitCode;
use crate::commands::{CommandError, Context};
use crate::report::{message, output, text};

/// The state of the credentials.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    /// Whether commands can run without asking for a code.
    ready: bool,
    account: String,
    arn: String,
    /// `root`, `user`, `role` or `federated`.
    kind: &'static str,
    source: String,
    /// The last four characters of the key at the bottom.
    key: Option<String>,
    mfa: Mfa,
    /// The device whose code opened the session, or is needed to open one.
    device: Option<String>,
    roles: Vec<String>,
    /// RFC 3339, UTC; null if they do not end or their end is unknown.
    ends: Option<String>,
    seconds_left: Option<i64>,
    /// RFC 3339, UTC: when the current keys end; roles, Identity Center and machines renew theirs without asking.
    keys_end: Option<String>,
}

impl Status {
    /// The state of opened credentials.
    pub(super) async fn of(gathered: &Gathered, opened: &Opened) -> Result<Self, CommandError> {
        let keys = credentials::load(&opened.provider).await?;
        let identity = Sts::open(opened.provider.clone(), &gathered.region).await.identity().await?;
        let now = Timestamp::now();
        Ok(Self {
            ready: true,
            account: identity.account.clone(),
            arn: identity.arn.clone(),
            kind: kind(&identity),
            source: opened.source.clone(),
            key: opened.ending.clone(),
            mfa: opened.mfa,
            device: opened.serial.clone(),
            roles: opened.roles.clone(),
            ends: opened.ends.map(|ends| format!("{ends:.0}")),
            seconds_left: opened.ends.map(|ends| ends.duration_since(now).as_secs()),
            keys_end: rfc3339(&keys),
        })
    }

    /// The ARN.
    pub(super) fn arn(&self) -> &str {
        &self.arn
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let mfa = match self.mfa {
            Mfa::Yes => "yes",
            Mfa::No => "no",
            Mfa::Unknown => "unknown: another tool opened the session",
        };
        let left = self
            .seconds_left
            .map(|left| text::duration(std::time::Duration::from_secs(u64::try_from(left).unwrap_or_default())));
        let lasts = match (&self.ends, left) {
            (Some(ends), Some(left)) => format!("until {ends}, {left} from now"),
            _ if !self.ready => "no session".to_owned(),
            _ => "end unknown".to_owned(),
        };
        let key = self.key.as_ref().map(|key| format!(" (...{key})")).unwrap_or_default();
        let mut lines = vec![
            ("account", self.account.clone()),
            ("who", format!("{} ({})", self.arn, self.kind)),
            ("source", format!("{}{key}", self.source)),
            ("MFA", mfa.to_owned()),
        ];
        lines.extend(self.device.iter().map(|device| ("device", device.clone())));
        lines.extend(self.roles.iter().map(|role| ("role", role.clone())));
        lines.push(("lasts", lasts));
        if let Some(end) = self.keys_end.as_ref().filter(|end| self.ends.as_ref() != Some(end)) {
            lines.push(("keys", format!("until {end}, then renewed without asking")));
        }
        lines
    }
}

fn kind(identity: &Identity) -> &'static str {
    let resource = identity.arn.split(':').nth(5).unwrap_or_default();
    match resource.split('/').next().unwrap_or_default() {
        "root" => "root",
        "user" => "user",
        "assumed-role" => "role",
        _ => "federated",
    }
}

/// Shows it; exit code 5 if a code is needed first.
pub(super) async fn run(context: &Context) -> Result<u8, CommandError> {
    let gathered = Gathered::of(context, None)?;
    let request = Request { may_ask: false, ..gathered.request() };
    let (status, needed) = match session::open(&request).await {
        Ok(opened) => (Status::of(&gathered, &opened).await?, None),
        Err(SessionError::CodeNeeded { serial }) => {
            (without_session(&gathered, &request, &serial).await?, Some(serial))
        }
        Err(error) => return Err(error.into()),
    };
    if context.format().is_json() {
        output::print_json(&status)?;
    } else {
        output::print_text(&text::pairs(&status.lines()))?;
    }
    if let Some(serial) = needed {
        message::hint(context.palette(), &format!("a code of {serial} is needed: konta auth login"));
        return Ok(ExitCode::Credentials.code());
    }
    Ok(0)
}

/// Whose key is at the bottom, before anyone has logged in.
async fn without_session(gathered: &Gathered, request: &Request<'_>, serial: &str) -> Result<Status, CommandError> {
    let (provider, keys) = session::bottom(request).await?;
    let identity = Sts::open(provider, &gathered.region).await.identity().await?;
    let id = keys.access_key_id();
    Ok(Status {
        ready: false,
        account: identity.account.clone(),
        arn: identity.arn.clone(),
        kind: kind(&identity),
        source: format!("a key of {}", gathered.chain.passed.last().map_or("the environment", String::as_str)),
        key: Some(id.chars().skip(id.chars().count().saturating_sub(4)).collect()),
        mfa: Mfa::No,
        device: Some(serial.to_owned()),
        roles: gathered.chain.roles.iter().map(|role| role.role_arn.clone()).collect(),
        ends: None,
        seconds_left: None,
        keys_end: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_says_what_kind_of_identity_it_is() {
        let of = |arn: &str| kind(&Identity { account: "123456789012".into(), arn: arn.into() });
        assert_eq!(of("arn:aws:iam::123456789012:root"), "root");
        assert_eq!(of("arn:aws:iam::123456789012:user/team/ada"), "user");
        assert_eq!(of("arn:aws:sts::123456789012:assumed-role/deploy/konta"), "role");
        assert_eq!(of("arn:aws:sts::123456789012:federated-user/ada"), "federated");
    }
}
