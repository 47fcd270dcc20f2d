//! `konta cost actual`: compares the estimate with the bill from Cost Explorer.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::aws::costexplorer::{self, Billed};
use crate::commands::{CommandError, Context};
use crate::cost::actual::{Bill, BillRow, Month};
use crate::cost::workspace::Basis;
use crate::report::prompt;
use crate::stack::LoadedWorkspace;
use crate::stack::tags::TENANT_TAG;

use super::show::Shown;
use super::usage_file;

/// Compare the estimate with the bill, by service and by tenant
///
/// The bill comes from Cost Explorer, which charges 0.01 USD for each call: konta says how many calls it needs and
/// asks, unless --yes is given. konta's tags must be active as cost allocation tags in the account that pays.
#[derive(Debug, Args)]
pub(super) struct ActualArgs {
    /// Environment [default: the only one]
    #[arg(value_name = "ENV")]
    environment: Option<String>,
    /// Month [default: the last complete one]
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<String>,
    /// YAML file that says how much is used, for the estimate
    #[arg(long, value_name = "FILE")]
    usage: Option<PathBuf>,
    #[command(flatten)]
    shown: Shown,
}

/// Asks, compares, shows.
pub(super) async fn run(context: &Context, loaded: &LoadedWorkspace, args: &ActualArgs) -> Result<u8, CommandError> {
    let month = Month::resolve(args.month.as_deref(), TimeZone::UTC.to_datetime(Timestamp::now()).date())?;
    let environment = context.environment(&loaded.workspace, args.environment.as_deref())?;
    let usage = usage_file(args.usage.as_deref())?;
    if context.global().sandbox {
        return Err(CommandError::Usage {
            message: "the sandbox has no bill".to_owned(),
            help: "leave out --sandbox: the bill comes from AWS, with credentials that may call ce:GetCostAndUsage"
                .to_owned(),
        });
    }
    let session = context.session(loaded, environment).await?;
    let question =
        "Call Cost Explorer? It charges 0.01 USD for each call, and konta needs two (more for a bill of many pages)";
    if !context.global().yes && !prompt::confirm(question)? {
        return Err(CommandError::Declined("Cost Explorer was not called".to_owned()));
    }
    let table = context.prices()?;
    let basis = Basis { loaded, environment, usage: &usage, prices: &table };
    let (start, end) = (month.first.to_string(), month.end.to_string());
    let bill = session.aws.bill(&start, &end, &basis.bill_tags(), TENANT_TAG).await?;
    let report = basis.beside_bill(&month, &read(bill))?;
    args.shown.show(context, &report, || report.page())?;
    Ok(0)
}

/// Converts a bill for the cost room.
fn read(bill: costexplorer::Bill) -> Bill {
    let row = |billed: Billed| BillRow { service: billed.service, tenant: billed.tag, usd: billed.usd };
    Bill {
        tagged: bill.tagged.into_iter().map(row).collect(),
        untagged: bill.untagged.into_iter().map(row).collect(),
        is_estimated: bill.estimated,
        calls: bill.calls,
    }
}
