//! `--allocate`, `--vat` and similar options: how shared cost is divided, and on what terms customers pay.

use clap::{Args, ValueEnum};
use rust_decimal::Decimal;

use crate::cost::allocate::Rule;
use crate::model::{Terms, Workspace};

/// How shared cost is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Allocate {
    /// The same for each tenant of a cell
    Even,
    /// By the weight in the usage file, otherwise by the tier's price
    Weight,
    /// The database by ACU, the rest by requests, from the usage file
    Use,
}

/// How shared cost is divided, and on what terms customers pay.
#[derive(Debug, Clone, Args)]
pub(super) struct ShareArgs {
    /// Rule by which tenants share common cost [default: even]
    #[arg(long, value_name = "RULE", value_enum)]
    allocate: Option<Allocate>,
    /// Value added tax in percent [default: konta.yml's]
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    vat: Option<Decimal>,
    /// Whether prices include that tax [default: konta.yml's]
    #[arg(long, value_name = "BOOL")]
    vat_included: Option<bool>,
    /// Payment service's fee in percent of the payment [default: konta.yml's]
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    fee: Option<Decimal>,
    /// Payment service's fixed fee per payment, in the workspace's currency [default: konta.yml's]
    #[arg(long, value_name = "AMOUNT", value_parser = amount)]
    fee_fixed: Option<Decimal>,
    /// Other cost per tenant and month, in the workspace's currency [default: konta.yml's]
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
    /// How shared cost is divided.
    pub(super) fn rule(&self) -> Rule {
        match self.allocate {
            None | Some(Allocate::Even) => Rule::Even,
            Some(Allocate::Weight) => Rule::Weight,
            Some(Allocate::Use) => Rule::Use,
        }
    }

    /// The first of these options that was given: a template has no tenants to divide its cost between.
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

    /// The terms of `konta.yml`, with those that were given here instead.
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
