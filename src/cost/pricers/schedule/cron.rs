//! The minutes of a year at which a cron expression of Application Auto Scaling is due.
//!
//! The year has 52 whole weeks from Monday, 2027-01-04, in local time. So a weekly schedule is exact, and the hour that
//! daylight saving time adds and removes is left out.

use jiff::ToSpan;
use jiff::civil::{Date, date};

/// The minutes of that year.
pub(super) const YEAR: u32 = 364 * DAY;
const DAY: u32 = 24 * 60;

const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The most times a day at which konta follows a schedule.
const MOST_A_DAY: usize = 96;

/// The minutes from the start of the year, in order.
pub(super) fn minutes(expression: &str) -> Result<Vec<u32>, String> {
    let fields: Vec<&str> = expression.split_ascii_whitespace().collect();
    let &[minute, hour, day, month, weekday, _year] = fields.as_slice() else {
        return Err(format!("cron({expression}) does not have six fields"));
    };
    let wrong = |field: &str| format!("konta cannot follow `{field}` of cron({expression})");
    let minutes = numbers(minute, 0, 59, &[]).ok_or_else(|| wrong(minute))?;
    let hours = numbers(hour, 0, 23, &[]).ok_or_else(|| wrong(hour))?;
    let months = numbers(month, 1, 12, MONTHS).ok_or_else(|| wrong(month))?;
    if minutes.len() * hours.len() > MOST_A_DAY {
        return Err(wrong(minute));
    }
    let mut found = Vec::new();
    let mut today: Date = date(2027, 1, 4);
    for number in 0..364 {
        let in_month = months.contains(&u32::from(today.month().unsigned_abs()));
        if in_month
            && in_days(day, today).ok_or_else(|| wrong(day))?
            && in_week(weekday, today).ok_or_else(|| wrong(weekday))?
        {
            for hour in &hours {
                found.extend(minutes.iter().map(|minute| number * DAY + hour * 60 + minute));
            }
        }
        today = today.checked_add(1.day()).map_err(|error| error.to_string())?;
    }
    found.sort_unstable();
    Ok(found)
}

/// Whether a date matches the field for the day of the month; `None` if the field cannot be read.
fn in_days(field: &str, today: Date) -> Option<bool> {
    if field == "?" {
        return Some(true);
    }
    if field == "L" {
        return Some(today == today.last_of_month());
    }
    Some(numbers(field, 1, 31, &[])?.contains(&u32::from(today.day().unsigned_abs())))
}

/// Whether a date matches the field for the day of the week; `None` if the field cannot be read.
fn in_week(field: &str, today: Date) -> Option<bool> {
    if field == "?" {
        return Some(true);
    }
    // AWS counts from Sunday, which is 1.
    let weekday = u32::from(today.weekday().to_sunday_one_offset().unsigned_abs());
    let of_month = u32::from(today.day().unsigned_abs().div_ceil(7));
    if let Some((wanted, nth)) = field.split_once('#') {
        return Some(numbers(wanted, 1, 7, DAYS)?.contains(&weekday) && nth.parse() == Ok(of_month));
    }
    if let Some(wanted) = field.strip_suffix('L').filter(|wanted| !wanted.is_empty()) {
        let last = today.day() + 7 > today.days_in_month();
        return Some(numbers(wanted, 1, 7, DAYS)?.contains(&weekday) && last);
    }
    Some(numbers(field, 1, 7, DAYS)?.contains(&weekday))
}

/// The numbers that match a field, in order; `None` if the field cannot be read.
fn numbers(field: &str, low: u32, high: u32, words: &[&str]) -> Option<Vec<u32>> {
    let one = |text: &str| {
        let word = words.iter().position(|word| word.eq_ignore_ascii_case(text));
        match word {
            Some(index) => Some(low + u32::try_from(index).ok()?),
            None => text.parse().ok().filter(|number| (low..=high).contains(number)),
        }
    };
    let mut taken = Vec::new();
    for item in field.split(',') {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, step.parse::<usize>().ok().filter(|step| *step > 0)?),
            None => (item, 1),
        };
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (one(from)?, one(to)?),
            None if range == "*" => (low, high),
            None if item.contains('/') => (one(range)?, high),
            None => (one(range)?, one(range)?),
        };
        taken.extend((from..=to).step_by(step));
    }
    taken.sort_unstable();
    taken.dedup();
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workdays_are_five_a_week() {
        assert_eq!(minutes("0 8 ? * MON-FRI *").unwrap().len(), 5 * 52);
        assert_eq!(minutes("0 8 ? * 2-6 *").unwrap(), minutes("0 8 ? * MON-FRI *").unwrap());
        assert_eq!(minutes("0 8 ? * MON *").unwrap()[0], 8 * 60);
    }

    #[test]
    fn days_of_the_month_are_found() {
        assert_eq!(minutes("0 0 1 * ? *").unwrap().len(), 12);
        assert_eq!(minutes("0 0 L * ? *").unwrap().len(), 12);
        assert_eq!(minutes("0 0 ? * 2#1 *").unwrap().len(), 12);
        assert_eq!(minutes("0/30 8-17 ? * MON *").unwrap().len(), 20 * 52);
    }

    #[test]
    fn what_cannot_be_followed_is_told() {
        for wrong in ["", "* * * * ? *", "0 8 15W * ? *", "0 25 * * ? *", "0 8 ? * 5-99999999999 *"] {
            assert!(minutes(wrong).is_err(), "{wrong}");
        }
    }
}
