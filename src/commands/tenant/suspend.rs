//! `konta tenant suspend`: off the net, with its data untouched.

use clap::Args;
use jiff::SignedDuration;
use serde_json::json;

use crate::commands::{CommandError, Context};
use crate::model::ServingState;
use crate::operation::step::Operation;
use crate::report::{message, output, prompt};
use crate::tenant::suspension;

use super::target;

/// Take a tenant off the net: a page says so, none of its tasks runs, its data stays.
///
/// In a pool its scheduled jobs rest too, and its neighbours notice nothing. Deployments pass it over until `konta tenant resume`.
/// Nothing is lost by an interruption: the same command goes on where it stopped.
#[derive(Debug, Args)]
pub(super) struct SuspendArgs {
    /// Its name; it may have no manifest any more
    name: String,
    /// Show the steps, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Suspends.
pub(super) async fn run(context: &Context, args: &SuspendArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let mut tenant = target::find(context, &loaded, &args.name).await?;
    let operation = Operation::new("suspend", suspension::off_steps(tenant.stack.is_pooled()));
    if args.dry_run {
        return tenant.show(context, &operation);
    }
    // One that is suspended already was confirmed before; what may be left of it is done.
    if tenant.stack.page() != ServingState::Suspended && !context.global().yes {
        let question = format!(
            "Suspend the tenant {} of {} in {}? Its visitors see a page that says so, and nobody can work in it",
            tenant.name,
            tenant.environment.name,
            tenant.place()
        );
        if !prompt::confirm(&question)? {
            return Err(CommandError::Declined("the suspension was not confirmed".to_owned()));
        }
    }
    context.outlast(&mut tenant.session, SignedDuration::from_mins(15)).await?;
    let name = tenant.name.clone();
    tenant.operate(context, &operation, async |context| suspension::suspend(context, &name).await).await?;
    if context.format().is_json() {
        output::print_json_line(&json!({
            "event": "result",
            "ok": true,
            "sandbox": tenant.session.aws.is_sandbox(),
            "tenant": name.as_str(),
            "page": ServingState::Suspended,
        }))?;
        return Ok(0);
    }
    output::print_text(&format!("{name} is suspended"))?;
    message::note(context.palette(), &format!("its data is kept; `konta tenant resume {name}` brings it back"));
    Ok(0)
}
