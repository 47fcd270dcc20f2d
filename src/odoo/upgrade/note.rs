//! What konta keeps beside the databases of an upgrade, as their comment, so that whoever finds one knows what it is.

use serde::{Deserialize, Serialize};

/// What a comment of an upgrade begins with.
const BEGIN: &str = "konta upgrade: ";

/// What a database of an upgrade is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Upgraded by Odoo.
    Upgraded,
    /// As it was before.
    Former,
    /// Upgraded, put in its place, and taken out again: its tasks did not answer.
    Failed,
}

/// What is kept beside a database of an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What it is.
    pub state: State,
    /// The image that serves this data.
    pub image: String,
    /// What tells the upgrade from any other: see [`work`](super::work).
    pub work: String,
    /// The modules that were upgraded.
    pub modules: Vec<String>,
    /// When it was put in or out of its place; RFC 3339, UTC.
    pub at: String,
    /// The comment that it had before.
    pub before: String,
}

impl Note {
    /// The comment.
    #[must_use]
    pub fn text(&self) -> String {
        // A struct of texts always has a JSON form.
        format!("{BEGIN}{}", serde_json::to_string(self).unwrap_or_default())
    }

    /// The note in a comment; `None` where it is another's.
    #[must_use]
    pub fn of(comment: &str) -> Option<Self> {
        serde_json::from_str(comment.strip_prefix(BEGIN)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_keeps_a_note_and_another_is_none() {
        let note = Note {
            state: State::Former,
            image: "odoo:19.0@sha256:1".to_owned(),
            work: "w".to_owned(),
            modules: vec!["base".to_owned()],
            at: "2026-11-30T12:00:00Z".to_owned(),
            before: "konta: restored from t/1, it's".to_owned(),
        };
        assert_eq!(Note::of(&note.text()), Some(note));
        for other in ["", "odoo:19.0@sha256:1", "konta: restored from t/1", "konta upgrade: {}"] {
            assert_eq!(Note::of(other), None, "{other}");
        }
    }
}
