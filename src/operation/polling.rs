//! How often konta asks AWS, and how long it waits.

use std::time::Duration;

/// How often konta asks AWS, and how long it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polling {
    /// The pause between two readings of a stack. CloudFormation's rates are low and shared by the whole account, so
    /// not under five seconds.
    pub poll: Duration,
    /// The longest wait for a stack. CloudFormation itself allows a service up to 36 hours.
    pub stack: Duration,
    /// The longest wait for a one-off task.
    pub task: Duration,
    /// The longest wait for a service's health once its stack is deployed.
    pub health: Duration,
    /// How long AWS may throttle or not answer during a wait. Zero gives up at the first error.
    pub unanswered: Duration,
    /// How long a pool may go on with the hosts that it knew, and a second more: it reads its registry again after `REFRESH_AFTER` in
    /// `templates/odoo/konta_routing/__init__.py`, which the sandbox sets for its tasks.
    pub registry: Duration,
    /// Stacks deployed side by side.
    pub side_by_side: usize,
}

impl Polling {
    /// The values for AWS.
    #[must_use]
    pub fn aws() -> Self {
        Self {
            poll: Duration::from_secs(5),
            stack: Duration::from_hours(1),
            task: Duration::from_mins(30),
            health: Duration::from_mins(15),
            unanswered: Duration::from_mins(5),
            registry: Duration::from_secs(11),
            side_by_side: 8,
        }
    }

    /// The values for the sandbox, which answers immediately.
    #[must_use]
    pub fn sandbox() -> Self {
        Self {
            poll: Duration::from_millis(100),
            unanswered: Duration::ZERO,
            registry: Duration::from_secs(2),
            ..Self::aws()
        }
    }

    /// The pause before the next reading: the poll interval and up to a fifth more, spread by a counter, so that many
    /// waits do not call at the same moment.
    #[must_use]
    pub fn pause(&self, salt: usize) -> Duration {
        let fifth = self.poll / 5;
        self.poll + fifth * u32::try_from(salt % 5).unwrap_or(0) / 5
    }
}
