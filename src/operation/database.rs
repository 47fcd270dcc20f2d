//! The only way to PostgreSQL: a database cluster, and the statements that konta runs in it.

use std::time::Duration;

use crate::aws::Aws;
use crate::aws::rds_data::{DataTarget, Sent};
use crate::odoo::database::Statement;
use crate::odoo::database_swap;
use crate::odoo::first_setup::Bound;
use crate::stack::names::Names;
use crate::stack::{Observed, ObservedStack, runtime};

use super::error::OperationError;
use super::retry::Retry;

/// The outputs of a stack that name its cluster, for messages.
const OUTPUTS: &str = "DatabaseClusterArn and DatabaseSecretArn";

/// The longest pause between two tries of a statement that needs a database without connections.
const BETWEEN_TRIES: Duration = Duration::from_secs(5);

/// A database cluster, as its master user.
#[derive(Debug, Clone)]
pub struct Database<'a> {
    aws: &'a Aws,
    target: DataTarget,
}

impl<'a> Database<'a> {
    /// A cluster, by its ARN and the ARN of its master user's secret.
    #[must_use]
    pub fn new(aws: &'a Aws, target: DataTarget) -> Self {
        Self { aws, target }
    }

    /// The cluster of the first of these stacks that has one.
    #[must_use]
    pub fn of_stacks(aws: &'a Aws, observed: &Observed, stacks: &[String]) -> Option<Self> {
        stacks.iter().find_map(|stack| {
            let cluster = observed.output(stack, "DatabaseClusterArn")?.to_owned();
            let secret = observed.output(stack, "DatabaseSecretArn")?.to_owned();
            Some(Self::new(aws, DataTarget { cluster, secret }))
        })
    }

    /// The cluster that holds a deployed tenant's database: the tenant's own if it has one, otherwise its cell's.
    ///
    /// # Errors
    /// When no stack has the outputs that name it.
    pub fn of_tenant(
        aws: &'a Aws,
        observed: &Observed,
        names: &Names,
        tenant: &ObservedStack,
    ) -> Result<Self, OperationError> {
        Self::of_stacks(aws, observed, &runtime::database_stacks(observed, names, tenant))
            .ok_or_else(|| OperationError::MissingOutput { stack: tenant.name.clone(), missing: OUTPUTS.to_owned() })
    }

    /// The cluster of a stack that must have one.
    ///
    /// # Errors
    /// When it lacks the outputs that name it.
    pub fn of_stack(aws: &'a Aws, observed: &Observed, stack: &str) -> Result<Self, OperationError> {
        Self::of_stacks(aws, observed, &[stack.to_owned()])
            .ok_or_else(|| OperationError::MissingOutput { stack: stack.to_owned(), missing: OUTPUTS.to_owned() })
    }

