//! `konta deploy`: plan, confirm, carry out, follow, verify, report.

use std::collections::BTreeMap;

use clap::Args;
use jiff::SignedDuration;
use serde::Serialize;

use crate::deploy::data_source::DataSource;
use crate::deploy::database_template::TemplateLocks;
use crate::deploy::deployer::{Deployer, StackResult};
use crate::deploy::plan::{self, Online};
use crate::deploy::{blocked, preflight};
use crate::model::Environment;
use crate::operation::step::Step;
use crate::operation::{self, OperationError};
use crate::report::table::{self, TenantRow};
use crate::report::{message, output, prompt};
use crate::stack::scope::Scope;
use crate::stack::{Action, LoadedWorkspace, Observed, StackKind};
use crate::tenant::relocation::{Relocation, deployment};

use super::plan_view::{PlanView, cost, show};
use super::scope_args::ScopeArgs;
use super::session::Session;
use super::{CommandError, Context, runner};

/// Deploy a tenant or an environment: plan, confirm, carry out, follow and verify.
///
/// konta also creates a tenant's environment and cell if they do not exist yet. An interruption loses nothing: run the same
/// command again to continue where it stopped.
#[derive(Debug, Args)]
pub struct DeployArgs {
    #[command(subcommand)]
    what: ScopeArgs,
    /// Stop after showing the plan
    #[arg(long, global = true)]
    dry_run: bool,
}

/// Runs `konta deploy`.
pub async fn run(context: &Context, args: &DeployArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    go(context, &loaded, &args.what, args.dry_run, None, || Ok(())).await
}

/// Plans, shows the plan and asks; then calls `begin`, before anything changes, and carries out the plan, with the steps of
/// a `relocation` around it.
pub(super) async fn go(
    context: &Context,
    loaded: &LoadedWorkspace,
    what: &ScopeArgs,
    dry_run: bool,
    relocation: Option<&Relocation<'_>>,
    begin: impl FnOnce() -> Result<(), CommandError>,
) -> Result<u8, CommandError> {
    let (environment, scope) = what.resolve(context, loaded)?;
    let mut session = context.session(loaded, environment).await?;
    let moves = relocation.map(|relocation| (relocation.tenant(), relocation.goal().cell()));
    let mut online = plan::online(&session.aws, session.polling, loaded, environment, &scope, moves).await?;
    online.plan.notes.extend(relocation.map(Relocation::told).unwrap_or_default());
    let names = loaded.names(environment);
    let mut online = blocked::leave_out(online, &session.aws, session.polling, &names, what.is_all()).await?;
    if online.plan.is_done() && relocation.is_none() {
        return unchanged(context, loaded, environment, &scope, &online);
    }
    if let Some(relocation) = relocation {
        let titles = |steps: Vec<Step>| steps.into_iter().map(|step| step.title.to_owned()).collect();
        let stack = names.tenant(relocation.tenant());
        online.plan.add_steps(&stack, titles(relocation.leave_steps()), titles(relocation.finish_steps()));
    }
    show_first(context, dry_run, loaded, environment, &session, &online).await?;
    if !dry_run && online.plan.changes_anything() {
        context.outlast(&mut session, expected(&online)).await?;
    }
    let go_on = match (dry_run, online.plan.changes_anything()) {
        (true, _) => Ok(false),
        // Checking whether tasks answer changes nothing.
        (false, false) => Ok(true),
        (false, true) => confirmed(context, environment, &session, &scope, &online).await,
    };
    match go_on {
        Ok(true) => carry_out(context, (loaded, environment), &scope, &session, online, relocation, begin).await,
        refused => {
            plan::discard(&session.aws, session.polling, &online.planned).await?;
            refused?;
            if dry_run { Ok(0) } else { Err(CommandError::Declined("the plan was not confirmed".to_owned())) }
        }
    }
}

/// How long a deployment may take, generously: a database and a load balancer alone take half an hour.
fn expected(online: &Online) -> SignedDuration {
    let slow = |kind: &StackKind| matches!(kind, StackKind::Cell(_) | StackKind::Environment | StackKind::Addon(..));
    let mut changed = online.planned.stacks.iter().filter(|stack| stack.plan.changes_anything());
    SignedDuration::from_mins(if changed.any(|stack| slow(&stack.desired.kind)) { 45 } else { 15 })
}

/// Shows the plan with its cost, as the first event or as text.
async fn show_first(
    context: &Context,
    dry_run: bool,
    loaded: &LoadedWorkspace,
    environment: &Environment,
    session: &Session,
    online: &Online,
) -> Result<(), CommandError> {
    let cost = match cost(context, loaded, environment, session, online).await {
        Ok(cost) => cost,
        Err(error) => {
            // Nobody will carry out these change sets.
            plan::discard(&session.aws, session.polling, &online.planned).await?;
            return Err(error);
        }
    };
    if context.format().is_json() && !dry_run {
        let plan = PlanView::new(&online.plan, &cost);
        return Ok(output::print_json_line(&serde_json::json!({"event": "plan", "plan": plan}))?);
    }
    show(context, &online.plan, &cost)
}

/// Runs the preflight checks, which refuse what would lose data, and asks.
async fn confirmed(
    context: &Context,
    environment: &Environment,
    session: &Session,
    scope: &Scope<'_>,
    online: &Online,
) -> Result<bool, CommandError> {
    let notes = preflight::check(&session.aws, environment, &scope.tenants, online).await?;
    for note in notes {
        message::warning(context.palette(), &note);
    }
    if context.global().yes {
        return Ok(true);
    }
    let place =
        if session.aws.is_sandbox() { "the sandbox".to_owned() } else { format!("account {}", session.account) };
    Ok(prompt::confirm(&format!("Carry out this plan in {place}, {}?", environment.region))?)
}

