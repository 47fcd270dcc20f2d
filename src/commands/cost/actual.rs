//! `konta cost actual`: the estimate beside the bill, by Cost Explorer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rust_decimal::Decimal;

use crate::aws::costexplorer::{Billed, Part};
use crate::aws::{Aws, AwsError};
use crate::commands::{CommandError, Context, prices};
use crate::cost::actual::{BillRow, compare};
use crate::cost::usage::UsageFile;
use crate::cost::workspace::Basis;
use crate::cost::{Estimate, PriceTable};
use crate::model::Environment;
use crate::report::cost::actual::{ActualReport, Untagged};
use crate::report::prompt;
use crate::stack::LoadedWorkspace;
use crate::stack::tags::{APPLICATION_TAG, ENVIRONMENT_TAG, TENANT_TAG};
use crate::template::compose::AURORA;

use super::show::Shown;
use super::usage_file;

/// Show the estimate beside the bill, by service and by tenant.
///
/// The bill comes from Cost Explorer, which takes 0.01 USD for each call: konta says how many and asks, unless --yes is given. konta's
/// tags must be active as cost allocation tags in the account that pays.
#[derive(Debug, Args)]
pub(super) struct ActualArgs {
    /// The environment [default: the only one]
    #[arg(value_name = "ENV")]
    environment: Option<String>,
    /// The month [default: the last one that is over]
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<String>,
    /// How much is used, a YAML file, for the estimate
    #[arg(long, value_name = "FILE")]
    usage: Option<PathBuf>,
    #[command(flatten)]
    shown: Shown,
}

/// A month of a bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Month {
    /// Its first day.
    pub first: Date,
    /// The day after the last that is asked for.
    pub end: Date,
    /// Whether the month is over.
    pub over: bool,
}

impl Month {
    /// The month that is named, else the last one that is over.
    ///
    /// # Errors
    /// When it is no month, or has not begun.
    pub fn resolve(said: Option<&str>, today: Date) -> Result<Self, CommandError> {
        let wrong = |problem: &str| CommandError::Usage {
            message: format!("--month {}: {problem}", said.unwrap_or_default()),
            help: "write the month as 2026-10".to_owned(),
        };
        let first = match said {
            None => today.first_of_month().saturating_sub(1.month()),
            Some(text) if text.len() == 7 => format!("{text}-01").parse().map_err(|_| wrong("that is no month"))?,
            Some(_) => return Err(wrong("that is no month")),
        };
        if first > today {
            return Err(wrong("that month has not begun"));
        }
        let next = first.saturating_add(1.month());
        let over = next <= today;
        // Cost Explorer takes tomorrow as the day that is not asked for any more.
        let end = if over { next } else { today.saturating_add(1.day()) };
        Ok(Self { first, end, over })
    }
}

/// Asks, compares, shows.
pub(super) async fn run(context: &Context, loaded: &LoadedWorkspace, args: &ActualArgs) -> Result<u8, CommandError> {
    let month = Month::resolve(args.month.as_deref(), TimeZone::UTC.to_datetime(Timestamp::now()).date())?;
    let environment = context.environment(&loaded.workspace, args.environment.as_deref())?;
    let usage = usage_file(args.usage.as_deref())?;
    if context.global().sandbox {
        return Err(CommandError::Usage {
            message: "the sandbox bills nothing".to_owned(),
            help: "leave out --sandbox: the bill comes from AWS, with credentials that may call ce:GetCostAndUsage"
                .to_owned(),
        });
    }
    let session = context.session(loaded, environment).await?;
    let question =
        "Cost Explorer takes 0.01 USD for each call, and two are needed (more for a bill of many pages). Ask it?";
    if !context.global().yes && !prompt::confirm(question)? {
        return Err(CommandError::Declined("Cost Explorer was not asked".to_owned()));
    }
    let report = actual(&session.aws, loaded, environment, &usage, prices::table(context)?, &month).await?;
    args.shown.show(context, &report, || report.page())?;
    Ok(0)
}

/// The estimate of an environment beside its bill.
///
/// # Errors
/// When AWS refuses, cannot be reached or writes an amount that is none; when the workspace cannot be priced.
pub async fn actual(
    aws: &Aws,
    loaded: &LoadedWorkspace,
    environment: &Environment,
    usage: &UsageFile,
    table: PriceTable,
    month: &Month,
) -> Result<ActualReport, CommandError> {
    let (start, end) = (month.first.to_string(), month.end.to_string());
    let tags = [(APPLICATION_TAG, loaded.workspace.application.as_str()), (ENVIRONMENT_TAG, environment.name.as_str())];
    let bill = aws.billed(&start, &end, Part::Tagged(&tags), TENANT_TAG).await?;
    let rest = aws.billed(&start, &end, Part::Untagged(APPLICATION_TAG), TENANT_TAG).await?;
    let stacks = Basis { loaded, environment, usage, prices: &table }.environment_cost()?.stacks;
    let owners = owners(loaded, environment);
    let estimates = stacks
        .iter()
        .map(|stack| -> (Option<&str>, &Estimate) { (owners.get(&stack.stack).map(String::as_str), &stack.estimate) });
    let rows = bill.rows.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let mut untagged: BTreeMap<&str, Decimal> = BTreeMap::new();
    for billed in &rest.rows {
        let sum = untagged.entry(&billed.service).or_default();
        *sum = sum.saturating_add(dollars(billed)?);
    }
    Ok(ActualReport {
        environment: environment.name.to_string(),
        from: start,
        to: end,
        month_is_over: month.over,
        bill_is_estimated: bill.estimated || rest.estimated,
        calls: bill.calls + rest.calls,
        currency: "USD",
        tags_found: rows.iter().any(|row| !row.usd.is_zero()),
        tags: vec![APPLICATION_TAG, ENVIRONMENT_TAG, TENANT_TAG],
        comparison: compare(estimates, &rows),
        untagged: Untagged::sorted(untagged),
    })
}

/// The tenant of each stack that has one.
fn owners(loaded: &LoadedWorkspace, environment: &Environment) -> BTreeMap<String, String> {
    let names = loaded.names(environment);
    let mut owners = BTreeMap::new();
    for tenant in loaded.workspace.tenants_of(&environment.name) {
        owners.insert(names.tenant(&tenant.name), tenant.name.to_string());
        for addon in tenant.addons.iter().map(crate::model::AddonName::as_str).chain([AURORA]) {
            owners.insert(names.addon(&tenant.name, addon), tenant.name.to_string());
        }
    }
    owners
}

fn row(billed: &Billed) -> Result<BillRow, AwsError> {
    let tenant = (!billed.tag.is_empty()).then(|| billed.tag.clone());
    Ok(BillRow { service: billed.service.clone(), tenant, usd: dollars(billed)? })
}

/// An amount as AWS writes it: digits, or for the smallest digits with an exponent.
fn dollars(billed: &Billed) -> Result<Decimal, AwsError> {
    let Billed { amount, currency, .. } = billed;
    let wrong = || AwsError::incomplete("ce GetCostAndUsage", &format!("amount in USD, but {amount} {currency}"));
    if currency != "USD" {
        return Err(wrong());
    }
    amount.parse().or_else(|_| Decimal::from_scientific(amount)).map_err(|_| wrong())
}
