//! Which backups are kept: the newest, all of the last day, and the last of each of a number of days, weeks and months.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::backup::BackupId;
use crate::model::BackupsKept;

/// The year, and the day, week or month in it.
type Span = fn(Date) -> (i16, i16);

/// The backups that are no longer kept, oldest first. Each backup comes with the number of files that were lost before
/// it. Days, weeks (from Monday) and months are in UTC. A day, week or month without a backup does not count, so a
/// tenant whose backups have stopped keeps its last ones. The newest of those that lost the fewest files stays too: so
/// if a filestore goes missing, a backup from before remains.
#[must_use]
pub fn superseded(backups: &[(BackupId, u64)], kept: BackupsKept, now: Timestamp) -> Vec<BackupId> {
    let mut newest_first: Vec<&BackupId> = backups.iter().map(|(id, _)| id).collect();
    newest_first.sort_by(|a, b| b.cmp(a));
    let mut keep: BTreeSet<&BackupId> = newest_first.first().copied().into_iter().collect();
    keep.extend(backups.iter().max_by_key(|(id, lost)| (std::cmp::Reverse(*lost), id)).map(|(id, _)| id));
    keep.extend(newest_first.iter().filter(|id| now.duration_since(id.moment()) < SignedDuration::from_hours(24)));
    let spans: [(u32, Span); 3] = [
        (kept.daily, |day| (day.year(), day.day_of_year())),
        (kept.weekly, |day| (day.iso_week_date().year(), day.iso_week_date().week().into())),
        (kept.monthly, |day| (day.year(), day.month().into())),
    ];
    for (count, span) in spans {
        let mut seen = BTreeSet::new();
        for id in &newest_first {
            if seen.insert(span(TimeZone::UTC.to_datetime(id.moment()).date())) {
                if seen.len() > count as usize {
                    break;
                }
                keep.insert(*id);
            }
        }
    }
    newest_first.into_iter().rev().filter(|id| !keep.contains(*id)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: BackupsKept = BackupsKept { daily: 7, weekly: 4, monthly: 6 };

    fn superseded(backups: &[BackupId], kept: BackupsKept, now: Timestamp) -> Vec<BackupId> {
        let whole: Vec<(BackupId, u64)> = backups.iter().map(|id| (id.clone(), 0)).collect();
        super::superseded(&whole, kept, now)
    }

    #[test]
    fn the_last_backup_before_the_filestore_went_missing_stays() {
        let all = daily("2026-01-01T03:00:00Z", 100);
        let lost: Vec<(BackupId, u64)> =
            all.iter().enumerate().map(|(day, id)| (id.clone(), if day < 30 { 2 } else { 854 })).collect();
        let none = BackupsKept { daily: 1, weekly: 0, monthly: 0 };
        let gone = super::superseded(&lost, none, "2026-06-01T00:00:00Z".parse().unwrap());
        let left: Vec<&BackupId> = all.iter().filter(|id| !gone.contains(id)).collect();
        assert_eq!(left, [&all[29], &all[99]]);
    }

    fn daily(from: &str, days: i64) -> Vec<BackupId> {
        let first: Timestamp = from.parse().unwrap();
        (0..days).map(|day| BackupId::at(first + SignedDuration::from_hours(24 * day))).collect()
    }

    #[test]
    fn a_year_of_daily_backups_becomes_seven_days_four_weeks_and_six_months() {
        let all = daily("2026-01-01T03:00:00Z", 365);
        let gone = superseded(&all, KEPT, "2026-12-31T12:00:00Z".parse().unwrap());
        let left: Vec<&str> = all.iter().filter(|id| !gone.contains(id)).map(|id| &id.as_str()[..8]).collect();
        assert_eq!(
            left,
            [
                "20260731", "20260831", "20260930", "20261031", "20261130", "20261213", "20261220", "20261225",
                "20261226", "20261227", "20261228", "20261229", "20261230", "20261231"
            ]
        );
    }

    #[test]
    fn what_is_kept_today_is_kept_again_when_nothing_is_added() {
        let all = daily("2026-01-01T03:00:00Z", 100);
        let now = "2026-06-01T00:00:00Z".parse().unwrap();
        let gone = superseded(&all, KEPT, now);
        let left: Vec<BackupId> = all.into_iter().filter(|id| !gone.contains(id)).collect();
        assert!(superseded(&left, KEPT, now).is_empty());
        assert!(left.len() >= 7);
    }

    #[test]
    fn the_newest_and_those_of_the_last_day_always_stay() {
        let none = BackupsKept { daily: 0, weekly: 0, monthly: 0 };
        let old = daily("2020-01-01T03:00:00Z", 3);
        assert_eq!(superseded(&old, none, "2026-01-01T00:00:00Z".parse().unwrap()), old[..2]);
        let first: Timestamp = "2026-01-01T03:00:00Z".parse().unwrap();
        let hourly: Vec<BackupId> = (0..5).map(|h| BackupId::at(first + SignedDuration::from_hours(h))).collect();
        assert!(superseded(&hourly, none, "2026-01-01T09:00:00Z".parse().unwrap()).is_empty());
    }
}
