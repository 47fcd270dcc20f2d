//! Reads a log page by page, and round by round while it is followed; no line twice and none lost.

use std::collections::HashSet;
use std::time::Duration;

use crate::aws::Aws;
use crate::aws::logs::{LogLine, LogQuery};
use crate::operation::retry::Retry;
use crate::operation::{OperationError, Polling};
use crate::stack::runtime::LogSource;

use super::log_filter::{Line, Selection, Selector};

/// How late a line may arrive, in milliseconds: each round reads again what was written this long before the newest
/// line. Tasks send every few seconds, and again when CloudWatch did not accept it.
const LATE: i64 = 2 * 60 * 1000;

/// Reads a log from a moment on.
#[derive(Debug)]
pub struct Reader<'a> {
    aws: &'a Aws,
    polling: Polling,
    source: &'a LogSource,
    from: i64,
    until: Option<i64>,
    /// The selection's state where `recent` begins.
    base: Selector,
    /// The lines that may still get late neighbours, in order of time.
    recent: Vec<LogLine>,
    /// The moment at which they and the next round begin.
    kept_from: i64,
    /// The ids of those that were shown.
    shown: HashSet<String>,
    /// How far the round has come.
    round: Round,
}

#[derive(Debug)]
enum Round {
    Begins,
    GoesOn(String),
    Ends,
}

impl<'a> Reader<'a> {
    /// Reads from one moment up to another, if there is one; milliseconds since 1970, UTC.
    #[must_use]
    pub fn new(
        aws: &'a Aws,
        polling: Polling,
        source: &'a LogSource,
        selection: Selection,
        from: i64,
        until: Option<i64>,
    ) -> Self {
        Self {
            aws,
            polling,
            source,
            from,
            until,
            base: Selector::new(selection),
            recent: Vec::new(),
            kept_from: from,
            shown: HashSet::new(),
            round: Round::Begins,
        }
    }

    /// The next lines of this round, possibly none; `None` at its end. A call after that begins the next round, with
    /// what has arrived meanwhile.
    pub async fn page(&mut self) -> Result<Option<Vec<Line>>, OperationError> {
        let token = match std::mem::replace(&mut self.round, Round::Begins) {
            Round::Begins => None,
            Round::GoesOn(token) => Some(token),
            Round::Ends => return Ok(None),
        };
        // Within a round the query stays the same, because a token belongs to its query.
        let query =
            LogQuery { group: &self.source.group, prefix: &self.source.streams, from: self.from, until: self.until };
        let mut retry = Retry::new(self.polling, None, "the log");
        let (lines, next) = retry.ask(async || self.aws.log_page(&query, token.as_deref()).await).await?;
        let fresh = self.take(lines);
        if let Some(token) = next {
            self.round = Round::GoesOn(token);
        } else {
            self.round = Round::Ends;
            self.from = self.from.max(self.kept_from);
        }
        Ok(Some(fresh))
    }

    /// Every line of one round.
    pub async fn all(&mut self) -> Result<Vec<Line>, OperationError> {
        let mut all = Vec::new();
        while let Some(mut lines) = self.page().await? {
            all.append(&mut lines);
        }
        Ok(all)
    }

    /// Puts lines among the recent ones, and selects again from where these begin: a late line may change which tenant
    /// the lines after it belong to.
    fn take(&mut self, lines: Vec<LogLine>) -> Vec<Line> {
        let known: HashSet<&str> = self.recent.iter().map(|line| line.id.as_str()).collect();
        let fresh: Vec<LogLine> = lines.into_iter().filter(|line| !known.contains(line.id.as_str())).collect();
        if fresh.is_empty() {
            return Vec::new();
        }
        self.recent.extend(fresh);
        // Lines of the same moment stay in the order in which they arrived.
        self.recent.sort_by_key(|line| line.at);
        let mut selector = self.base.clone();
        let selected: Vec<Line> = self.recent.iter().flat_map(|line| selector.take(line)).collect();
        let lines = selected.into_iter().filter(|line| self.shown.insert(line.id.clone())).collect();
        self.forget();
        lines
    }

    /// Forgets lines that are too old to get late neighbours.
    fn forget(&mut self) {
        let Some(newest) = self.recent.last() else { return };
        self.kept_from = newest.at - LATE;
        let old = self.recent.partition_point(|line| line.at < self.kept_from);
        for line in self.recent.drain(..old) {
            self.base.take(&line);
            self.shown.remove(&line.id);
        }
    }
}

/// The last lines before a moment, and the reader to continue with. It looks back step by step, so that a busy log
/// costs few calls.
pub async fn last<'a>(
    aws: &'a Aws,
    polling: Polling,
    source: &'a LogSource,
    selection: &Selection,
    (from, until): (i64, i64),
    (count, goes_on): (usize, bool),
) -> Result<(Vec<Line>, Reader<'a>), OperationError> {
    const MINUTE: i64 = 60 * 1000;
    let mut steps = [10 * MINUTE, 60 * MINUTE, 6 * 60 * MINUTE].into_iter();
    loop {
        let begin = steps.next().map_or(from, |back| from.max(until - back));
        let mut reader = Reader::new(aws, polling, source, selection.clone(), begin, (!goes_on).then_some(until));
        let mut lines = reader.all().await?;
        if lines.len() >= count || begin == from {
            lines.drain(..lines.len().saturating_sub(count));
            return Ok((lines, reader));
        }
    }
}

/// How long to wait between two rounds. FilterLogEvents allows ten calls a second for the whole account.
#[must_use]
pub fn interval(aws: &Aws) -> Duration {
    if aws.is_sandbox() { Duration::from_millis(250) } else { Duration::from_secs(2) }
}
