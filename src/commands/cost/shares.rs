//! Each tenant's part of the cost, its price and margin, and from how many tenants on a tier pays.

use clap::{Args, ValueEnum};
use rust_decimal::Decimal;

use crate::commands::CommandError;
use crate::cost::allocate::{self, Member, Rule};
use crate::cost::curve::BreakEven;
use crate::cost::margin::Margin;
use crate::cost::workspace::{EnvironmentCost, Typical};
use crate::cost::{PriceTable, Usage};
use crate::model::{Environment, Tenant, Terms, Workspace};
use crate::report::cost::shares::{Shares, TenantShare, TierBreakEven};
use crate::stack::LoadedWorkspace;

/// Up to how many tenants a break-even is searched.
const SEARCHED: usize = 1000;
/// Fargate vCPUs of a new account. Source: ECS service quotas, L-3032A538.
pub(super) const VCPU_QUOTA: Decimal = Decimal::from_parts(6, 0, 0, false, 0);

/// How shared cost is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Allocate {
    /// The same for each tenant of a cell
    Even,
    /// By the weight of the usage file, else by the tier's price
    Weight,
    /// The database by ACU, the rest by requests, from the usage file
    Use,
}

/// Who bears what is shared, and on what terms customers pay.
#[derive(Debug, Clone, Args)]
pub(super) struct ShareArgs {
    /// How shared cost is divided between tenants [default: even]
    #[arg(long, value_name = "RULE", value_enum)]
    allocate: Option<Allocate>,
    /// Value added tax in percent, in place of konta.yml's
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    vat: Option<Decimal>,
    /// Whether prices hold that tax, in place of konta.yml's
    #[arg(long, value_name = "BOOL")]
    vat_included: Option<bool>,
    /// The payment service's fee in percent of what is paid, in place of konta.yml's
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    fee: Option<Decimal>,
    /// The payment service's fixed fee for each payment, in the workspace's currency, in place of konta.yml's
    #[arg(long, value_name = "AMOUNT", value_parser = amount)]
    fee_fixed: Option<Decimal>,
    /// Other cost of each tenant a month, in the workspace's currency, in place of konta.yml's
    #[arg(long, value_name = "AMOUNT", value_parser = amount)]
    other: Option<Decimal>,
}

fn percent(text: &str) -> Result<Decimal, String> {
    bounded(text, 100)
}

fn amount(text: &str) -> Result<Decimal, String> {
    bounded(text, 1_000_000)
}

fn bounded(text: &str, most: u32) -> Result<Decimal, String> {
    let number: Option<Decimal> = text.parse().ok();
    let fits = |number: &Decimal| !number.is_sign_negative() && *number <= Decimal::from(most);
    number.filter(fits).ok_or_else(|| format!("write a number from 0 to {most}"))
}

impl ShareArgs {
    fn rule(&self) -> Rule {
        match self.allocate {
            None | Some(Allocate::Even) => Rule::Even,
            Some(Allocate::Weight) => Rule::Weight,
            Some(Allocate::Use) => Rule::Use,
        }
    }

    /// The first of these that was said: a template has no tenants to divide its cost between.
    pub(super) fn first_said(&self) -> Option<&'static str> {
        [
            ("--allocate", self.allocate.is_some()),
            ("--vat", self.vat.is_some()),
            ("--vat-included", self.vat_included.is_some()),
            ("--fee", self.fee.is_some()),
            ("--fee-fixed", self.fee_fixed.is_some()),
            ("--other", self.other.is_some()),
        ]
        .into_iter()
        .find_map(|(name, said)| said.then_some(name))
    }

    /// The terms of `konta.yml`, and what was said here in place of them.
    pub(super) fn terms(&self, workspace: &Workspace) -> Terms {
        let said = workspace.terms;
        Terms {
            vat_percent: self.vat.unwrap_or(said.vat_percent),
            vat_included: self.vat_included.unwrap_or(said.vat_included),
            fee_percent: self.fee.unwrap_or(said.fee_percent),
            fee_fixed: self.fee_fixed.unwrap_or(said.fee_fixed),
            other_monthly: self.other.unwrap_or(said.other_monthly),
        }
    }
}

/// Divides the stacks' cost between the environment's tenants.
pub(super) fn divided(
    workspace: &Workspace,
    environment: &Environment,
    usage: &Usage,
    all: &EnvironmentCost,
    args: &ShareArgs,
) -> Shares {
    let tenants: Vec<&Tenant> = workspace.tenants_of(&environment.name).collect();
    let price = |tenant: &Tenant| workspace.tiers.get(&tenant.tier).map_or(Decimal::ZERO, |tier| tier.price);
    let members: Vec<Member> = tenants
        .iter()
        .map(|tenant| {
            let used = usage.of_tenant(tenant.name.as_str());
            Member {
                tenant: tenant.name.to_string(),
                cell: all.places.get(&tenant.name).map_or(1, |place| place.cell.get()),
                weight: used.weight.unwrap_or_else(|| price(tenant)),
                acu: used.acu,
                requests: used.requests_per_second,
            }
        })
        .collect();
    let parts = all.stacks.iter().map(|stack| (&stack.owner, &*stack.estimate));
    let allocation = allocate::allocate(args.rule(), &members, parts);
    let terms = args.terms(workspace);
    let rows = allocation.tenants.iter().zip(&tenants).map(|(cost, tenant)| TenantShare {
        cost: cost.clone(),
        tier: tenant.tier.to_string(),
        margin: Margin::of(price(tenant), &terms, cost.total_usd, &workspace.exchange_rate),
    });
    let tenants = rows.collect();
    Shares::new(workspace, terms, &allocation, tenants)
}

/// From how many tenants on each tier pays for itself, when the environment holds nothing else.
pub(super) fn break_even(
    loaded: &LoadedWorkspace,
    environment: &Environment,
    usage: &Usage,
    terms: &Terms,
    prices: &PriceTable,
) -> Result<Vec<TierBreakEven>, CommandError> {
    let workspace = &loaded.workspace;
    let mut found = Vec::new();
    for tier in workspace.tiers.values() {
        let typical = Typical::of(workspace, environment, &[tier])?;
        let footprint = typical.footprint(&loaded.composer, usage, VCPU_QUOTA)?;
        let revenue = terms.left_of(tier.price).saturating_mul(workspace.exchange_rate.usd);
        // The number is below the first of many, so most of the curve need not be priced.
        let mut points = 32;
        let tenants = loop {
            let curve = footprint.curve(&vec![0; points], prices);
            let reached = BreakEven::of(&curve, |tenants| revenue.saturating_mul(Decimal::from(tenants)));
            if reached.high.is_some() || points >= SEARCHED || revenue <= Decimal::ZERO {
                break reached;
            }
            points = (points * 6).min(SEARCHED);
        };
        found.push(TierBreakEven { tier: tier.name.to_string(), price: tier.price, tenants });
    }
    Ok(found)
}
