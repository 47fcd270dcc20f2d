//! Who is at work on a tenant: one record per tenant, kept in SSM while an operation runs, so that two operators do not meet.
//!
//! The record is a parameter that only one writer can make. Its owner renews it every minute; one that nobody has renewed for five
//! minutes, or whose process on this machine has ended, is abandoned and the next command takes it over. It is no log: each step still
//! looks whether it is done.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::aws::{Aws, AwsError};
use crate::model::TenantName;
use crate::stack::names::Names;

use super::error::OperationError;
use super::event::Events;
use super::polling::Polling;

/// How long a record counts without being renewed.
const ABANDONED: SignedDuration = SignedDuration::from_mins(5);

/// How often its owner renews it.
pub const RENEWAL: std::time::Duration = std::time::Duration::from_mins(1);

/// The process that runs an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The user, for people.
    pub user: String,
    /// The machine's name.
    pub host: String,
    /// The process's id there.
    pub process: i32,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.host)
    }
}

/// What to do where another operation is at work on the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenBusy {
    /// Say who is at it, and stop.
    #[default]
    Refuse,
    /// Wait for its end.
    Wait,
    /// Take its place: the operator knows that it runs no more.
    TakeOver,
}

/// For whom leases are taken, and what to do where that is not possible at once.
#[derive(Debug, Clone)]
pub struct LeaseRules {
    /// This process.
    pub holder: Holder,
    /// What to do where another is at work.
    pub when_busy: WhenBusy,
    /// Whether the process of a holder on this machine still runs.
    pub is_alive: fn(i32) -> bool,
}

impl Default for LeaseRules {
    /// A holder without a name, whose process counts as running.
    fn default() -> Self {
        let holder = Holder { user: "konta".to_owned(), host: "localhost".to_owned(), process: 0 };
        Self { holder, when_busy: WhenBusy::default(), is_alive: |_| true }
    }
}

/// An operation under way on a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationRecord {
    /// The command's own word, such as `upgrade`.
    pub verb: String,
    /// What distinguishes it from another run of the verb.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Who runs it.
    pub holder: Holder,
    /// When it began.
    pub since: Timestamp,
    /// When its holder last said that it runs.
    pub renewed: Timestamp,
    /// What tells this run from every other.
    pub token: String,
}

impl OperationRecord {
    /// A record as it is kept; `None` where no konta can read it.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether its holder no longer runs.
    fn is_abandoned(&self, rules: &LeaseRules, now: Timestamp) -> bool {
        let here = self.holder.host == rules.holder.host;
        (here && !(rules.is_alive)(self.holder.process)) || now.duration_since(self.renewed) > ABANDONED
    }
}

/// A tenant that is this process's to work on, until it is released.
#[derive(Debug, Clone)]
pub struct Lease {
    parameter: String,
    record: OperationRecord,
}

/// What a lease is taken for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The names of the environment.
    pub names: &'a Names,
    /// The tenant.
    pub tenant: &'a TenantName,
    /// The verb.
    pub verb: &'a str,
    /// Its arguments.
    pub arguments: &'a [String],
}

