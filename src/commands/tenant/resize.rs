//! `konta tenant resize`: writes another tier or size into the tenant's manifest, and deploys it.

use std::cell::Cell;

use clap::{ArgGroup, Args};
use serde::Serialize;

use crate::commands::context;
use crate::commands::scope_args::ScopeArgs;
use crate::commands::{CommandError, Context, deploy};
use crate::manifest::edit;
use crate::model::{Tenant, TierName, Workspace};
use crate::operation::OperationError;
use crate::report::{message, output};
use crate::stack::LoadedWorkspace;

/// Give a tenant another tier of the same isolation, or another size
///
/// Shows the plan with its cost and the customer's price, and asks. Then konta writes tier and size into the tenant's
/// manifest, leaves the rest of it as it is, and deploys the tenant. Modules that the new tier lacks remain installed.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("wanted").required(true).multiple(true).args(["tier", "cpu", "memory"])))]
#[command(override_usage = "konta tenant resize [OPTIONS] <--tier|--cpu|--memory> <NAME>")]
pub(super) struct ResizeArgs {
    /// Name of the tenant
    name: String,
    /// New tier
    #[arg(long)]
    tier: Option<String>,
    /// CPU units of a task [default: the current ones]
    #[arg(long, value_name = "UNITS")]
    cpu: Option<u32>,
    /// Memory of a task in MiB [default: the current size]
    #[arg(long, value_name = "MIB")]
    memory: Option<u32>,
    /// Stop after showing the plan
    #[arg(long)]
    dry_run: bool,
}

/// Runs `konta tenant resize`.
pub(super) async fn run(context: &Context, args: &ResizeArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let before = context::tenant(&loaded.workspace, &args.name)?;
    if let Some(tier) = &args.tier {
        refuse_unknown_tier(tier, &loaded.workspace)?;
    }
    let path = format!("tenants/{}.yml", before.name);
    let file = loaded.root.join(&path);
    let text = std::fs::read_to_string(&file)?;
    let size = wanted_size(args, before);
    let changed = edit::resized(&text, args.tier.as_deref(), size).ok_or_else(|| by_hand(&path))?;
    let wanted = context.load_with(&loaded.root, &path, &changed)?;
    let after = context::tenant(&wanted.workspace, &args.name)?;
    let as_asked = args.tier.as_deref().is_none_or(|tier| after.tier.as_str() == tier)
        && size.is_none_or(|(cpu, memory)| (after.size.cpu(), after.size.memory()) == (cpu, memory));
    if !as_asked {
        return Err(by_hand(&path));
    }
    refuse_another_home(args, before, after)?;
    show(context, "resize", &loaded, &wanted, before, after)?;
    let written = Cell::new(false);
    let write = || {
        edit::replace(&file, &changed)?;
        written.set(true);
        Ok(())
    };
    let what = ScopeArgs::Tenant { names: vec![args.name.clone()], all: false };
    let code = deploy::go(context, &wanted, &what, args.dry_run, None, write).await?;
    if !args.dry_run && !written.get() && changed != text {
        // Nothing in AWS changes, but the manifest does.
        edit::replace(&file, &changed)?;
    }
    Ok(code)
}

/// The new CPU and memory; a value that is not given stays as it is. `None` if neither is given.
fn wanted_size(args: &ResizeArgs, before: &Tenant) -> Option<(u32, u32)> {
    if args.cpu.is_none() && args.memory.is_none() {
        return None;
    }
    Some((args.cpu.unwrap_or_else(|| before.size.cpu()), args.memory.unwrap_or_else(|| before.size.memory())))
}

/// Refuses a tier of the other isolation: a resized tenant stays where it is.
fn refuse_another_home(args: &ResizeArgs, before: &Tenant, after: &Tenant) -> Result<(), CommandError> {
    if before.isolation == after.isolation {
        return Ok(());
    }
    let tier = args.tier.as_deref().unwrap_or_default();
    Err(OperationError::Preflight {
        problem: format!(
            "{} is {}; resized to a {} tier, it would lose its attachments",
            before.name,
            before.isolation.as_str(),
            after.isolation.as_str()
        ),
        help: format!("run `konta tenant move {} --tier {tier}`, which brings them along", before.name),
    }
    .into())
}

/// Refuses a tier that the workspace does not have.
pub(super) fn refuse_unknown_tier(tier: &str, workspace: &Workspace) -> Result<(), CommandError> {
    let names: Vec<&str> = workspace.tiers.keys().map(TierName::as_str).collect();
    if names.contains(&tier) {
        return Ok(());
    }
    Err(CommandError::Unknown {
        message: format!("the workspace has no tier `{tier}`"),
        help: context::suggest(tier, &names, "konta validate"),
    })
}

fn by_hand(path: &str) -> CommandError {
    CommandError::Usage {
        message: format!("konta cannot edit {path}: it is written in a form that konta does not change"),
        help: format!("write `tier` and `size` into {path} yourself, then run `konta deploy tenant NAME`"),
    }
}

/// What the customer buys.
#[derive(Debug, Serialize)]
struct Bought {
    tier: String,
    price: String,
    currency: String,
    cpu: u32,
    memory: u32,
}

impl Bought {
    fn of(loaded: &LoadedWorkspace, tenant: &Tenant) -> Self {
        let price = loaded.workspace.tiers.get(&tenant.tier).map(|tier| tier.price.normalize().to_string());
        Self {
            tier: tenant.tier.to_string(),
            price: price.unwrap_or_default(),
            currency: loaded.workspace.currency.clone(),
            cpu: tenant.size.cpu(),
            memory: tenant.size.memory(),
        }
    }

    fn text(&self) -> String {
        let Self { tier, price, currency, cpu, memory } = self;
        format!("{tier} for {price} {currency} a month, {cpu} CPU units and {memory} MiB per task")
    }
}

/// Shows what the customer buys before and after, as an event or as text.
pub(super) fn show(
    context: &Context,
    event: &str,
    loaded: &LoadedWorkspace,
    wanted: &LoadedWorkspace,
    before: &Tenant,
    after: &Tenant,
) -> Result<(), CommandError> {
    let (was, becomes) = (Bought::of(loaded, before), Bought::of(wanted, after));
    if context.format().is_json() {
        let event =
            serde_json::json!({"event": event, "tenant": before.name.as_str(), "before": was, "after": becomes});
        return Ok(output::print_json_line(&event)?);
    }
    message::note(context.palette(), &format!("now:  {}", was.text()));
    message::note(context.palette(), &format!("then: {}", becomes.text()));
    let gone: Vec<&str> =
        before.modules.iter().filter(|name| !after.modules.contains(name)).map(String::as_str).collect();
    if !gone.is_empty() {
        message::note(
            context.palette(),
            &format!(
                "modules that remain installed although the manifest no longer asks for them: {}",
                gone.join(", ")
            ),
        );
    }
    Ok(())
}
