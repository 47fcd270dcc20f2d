//! `konta auth export`: writes the session for another tool.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::auth::session::{self, quoted};
use crate::aws::credentials::{self, Credentials};
use crate::commands::credentials::{Gathered, rfc3339};
use crate::commands::{CommandError, Context};
use crate::report::output;

/// Write the session for another tool
///
/// In ~/.aws/config write `credential_process = konta auth export --format credential-process --profile NAME`, where
/// NAME is the profile with the keys or the role. Without a terminal konta never asks for a code: log in first.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Format of the credentials
    #[arg(long, value_enum)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// JSON for `credential_process` in ~/.aws/config, for the AWS CLI, Terraform and every SDK
    CredentialProcess,
    /// Lines for a shell: eval "$(konta auth export --format env)"
    Env,
}

/// AWS's protocol, version 1. Source: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Process<'a> {
    version: u32,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
}

/// Writes it.
pub(super) async fn run(context: &Context, args: &ExportArgs) -> Result<u8, CommandError> {
    let gathered = Gathered::of(context, None)?;
    let opened = session::open(&gathered.request()).await?;
    let keys = credentials::load(&opened.provider).await?;
    let written = match args.format {
        Format::CredentialProcess => process(&keys)?,
        Format::Env => shell(&keys),
    };
    output::print_text(&written)?;
    Ok(0)
}

fn process(keys: &Credentials) -> Result<Zeroizing<String>, CommandError> {
    let told = Process {
        version: 1,
        access_key_id: keys.access_key_id(),
        secret_access_key: keys.secret_access_key(),
        session_token: keys.session_token(),
        expiration: rfc3339(keys),
    };
    Ok(Zeroizing::new(serde_json::to_string(&told).map_err(std::io::Error::from)?))
}

fn shell(keys: &Credentials) -> Zeroizing<String> {
    let mut lines = Zeroizing::new(String::with_capacity(4096));
    let ends = rfc3339(keys);
    let variables = [
        ("AWS_ACCESS_KEY_ID", Some(keys.access_key_id())),
        ("AWS_SECRET_ACCESS_KEY", Some(keys.secret_access_key())),
        ("AWS_SESSION_TOKEN", keys.session_token()),
        ("AWS_CREDENTIAL_EXPIRATION", ends.as_deref()),
    ];
    for (name, value) in variables {
        // A variable left over from another session would break this one.
        let _ = match value {
            Some(value) => writeln!(lines, "export {name}={}", quoted(value)),
            None => writeln!(lines, "unset {name}"),
        };
    }
    lines.push_str("unset AWS_PROFILE AWS_DEFAULT_PROFILE\n");
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocol_has_its_names_and_leaves_out_what_is_not_there() {
        let keys = Credentials::new("AKIAX", "se'cret", None, None, "test");
        assert_eq!(*process(&keys).unwrap(), r#"{"Version":1,"AccessKeyId":"AKIAX","SecretAccessKey":"se'cret"}"#);
        let ends = std::time::UNIX_EPOCH + std::time::Duration::from_hours(500_000);
        let keys = Credentials::new("ASIAX", "s", Some("t".into()), Some(ends), "test");
        let said: serde_json::Value = serde_json::from_str(&process(&keys).unwrap()).unwrap();
        assert_eq!(said["SessionToken"], "t");
        assert_eq!(said["Expiration"], "2027-01-15T08:00:00Z");
    }

    #[test]
    fn a_shell_takes_any_secret_and_forgets_the_old_session() {
        let lines = shell(&Credentials::new("AKIAX", "a'b $(x)", None, None, "test"));
        assert!(lines.contains(r"export AWS_SECRET_ACCESS_KEY='a'\''b $(x)'"), "{}", *lines);
        assert!(lines.contains("unset AWS_SESSION_TOKEN\n"));
    }
}
