//! `konta tenant move`: into or out of the pool, to another cell, into or out of its own database cluster.

use std::cell::Cell;

use clap::Args;
use serde_json::json;

use crate::commands::scope_args::ScopeArgs;
use crate::commands::{CommandError, Context, context, deploy};
use crate::manifest::edit;
use crate::model::{CellNumber, ServingState, Tenant};
use crate::operation::step::Operation;
use crate::operation::{self, OperationError};
use crate::report::{message, output, prompt};
use crate::stack::tags::TIER_TAG;
use crate::tenant::relocation::{self, Location, Record, Relocation, Stage};
use crate::tenant::suspension;

use super::resize::{self, refuse_unknown_tier};
use super::target::{self, TenantTarget};

/// Move a tenant with its data: into or out of the pool, to another cell, into or out of its own database cluster.
///
/// Shows the plan with its cost and the customer's price, and asks. Then konta writes tier, cell and database into the
/// tenant's manifest, and leaves the rest of it as it is. Visitors see a maintenance page while database and files travel
/// in a backup; konta drops what the tenant leaves behind only when the tenant answers in its new location. Without
/// options, the tenant goes where its manifest says. If the move is interrupted or fails, run the same command again to
/// continue, or add `--back` to go back.
#[derive(Debug, Args)]
pub(super) struct MoveArgs {
    /// Name of the tenant
    name: String,
    /// New tier, which decides whether the tenant is pooled or dedicated
    #[arg(long)]
    tier: Option<String>,
    /// Cell to move to [default: the current one]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=9999))]
    cell: Option<u32>,
    /// Cluster for its database: the cell's (shared) or its own (dedicated)
    #[arg(long, value_name = "KIND", value_parser = ["shared", "dedicated"])]
    database: Option<String>,
    /// Go back to where an incomplete move began
    #[arg(long, conflicts_with_all = ["tier", "cell", "database"])]
    back: bool,
    /// Stop after showing the plan
    #[arg(long)]
    dry_run: bool,
}

/// Runs `konta tenant move`.
pub(super) async fn run(context: &Context, args: &MoveArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let before = context::tenant(&loaded.workspace, &args.name)?;
    if let Some(tier) = &args.tier {
        refuse_unknown_tier(tier, &loaded.workspace)?;
    }
    let mut standing = target::look(context, &loaded, &args.name).await?;
    let under_way = standing.stack.in_progress() && relocation::refuse(&standing.observed, &standing.name).is_err();
    if args.back && under_way && !args.dry_run {
        let name = standing.name.clone();
        standing
            .operate(
                context,
                &Operation::new("move", Vec::new()).with(&["--back"]),
                async |context: &operation::Context<'_>| relocation::stop(context, &name).await,
            )
            .await?;
        standing = target::look(context, &loaded, &args.name).await?;
    }
    let record = Record::of(&standing.observed, &standing.names(), &standing.name)?;
    refuse(args, &standing, record.as_ref())?;
    let path = format!("tenants/{}.yml", before.name);
    let file = loaded.root.join(&path);
    let text = std::fs::read_to_string(&file)?;
    let changed = changed(args, before, record.as_ref(), &text).ok_or_else(|| by_hand(&path))?;
    let wanted = context.load_with(&loaded.root, &path, &changed)?;
    let after = context::tenant(&wanted.workspace, &args.name)?;
    let Some(record) = plan(args, &standing, record, after)? else {
        return there_already(context, &standing, after, text == changed);
    };
    let parked = if Location::standing(&standing.stack).is_some_and(|home| home.pooled) {
        None
    } else {
        let builder = loaded.builder();
        builder.parked(standing.environment, before, &standing.stack, &standing.observed)?
    };
    let relocation = Relocation::new(after, record, args.back, parked);
    resize::show(context, "move", &loaded, &wanted, before, after)?;
    let written = Cell::new(false);
    let write = || {
        if changed != text {
            edit::replace(&file, &changed)?;
        }
        written.set(true);
        Ok(())
    };
    let what = ScopeArgs::Tenant { names: vec![args.name.clone()], all: false };
    if relocation.only_resumes(&standing.stack) {
        return resume(context, args, &standing, &relocation, write).await;
    }
    deploy::go(context, &wanted, &what, args.dry_run, Some(&relocation), write).await
}

/// The manifest's new text.
fn changed(args: &MoveArgs, before: &Tenant, record: Option<&Record>, text: &str) -> Option<String> {
    let Some(record) = record.filter(|_| args.back) else {
        return edit::moved(text, args.tier.as_deref(), args.cell, args.database.as_deref());
    };
    let from = record.from;
    // A key that the manifest lacks need not be written: without it konta leaves a tenant where it is.
    let cell = before.cell.filter(|cell| cell.get() != from.cell).map(|_| from.cell);
    let database = if from.own_cluster { "dedicated" } else { "shared" };
    let database = (Location::wanted(before, from.cell()).own_cluster != from.own_cluster).then_some(database);
    let tier = (before.tier.as_str() != record.tier).then_some(record.tier.as_str());
    edit::moved(text, tier, cell, database)
}