impl Lease {
    /// Takes the lease of a tenant.
    ///
    /// # Errors
    /// [`OperationError::Busy`] where another operation is at work and is not to be waited for, and what AWS answers.
    pub async fn take(
        aws: &Aws,
        wanted: Wanted<'_>,
        rules: &LeaseRules,
        polling: Polling,
        events: &Events,
    ) -> Result<Self, OperationError> {
        let parameter = wanted.names.operation(wanted.tenant);
        let mut has_said = false;
        loop {
            let now = Timestamp::now();
            let record = OperationRecord {
                verb: wanted.verb.to_owned(),
                arguments: wanted.arguments.to_vec(),
                holder: rules.holder.clone(),
                since: now,
                renewed: now,
                token: format!("{:016x}", rand::random::<u64>()),
            };
            let lease = Self { parameter: parameter.clone(), record };
            if aws.create_parameter(&parameter, &lease.record.text(), &wanted.names.tags(wanted.tenant)).await? {
                return Ok(lease);
            }
            // Released a moment ago: it can be made now.
            let Some(text) = aws.parameter(&parameter).await? else { continue };
            let other = OperationRecord::read(&text);
            let is_free = other.as_ref().is_some_and(|other| other.is_abandoned(rules, now));
            if is_free || rules.when_busy == WhenBusy::TakeOver {
                if let Some(other) = &other {
                    events.note(format!(
                        "{}: the {} that {} began at {} did not end; this command takes its place",
                        wanted.tenant, other.verb, other.holder, other.since
                    ));
                }
                aws.put_parameter(&parameter, &lease.record.text()).await?;
                // Where two took it over, the last one has it.
                if lease.is_held(aws).await? {
                    return Ok(lease);
                }
                continue;
            }
            let busy = busy(wanted.tenant, other);
            if rules.when_busy == WhenBusy::Refuse {
                return Err(busy);
            }
            if !has_said {
                events.note(format!("{busy}; waiting for its end"));
                has_said = true;
            }
            tokio::time::sleep(polling.poll).await;
        }
    }

    /// Whether it is still this process's: another may have taken it over.
    ///
    /// # Errors
    /// What AWS answers.
    pub async fn is_held(&self, aws: &Aws) -> Result<bool, AwsError> {
        let kept = aws.parameter(&self.parameter).await?;
        Ok(kept.as_deref().and_then(OperationRecord::read).is_some_and(|kept| kept.token == self.record.token))
    }

    /// Says that its holder still runs; false where another has taken it over.
    ///
    /// # Errors
    /// What AWS answers.
    pub async fn renew(&mut self, aws: &Aws) -> Result<bool, AwsError> {
        if !self.is_held(aws).await? {
            return Ok(false);
        }
        self.record.renewed = Timestamp::now();
        aws.put_parameter(&self.parameter, &self.record.text()).await?;
        Ok(true)
    }

    /// Gives the tenant free.
    ///
    /// # Errors
    /// What AWS answers.
    pub async fn release(&self, aws: &Aws) -> Result<(), AwsError> {
        if self.is_held(aws).await? {
            aws.delete_parameter(&self.parameter).await?;
        }
        Ok(())
    }
}

fn busy(tenant: &TenantName, other: Option<OperationRecord>) -> OperationError {
    let tenant = tenant.to_string();
    match other {
        Some(other) => OperationError::Busy {
            tenant,
            verb: other.verb,
            holder: other.holder.to_string(),
            since: other.since.to_string(),
        },
        None => OperationError::Busy {
            tenant,
            verb: "operation of another version of konta".to_owned(),
            holder: "somebody".to_owned(),
            since: "an unknown time".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(host: &str, process: i32, renewed: Timestamp) -> OperationRecord {
        let holder = Holder { user: "ada".to_owned(), host: host.to_owned(), process };
        let token = "1".to_owned();
        OperationRecord { verb: "upgrade".to_owned(), arguments: Vec::new(), holder, since: renewed, renewed, token }
    }

    #[test]
    fn only_a_process_that_runs_no_more_or_says_nothing_for_long_has_abandoned_a_tenant() {
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        let rules = LeaseRules { is_alive: |process| process == 7, ..LeaseRules::default() };
        assert!(!record("localhost", 7, now).is_abandoned(&rules, now));
        assert!(record("localhost", 8, now).is_abandoned(&rules, now), "its process has ended");
        assert!(!record("elsewhere", 8, now).is_abandoned(&rules, now), "of another machine nothing is known");
        let long_ago = now - SignedDuration::from_mins(6);
        assert!(record("elsewhere", 8, long_ago).is_abandoned(&rules, now));
        assert!(record("localhost", 7, long_ago).is_abandoned(&rules, now), "it slept");
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let one = record("laptop", 7, "2026-11-30T12:00:00Z".parse().unwrap());
        assert_eq!(OperationRecord::read(&one.text()), Some(one));
        assert_eq!(OperationRecord::read("{}"), None);
    }
}
