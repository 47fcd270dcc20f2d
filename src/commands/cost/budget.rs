//! `--budget`: an amount, in US dollars or in the workspace's currency.

use rust_decimal::Decimal;

use crate::commands::CommandError;
use crate::model::Workspace;

/// What may be spent a month, as `--budget` gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GivenBudget {
    /// In US dollars.
    pub(super) usd: Decimal,
    /// As it was given.
    pub(super) said: String,
}

impl GivenBudget {
    /// Reads `120`, `120USD`, `120 usd` or, with a workspace, an amount in its currency.
    pub(super) fn parse(said: Option<&str>, workspace: Option<&Workspace>) -> Result<Option<Self>, CommandError> {
        let Some(said) = said else { return Ok(None) };
        let trimmed = said.trim();
        let digits = trimmed.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(trimmed.len());
        let (amount, currency) = trimmed.split_at(digits);
        let amount: Option<Decimal> = amount.trim().parse().ok().filter(|amount: &Decimal| !amount.is_sign_negative());
        let currency = currency.trim().to_ascii_uppercase();
        let rate = match workspace {
            _ if currency.is_empty() || currency == "USD" => Some(Decimal::ONE),
            Some(workspace) if workspace.currency == currency => Some(workspace.exchange_rate.usd),
            _ => None,
        };
        let usd = amount.zip(rate).and_then(|(amount, rate)| amount.checked_mul(rate));
        match usd {
            Some(usd) => Ok(Some(Self { usd, said: said.to_owned() })),
            None => Err(CommandError::Usage {
                message: format!("--budget {said} is not an amount that konta can compare with"),
                help: match workspace {
                    Some(workspace) => {
                        format!("write 120 or 120USD, or 120{} in the workspace's currency", workspace.currency)
                    }
                    None => "write 120 or 120USD; a template has no other currency".to_owned(),
                },
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_need_no_name_and_other_currencies_a_workspace() {
        let usd = |said| GivenBudget::parse(Some(said), None).map(|budget| budget.map(|budget| budget.usd.to_string()));
        assert_eq!(usd("120").unwrap().as_deref(), Some("120"));
        assert_eq!(usd("99.50 usd").unwrap().as_deref(), Some("99.50"));
        for wrong in ["120EUR", "-1", "much", "", "99999999999999999999999999999999"] {
            assert!(usd(wrong).is_err(), "{wrong}");
        }
    }
}
