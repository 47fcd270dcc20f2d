//! `konta cost compare`: prices the environment with one thing changed at a time.

use std::path::PathBuf;

use clap::Args;

use crate::commands::{CommandError, Context};
use crate::cost::scenario;
use crate::cost::workspace::Basis;
use crate::report::cost::compare::{CompareReport, Elsewhere};

use super::show::Shown;
use super::usage_file;

/// Compare the cost of alternatives, one change at a time: isolation, sleep, Spot, ARM, NAT, database
///
/// Each row prices the whole environment with one thing changed; everything else is as in the workspace.
#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// Tenant, to change only that one, or environment [default: the only one]
    #[arg(value_name = "TENANT|ENV")]
    name: Option<String>,
    /// YAML file that says how much is used; docs/cost.md lists its fields
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
    let usage = usage_file(args.usage.as_deref())?;
    let table = context.prices()?;
    let rows = Basis { loaded: &loaded, environment, usage: &usage, prices: &table }.scenarios(tenant)?;
    let tenants = u32::try_from(workspace.tenants_of(&environment.name).count()).unwrap_or(u32::MAX);
    let google = scenario::google(if tenant.is_some() { 1 } else { tenants })?;
    let report = CompareReport {
        currency: "USD",
        region: environment.region.to_string(),
        of: tenant.map_or_else(|| environment.name.to_string(), ToOwned::to_owned),
        tenants,
        rows,
        elsewhere: Elsewhere::google(&google, tenant.is_some()),
    };
    args.shown.show(context, &report, || report.page())?;
    Ok(0)
}
