//! Cost Explorer: what AWS billed, by service and tag. konta calls it in us-east-1 for every region; each call costs
//! money.

use aws_sdk_costexplorer::types::{
    DateInterval, Expression, Granularity, Group, GroupDefinition, GroupDefinitionType, MatchOption, TagValues,
};

use rust_decimal::Decimal;

use super::error::AwsError;
use super::session::Aws;

const OPERATION: &str = "ce GetCostAndUsage";

/// What was billed for one service and one value of the tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billed {
    /// The service, as the bill names it.
    pub service: String,
    /// The tag's value; `None` for what lacks the tag.
    pub tag: Option<String>,
    /// How much, in US dollars.
    pub usd: Decimal,
}

/// A bill, and how many calls it took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bill {
    /// What bears all of the tags, service by service.
    pub tagged: Vec<Billed>,
    /// What lacks the first of them.
    pub untagged: Vec<Billed>,
    /// Whether AWS still counts: the month's bill is not closed.
    pub estimated: bool,
    /// Calls made, each of which costs money.
    pub calls: usize,
}

/// Which part of the bill is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    /// What bears all of these tags.
    Tagged(&'a [(&'a str, &'a str)]),
    /// What lacks this tag.
    Untagged(&'a str),
}

impl Aws {
    /// The unblended cost from `start` (a day, ISO 8601) up to and without `end`: of what bears all of `tags`, and of what lacks the first
    /// of them, each by service and by the value of the tag `by`. One call a page, two at least.
    ///
    /// # Errors
    /// When AWS refuses or cannot be reached, or its answer lacks an amount in US dollars.
    pub async fn bill(&self, start: &str, end: &str, tags: &[(&str, &str)], by: &str) -> Result<Bill, AwsError> {
        let mut bill = Bill::default();
        bill.tagged = self.billed((start, end), Part::Tagged(tags), by, &mut bill).await?;
        if let Some((first, _)) = tags.first() {
            bill.untagged = self.billed((start, end), Part::Untagged(first), by, &mut bill).await?;
        }
        Ok(bill)
    }

    /// The rows of one part of the bill; `bill` counts the calls.
    async fn billed(
        &self,
        (start, end): (&str, &str),
        part: Part<'_>,
        tag: &str,
        bill: &mut Bill,
    ) -> Result<Vec<Billed>, AwsError> {
        let built = |e: aws_sdk_costexplorer::error::BuildError| AwsError::incomplete(OPERATION, &e.to_string());
        let period = DateInterval::builder().start(start).end(end).build().map_err(built)?;
        let by = |kind, key: &str| GroupDefinition::builder().r#type(kind).key(key).build();
        let request = self
            .costexplorer
            .get_cost_and_usage()
            .time_period(period)
            .granularity(Granularity::Monthly)
            .metrics("UnblendedCost")
            .filter(filter(part))
            .group_by(by(GroupDefinitionType::Dimension, "SERVICE"))
            .group_by(by(GroupDefinitionType::Tag, tag));
        let mut rows = Vec::new();
        let mut token = None;
        loop {
            bill.calls += 1;
            let page = request.clone().set_next_page_token(token).send().await;
            let page = page.map_err(|e| AwsError::from_sdk(OPERATION, &e))?;
            for result in page.results_by_time() {
                bill.estimated |= result.estimated();
                for group in result.groups() {
                    rows.push(billed(group, tag)?);
                }
            }
            token = page.next_page_token;
            if token.is_none() {
                return Ok(rows);
            }
        }
    }
}

fn filter(part: Part<'_>) -> Expression {
    let tagged = |key: &str, value: &str| {
        let tag = TagValues::builder().key(key).values(value).match_options(MatchOption::Equals).build();
        Expression::builder().tags(tag).build()
    };
    match part {
        Part::Tagged([(key, value)]) => tagged(key, value),
        Part::Tagged(tags) => {
            tags.iter().fold(Expression::builder(), |all, (key, value)| all.and(tagged(key, value))).build()
        }
        Part::Untagged(key) => {
            let tag = TagValues::builder().key(key).match_options(MatchOption::Absent).build();
            Expression::builder().tags(tag).build()
        }
    }
}

/// A group's keys are the service and `tag$value`.
fn billed(group: &Group, tag: &str) -> Result<Billed, AwsError> {
    let missing = || AwsError::incomplete(OPERATION, "amount");
    let [service, value] = group.keys() else { return Err(missing()) };
    let cost = group.metrics().and_then(|metrics| metrics.get("UnblendedCost")).ok_or_else(missing)?;
    let value = value.strip_prefix(tag).and_then(|rest| rest.strip_prefix('$')).unwrap_or(value);
    Ok(Billed {
        service: service.clone(),
        tag: (!value.is_empty()).then(|| value.to_owned()),
        usd: dollars(cost.amount().ok_or_else(missing)?, cost.unit().unwrap_or("USD"))?,
    })
}

/// An amount as AWS writes it: digits, or for the smallest digits with an exponent.
fn dollars(amount: &str, currency: &str) -> Result<Decimal, AwsError> {
    let wrong = || AwsError::incomplete(OPERATION, &format!("amount in USD, but {amount} {currency}"));
    if currency != "USD" {
        return Err(wrong());
    }
    amount.parse().or_else(|_| Decimal::from_scientific(amount)).map_err(|_| wrong())
}
