//! Reads a moment as people write it: how long ago, a time today, a date, a date with a time, RFC 3339.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// The moment that a text means, in milliseconds since 1970, UTC; `None` if it means none. A time without a zone is in
/// `zone`.
#[must_use]
pub fn moment(text: &str, now: Timestamp, zone: &TimeZone) -> Option<i64> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.as_millisecond());
    }
    let now = now.to_zoned_datetime(zone.clone());
    let civil = text.parse::<DateTime>().ok().or_else(|| Some(now.date().to_datetime(text.parse::<Time>().ok()?)));
    if let Some(civil) = civil {
        return Some(civil.to_zoned_datetime(zone.clone()).ok()?.timestamp().as_millisecond());
    }
    let ago = text.parse::<Span>().ok()?.abs();
    Some(now.checked_sub(ago).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_write_them() {
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        for (text, wanted) in [
            ("90s", "2026-11-25T11:58:30Z"),
            ("1h", "2026-11-25T11:00:00Z"),
            ("1h30m", "2026-11-25T10:30:00Z"),
            ("2d", "2026-11-23T12:00:00Z"),
            ("1 day ago", "2026-11-24T12:00:00Z"),
            ("08:15", "2026-11-25T07:15:00Z"),
            ("2026-11-24", "2026-11-23T23:00:00Z"),
            ("2026-11-24 08:15", "2026-11-24T07:15:00Z"),
            ("2026-11-24T08:15:00Z", "2026-11-24T08:15:00Z"),
            ("2026-11-24T08:15:00+02:00", "2026-11-24T06:15:00Z"),
        ] {
            let found = moment(text, now, &zone).map(|at| Timestamp::from_millisecond(at).unwrap().to_string());
            assert_eq!(found.as_deref(), Some(wanted), "{text}");
        }
        for text in ["", "soon", "1", "h", "25:00", "2026-13-01"] {
            assert_eq!(moment(text, now, &zone), None, "{text}");
        }
    }
}
