//! `konta prices`: shows or updates the dated prices behind cost estimates.

mod update;

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cost::Price;
use crate::report::{output, table, text};

use super::{CommandError, Context};

/// Show the dated prices behind cost estimates, or update them
#[derive(Debug, Args)]
pub struct PricesArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the services, with the number of their prices and the dates
    Ls {
        /// Service [default: all]
        #[arg(value_name = "SERVICE")]
        service: Option<String>,
    },
    /// Show prices with their date and source
    Show {
        /// Service, such as AmazonECS
        service: String,
        /// Part of the usage type [default: all]
        usage_type: Option<String>,
    },
    /// Take the prices of the workspace's regions from the AWS Price List
    ///
    /// konta writes them to prices.lock.csv in the workspace, with date and source. There they replace the prices that
    /// come with konta. An implausible price (zero, or ten times as much or as little as before) needs --force.
    Update(update::UpdateArgs),
}

/// Lists, shows or updates.
pub async fn run(context: &Context, args: &PricesArgs) -> Result<u8, CommandError> {
    match &args.what {
        What::Ls { service } => list(context, service.as_deref()),
        What::Show { service, usage_type } => show(context, service, usage_type.as_deref()),
        What::Update(args) => update::run(context, args).await,
    }
}

/// A service's prices, in short.
#[derive(Debug, Default, Serialize)]
struct Summary<'a> {
    service: &'a str,
    usage_types: usize,
    regions: usize,
    prices: usize,
    oldest: &'a str,
    newest: &'a str,
}

/// The services with prices.
#[derive(Debug, Serialize)]
struct Services<'a> {
    services: &'a [Summary<'a>],
}

/// Prices of a service.
#[derive(Debug, Serialize)]
struct Prices<'a> {
    prices: &'a [&'a Price],
}

fn list(context: &Context, service: Option<&str>) -> Result<u8, CommandError> {
    let prices: Vec<Price> = context.prices()?.all().collect();
    known(&prices, service)?;
    let mut services: BTreeMap<&str, Vec<&Price>> = BTreeMap::new();
    for price in
        prices.iter().filter(|price| service.is_none_or(|asked| price.service == asked) && in_region(context, price))
    {
        services.entry(&price.service).or_default().push(price);
    }
    let count = |prices: &[&Price], what: fn(&Price) -> &str| {
        prices.iter().map(|price| what(price)).collect::<BTreeSet<_>>().len()
    };
    let rows: Vec<Summary<'_>> = services
        .iter()
        .map(|(service, prices)| Summary {
            service,
            usage_types: count(prices, |price| &price.usage_type),
            regions: count(prices, |price| &price.region),
            prices: prices.len(),
            oldest: prices.iter().map(|price| price.date.as_str()).min().unwrap_or_default(),
            newest: prices.iter().map(|price| price.date.as_str()).max().unwrap_or_default(),
        })
        .collect();
    if context.format().is_json() {
        output::print_json(&Services { services: &rows })?;
    } else {
        let cells = rows.iter().map(|row| {
            vec![
                row.service.to_owned(),
                row.usage_types.to_string(),
                row.regions.to_string(),
                row.prices.to_string(),
                row.oldest.to_owned(),
                row.newest.to_owned(),
            ]
        });
        let headers = ["service", "usage types", "regions", "prices", "oldest", "newest"];
        output::print_text(&table::table(&headers, cells.collect()))?;
    }
    Ok(0)
}

fn show(context: &Context, service: &str, usage_type: Option<&str>) -> Result<u8, CommandError> {
    let prices: Vec<Price> = context.prices()?.all().collect();
    known(&prices, Some(service))?;
    let wanted = |text: &str| usage_type.is_none_or(|part| text.to_lowercase().contains(&part.to_lowercase()));
    let found: Vec<&Price> = prices
        .iter()
        .filter(|price| price.service == service && wanted(&price.usage_type) && in_region(context, price))
        .collect();
    if found.is_empty() {
        return Err(CommandError::Unknown {
            message: format!("{service} has no such price"),
            help: format!("`konta prices show {service}` shows all its prices; konta never guesses one"),
        });
    }
    if context.format().is_json() {
        output::print_json(&Prices { prices: &found })?;
    } else {
        let cells = found.iter().map(|price| {
            let from = if price.from.is_zero() { String::new() } else { price.from.normalize().to_string() };
            vec![
                price.usage_type.clone(),
                price.region.clone(),
                price.usd.normalize().to_string(),
                price.unit.clone(),
                from,
                price.date.clone(),
                if context.global().verbose { price.source.clone() } else { String::new() },
            ]
        });
        let headers = ["usage type", "region", "USD", "per", "from", "date", "source"];
        let shown = if context.global().verbose { 7 } else { 6 };
        let rows = cells.map(|mut row| {
            row.truncate(shown);
            row
        });
        output::print_text(&table::table(&headers[..shown], rows.collect()))?;
        if !context.global().verbose {
            output::print_text(&format!("{}; --verbose shows their sources", text::count(found.len(), "price")))?;
        }
    }
    Ok(0)
}

fn in_region(context: &Context, price: &Price) -> bool {
    context.global().region.as_deref().is_none_or(|region| price.region == region || price.region == "global")
}

fn known(prices: &[Price], service: Option<&str>) -> Result<(), CommandError> {
    let services: BTreeSet<&str> = prices.iter().map(|price| price.service.as_str()).collect();
    match service.filter(|service| !services.contains(service)) {
        None => Ok(()),
        Some(service) => {
            let names: Vec<&str> = services.into_iter().collect();
            Err(CommandError::Unknown {
                message: format!("konta has no prices of `{service}`"),
                help: super::context::suggest(service, &names, "konta prices ls"),
            })
        }
    }
}
