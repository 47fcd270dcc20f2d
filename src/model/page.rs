//! The page that the load balancer shows in the place of a tenant's Odoo.

use std::fmt;

use serde::Serialize;

/// What visitors of a tenant see. Kept as a parameter of the tenant's stack, which is the only place that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Page {
    /// No page: its Odoo.
    #[default]
    None,
    /// That the site is suspended; no task runs then.
    Suspended,
    /// That the site is being maintained; no task runs then.
    Maintenance,
    /// No page any more, but nothing may start its Odoo yet: the moment in which its service can be changed.
    Waking,
}

impl Page {
    /// Every page, and none.
    pub const ALL: [Self; 4] = [Self::None, Self::Suspended, Self::Maintenance, Self::Waking];

    /// The word in the template's parameter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Suspended => "suspended",
            Self::Maintenance => "maintenance",
            Self::Waking => "waking",
        }
    }

    /// The page of that word; what no konta wrote is none.
    #[must_use]
    pub fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|page| page.as_str() == word).unwrap_or_default()
    }

    /// How the tenant is, for people; `None` where it is as usual.
    #[must_use]
    pub fn state(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Suspended => Some("suspended"),
            Self::Maintenance | Self::Waking => Some("in maintenance"),
        }
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
