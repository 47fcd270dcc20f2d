//! `konta tenant suspend`: takes a tenant offline, with its data untouched.

use clap::Args;
use jiff::SignedDuration;
use serde_json::json;

use crate::commands::{CommandError, Context};
use crate::model::ServingState;
use crate::operation::step::Operation;
use crate::report::{message, output, prompt};
use crate::tenant::suspension;

use super::target;

/// Take a tenant offline: a page says so, none of its tasks runs, its data is kept.
///
/// In a pool, its scheduled jobs pause, too, and its neighbours notice nothing. Deployments skip it until `konta tenant
/// resume`. If the command is interrupted, run it again to continue where it stopped.
#[derive(Debug, Args)]
pub(super) struct SuspendArgs {
    /// Name of the tenant; its manifest may already be deleted
    name: String,
    /// Show the steps and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `konta tenant suspend`.
pub(super) async fn run(context: &Context, args: &SuspendArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let mut tenant = target::find(context, &loaded, &args.name).await?;
    let operation = Operation::new("suspend", suspension::off_steps(tenant.stack.is_pooled()));
    if args.dry_run {
        return tenant.show(context, &operation);
    }
    // A tenant that is already suspended was confirmed before; konta only finishes what may be left to do.
    if tenant.stack.page() != ServingState::Suspended && !context.global().yes {
        let question = format!(
            "Suspend the tenant {} of {} in {}? Visitors see a page instead of Odoo, and nobody can work in it",
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
    output::print_text(&format!("{name} suspended"))?;
    message::note(context.palette(), &format!("its data is kept; `konta tenant resume {name}` brings it back"));
    Ok(0)
}
