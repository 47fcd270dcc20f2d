//! CloudWatch Logs: the lines of a group's streams, and the streams.

use super::error::AwsError;
use super::session::Aws;

/// Which lines of a group. Times are milliseconds since 1970, UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery<'a> {
    /// The group.
    pub group: &'a str,
    /// How the streams' names begin; empty for every stream.
    pub prefix: &'a str,
    /// From this moment on, inclusive.
    pub from: i64,
    /// Up to this moment, inclusive.
    pub until: Option<i64>,
}

/// A line as a task wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogLine {
    /// CloudWatch's id of it.
    pub id: String,
    /// The stream.
    pub stream: String,
    /// When it was written, milliseconds since 1970, UTC.
    pub at: i64,
    /// The text.
    pub text: String,
}

/// A stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogStream {
    /// Its name.
    pub name: String,
    /// Its first line, milliseconds since 1970, UTC; `None` while it is empty.
    pub first: Option<i64>,
    /// Its last line; CloudWatch may report it up to an hour late.
    pub last: Option<i64>,
}

impl Aws {
    /// A page of lines in the order of time, and the token of the next page if there is one. An empty page need not be
    /// the last.
    pub async fn log_page(
        &self,
        query: &LogQuery<'_>,
        token: Option<&str>,
    ) -> Result<(Vec<LogLine>, Option<String>), AwsError> {
        let answer = self
            .logs
            .filter_log_events()
            .log_group_name(query.group)
            .set_log_stream_name_prefix((!query.prefix.is_empty()).then(|| query.prefix.to_owned()))
            .start_time(query.from)
            .set_end_time(query.until)
            .set_next_token(token.map(ToOwned::to_owned))
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("logs FilterLogEvents", &e))?;
        let lines = answer
            .events()
            .iter()
            .map(|event| LogLine {
                id: event.event_id().unwrap_or_default().to_owned(),
                stream: event.log_stream_name().unwrap_or_default().to_owned(),
                at: event.timestamp().unwrap_or_default(),
                text: event.message().unwrap_or_default().trim_end_matches(['\r', '\n']).to_owned(),
            })
            // The sandbox ignores the prefix.
            .filter(|line| line.stream.starts_with(query.prefix))
            .collect();
        Ok((lines, answer.next_token().map(ToOwned::to_owned)))
    }

    /// The streams of a group whose names begin with a prefix, sorted by name.
    pub async fn log_streams(&self, group: &str, prefix: &str) -> Result<Vec<LogStream>, AwsError> {
        let mut streams = Vec::new();
        let mut pages = self
            .logs
            .describe_log_streams()
            .log_group_name(group)
            .log_stream_name_prefix(prefix)
            .into_paginator()
            .items()
            .send();
        while let Some(stream) = pages.next().await {
            let stream = stream.map_err(|e| AwsError::from_sdk("logs DescribeLogStreams", &e))?;
            streams.push(LogStream {
                name: stream.log_stream_name().unwrap_or_default().to_owned(),
                first: stream.first_event_timestamp(),
                last: stream.last_event_timestamp(),
            });
        }
        Ok(streams)
    }
}