async fn carry_out(
    context: &Context,
    (loaded, environment): (&LoadedWorkspace, &Environment),
    scope: &Scope<'_>,
    session: &Session,
    online: Online,
    relocation: Option<&Relocation<'_>>,
    begin: impl FnOnce() -> Result<(), CommandError>,
) -> Result<u8, CommandError> {
    let names = loaded.names(environment);
    let work = async |operation: &operation::Context<'_>| {
        let deployer = Deployer {
            context: operation,
            tenants: scope.tenants.iter().map(|tenant| (tenant.name.clone(), *tenant)).collect(),
            tiers: &loaded.workspace.tiers,
            templates: TemplateLocks::default(),
            takes_leases: relocation.is_none(),
            data_sources: relocation
                .filter(|relocation| relocation.brings_data())
                .map(|relocation| (relocation.tenant().clone(), relocation as &dyn DataSource))
                .into_iter()
                .collect(),
        };
        let deploying = async {
            // With the lease: a move that is refused must leave the manifest as it was.
            begin()?;
            Ok::<_, CommandError>(deployment::deploy(&deployer, &online.planned, relocation).await?)
        };
        let results = match relocation {
            Some(relocation) => operation.leased(relocation.tenant(), ("move", &[]), deploying).await?,
            None => deploying.await?,
        };
        Ok::<_, CommandError>((results, operation.observed()))
    };
    let done = runner::run(context, session, environment, names, online.observed.clone(), Vec::new(), work).await;
    let done = match done {
        Ok((results, observed)) => report(context, loaded, environment, scope, session, results, &observed),
        Err(error) => Err(error),
    };
    if let (Some(relocation), Err(_)) = (relocation.filter(|relocation| relocation.has_begun()), &done) {
        let text = format!(
            "the move of {0} is not complete: run `konta tenant move {0}` to continue, or `konta tenant move {0} --back` to go back",
            relocation.tenant()
        );
        message::warning(context.palette(), &text);
    }
    done
}

/// The result, for programs.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    event: &'static str,
    ok: bool,
    sandbox: bool,
    stacks: Vec<StackOutcome<'a>>,
    tenants: Vec<TenantRow>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct StackOutcome<'a> {
    stack: &'a str,
    title: &'a str,
    action: Action,
    status: &'a str,
    not_run: &'a [String],
    error: Option<String>,
}

fn report(
    context: &Context,
    loaded: &LoadedWorkspace,
    environment: &Environment,
    scope: &Scope<'_>,
    session: &Session,
    results: Vec<StackResult>,
    observed: &Observed,
) -> Result<u8, CommandError> {
    let rows = table::tenant_rows(&scope.tenants, &loaded.names(environment), observed);
    let notes = notes(session, &results);
    if context.format().is_json() {
        output::print_json_line(&Outcome {
            event: "result",
            ok: results.iter().all(|r| r.error.is_none()),
            sandbox: session.aws.is_sandbox(),
            stacks: results
                .iter()
                .map(|r| StackOutcome {
                    stack: &r.stack,
                    title: &r.title,
                    action: r.action,
                    status: &r.status,
                    not_run: &r.not_run,
                    error: r.error.as_ref().map(ToString::to_string),
                })
                .collect(),
            tenants: rows,
            notes,
        })?;
    } else {
        if rows.is_empty() {
            let lines: Vec<Vec<String>> =
                results.iter().map(|r| vec![r.title.clone(), r.stack.clone(), r.status.clone()]).collect();
            output::print_text(&table::table(&["what", "stack", "state"], lines))?;
        } else {
            output::print_text(&table::tenants(&rows))?;
        }
        for note in notes {
            message::note(context.palette(), &note);
        }
    }
    let errors: Vec<OperationError> = results.into_iter().filter_map(|r| r.error).collect();
    if errors.is_empty() { Ok(0) } else { Err(errors.into()) }
}

/// Notes: the steps that were not run, once for each reason, and what the sandbox does not prove.
fn notes(session: &Session, results: &[StackResult]) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for result in results {
        for text in &result.not_run {
            by_reason.entry(text).or_default().push(&result.title);
        }
    }
    let mut notes: Vec<String> =
        by_reason.into_iter().map(|(text, titles)| format!("not run: {text} [{}]", titles.join(", "))).collect();
    if session.aws.is_sandbox() {
        let real = if session.aws.runs_tasks() {
            "databases, roles and tasks are real, the load balancer is konta's own router"
        } else {
            "databases and roles are real, load balancer and tasks are not"
        };
        if let Some(port) = session.visits {
            notes.push(format!(
                "every tenant's https address answers at 127.0.0.1:{port}; `konta sandbox status` shows how to visit it"
            ));
        }
        notes.push(format!("this was the sandbox: {real}; it does not prove that AWS accepts the templates"));
    }
    notes
}

fn unchanged(
    context: &Context,
    loaded: &LoadedWorkspace,
    environment: &Environment,
    scope: &Scope<'_>,
    online: &Online,
) -> Result<u8, CommandError> {
    let rows = table::tenant_rows(&scope.tenants, &loaded.names(environment), &online.observed);
    if context.format().is_json() {
        output::print_json_line(&Outcome {
            event: "result",
            ok: true,
            sandbox: context.global().sandbox,
            stacks: Vec::new(),
            tenants: rows,
            notes: online.plan.notes.clone(),
        })?;
        return Ok(0);
    }
    for note in &online.plan.notes {
        message::note(context.palette(), note);
    }
    if !rows.is_empty() && rows.len() <= 50 {
        output::print_text(&table::tenants(&rows))?;
    }
    message::line("nothing to change");
    Ok(0)
}
