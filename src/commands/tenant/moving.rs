//! `konta tenant move`: into the pool or out of it, to another cell, into a cluster of its own or out of it.

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

/// Move a tenant into the pool or out of it, to another cell, or into a database cluster of its own or out of it, with its data.
///
/// Shows the plan, with what it costs and what the customer pays, and asks. Then tier, cell and database are written into the tenant's
/// manifest, where all else stays as it is. Visitors see a page of maintenance while database and files go by way of a backup; what is
/// left behind is dropped only when the new place answers. Without options the tenant goes where its manifest says. Interrupted or
/// failed, the same command goes on, and --back turns back.
#[derive(Debug, Args)]
pub(super) struct MoveArgs {
    /// Its name
    name: String,
    /// The tier it buys from now on, which says whether it is pooled or dedicated
    #[arg(long)]
    tier: Option<String>,
    /// The cell [default: as now]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=9999))]
    cell: Option<u32>,
    /// Where its database is: in the cell's cluster (shared) or in one of its own (dedicated)
    #[arg(long, value_name = "KIND", value_parser = ["shared", "dedicated"])]
    database: Option<String>,
    /// Go back to where a move that is not at its end began
    #[arg(long, conflicts_with_all = ["tier", "cell", "database"])]
    back: bool,
    /// Stop after showing the plan
    #[arg(long)]
    dry_run: bool,
}

/// Moves.
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

/// The manifest as it is to be.
fn changed(args: &MoveArgs, before: &Tenant, record: Option<&Record>, text: &str) -> Option<String> {
    let Some(record) = record.filter(|_| args.back) else {
        return edit::moved(text, args.tier.as_deref(), args.cell, args.database.as_deref());
    };
    let from = record.from;
    // What the manifest does not say need not be written: konta leaves a tenant where it lives.
    let cell = before.cell.filter(|cell| cell.get() != from.cell).map(|_| from.cell);
    let database = if from.own_cluster { "dedicated" } else { "shared" };
    let database = (Location::wanted(before, from.cell()).own_cluster != from.own_cluster).then_some(database);
    let tier = (before.tier.as_str() != record.tier).then_some(record.tier.as_str());
    edit::moved(text, tier, cell, database)
}

/// Refuses what cannot be moved as it stands.
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
            refused(format!("{name} is not on its way"), "move it with --tier, --cell or --database".to_owned())
        }
        (Some(Record { stage: Stage::Arrived, to, .. }), _) if args.back => refused(
            format!("{name} has arrived in {to}"),
            format!("`konta tenant move {name}` tidies up; after that move it again with --tier, --cell or --database"),
        ),
        (Some(Record { stage: Stage::Returning, from, .. }), _) if !args.back => refused(
            format!("{name} is on its way back to {from}"),
            format!("`konta tenant move {name} --back` goes on; after that it can be moved again"),
        ),
        (None, page) if page != ServingState::Serving => refused(
            format!("{name} is {}", page.state().unwrap_or_default()),
            format!(
                "`konta tenant resume {name}` brings it back; an upgrade that was broken off goes on with `konta tenant upgrade {name}`"
            ),
        ),
        _ => Ok(()),
    }
}

/// What is kept about the move: what was kept, or a new record; `None` where nothing moves.
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
            problem: format!("{name} is on its way from {} to {}, and its manifest says {to}", record.from, record.to),
            help: format!(
                "let it arrive first, with its manifest as it was, or turn back with `konta tenant move {name} --back`"
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

/// Says that nothing moves; a change that asks for no move is refused, and nothing is written.
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
            message: format!("{} would stay where it is: {home}", standing.name),
            help: format!("`konta tenant resize {}` changes tier or size within a kind of service", standing.name),
        });
    }
    say(context, standing, home, "there already", &[])?;
    message::hint(context.palette(), "--tier, --cell or --database say where else it could go");
    Ok(0)
}

/// Says where a tenant is that has not moved.
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

/// Turns back where the tenant's stack is still what it was.
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
        return Err(CommandError::Declined("the way back was not confirmed".to_owned()));
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
        message: format!("{path} is written in a way that konta does not change"),
        help: format!("write `tier`, `cell` or `database` into {path} yourself, then `konta tenant move NAME`"),
    }
}
