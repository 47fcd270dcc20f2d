//! `konta cost curve`: shows the cost over the number of tenants.

use std::path::PathBuf;

use clap::Args;
use rust_decimal::Decimal;

use crate::commands::{CommandError, Context};
use crate::cost::curve::{VCPU_QUOTA, order};
use crate::cost::workspace::Typical;
use crate::model::{Tier, Workspace};
use crate::report::cost::curve::{CurveReport, TierPart};

use super::show::Shown;

/// The most tenants that konta prices.
const MOST: u32 = 10_000;

/// Show the cost over the number of tenants, with every step: cells, load balancers, connections, vCPU quotas
///
/// Prices typical tenants, which have only what their tier has, in the proportion of today's tenants.
#[derive(Debug, Args)]
pub(super) struct CurveArgs {
    /// Environment [default: the only one]
    #[arg(value_name = "ENV")]
    environment: Option<String>,
    /// Range of the number of tenants
    #[arg(long, value_name = "FROM..TO", default_value = "1..1000", value_parser = bounds)]
    tenants: (u32, u32),
    /// Price only this tier
    #[arg(long, value_name = "TIER")]
    tier: Option<String>,
    /// Fargate vCPUs that the account may run, on demand and on Spot each
    #[arg(long, value_name = "VCPUS", default_value_t = VCPU_QUOTA)]
    vcpu_quota: Decimal,
    /// YAML file that says how much is used; docs/cost.md lists its fields
    #[arg(long, value_name = "FILE")]
    usage: Option<PathBuf>,
    #[command(flatten)]
    shown: Shown,
}

fn bounds(text: &str) -> Result<(u32, u32), String> {
    let (from, to) = text.split_once("..").unwrap_or(("1", text));
    let number = |text: &str| text.parse::<u32>().ok().filter(|n| (1..=MOST).contains(n));
    match (number(from), number(to)) {
        (Some(from), Some(to)) if from <= to => Ok((from, to)),
        _ => Err(format!("write FROM..TO, from 1 to {MOST}, such as 1..1000")),
    }
}

/// Prices.
pub(super) fn run(context: &Context, args: &CurveArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let workspace = &loaded.workspace;
    let environment = context.environment(workspace, args.environment.as_deref())?;
    let usage = super::usage_file(args.usage.as_deref())?;
    let tiers = tiers(workspace, &environment.name, args.tier.as_deref())?;
    let chosen: Vec<&Tier> = tiers.iter().map(|(tier, _)| *tier).collect();
    let typical = Typical::of(workspace, environment, &chosen)?;
    let footprint = typical.footprint(&loaded.composer, &usage.usage, args.vcpu_quota)?;
    let (from, to) = args.tenants;
    let proportion: Vec<u32> = tiers.iter().map(|(_, part)| *part).collect();
    let mut curve = footprint.curve(&order(&proportion, to as usize), &context.prices()?);
    curve.points.retain(|point| point.tenants >= from);
    curve.steps.retain(|step| step.tenants >= from);
    let tiers = tiers.iter().map(|(tier, part)| TierPart { tier: tier.name.to_string(), part: *part });
    let report = CurveReport { currency: "USD", region: footprint.region.clone(), tiers: tiers.collect(), curve };
    let levels = chosen.iter().map(|tier| {
        let price = format!("{}, {} {}", tier.name, tier.price.normalize(), workspace.currency);
        (price, tier.price.saturating_mul(workspace.exchange_rate.usd))
    });
    args.shown.show(context, &report, || report.page(levels.clone().collect()))?;
    Ok(0)
}

/// The tiers and how many tenants each has now; without tenants, one of each.
fn tiers<'a>(
    workspace: &'a Workspace,
    environment: &crate::model::EnvironmentName,
    only: Option<&str>,
) -> Result<Vec<(&'a Tier, u32)>, CommandError> {
    if let Some(name) = only {
        let tier = workspace.tiers.values().find(|tier| tier.name.as_str() == name);
        return tier.map(|tier| vec![(tier, 1)]).ok_or_else(|| {
            let names: Vec<&str> = workspace.tiers.values().map(|tier| tier.name.as_str()).collect();
            CommandError::Unknown {
                message: format!("the workspace has no tier `{name}`"),
                help: format!("these exist: {}", names.join(", ")),
            }
        });
    }
    let count = |tier: &Tier| workspace.tenants_of(environment).filter(|tenant| tenant.tier == tier.name).count();
    let counted = workspace.tiers.values().map(|tier| (tier, u32::try_from(count(tier)).unwrap_or(u32::MAX)));
    let found: Vec<_> = counted.filter(|(_, count)| *count > 0).collect();
    Ok(if found.is_empty() { workspace.tiers.values().map(|tier| (tier, 1)).collect() } else { found })
}
