//! How often AWS is asked, and how long it is waited for.

use std::time::Duration;

/// How often AWS is asked, and how long it is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polling {
    /// Between two looks at a stack. CloudFormation's rates are low and shared by an account, so not under five seconds.
    pub poll: Duration,
    /// The longest a stack is waited for. CloudFormation itself gives a service up to 36 hours.
    pub stack: Duration,
    /// The longest a one-off task is waited for.
    pub task: Duration,
    /// The longest a service's health is waited for after its stack.
    pub health: Duration,
    /// How long AWS may leave the questions of a wait unanswered, throttling or out of reach. Zero gives up at the first.
    pub unanswered: Duration,
    /// How long a pool may go on with the hosts that it knew, and a second more: it reads its registry again after `REFRESH_AFTER` in
    /// `templates/odoo/konta_routing/__init__.py`, which the sandbox sets for its tasks.
    pub registry: Duration,
    /// Stacks deployed side by side.
    pub side_by_side: usize,
}

impl Polling {
    /// For AWS.
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

    /// For the sandbox, which answers at once.
    #[must_use]
    pub fn sandbox() -> Self {
        Self {
            poll: Duration::from_millis(100),
            unanswered: Duration::ZERO,
            registry: Duration::from_secs(2),
            ..Self::aws()
        }
    }

    /// The pause before the next look: the poll interval and up to a fifth more, spread by a counter, so that many waits do not meet.
    #[must_use]
    pub fn pause(&self, salt: usize) -> Duration {
        let fifth = self.poll / 5;
        self.poll + fifth * u32::try_from(salt % 5).unwrap_or(0) / 5
    }
}
