//! `konta tenant resume`: brings a tenant back online.

use clap::Args;
use jiff::SignedDuration;
use serde_json::json;

use crate::commands::{CommandError, Context};
use crate::model::ServingState;
use crate::operation;
use crate::operation::step::Operation;
use crate::report::{message, output};
use crate::stack::runtime::TenantRuntime;
use crate::tenant::{suspension, upgrade};

use super::target;

/// Bring back a suspended tenant, or one that still shows the maintenance page of an interrupted operation.
///
/// It comes back as it was deployed; `konta deploy` applies later changes of its manifest. A tenant with a schedule runs
/// until the schedule next stops it.
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// Name of the tenant; its manifest may already be deleted
    name: String,
    /// Show the steps and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `konta tenant resume`.
pub(super) async fn run(context: &Context, args: &ResumeArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let mut tenant = target::find(context, &loaded, &args.name).await?;
    // An upgrade may have been interrupted: the image must fit the data.
    let is_in_maintenance = matches!(tenant.stack.page(), ServingState::Maintenance | ServingState::Resuming);
    let is_pooled = tenant.stack.is_pooled();
    let steps =
        if is_in_maintenance { upgrade::take_back_steps(is_pooled) } else { suspension::resume_steps(is_pooled) };
    let operation = Operation::new("resume", steps);
    if args.dry_run {
        return tenant.show(context, &operation);
    }
    context.outlast(&mut tenant.session, SignedDuration::from_mins(15)).await?;
    let name = tenant.name.clone();
    let not_run = if is_in_maintenance {
        let names = tenant.names();
        let (runtime, data) = (TenantRuntime::of(&tenant.observed, &names, &name)?, tenant.database(&names)?);
        let back = async |context: &operation::Context<'_>| upgrade::take_back(context, &name, &runtime, &data).await;
        tenant.operate(context, &operation, back).await?
    } else {
        tenant.operate(context, &operation, async |context| suspension::resume(context, &name).await).await?
    };
    let url = tenant.stack.outputs.get("Url").cloned().unwrap_or_default();
    if context.format().is_json() {
        output::print_json_line(&json!({
            "event": "result",
            "ok": true,
            "sandbox": tenant.session.aws.is_sandbox(),
            "tenant": name.as_str(),
            "page": ServingState::Serving,
            "url": url,
            "not_run": not_run,
        }))?;
        return Ok(0);
    }
    output::print_text(&format!("{name} resumed: {url}"))?;
    for text in not_run {
        message::note(context.palette(), &format!("not run: {text}"));
    }
    Ok(0)
}
