//! `konta auth login`: opens a new session with MFA.

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use crate::auth::Base;
use crate::auth::request::Request;
use crate::auth::session::{self, LONGEST, Opened, SHORTEST, SessionError, is_long_term};
use crate::aws::credentials::{Credentials, SharedCredentialsProvider};
use crate::aws::sts::Sts;
use crate::aws::{Aws, Target};
use crate::commands::credentials::Gathered;
use crate::commands::{CommandError, Context};
use crate::report::{message, output, text};

use super::status::Status;

/// Open a session with a code of the MFA device
#[derive(Debug, Args)]
pub(super) struct LoginArgs {
    /// Length of the session, such as 8h or 90m: from 15 minutes to 36 hours
    #[arg(long, default_value = "12h", value_parser = duration)]
    duration: SignedDuration,
}

fn duration(given: &str) -> Result<SignedDuration, String> {
    let duration: SignedDuration = given.parse().map_err(|_| "write it as 8h, 90m or 1h30m".to_owned())?;
    if (SHORTEST..=LONGEST).contains(&duration) {
        Ok(duration)
    } else {
        Err("AWS allows sessions of 15 minutes to 36 hours".to_owned())
    }
}

/// Opens the session.
pub(super) async fn run(context: &Context, args: &LoginArgs) -> Result<u8, CommandError> {
    let gathered = Gathered::of(context, None)?;
    let request = Request { duration: Some(args.duration), ..gathered.request_anew() };
    let (provider, keys) = session::bottom(&request).await?;
    let opened = if is_long_term(&keys) {
        let first = gathered.chain.roles.first();
        if first.and_then(|role| role.mfa_serial.as_ref()).or(gathered.chain.mfa_serial.as_ref()).is_some() {
            session::open(&request).await?
        } else {
            let serial = device(&gathered, provider).await?;
            session::open_with_device(&request, serial).await?
        }
    } else {
        refuse_what_needs_no_login(&gathered, &keys)?;
        session::open(&request).await?
    };
    let status = Status::of(&gathered, &opened).await?;
    if context.format().is_json() {
        output::print_json(&status)?;
    } else {
        message::line(&closing(&opened, status.arn()));
    }
    Ok(0)
}

fn closing(opened: &Opened, arn: &str) -> String {
    let Some(ends) = opened.ends else { return format!("logged in as {arn}") };
    let left = ends.duration_since(Timestamp::now()).unsigned_abs();
    format!("logged in as {arn} until {ends:.0} ({} from now)", text::duration(left))
}

/// Refuses credentials that need no login: a session cannot open another, and credentials from other tools are renewed
/// by those tools. The exception is a role that requires a code.
fn refuse_what_needs_no_login(gathered: &Gathered, keys: &Credentials) -> Result<(), SessionError> {
    if gathered.chain.roles.first().is_some_and(|role| role.mfa_serial.is_some()) {
        return Ok(());
    }
    let ending = {
        let id = keys.access_key_id();
        id.chars().skip(id.chars().count().saturating_sub(4)).collect()
    };
    let (source_of_keys, help) = match &gathered.chain.base {
        Base::Environment(_) => {
            return Err(SessionError::SessionKeys { source_of_keys: "the environment's keys".to_owned(), ending });
        }
        Base::Static { profile, .. } => {
            let source_of_keys = format!("the keys of the profile {profile}");
            return Err(SessionError::SessionKeys { source_of_keys, ending });
        }
        Base::Sso { profile } => (format!("the profile {profile}"), format!("aws sso login --profile {profile}")),
        Base::Login { profile } => (format!("the profile {profile}"), format!("aws login --profile {profile}")),
        Base::Process { profile, .. } => {
            (format!("the credential_process of the profile {profile}"), "it opens a session by itself".to_owned())
        }
        Base::WebIdentity { .. } | Base::Container | Base::Instance => (
            "a role of a machine or pipeline".to_owned(),
            "it renews itself; to log in, name a profile with a user's key: --profile NAME".to_owned(),
        ),
    };
    Err(SessionError::NoLogin { source_of_keys, help })
}

/// The user's device, read from IAM: the last resort, because policies often forbid it without MFA.
async fn device(gathered: &Gathered, keys: SharedCredentialsProvider) -> Result<String, CommandError> {
    let identity = Sts::open(keys.clone(), &gathered.region).await.identity().await?;
    let refused =
        |problem: String| -> CommandError { SessionError::NoDevice { who: identity.arn.clone(), problem }.into() };
    let target = Target { region: gathered.region.clone(), ..Target::default() };
    let devices = Aws::open_as(&target, keys).await.mfa_devices(identity.user()).await;
    let devices = devices.map_err(|error| refused(format!("IAM does not list them ({error})")))?;
    let mut with_codes: Vec<String> = devices.into_iter().filter(|serial| !serial.contains(":u2f/")).collect();
    match with_codes.len() {
        0 => Err(refused("the user has no device that shows codes".to_owned())),
        1 => Ok(with_codes.remove(0)),
        _ => Err(refused(format!("the user has several devices ({})", with_codes.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_from_a_quarter_of_an_hour_to_a_day_and_a_half() {
        assert_eq!(duration("12h").unwrap(), SignedDuration::from_hours(12));
        assert_eq!(duration("1h30m").unwrap(), SignedDuration::from_mins(90));
        for wrong in ["14m", "37h", "-1h", "soon", "12"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
