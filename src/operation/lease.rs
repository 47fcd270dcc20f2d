//! Who is at work on a tenant: one record per tenant, kept in SSM while an operation runs, so that two operators do not meet.
//!
//! The record is a parameter that only one writer can make. Its owner renews it every minute; one that nobody has renewed for fifteen
//! minutes, or whose process on this machine has ended, is abandoned and the next command takes it over. It is no log: each step still
//! looks whether it is done.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::aws::{Aws, AwsError};
use crate::model::TenantName;
use crate::stack::names::Names;

use super::error::OperationError;
use super::event::Events;
use super::polling::Polling;

/// How long a record counts without being renewed. AWS accepts clocks that are five minutes off, so two machines' may be ten apart.
const ABANDONED: SignedDuration = SignedDuration::from_mins(15);

/// How often its owner renews it.
const RENEWAL: SignedDuration = SignedDuration::from_mins(1);

/// How long its owner works on while AWS does not take the renewals.
const UNRENEWED: SignedDuration = SignedDuration::from_mins(4);

/// How often the owner looks at the clock: a machine that slept knows it by that.
const TICK: Duration = Duration::from_secs(5);

/// Ticks of a renewal's time, which pass also where the clock does not.
const TICKS: u32 = 12;

/// How often a record that can neither be made nor read is tried.
const TRIES: usize = 20;

/// The process that runs an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The user, for people.
    pub user: String,
    /// The machine's name, for people.
    pub host: String,
    /// What tells this start of the machine, and this space of process ids, from every other; empty where nothing does.
    #[serde(default)]
    pub machine: String,
    /// The process's id there.
    pub process: i32,
    /// When the process began, in the machine's own count: ids are used again.
    #[serde(default)]
    pub began: String,
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
    /// Whether a holder is known to run no more. One of another machine never is.
    pub is_gone: fn(&Holder) -> bool,
    /// The leases that this process holds.
    pub held: Held,
}

/// The leases that a process holds, to be released where it must leave at once.
#[derive(Debug, Clone, Default)]
pub struct Held(Arc<Mutex<Vec<Lease>>>);

impl Held {
    fn all(&self) -> MutexGuard<'_, Vec<Lease>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Releases every lease; what AWS refuses is left to grow old.
    pub async fn release(&self, aws: &Aws) {
        let leases = std::mem::take(&mut *self.all());
        for lease in leases {
            let _ = lease.release(aws).await;
        }
    }
}

