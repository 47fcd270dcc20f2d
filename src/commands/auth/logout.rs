//! `konta auth logout`: forgets sessions.

use clap::Args;
use serde::Serialize;

use crate::auth::cache::Cache;
use crate::auth::session::SessionError;
use crate::auth::{Base, Surroundings};
use crate::commands::credentials::Gathered;
use crate::commands::{CommandError, Context};
use crate::report::{message, output, text};

/// Forget this user's session
///
/// AWS cannot revoke a single session: it ends by itself. If someone may have copied it, revoke the role's sessions or
/// deactivate the user's key.
#[derive(Debug, Args)]
pub(super) struct LogoutArgs {
    /// Forget every session that konta keeps
    #[arg(long)]
    all: bool,
}

/// Forgets them.
pub(super) fn run(context: &Context, args: &LogoutArgs) -> Result<u8, CommandError> {
    let forgotten = if args.all {
        let cache = Cache::of(&Surroundings::of_process()).map_err(SessionError::from)?;
        cache.forget(|_| true)
    } else {
        let gathered = Gathered::of(context, None)?;
        let key = match &gathered.chain.base {
            Base::Environment(keys) | Base::Static { keys, .. } => Some(keys.access_key_id.as_str()),
            _ => None,
        };
        let first = gathered.chain.roles.first().and_then(|role| role.mfa_serial.as_deref());
        let serials = [gathered.chain.mfa_serial.as_deref(), first];
        gathered
            .cache
            .forget(|entry| Some(entry.user_key.as_str()) == key || serials.contains(&Some(entry.serial.as_str())))
    };
    let result = Forgotten { forgotten: forgotten.map_err(SessionError::from)? };
    if context.format().is_json() {
        output::print_json(&result)?;
    } else {
        message::line(&result.line());
    }
    Ok(0)
}

/// How many sessions there are no more.
#[derive(Debug, Serialize)]
struct Forgotten {
    forgotten: usize,
}

impl Forgotten {
    fn line(&self) -> String {
        match self.forgotten {
            0 => "there was no session".to_owned(),
            count => format!("{} forgotten", text::count(count, "session")),
        }
    }
}
