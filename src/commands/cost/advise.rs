//! `konta cost advise`: the cheapest design that holds to stated limits.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rust_decimal::Decimal;

use super::shares::VCPU_QUOTA;
use super::show::Shown;
use crate::commands::{CommandError, Context};
use crate::cost::advise::{Design, Limits, designs};
use crate::cost::workspace::{Typical, typical};
use crate::cost::{PriceTable, Usage, scenario};
use crate::model::{Environment, Isolation, TaskRange, Tier, TierName, Workspace};
use crate::report::cost::advise::{AdviseReport, Offer, Rejected};
use crate::template::compose::Composer;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sharing {
    /// A process shared by the cell's tenants
    Pooled,
    /// A process of its own
    Dedicated,
    /// Either
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Downtime {
    /// None that can be foreseen
    None,
    /// Nobody needs it from 22:00 to 07:00
    Nights,
    /// All tasks may be taken away at two minutes' notice
    Spot,
}

/// Find the cheapest design for so many tenants that holds to stated limits, and say what was rejected and why.
#[derive(Debug, Args)]
pub(super) struct AdviseArgs {
    /// The environment whose region, database and network are taken [default: the only one]
    #[arg(value_name = "ENV")]
    environment: Option<String>,
    /// How many tenants
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    tenants: u32,
    /// Memory of a task at the least, MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=61_440))]
    memory: u32,
    /// Tasks of a service at the least
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=50))]
    tasks: u32,
    /// Who may share a process
    #[arg(long, value_name = "WHO", value_enum, default_value = "any")]
    isolation: Sharing,
    /// What downtime is allowed; several with commas
    #[arg(long, value_name = "WHEN", value_enum, value_delimiter = ',', default_value = "none")]
    downtime: Vec<Downtime>,
    /// US dollars a month and tenant at the most
    #[arg(long, value_name = "USD")]
    at_most: Option<Decimal>,
    /// How much is used, a YAML file; docs/cost.md lists its fields
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
    let usage = super::usage_file(args.usage.as_deref())?;
    let limits = args.limits(environment);
    let prices = crate::commands::prices::table(context)?;
    let (mut offers, mut rejected) = (Vec::new(), Vec::new());
    for design in designs(&limits, (environment.pool.size, environment.pool.tasks)) {
        if let Some(reason) = design.breaks(&limits) {
            rejected.push(Rejected { design: design.title(), reason });
            continue;
        }
        let offer =
            priced(&loaded.workspace, &loaded.composer, environment, &usage.usage, &design, args.tenants, &prices)?;
        match design.is_too_dear(offer.per_tenant_usd.expected, &limits) {
            Some(reason) => rejected.push(Rejected { design: offer.design, reason }),
            None => offers.push(offer),
        }
    }
    offers.sort_by_key(|offer: &Offer| offer.total_usd.expected);
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

fn priced(
    workspace: &Workspace,
    composer: &Composer,
    environment: &Environment,
    usage: &Usage,
    design: &Design,
    tenants: u32,
    prices: &PriceTable,
) -> Result<Offer, CommandError> {
    let mut environment = environment.clone();
    environment.network.egress = design.egress;
    if design.isolation == Isolation::Pooled {
        environment.pool.size = design.size;
        environment.pool.tasks = design.tasks;
    }
    let mut tenant = typical(&environment, &tier(workspace, design)?)?;
    tenant.schedule = design.asleep.then(scenario::night);
    let typical = Typical::with(workspace, &environment, vec![tenant]);
    let footprint = typical.footprint(composer, usage, VCPU_QUOTA)?;
    let (point, unknown) = footprint.at(&vec![0; tenants as usize], prices);
    Ok(Offer {
        design: design.title(),
        total_usd: point.total_usd,
        per_tenant_usd: point.per_tenant_usd,
        cells: point.cells,
        vcpu_on_demand: point.vcpu_on_demand,
        vcpu_spot: point.vcpu_spot,
        unknown,
        write: design.manifest(),
    })
}

/// The tier a design would need.
fn tier(workspace: &Workspace, design: &Design) -> Result<Tier, CommandError> {
    let usage = |message: String, help: String| CommandError::Usage { message, help };
    let (spot, on_demand) = design.spot();
    let image = workspace.tiers.values().next().map(|tier| tier.image.clone()).unwrap_or_default();
    Ok(Tier {
        name: TierName::new("advised").map_err(|error| usage(error.to_string(), error.help))?,
        price: Decimal::ZERO,
        isolation: design.isolation,
        modules: vec!["website".to_owned()],
        image,
        size: design.size,
        tasks: TaskRange::new(design.tasks, design.tasks).map_err(|error| usage(error.problem, error.help))?,
        spot,
        on_demand,
    })
}
