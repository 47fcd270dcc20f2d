//! `konta doctor`: finds out what is wrong with the credentials, and says how to fix it.

use clap::Args;

use crate::auth::doctor::{self, Examination, Outcome, Patient};
use crate::auth::request::Request;
use crate::model::Environment;
use crate::report::{Palette, doctor as laid_out, output, text};
use crate::stack::names::Names;

use super::credentials::Gathered;
use super::exit_code::ExitCode;
use super::{CommandError, Context};

/// Check the credentials, and say how to fix them
///
/// Checks, in this order: the keys and where they come from, the clock, the identity that AWS sees, root user or not,
/// Cloud9, MFA, the role; in a workspace also the environment's account, and whether its stacks can be read. It stops
/// at the first check that fails. It asks for a code if the profile has a device and there is no session. In a
/// workspace with several environments name one with --env; otherwise it checks only the credentials. docs/doctor.md
/// lists every cause that it knows.
#[derive(Debug, Args)]
pub struct DoctorArgs {}

/// Examines: exit code 0 if all is well, 5 if a check failed, 4 if AWS could not be reached.
pub async fn run(context: &Context, _args: &DoctorArgs) -> Result<u8, CommandError> {
    if context.global().sandbox {
        return Err(CommandError::Usage {
            message: "the sandbox needs no credentials".to_owned(),
            help: "leave out --sandbox (KONTA_SANDBOX): the doctor checks credentials for AWS".to_owned(),
        });
    }
    let place = place(context)?;
    let region = place.as_ref().map(|place| place.region.as_str());
    let examination = match Gathered::of(context, region) {
        Ok(gathered) => examine(&gathered, place.as_ref()).await,
        Err(CommandError::Session(error)) => Examination::of_refusal(&error),
        Err(error) => return Err(error),
    };
    show(context, &examination)?;
    Ok(match examination.outcome {
        Outcome::Well => ExitCode::Success,
        Outcome::Failed => ExitCode::Credentials,
        Outcome::Unreachable => ExitCode::Aws,
    }
    .code())
}

/// What a workspace adds to the examination.
struct Place {
    region: String,
    account: String,
    stack: String,
}

/// The environment, if there is a workspace and it is clear which one is meant.
fn place(context: &Context) -> Result<Option<Place>, CommandError> {
    let named = context.global().environment.is_some();
    let loaded = match context.load() {
        Err(CommandError::NoWorkspace) if !named => return Ok(None),
        loaded => loaded?,
    };
    if !named && loaded.workspace.environments.len() != 1 {
        return Ok(None);
    }
    let environment: &Environment = context.environment(&loaded.workspace, None)?;
    Ok(Some(Place {
        region: environment.region.to_string(),
        account: environment.account.to_string(),
        stack: Names::new(loaded.workspace.application.as_str(), environment.name.as_str()).environment(),
    }))
}

async fn examine(gathered: &Gathered, place: Option<&Place>) -> Examination {
    let request = Request { account: place.map(|place| place.account.as_str()), ..gathered.request() };
    let stack = place.map(|place| place.stack.clone());
    doctor::examine(&Patient { request, cloud9: gathered.cloud9(), stack }).await
}

fn show(context: &Context, examination: &Examination) -> Result<(), CommandError> {
    if context.format().is_json() {
        output::print_json(examination)?;
    } else {
        let palette = Palette::for_stdout(context.global().no_color);
        output::print_text(&laid_out::examination(palette, examination, text::stdout_width()))?;
    }
    Ok(())
}