impl Default for LeaseRules {
    /// A holder without a name, whose process counts as running.
    fn default() -> Self {
        let holder = Holder {
            user: "konta".to_owned(),
            host: "localhost".to_owned(),
            machine: String::new(),
            process: 0,
            began: String::new(),
        };
        Self { holder, when_busy: WhenBusy::default(), is_gone: |_| false, held: Held::default() }
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
        // One of this very process is an earlier operation's, which SSM still shows though it was deleted.
        let is_own = !rules.holder.machine.is_empty() && self.holder == rules.holder;
        is_own || (rules.is_gone)(&self.holder) || now.duration_since(self.renewed) > ABANDONED
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
        let token = format!("{:016x}", rand::random::<u64>());
        let mut has_said = false;
        let mut tries = 0;
        loop {
            let now = Timestamp::now();
            let record = OperationRecord {
                verb: wanted.verb.to_owned(),
                arguments: wanted.arguments.to_vec(),
                holder: rules.holder.clone(),
                since: now,
                renewed: now,
                token: token.clone(),
            };
            let lease = Self { parameter: parameter.clone(), record };
            if aws.create_parameter(&parameter, &lease.record.text(), &wanted.names.tags(wanted.tenant)).await? {
                return Ok(lease);
            }
            let Some((text, version)) = aws.versioned_parameter(&parameter).await? else {
                // Released a moment ago: for a while SSM says both that there is one and that there is none.
                tries += 1;
                if tries == TRIES {
                    return Err(busy(wanted.tenant, None));
                }
                tokio::time::sleep(polling.poll).await;
                continue;
            };
            let other = OperationRecord::read(&text);
            // The answer to this very request was lost, and the SDK asked again.
            if other.as_ref().is_some_and(|other| other.token == token) {
                return Ok(lease);
            }
            let is_free = other.as_ref().is_some_and(|other| other.is_abandoned(rules, now));
            if is_free || rules.when_busy == WhenBusy::TakeOver {
                // Where two take it over, the next version is the first one's.
                if aws.put_parameter(&parameter, &lease.record.text()).await? != version + 1 {
                    return Err(busy(wanted.tenant, None));
                }
                if let Some(other) = other.filter(|other| other.holder != rules.holder) {
                    events.note(format!(
                        "{}: the {} that {} began at {} did not end; this command takes its place",
                        wanted.tenant, other.verb, other.holder, other.since
                    ));
                }
                return Ok(lease);
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

    /// Waits until no other operation is at work on a tenant, before anything of it is looked at.
    ///
    /// # Errors
    /// What AWS answers.
    pub async fn until_free(
        aws: &Aws,
        names: &Names,
        tenant: &TenantName,
        rules: &LeaseRules,
        polling: Polling,
    ) -> Result<(), AwsError> {
        let parameter = names.operation(tenant);
        while let Some(text) = aws.parameter(&parameter).await? {
            if OperationRecord::read(&text).is_some_and(|other| other.is_abandoned(rules, Timestamp::now())) {
                break;
            }
            tokio::time::sleep(polling.poll).await;
        }
        Ok(())
    }

    /// Renews the lease for as long as it is this process's. Ends when another has taken it over, and when AWS has not taken a renewal
    /// for so long that another may.
    pub(super) async fn lost(mut self, aws: &Aws) {
        let (mut renewed, mut asked, mut ticks) = (Timestamp::now(), Timestamp::now(), 0);
        loop {
            tokio::time::sleep(TICK).await;
            ticks += 1;
            let now = Timestamp::now();
            if ticks < TICKS && now.duration_since(asked) < RENEWAL {
                continue;
            }
            (ticks, asked) = (0, now);
            match self.renew(aws).await {
                Ok(true) => renewed = now,
                Ok(false) => return,
                Err(_) if now.duration_since(renewed) > UNRENEWED => return,
                Err(_) => {}
            }
        }
    }

    /// Remembers it as held by this process, until it is released.
    pub(super) fn hold(&self, held: &Held) {
        held.all().push(self.clone());
    }

    /// Forgets it.
    pub(super) fn forget(&self, held: &Held) {
        held.all().retain(|lease| lease.record.token != self.record.token);
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

    fn record(machine: &str, process: i32, renewed: Timestamp) -> OperationRecord {
        let holder = Holder { process, machine: machine.to_owned(), ..LeaseRules::default().holder };
        let token = "1".to_owned();
        OperationRecord { verb: "upgrade".to_owned(), arguments: Vec::new(), holder, since: renewed, renewed, token }
    }

    #[test]
    fn only_a_process_that_runs_no_more_or_says_nothing_for_long_has_abandoned_a_tenant() {
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        let rules =
            LeaseRules { is_gone: |holder| holder.machine == "this" && holder.process != 7, ..LeaseRules::default() };
        assert!(!record("this", 7, now).is_abandoned(&rules, now));
        assert!(record("this", 8, now).is_abandoned(&rules, now), "its process has ended");
        assert!(!record("other", 8, now).is_abandoned(&rules, now), "of another machine nothing is known");
        assert!(!record("other", 8, now - SignedDuration::from_mins(10)).is_abandoned(&rules, now), "clocks differ");
        let long_ago = now - SignedDuration::from_mins(16);
        assert!(record("other", 8, long_ago).is_abandoned(&rules, now));
        assert!(record("this", 7, long_ago).is_abandoned(&rules, now), "it slept");
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let one = record("this", 7, "2026-11-30T12:00:00Z".parse().unwrap());
        assert_eq!(OperationRecord::read(&one.text()), Some(one));
        assert_eq!(OperationRecord::read("{}"), None);
    }
}
