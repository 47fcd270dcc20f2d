//! A command's credentials: which profile, where a code comes from, and who is asked for it.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::process::Command;

use jiff::Timestamp;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::auth::cache::Cache;
use crate::auth::mfa_code::Operator;
use crate::auth::request::Request;
use crate::auth::session::SessionError;
use crate::auth::{Chain, Files, Surroundings, cloud9, resolve};
use crate::aws::credentials::Credentials;
use crate::report::{Palette, message, prompt};

use super::{CommandError, Context};

/// What a command needs to open a session.
#[derive(Debug)]
pub struct Gathered {
    /// The chain of profiles, users and roles.
    pub chain: Chain,
    /// Sessions kept between runs.
    pub cache: Cache,
    /// The region whose token service konta calls.
    pub region: String,
    /// The process's environment: variables and folders.
    pub around: Surroundings,
    cloud9: Vec<String>,
    code: Option<SecretString>,
    allow_root: bool,
    operator: Terminal,
}

impl Gathered {
    /// Gathers it from the options, the environment and AWS's files. `region` is the environment's, if there is a
    /// workspace.
    pub fn of(context: &Context, region: Option<&str>) -> Result<Self, CommandError> {
        let around = Surroundings::of_process();
        let global = context.global();
        let files = Files::read(&around).map_err(SessionError::from)?;
        let chain = resolve(&files, global.profile.as_deref(), &around).map_err(SessionError::from)?;
        let region = region.or(global.region.as_deref()).or(chain.region.as_deref());
        let region = region.map_or_else(|| region_of(chain.mfa_serial.as_deref()).to_owned(), ToOwned::to_owned);
        Ok(Self {
            cache: Cache::of(&around).map_err(SessionError::from)?,
            cloud9: cloud9::signs(&files, &around),
            region,
            chain,
            around,
            code: context.mfa_code()?,
            allow_root: global.allow_root,
            operator: Terminal { palette: context.palette() },
        })
    }

    /// The signs that konta runs in Cloud9.
    #[must_use]
    pub fn cloud9(&self) -> Vec<String> {
        self.cloud9.clone()
    }

    /// Requests a session: an existing one, otherwise a new one, with a code if someone gives it.
    #[must_use]
    pub fn request(&self) -> Request<'_> {
        Request {
            chain: &self.chain,
            region: &self.region,
            cache: &self.cache,
            operator: &self.operator,
            code: self.code.clone(),
            program: self.around.variable("KONTA_MFA_PROCESS").map(Into::into),
            duration: None,
            account: None,
            allow_root: self.allow_root,
            may_ask: true,
            since: None,
            within: self.around.variable("KONTA_PROCESS_OF"),
        }
    }

    /// The same, but a session that is opened from now on.
    #[must_use]
    pub fn request_anew(&self) -> Request<'_> {
        Request { since: Some(Timestamp::now()), ..self.request() }
    }
}

/// A region in the partition of a device, if nothing names a region.
fn region_of(serial: Option<&str>) -> &'static str {
    match serial.and_then(|serial| serial.split(':').nth(1)) {
        Some("aws-cn") => "cn-north-1",
        Some("aws-us-gov") => "us-gov-west-1",
        _ => "us-east-1",
    }
}

/// The first line of standard input, and no more: what follows may be meant for a program that konta starts.
pub fn first_line_of_stdin() -> Result<SecretString, CommandError> {
    let mut stdin = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let mut line = Zeroizing::new(String::with_capacity(64));
    let mut byte = [0_u8];
    while line.len() < 64 && stdin.read(&mut byte)? == 1 && byte[0] != b'\n' {
        line.push(char::from(byte[0]));
    }
    Ok(line.trim().into())
}

/// Variables that would make the program use other credentials, or show it what it need not know.
const REMOVED: [&str; 9] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "KONTA_MFA_CODE",
    "KONTA_PROCESS_OF",
];

/// Gives a program keys in its environment, and removes variables that would make it use others.
pub fn give(command: &mut Command, keys: &Credentials, region: Option<&str>) {
    for name in REMOVED {
        command.env_remove(name);
    }
    command.env("AWS_ACCESS_KEY_ID", keys.access_key_id()).env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key());
    if let Some(token) = keys.session_token() {
        command.env("AWS_SESSION_TOKEN", token);
    }
    if let Some(ends) = rfc3339(keys) {
        command.env("AWS_CREDENTIAL_EXPIRATION", ends);
    }
    if let Some(region) = region {
        command.env("AWS_REGION", region).env("AWS_DEFAULT_REGION", region);
    }
}

/// When keys end, in the form that the protocol needs.
#[must_use]
pub fn rfc3339(keys: &Credentials) -> Option<String> {
    let ends = Timestamp::try_from(keys.expiry()?).ok()?;
    Some(format!("{ends:.0}"))
}

/// The operator at a terminal.
#[derive(Debug)]
struct Terminal {
    palette: Palette,
}

impl Operator for Terminal {
    fn can_ask(&self) -> bool {
        prompt::can_ask()
    }

    fn ask(&self, question: &str) -> Result<SecretString, String> {
        // Shown as it is typed: a code is worthless once it is sent, and a hidden one is mistyped more often.
        prompt::input(question, None, &|_| Ok(())).map(Into::into).map_err(|error| error.to_string())
    }

    fn say(&self, text: &str) {
        message::note(self.palette, text);
    }
}
