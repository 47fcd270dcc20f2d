//! `konta cost`: what an environment, a tenant or any template costs a month.

mod actual;
mod advise;
mod budget;
mod compare;
mod curve;
mod diff;
mod revision;
mod shares;
mod show;
mod template;

use std::path::PathBuf;

use budget::GivenBudget;
use clap::{Args, Subcommand};
use show::Shown;

use crate::cost::usage::UsageFile;
use crate::cost::workspace::{Basis, CostReport, Verdict};
use crate::report::{message, text};
use crate::stack::LoadedWorkspace;

use super::{CommandError, Context, context, prices};

/// The exit code when the cost is above the budget.
const ABOVE_BUDGET: u8 = 9;
/// The exit code when something has no price, so that nobody can tell whether the cost is within the budget.
const BUDGET_OPEN: u8 = 10;

/// Show what an environment, a tenant or any template costs a month.
///
/// Prices the documents that would be deployed: every resource after overrides, conditions and parameters. Prices are dated and
/// come with konta; what has none is listed as unknown or unpriced, and is never taken for nothing. Usage that no file gives is
/// assumed, as a range, and said.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct CostArgs {
    #[command(subcommand)]
    what: Option<What>,
    /// The environment [default: the only one]
    #[arg(value_name = "ENV")]
    environment: Option<String>,
    /// A CloudFormation template of anybody, JSON or YAML, in place of the workspace
    #[arg(long, value_name = "FILE", conflicts_with = "environment")]
    template: Option<PathBuf>,
    /// A parameter of the template; may be repeated
    #[arg(long = "parameter", value_name = "KEY=VALUE", requires = "template")]
    parameters: Vec<String>,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    shares: shares::ShareArgs,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A tenant's own stacks, its part of what it shares with others, and what is left of its price
    Tenant {
        /// Its name
        name: String,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        shares: shares::ShareArgs,
    },
    /// The estimate beside the bill; Cost Explorer takes 0.01 USD for each call
    Actual(actual::ActualArgs),
    /// What the workspace costs more or less than what is deployed, or than a revision of git
    Diff(diff::DiffArgs),
    Curve(curve::CurveArgs),
    Compare(compare::CompareArgs),
    Advise(advise::AdviseArgs),
}

#[derive(Debug, Clone, Args)]
struct Form {
    /// How much is used, a YAML file; docs/cost.md lists its fields
    #[arg(long, value_name = "FILE")]
    usage: Option<PathBuf>,
    /// End with code 9 when the expected cost (of a tenant with its share) is above AMOUNT, such as 120 or 120USD (US dollars) or 100EUR
    /// (the workspace's currency), and with code 10 when something has no price, so that it cannot be told
    #[arg(long, value_name = "AMOUNT")]
    budget: Option<String>,
    #[command(flatten)]
    shown: Shown,
}

/// Prices.
pub async fn run(context: &Context, args: &CostArgs) -> Result<u8, CommandError> {
    if let Some(path) = &args.template {
        if let Some(said) = args.shares.first_said() {
            return Err(CommandError::Usage {
                message: format!("{said} and --template do not go together"),
                help: "a template has no tenants and no prices of theirs".to_owned(),
            });
        }
        let budget = GivenBudget::parse(args.form.budget.as_deref(), None)?;
        let report = template::price(context, path, &args.parameters, args.form.usage.as_deref())?;
        let title = format!("What {} costs", path.file_name().unwrap_or_default().display());
        return show(context, &args.form.shown, &title, report, budget);
    }
    match &args.what {
        Some(What::Actual(args)) => actual::run(context, &context.load()?, args).await,
        Some(What::Diff(args)) => diff::run(context, &context.load()?, args).await,
        Some(What::Curve(args)) => curve::run(context, args),
        Some(What::Compare(args)) => compare::run(context, args),
        Some(What::Advise(args)) => advise::run(context, args),
        Some(What::Tenant { .. }) | None => of_workspace(context, args),
    }
}

fn of_workspace(context: &Context, args: &CostArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let workspace = &loaded.workspace;
    let (form, title, report) = if let Some(What::Tenant { name, form, shares }) = &args.what {
        let title = format!("What {name} costs");
        (form, title, one_tenant(&loaded, context, name, form, shares)?)
    } else {
        let environment = context.environment(workspace, args.environment.as_deref())?;
        let usage = usage_file(args.form.usage.as_deref())?;
        let title = format!("What the environment {} costs", environment.name);
        let table = prices::table(context)?;
        let basis = Basis { loaded: &loaded, environment, usage: &usage, prices: &table };
        (&args.form, title, basis.report(args.shares.rule(), args.shares.terms(workspace))?)
    };
    let budget = GivenBudget::parse(form.budget.as_deref(), Some(workspace))?;
    show(context, &form.shown, &title, report, budget)
}

/// A tenant's own stacks, and its part of what the environment's tenants share.
fn one_tenant(
    loaded: &LoadedWorkspace,
    context: &Context,
    name: &str,
    form: &Form,
    args: &shares::ShareArgs,
) -> Result<CostReport, CommandError> {
    let workspace = &loaded.workspace;
    let environment = context.environment_of(workspace, &[name.to_owned()])?;
    let tenant = context::tenant(workspace, name)?;
    let usage = usage_file(form.usage.as_deref())?;
    let table = prices::table(context)?;
    let basis = Basis { loaded, environment, usage: &usage, prices: &table };
    Ok(basis.report_of_tenant(tenant, args.rule(), args.terms(workspace))?)
}

fn usage_file(path: Option<&std::path::Path>) -> Result<UsageFile, CommandError> {
    let Some(path) = path else { return Ok(UsageFile::none()) };
    let name = path.display().to_string();
    let text = read(path)?;
    Ok(UsageFile::parse(&name, &text)?)
}

fn read(path: &std::path::Path) -> Result<String, CommandError> {
    std::fs::read_to_string(path)
        .map_err(|source| CommandError::Io { what: format!("cannot read {}", path.display()), reason: source })
}

fn show(
    context: &Context,
    shown: &Shown,
    title: &str,
    mut report: CostReport,
    budget: Option<GivenBudget>,
) -> Result<u8, CommandError> {
    let mut code = 0;
    if let Some(budget) = budget {
        code = match report.hold_to(budget.usd, budget.said) {
            Verdict::Within => 0,
            Verdict::Above => ABOVE_BUDGET,
            Verdict::CannotBeTold => BUDGET_OPEN,
        };
    }
    shown.show(context, &report, || report.page(title))?;
    if code == BUDGET_OPEN {
        let open = format!(
            "{} without a price: whether the budget is kept cannot be told. A usage file that says 0 leaves a cost out, \
             and `konta prices` tells how to add a price.",
            text::count(report.missing(), "cost")
        );
        message::note(context.palette(), &open);
    }
    Ok(code)
}
