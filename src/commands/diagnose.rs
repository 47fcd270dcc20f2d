//! Finds out why AWS refused a command's credentials, from the evidence at hand and, if it has keys, by asking STS.

use crate::auth::diagnosis::{Diagnosis, Evidence, Trouble, diagnose};
use crate::auth::session::SessionError;
use crate::auth::{Base, Files, Keys, Surroundings, cloud9, resolve};
use crate::aws::credentials::{self, SharedCredentialsProvider};
use crate::aws::sts::Sts;
use crate::operation::OperationError;
use crate::sandbox::{SandboxError, Status};

use super::{CommandError, Context};

/// The error, with cause and fix if the table knows them.
pub async fn explained(context: &Context, error: CommandError) -> CommandError {
    if context.global().sandbox {
        return in_sandbox(context, error).await;
    }
    let Some(trouble) = trouble(&error) else { return error };
    match diagnosis(context, &trouble).await {
        Some(diagnosis) => CommandError::Diagnosed { error: Box::new(error), diagnosis: Box::new(diagnosis) },
        None => error,
    }
}

/// An unreachable sandbox whose process has ended is no network problem.
async fn in_sandbox(context: &Context, error: CommandError) -> CommandError {
    if !error.is_out_of_reach() {
        return error;
    }
    let Ok(root) = context.root() else { return error };
    match crate::sandbox::status(&root).await {
        Status::Stopped => SandboxError::Stopped.into(),
        Status::Running(_) | Status::NotAnswering { .. } => error,
    }
}

/// What AWS refused. Errors that name cause and fix themselves (a wrong code, no terminal) are left as they are.
fn trouble(error: &CommandError) -> Option<Trouble> {
    match error {
        CommandError::Aws(error)
        | CommandError::Deploy(OperationError::Aws(error))
        | CommandError::Session(SessionError::Aws(error)) => Some(Trouble::of_aws(error)),
        CommandError::Session(error @ SessionError::SessionKeys { .. }) => Trouble::of_session(error),
        CommandError::Several { errors, .. } => errors.iter().find_map(|error| match error {
            OperationError::Aws(error) if error.concerns_credentials() => Some(Trouble::of_aws(error)),
            _ => None,
        }),
        _ => None,
    }
}

async fn diagnosis(context: &Context, trouble: &Trouble) -> Option<Diagnosis> {
    // Checks first whether the table knows the trouble at all, before calling AWS.
    diagnose(trouble, &Evidence::default())?;
    let around = Surroundings::of_process();
    let files = Files::read(&around).ok()?;
    let chain = resolve(&files, context.global().profile.as_deref(), &around).ok()?;
    let mut evidence = Evidence {
        source: chain.base.source(),
        cloud9: cloud9::signs(&files, &around),
        serial: chain.roles.first().and_then(|role| role.mfa_serial.clone()).or(chain.mfa_serial),
        region: region(context).or(chain.region).unwrap_or_else(|| "us-east-1".to_owned()),
        ..Evidence::default()
    };
    if let Base::Environment(keys) | Base::Static { keys, .. } = &chain.base {
        evidence.ending = keys.ending();
        evidence.session_key = keys.session_token.is_some();
        let plain = evidence.serial.is_none() && !evidence.session_key;
        evidence.mfa = plain.then_some(false);
        ask(keys, &mut evidence).await;
    }
    diagnose(trouble, &evidence)
}

/// The environment's region, which a command in a workspace called.
fn region(context: &Context) -> Option<String> {
    let loaded = context.load().ok()?;
    Some(context.environment(&loaded.workspace, None).ok()?.region.to_string())
}

/// Asks STS whether it knows the keys, here and in the region that is always enabled.
async fn ask(keys: &Keys, evidence: &mut Evidence) {
    let given = credentials::of_keys(&keys.access_key_id, &keys.secret_access_key, keys.session_token.as_ref(), None);
    let provider = SharedCredentialsProvider::new(given);
    let look = Sts::open(provider.clone(), &evidence.region).await.look().await;
    evidence.clock_offset = look.offset;
    match look.identity {
        Ok(identity) => {
            evidence.known_here = Some(true);
            evidence.arn = Some(identity.arn);
        }
        Err(error) if error.is_an_answer() => {
            evidence.known_here = Some(false);
            let elsewhere = Sts::open(provider, "us-east-1").await.look().await;
            evidence.known_elsewhere = Some(elsewhere.identity.is_ok());
        }
        Err(_) => {}
    }
}