    /// The cluster's ARN.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.target.cluster
    }

    /// Refuses a cluster whose Data API is off, as it is after a restore or a renaming: every statement would fail
    /// without saying why.
    ///
    /// # Errors
    /// When it is off, and when there is no such cluster.
    pub async fn takes_sql(&self) -> Result<(), OperationError> {
        let cluster = &self.target.cluster;
        match self.aws.data_api_is_on(cluster).await? {
            Some(true) => Ok(()),
            Some(false) => Err(OperationError::DataApiOff { cluster: cluster.clone() }),
            None => Err(OperationError::NoCluster { cluster: cluster.clone() }),
        }
    }

    async fn rows(&self, statement: &Statement) -> Result<Vec<Vec<Option<String>>>, OperationError> {
        Ok(self.aws.sql(&self.target, &statement.database, &statement.sql, &[]).await?)
    }

    /// Runs statements that may all be repeated, one after the other.
    ///
    /// # Errors
    /// When one of them fails.
    pub async fn run(&self, statements: &[Statement]) -> Result<(), OperationError> {
        for statement in statements {
            self.rows(statement).await?;
        }
        Ok(())
    }

    /// Runs a statement with named parameters; returns whether it gave a row.
    ///
    /// # Errors
    /// When it fails.
    pub async fn run_bound(&self, bound: &Bound) -> Result<bool, OperationError> {
        let parameters: Vec<(&str, &str)> =
            bound.parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let statement = &bound.statement;
        Ok(!self.aws.sql(&self.target, &statement.database, &statement.sql, &parameters).await?.is_empty())
    }

    /// Makes a role or a database that did not exist a moment ago. A statement whose call timed out continues in
    /// PostgreSQL and is sent again; if the object exists by then, that is success.
    ///
    /// # Errors
    /// When PostgreSQL refuses for another reason.
    pub async fn make(&self, statement: &Statement) -> Result<(), OperationError> {
        match self.rows(statement).await {
            Err(OperationError::Aws(error)) if error.says_it_exists() => Ok(()),
            done => done.map(|_| ()),
        }
    }

    /// Whether a query returns a row.
    ///
    /// # Errors
    /// When it fails.
    pub async fn holds(&self, question: &Statement) -> Result<bool, OperationError> {
        Ok(self.count(question).await? > 0)
    }

    /// The same, retried while AWS does not answer.
    ///
    /// # Errors
    /// When it fails, and when AWS does not answer for too long.
    pub async fn holds_in_the_end(&self, retry: &mut Retry<'_>, question: &Statement) -> Result<bool, OperationError> {
        let ask = async || self.aws.sql(&self.target, &question.database, &question.sql, &[]).await;
        Ok(!retry.ask(ask).await?.is_empty())
    }

    /// How many rows a statement returns.
    ///
    /// # Errors
    /// When it fails.
    pub async fn count(&self, statement: &Statement) -> Result<usize, OperationError> {
        Ok(self.rows(statement).await?.len())
    }

    /// All values of a query that are not null, row by row.
    ///
    /// # Errors
    /// When it fails.
    pub async fn values(&self, question: &Statement) -> Result<Vec<String>, OperationError> {
        Ok(self.rows(question).await?.into_iter().flatten().flatten().collect())
    }

    /// The first two values of each row; a null becomes an empty text.
    ///
    /// # Errors
    /// When it fails.
    pub async fn pairs(&self, question: &Statement) -> Result<Vec<(String, String)>, OperationError> {
        let pair = |row: Vec<Option<String>>| {
            let mut texts = row.into_iter().map(Option::unwrap_or_default);
            (texts.next().unwrap_or_default(), texts.next().unwrap_or_default())
        };
        Ok(self.rows(question).await?.into_iter().map(pair).collect())
    }

    /// The first value of a query that is not null; `None` if there is none.
    ///
    /// # Errors
    /// When it fails.
    pub async fn value(&self, question: &Statement) -> Result<Option<String>, OperationError> {
        Ok(self.values(question).await?.into_iter().next())
    }

    /// A database's comment, in which konta notes what the database is for; `None` if there is no such database.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn comment(&self, database: &str) -> Result<Option<String>, OperationError> {
        self.value(&database_swap::marked(database)).await
    }

    /// Runs a statement that needs databases without connections, up to `tries` times while a connection is in the way.
    ///
    /// # Errors
    /// When it fails for another reason, and when a connection is still in the way at the last try.
    pub async fn run_when_free(
        &self,
        statement: &Statement,
        tries: usize,
        pause: Duration,
    ) -> Result<(), OperationError> {
        let mut attempt = 1;
        loop {
            match self.rows(statement).await {
                Err(OperationError::Aws(error)) if error.says_it_is_in_use() && attempt < tries => {
                    attempt += 1;
                    tokio::time::sleep(pause.min(BETWEEN_TRIES)).await;
                }
                done => return done.map(|_| ()),
            }
        }
    }

    /// Sends a statement that takes longer than a call and must not run twice: exactly once.
    ///
    /// # Errors
    /// When PostgreSQL refuses it.
    pub async fn send_once(&self, statement: &Statement) -> Result<Sent, OperationError> {
        Ok(self.aws.sql_once(&self.target, &statement.database, &statement.sql).await?)
    }
}
