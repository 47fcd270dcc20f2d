//! The RDS Data API: SQL on a cluster without a connection to it.

use std::time::Duration;

use aws_sdk_rdsdata::config::retry::RetryConfig;
use aws_sdk_rdsdata::operation::execute_statement::builders::ExecuteStatementFluentBuilder;
use aws_sdk_rdsdata::types::{Field, SqlParameter};

use super::error::AwsError;
use super::session::Aws;

/// A cluster on which SQL can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataTarget {
    /// The cluster's ARN.
    pub cluster: String,
    /// The ARN of the secret with the master user's password.
    pub secret: String,
}

/// How long konta waits for a paused or starting cluster: resuming takes about 15 s, and 30 s and more after a day's
/// pause.
const PATIENCE: Duration = Duration::from_mins(2);

/// Codes of the Data API for faults that pass by themselves. The SDK does not retry the first, which comes as a client
/// error (HTTP 400). Source: RDS Data API, `ExecuteStatement`; public reports of Aurora Serverless v2 resuming.
const PASSING: &[&str] = &[
    "DatabaseResumingException",
    "DatabaseUnavailableException",
    "ServiceUnavailableError",
    "InternalServerErrorException",
    "StatementTimeoutException",
];

/// What PostgreSQL's driver says if the service had kept a connection that was then ended: the messages of SQL states
/// of class 08, and of a server that ends a session. Source: PostgreSQL, appendix A. The statement was not run, or not
/// to its end.
const ENDED: &[&str] = &[
    "terminating connection due to administrator command",
    "This connection has been closed",
    "An I/O error occurred",
];

impl Aws {
    /// One statement on a cluster's database, outside any transaction.
    fn statement(&self, target: &DataTarget, database: &str, statement: &str) -> ExecuteStatementFluentBuilder {
        self.rdsdata
            .execute_statement()
            .resource_arn(&target.cluster)
            .secret_arn(&target.secret)
            .database(database)
            .sql(statement)
            // DDL must not be killed halfway when the call times out.
            .continue_after_timeout(true)
    }

    /// Runs one statement outside any transaction, and returns the rows as texts. One statement per call: the service
    /// refuses several.
    ///
    /// `database` may be any database of the cluster. Waits for a cluster that resumes from a pause, and sends a
    /// statement again whose connection had been ended: the caller of a statement that must not run twice checks
    /// whether it is done ([`AwsError::says_it_exists`]).
    pub async fn sql(
        &self,
        target: &DataTarget,
        database: &str,
        statement: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Vec<Vec<Option<String>>>, AwsError> {
        let begun = tokio::time::Instant::now();
        let mut pause = Duration::from_secs(1);
        loop {
            let bound = parameters
                .iter()
                .map(|(name, value)| {
                    SqlParameter::builder().name(*name).value(Field::StringValue((*value).to_owned())).build()
                })
                .collect();
            let answer = self.statement(target, database, statement).set_parameters(Some(bound)).send().await;
            let error = match answer {
                Ok(answer) => {
                    return Ok(answer.records().iter().map(|row| row.iter().map(text).collect()).collect());
                }
                Err(error) => AwsError::from_sdk("rds-data ExecuteStatement", &error),
            };
            let passes = PASSING.contains(&error.code.as_str())
                || error.message.contains("is resuming after being auto-paused")
                || error.says_the_connection_was_ended();
            if !passes || begun.elapsed() > PATIENCE {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(8));
        }
    }
}

/// What became of a statement that was sent once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It is done.
    Done,
    /// No answer came in time: it may still run in PostgreSQL, or never have begun.
    Unknown,
}

impl Aws {
    /// Sends one statement outside any transaction, and sends it once: for a statement that takes longer than a call
    /// and must not run twice. It is sent again only to a cluster that resumes from a pause, and so has begun nothing.
    pub async fn sql_once(&self, target: &DataTarget, database: &str, statement: &str) -> Result<Sent, AwsError> {
        let begun = tokio::time::Instant::now();
        loop {
            let answer = self
                .statement(target, database, statement)
                .customize()
                .config_override(aws_sdk_rdsdata::config::Builder::new().retry_config(RetryConfig::disabled()))
                .send()
                .await;
            let Err(error) = answer else { return Ok(Sent::Done) };
            let error = AwsError::from_sdk("rds-data ExecuteStatement", &error);
            if error.is("DatabaseResuming") || error.message.contains("is resuming after being auto-paused") {
                if begun.elapsed() > PATIENCE {
                    return Err(error);
                }
                tokio::time::sleep(Duration::from_secs(2)).await;
                continue;
            }
            let is_lost = PASSING.contains(&error.code.as_str()) || error.passes();
            return if is_lost { Ok(Sent::Unknown) } else { Err(error) };
        }
    }
}

impl AwsError {
    /// Whether PostgreSQL refused to create a database or role because one of that name exists.
    ///
    /// If two are created at the same moment, it is the index that says so. Source: PostgreSQL, appendix A, error
    /// codes; the Data API ends its messages with `SQLState: 42P04`.
    #[must_use]
    pub fn says_it_exists(&self) -> bool {
        let state = self.sql_state();
        let index = |name: &str| state == "23505" && self.message.contains(name);
        matches!(state, "42P04" | "42710") || index("pg_database_datname_index") || index("pg_authid_rolname_index")
    }

    /// Whether PostgreSQL refused because there is a connection to the database.
    #[must_use]
    pub fn says_it_is_in_use(&self) -> bool {
        self.sql_state() == "55006"
    }

    /// Whether the connection that the service had kept for the statement was ended.
    fn says_the_connection_was_ended(&self) -> bool {
        let state = self.sql_state();
        let ended = matches!(state, "57P01" | "57P02" | "57P03") || (state.len() == 5 && state.starts_with("08"));
        self.is("DatabaseError") && (ended || ENDED.iter().any(|text| self.message.contains(text)))
    }

    fn sql_state(&self) -> &str {
        self.message.rsplit_once("SQLState: ").map_or("", |(_, state)| state.trim())
    }
}

fn text(field: &Field) -> Option<String> {
    match field {
        Field::StringValue(text) => Some(text.clone()),
        Field::LongValue(number) => Some(number.to_string()),
        Field::BooleanValue(truth) => Some(truth.to_string()),
        Field::DoubleValue(number) => Some(number.to_string()),
        _ => None,
    }
}