/// Refuses a move that cannot begin or continue in the tenant's current state.
fn refuse(args: &MoveArgs, standing: &TenantTarget<'_>, record: Option<&Record>) -> Result<(), CommandError> {
    let name = &standing.name;
    let refused = |problem: String, help: String| Err(OperationError::Preflight { problem, help }.into());
    if standing.session.aws.is_sandbox() && !standing.session.aws.runs_tasks() {
        return refused(
            "the sandbox runs no tasks, so no data can be moved".to_owned(),
            "start it with `konta sandbox start --with-odoo`".to_owned(),
        );
    }
    match (record, standing.stack.page()) {
        (None, _) if args.back => {
            refused(format!("{name} is not being moved"), "move it with `--tier`, `--cell` or `--database`".to_owned())
        }
        (Some(Record { stage: Stage::Arrived, to, .. }), _) if args.back => refused(
            format!("{name} has already arrived in {to}"),
            format!(
                "complete the move with `konta tenant move {name}`, then move it again with `--tier`, `--cell` or `--database`"
            ),
        ),
        (Some(Record { stage: Stage::Returning, from, .. }), _) if !args.back => refused(
            format!("{name} is already going back to {from}"),
            format!("complete that with `konta tenant move {name} --back`, then move it again"),
        ),
        (None, page) if page != ServingState::Serving => refused(
            format!("{name} is {}", page.state().unwrap_or_default()),
            format!(
                "bring it back with `konta tenant resume {name}`, or resume an interrupted upgrade with `konta tenant upgrade {name}`"
            ),
        ),
        _ => Ok(()),
    }
}

/// The record of the move: the existing one or a new one; `None` if nothing moves.
fn plan(
    args: &MoveArgs,
    standing: &TenantTarget<'_>,
    record: Option<Record>,
    after: &Tenant,
) -> Result<Option<Record>, CommandError> {
    let name = &standing.name;
    let from = match (&record, Location::standing(&standing.stack)) {
        (Some(record), _) => record.from,
        (None, Some(home)) => home,
        (None, None) => {
            return Err(OperationError::MissingOutput {
                stack: standing.stack.name.clone(),
                missing: "the tag with its cell".to_owned(),
            }
            .into());
        }
    };
    let here = record.as_ref().map_or(from.cell(), |record| record.to.cell());
    let to = Location::wanted(after, after.cell.unwrap_or(here));
    match record {
        Some(record) if !args.back && record.to != to => Err(OperationError::Preflight {
            problem: format!("{name} is being moved from {} to {}, but its manifest says {to}", record.from, record.to),
            help: format!(
                "restore its manifest and complete that move first, or go back with `konta tenant move {name} --back`"
            ),
        }
        .into()),
        Some(record) => Ok(Some(record)),
        None if from == to => Ok(None),
        None => {
            let tier = standing.stack.tags.get(TIER_TAG).cloned().unwrap_or_default();
            Ok(Some(Record { from, tier, to, backup: None, stage: Stage::Leaving }))
        }
    }
}

/// Says that nothing moves. Refuses a change that needs no move, and writes nothing.
fn there_already(
    context: &Context,
    standing: &TenantTarget<'_>,
    after: &Tenant,
    unchanged: bool,
) -> Result<u8, CommandError> {
    let cell = standing.stack.cell().unwrap_or(CellNumber::FIRST);
    let home = Location::wanted(after, cell);
    if !unchanged {
        return Err(CommandError::Usage {
            message: format!("{} would remain where it is: {home}", standing.name),
            help: format!("change tier or size in place with `konta tenant resize {}`", standing.name),
        });
    }
    say(context, standing, home, "already there", &[])?;
    message::hint(context.palette(), "add `--tier`, `--cell` or `--database` to move it");
    Ok(0)
}

/// Says where a tenant is that did not move.
fn say(
    context: &Context,
    standing: &TenantTarget<'_>,
    home: Location,
    how: &str,
    not_run: &[String],
) -> Result<(), CommandError> {
    if context.format().is_json() {
        return Ok(output::print_json_line(&json!({
            "event": "result",
            "ok": true,
            "sandbox": standing.session.aws.is_sandbox(),
            "tenant": standing.name.as_str(),
            "moved": false,
            "cell": home.cell,
            "pooled": home.pooled,
            "own_cluster": home.own_cluster,
            "not_run": not_run,
        }))?);
    }
    output::print_text(&format!("{} is {how}: {home}", standing.name))?;
    for text in not_run {
        message::note(context.palette(), &format!("not run: {text}"));
    }
    Ok(())
}

/// Goes back if the tenant's stack is still what it was.
async fn resume(
    context: &Context,
    args: &MoveArgs,
    standing: &TenantTarget<'_>,
    relocation: &Relocation<'_>,
    begin: impl FnOnce() -> Result<(), CommandError>,
) -> Result<u8, CommandError> {
    for text in relocation.told() {
        message::note(context.palette(), &text);
    }
    let mut steps = relocation.leave_steps();
    steps.extend(suspension::resume_steps(standing.stack.is_pooled()));
    steps.extend(relocation.finish_steps());
    let operation = Operation::new("move", steps).with(&["--back"]);
    if args.dry_run {
        return standing.show(context, &operation);
    }
    let question = format!("Let {} serve again in {}?", standing.name, standing.place());
    if !context.global().yes && !prompt::confirm(&question)? {
        return Err(CommandError::Declined("the return was not confirmed".to_owned()));
    }
    let not_run = standing
        .operate(context, &operation, async |context: &operation::Context<'_>| {
            begin()?;
            Ok::<_, CommandError>(relocation.resume(context).await?)
        })
        .await?;
    say(context, standing, relocation.goal(), "back", &not_run)?;
    Ok(0)
}

fn by_hand(path: &str) -> CommandError {
    CommandError::Usage {
        message: format!("konta cannot edit {path}: it is written in a form that konta does not change"),
        help: format!("write `tier`, `cell` or `database` into {path} yourself, then run `konta tenant move NAME`"),
    }
}
