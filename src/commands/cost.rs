//! `konta cost`: shows what an environment, a tenant or any template costs a month.

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

use super::exit_code::ExitCode;
use super::{CommandError, Context, context};

/// Show what an environment, a tenant or any template costs a month
///
/// Prices every resource as it would be deployed, after overrides, conditions and parameters. Prices come with konta
/// and have dates. A resource without a price is listed as unknown or unpriced, and never counts as free. If no file
/// gives the usage, konta assumes a range and says so.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct CostArgs {
    #[command(subcommand)]
    what: Option<What>,
    /// Environment [default: the only one]
    #[arg(value_name = "ENV")]
    environment: Option<String>,
    /// Price any CloudFormation template (JSON or YAML) instead of the workspace
    #[arg(long, value_name = "FILE", conflicts_with = "environment")]
    template: Option<PathBuf>,
    /// Parameter of the template; may be repeated
    #[arg(long = "parameter", value_name = "KEY=VALUE", requires = "template")]
    parameters: Vec<String>,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    shares: shares::ShareArgs,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the cost of a tenant's stacks, its share of shared cost, and what remains of its price
    Tenant {
        /// Tenant
        name: String,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        shares: shares::ShareArgs,
    },
    /// Compare the estimate with the bill; each call to Cost Explorer costs 0.01 USD
    Actual(actual::ActualArgs),
    /// Compare the cost of the workspace with what is deployed, or with a git revision
    Diff(diff::DiffArgs),
    Curve(curve::CurveArgs),
    Compare(compare::CompareArgs),
    Advise(advise::AdviseArgs),
}

#[derive(Debug, Clone, Args)]
struct Form {
    /// YAML file that says how much is used; docs/cost.md lists its fields
    #[arg(long, value_name = "FILE")]
    usage: Option<PathBuf>,
    /// Exit with 9 if the expected cost (a tenant's with its share) is above AMOUNT, and with 10 if something has no
    /// price. AMOUNT is in US dollars, such as 120 or 120USD, or in the workspace's currency, such as 100EUR
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
                message: format!("{said} cannot be used with --template"),
                help: format!("leave out {said}: a template has no tenants and no customer's prices"),
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
        let table = context.prices()?;
        let basis = Basis { loaded: &loaded, environment, usage: &usage, prices: &table };
        (&args.form, title, basis.report(args.shares.rule(), args.shares.terms(workspace))?)
    };
    let budget = GivenBudget::parse(form.budget.as_deref(), Some(workspace))?;
    show(context, &form.shown, &title, report, budget)
}

/// A tenant's stacks, and its share of what the environment's tenants share.
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
    let table = context.prices()?;
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
    let code = match budget.map(|budget| report.hold_to(budget.usd, budget.said)) {
        None | Some(Verdict::Within) => ExitCode::Success,
        Some(Verdict::Above) => ExitCode::AboveBudget,
        Some(Verdict::CannotBeTold) => ExitCode::BudgetUnchecked,
    };
    shown.show(context, &report, || report.page(title))?;
    if code == ExitCode::BudgetUnchecked {
        let open = format!(
            "{} without a price: the budget cannot be checked. A usage file that says 0 leaves a cost out, and \
             `konta prices --help` shows how to add a price.",
            text::count(report.missing(), "cost")
        );
        message::note(context.palette(), &open);
    }
    Ok(code.code())
}
