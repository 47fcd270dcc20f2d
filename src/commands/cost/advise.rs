//! `konta cost advise`: finds the cheapest design within given limits.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rust_decimal::Decimal;

use crate::commands::{CommandError, Context};
use crate::cost::advise::Limits;
use crate::cost::workspace::Basis;
use crate::model::{Environment, Isolation};
use crate::report::cost::advise::AdviseReport;

use super::show::Shown;
use super::usage_file;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sharing {
    /// A process that the cell's tenants share
    Pooled,
    /// A process for each tenant
    Dedicated,
    /// Either
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Downtime {
    /// No planned downtime
    None,
    /// Nobody needs it from 22:00 to 07:00
    Nights,
    /// AWS may stop all tasks at two minutes' notice
    Spot,
}

/// Find the cheapest design for a number of tenants within limits, and say what was rejected and why
#[derive(Debug, Args)]
pub(super) struct AdviseArgs {
    /// Environment whose region, database and network are used [default: the only one]
    #[arg(value_name = "ENV")]
    environment: Option<String>,
    /// Number of tenants
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    tenants: u32,
    /// Memory of a task, at least, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=61_440))]
    memory: u32,
    /// Tasks of a service, at least
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=50))]
    tasks: u32,
    /// Isolation: which tenants may share a process
    #[arg(long, value_name = "WHO", value_enum, default_value = "any")]
    isolation: Sharing,
    /// Allowed downtime; separate several with commas
    #[arg(long, value_name = "WHEN", value_enum, value_delimiter = ',', default_value = "none")]
    downtime: Vec<Downtime>,
    /// US dollars per month and tenant, at most
    #[arg(long, value_name = "USD")]
    at_most: Option<Decimal>,
    /// YAML file that says how much is used; docs/cost.md lists its fields
    #[arg(long, value_name = "FILE")]
    usage: Option<PathBuf>,
    #[command(flatten)]
    shown: Shown,
}

impl AdviseArgs {
    fn limits(&self, environment: &Environment) -> Limits {
        Limits {
            memory: self.memory,
            tasks: self.tasks,
            isolation: match self.isolation {
                Sharing::Pooled => Some(Isolation::Pooled),
                Sharing::Dedicated => Some(Isolation::Dedicated),
                Sharing::Any => None,
            },
            may_sleep: self.downtime.contains(&Downtime::Nights),
            may_be_interrupted: self.downtime.contains(&Downtime::Spot),
            at_most_usd: self.at_most,
            in_a_cell: self.tenants.min(environment.tenants_per_cell),
        }
    }
}

/// Searches.
pub(super) fn run(context: &Context, args: &AdviseArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let environment = context.environment(&loaded.workspace, args.environment.as_deref())?;
    let usage = usage_file(args.usage.as_deref())?;
    let limits = args.limits(environment);
    let table = context.prices()?;
    let basis = Basis { loaded: &loaded, environment, usage: &usage, prices: &table };
    let (offers, rejected) = basis.advise(&limits, args.tenants)?;
    let found = !offers.is_empty();
    let report = AdviseReport {
        currency: "USD",
        region: environment.region.to_string(),
        tenants: args.tenants,
        offers,
        rejected,
    };
    args.shown.show(context, &report, || report.page())?;
    Ok(u8::from(!found))
}
