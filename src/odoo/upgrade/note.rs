//! What konta notes about the databases of an upgrade, as their comments, so that anyone who
//! finds one knows what it is.

use serde::{Deserialize, Serialize};

/// How the comment of an upgrade begins.
const BEGIN: &str = "konta upgrade: ";

/// What a database is to its upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Upgraded by Odoo.
    Upgraded,
    /// As it was before.
    Former,
    /// Upgraded, swapped in, and swapped out again because its tasks did not answer.
    Failed,
}

/// What konta notes about a database of an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What the database is.
    pub state: State,
    /// The image that serves this data.
    pub image: String,
    /// What identifies the upgrade: see [`work`](super::work).
    pub work: String,
    /// The modules that were upgraded.
    pub modules: Vec<String>,
    /// When it was swapped in or out; RFC 3339, UTC.
    pub at: String,
    /// The database's comment before the upgrade.
    pub before: String,
}

impl Note {
    /// The comment.
    #[must_use]
    pub fn text(&self) -> String {
        // A struct of strings always has a JSON form.
        format!("{BEGIN}{}", serde_json::to_string(self).unwrap_or_default())
    }

    /// The note in a comment; `None` if the comment is not one.
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
