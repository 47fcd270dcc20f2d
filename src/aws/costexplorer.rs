//! Cost Explorer: what AWS billed, by service and tag. konta calls it in us-east-1 for every region; each call costs
//! money.

use aws_sdk_costexplorer::types::{
    DateInterval, Expression, Granularity, Group, GroupDefinition, GroupDefinitionType, MatchOption, TagValues,
};

use super::error::AwsError;
use super::session::Aws;

/// What was billed for one service and one value of the tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billed {
    /// The service, as the bill names it.
    pub service: String,
    /// The tag's value; empty for what lacks the tag.
    pub tag: String,
    /// How much, as AWS writes it.
    pub amount: String,
    /// The currency, such as `USD`.
    pub currency: String,
}

/// A bill, and how many calls it took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bill {
    /// One row per service and tag value.
    pub rows: Vec<Billed>,
    /// Whether AWS is still counting: the month's bill is not closed.
    pub estimated: bool,
    /// Calls made, each of which costs money.
    pub calls: usize,
}

/// Which part of the bill is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// What has all of these tags.
    Tagged(&'a [(&'a str, &'a str)]),
    /// What lacks this tag.
    Untagged(&'a str),
}

impl Aws {
    /// The unblended cost from `start` (a day, ISO 8601) up to but without `end`, by service and by the value of `tag`.
    /// One call per page.
    ///
    /// # Errors
    /// If AWS refuses or cannot be reached, or its answer lacks an amount.
    pub async fn billed(&self, start: &str, end: &str, part: Part<'_>, tag: &str) -> Result<Bill, AwsError> {
        const OPERATION: &str = "ce GetCostAndUsage";
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
        let mut bill = Bill::default();
        let mut token = None;
        loop {
            bill.calls += 1;
            let page = request.clone().set_next_page_token(token).send().await;
            let page = page.map_err(|e| AwsError::from_sdk(OPERATION, &e))?;
            for result in page.results_by_time() {
                bill.estimated |= result.estimated();
                for group in result.groups() {
                    bill.rows.push(billed(group, tag).ok_or_else(|| AwsError::incomplete(OPERATION, "amount"))?);
                }
            }
            token = page.next_page_token;
            if token.is_none() {
                return Ok(bill);
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
fn billed(group: &Group, tag: &str) -> Option<Billed> {
    let [service, value] = group.keys() else { return None };
    let cost = group.metrics()?.get("UnblendedCost")?;
    let value = value.strip_prefix(tag).and_then(|rest| rest.strip_prefix('$')).unwrap_or(value);
    Some(Billed {
        service: service.clone(),
        tag: value.to_owned(),
        amount: cost.amount()?.to_owned(),
        currency: cost.unit().unwrap_or("USD").to_owned(),
    })
}
