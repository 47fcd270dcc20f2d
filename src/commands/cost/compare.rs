//! `konta cost compare`: the environment with one thing changed at a time.

use std::path::PathBuf;

use clap::Args;

use super::show::Shown;
use crate::commands::{CommandError, Context};
use crate::cost::scenario::{Change, SCENARIOS, Scenario};
use crate::cost::usage::Profile;
use crate::cost::workspace::{Patch, StackPricer};
use crate::cost::{PriceTable, Range, estimate, scenario};
use crate::model::{EnvironmentName, Tenant, Workspace};
use crate::report::cost::compare::{self as report, CompareReport, Row};
use crate::template::compose::Composer;

/// Compare what there is with what it could be, one change at a time: isolation, sleep, Spot, ARM, NAT, database.
///
/// Each row is the whole environment with one thing changed and priced by the same engine; all else is the workspace's.
#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// A tenant, which alone is changed, or an environment [default: the only one]
    #[arg(value_name = "TENANT|ENV")]
    name: Option<String>,
    /// How much is used, a YAML file; docs/cost.md lists its fields
    #[arg(long, value_name = "FILE")]
    usage: Option<PathBuf>,
    #[command(flatten)]
    shown: Shown,
}

/// Compares.
pub(super) fn run(context: &Context, args: &CompareArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let workspace = &loaded.workspace;
    let tenant = args.name.as_deref().filter(|name| workspace.tenants.keys().any(|tenant| tenant.as_str() == *name));
    let environment = match tenant {
        Some(name) => context.environment_of(workspace, &[name.to_owned()])?,
        None => context.environment(workspace, args.name.as_deref())?,
    };
    let usage = super::usage_file(args.usage.as_deref())?;
    let table = crate::commands::prices::table(context)?;
    let mut rows: Vec<Row> = Vec::new();
    for scenario in SCENARIOS {
        let Some(changed) = scenario.changed(workspace, &environment.name, tenant) else { continue };
        let (total_usd, unknown) =
            priced(&changed, &loaded.composer, &environment.name, &usage.usage, scenario, tenant, &table)?;
        let before = rows.first().map_or(total_usd, |row| row.total_usd);
        let same = !matches!(scenario.change, Change::None) && before == total_usd;
        if !same {
            rows.push(Row::new(scenario, total_usd, before, unknown));
        }
    }
    let tenants = u32::try_from(workspace.tenants_of(&environment.name).count()).unwrap_or(u32::MAX);
    let google = scenario::google(if tenant.is_some() { 1 } else { tenants })?;
    let report = CompareReport {
        currency: "USD",
        region: environment.region.to_string(),
        of: tenant.map_or_else(|| environment.name.to_string(), ToOwned::to_owned),
        tenants,
        rows,
        elsewhere: report::Elsewhere::google(&google, tenant.is_some()),
    };
    args.shown.show(context, &report, || report.page())?;
    Ok(0)
}

/// The changed environment's total, and how much of it has no price.
fn priced(
    workspace: &Workspace,
    composer: &Composer,
    environment: &EnvironmentName,
    usage: &crate::cost::Usage,
    scenario: &Scenario,
    only: Option<&str>,
    table: &PriceTable,
) -> Result<(Range, usize), CommandError> {
    let patch: Option<Patch> = match scenario.change {
        Change::Documents(patch) => Some(patch),
        _ => None,
    };
    let Some(environment) = workspace.environments.get(environment) else { return Ok((Range::ZERO, 0)) };
    let tenants: Vec<&Tenant> = workspace.tenants_of(&environment.name).collect();
    let of_account = usage.over(Profile::of_tenants(tenants.iter().copied()));
    let account = estimate::of_account(environment.region.as_str(), &of_account, table);
    let mut pricer =
        StackPricer::new(workspace, composer, environment, usage.clone(), table.clone()).patched_by(patch, only);
    let stacks = pricer.everything(&tenants, &pricer.places(&tenants))?;
    let total = stacks.iter().map(|stack| stack.estimate.total_usd).sum::<Range>() + account.total_usd;
    let unknown = stacks.iter().map(|stack| stack.estimate.unknown.len()).sum::<usize>() + account.unknown.len();
    Ok((total, unknown))
}
