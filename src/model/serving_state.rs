//! What a tenant's visitors see: its Odoo, or a page that the load balancer shows instead.

use std::fmt;

use serde::Serialize;

/// What visitors of a tenant see. Kept as a parameter of the tenant's stack, which is the only place that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServingState {
    /// Its Odoo.
    #[default]
    #[serde(rename = "none")]
    Serving,
    /// A page that says that the site is suspended; no task runs.
    Suspended,
    /// A page that says that the site is being maintained; no task runs.
    Maintenance,
    /// The page is gone, but nothing may start its Odoo yet: the moment in which its service can be changed.
    #[serde(rename = "waking")]
    Resuming,
}

impl ServingState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Serving, Self::Suspended, Self::Maintenance, Self::Resuming];

    /// The word in the template's parameter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "none",
            Self::Suspended => "suspended",
            Self::Maintenance => "maintenance",
            Self::Resuming => "waking",
        }
    }

    /// The state of that word; serving if no konta wrote the word.
    #[must_use]
    pub fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|page| page.as_str() == word).unwrap_or_default()
    }

    /// The state, for people; `None` if the tenant serves.
    #[must_use]
    pub fn state(self) -> Option<&'static str> {
        match self {
            Self::Serving => None,
            Self::Suspended => Some("suspended"),
            Self::Maintenance | Self::Resuming => Some("in maintenance"),
        }
    }
}

impl fmt::Display for ServingState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
