//! The lines of Odoo's log: `2026-11-25 03:31:31,123 17 WARNING breadfree odoo.http: message`. A line without such a
//! beginning, as in a traceback, continues the line before it. Source: `odoo/netsvc.py` of Odoo 19, `init_logger`.

use serde::Serialize;

/// How serious a line is, in Odoo's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Details for debugging.
    Debug,
    /// Normal operation.
    Info,
    /// Worth a look.
    Warning,
    /// Something failed.
    Error,
    /// Odoo cannot continue.
    Critical,
}

impl Level {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "DEBUG" => Self::Debug,
            "INFO" => Self::Info,
            "WARNING" => Self::Warning,
            "ERROR" => Self::Error,
            "CRITICAL" => Self::Critical,
            _ => return None,
        })
    }
}

/// The beginning of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'a> {
    /// How serious the line is.
    pub level: Level,
    /// The database it is about; the text `?` or `None` if it is about none.
    pub database: &'a str,
    /// The line without its time.
    pub rest: &'a str,
}

/// The length of `2026-11-25 03:31:31,123 `.
const TIME: usize = 24;

impl<'a> Head<'a> {
    /// Reads the beginning of a line; `None` if the line continues the one before, or is not from Odoo's log.
    #[must_use]
    pub fn of(line: &'a str) -> Option<Self> {
        let fits = |(byte, place): (u8, char)| if place == '0' { byte.is_ascii_digit() } else { byte == place as u8 };
        let time = line.as_bytes().get(..TIME)?;
        if !time.iter().copied().zip("0000-00-00 00:00:00,000 ".chars()).all(fits) {
            return None;
        }
        let rest = line.get(TIME..)?;
        let mut words = rest.splitn(4, ' ');
        let process = words.next()?;
        if process.is_empty() || !process.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some(Self { level: Level::of(words.next()?)?, database: words.next()?, rest })
    }

    /// Whether it is Odoo's good answer to the load balancer's health check, which asks for a static file
    /// and so needs no database.
    #[must_use]
    pub fn is_health_check(&self) -> bool {
        self.database == "?" && self.rest.contains("\"GET /web/static/img/favicon.ico HTTP/1.1\" 200 ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_its_level_and_its_database() {
        let line = "2026-11-25 03:31:31,123 17 WARNING breadfree odoo.http: a: b c ";
        let head = Head::of(line).unwrap();
        assert_eq!((head.level, head.database), (Level::Warning, "breadfree"));
        assert_eq!(head.rest, "17 WARNING breadfree odoo.http: a: b c ");
        assert_eq!(Head::of("2026-11-25 03:31:31,123 1 INFO ? odoo: Odoo version 19.0").unwrap().database, "?");
        assert!(Level::Error > Level::Warning);
    }

    #[test]
    fn a_line_of_a_traceback_or_of_another_program_has_no_head() {
        for line in [
            "",
            "Traceback (most recent call last):",
            "  File \"/usr/lib/python3/dist-packages/odoo/http.py\", line 2140, in _transactioning",
            "2026-11-25 03:31:31 UTC [17] LOG:  database system is ready",
            "2026-11-25 03:31:31,123 x INFO breadfree odoo: no process",
            "2026-11-25 03:31:31,123 17 NOTICE breadfree odoo: no level",
            "2026-11-25 03:31:31,12é 17 INFO breadfree odoo: no time",
        ] {
            assert_eq!(Head::of(line), None, "{line}");
        }
    }
}
