//! Six-field cron expressions, as Application Auto Scaling accepts them.

/// One field: its name, its lowest and highest number, its words (the first is the lowest), and its special signs.
struct Column {
    name: &'static str,
    low: u32,
    high: u32,
    words: &'static [&'static str],
    signs: &'static str,
}

const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// Source: Application Auto Scaling user guide, "Schedule recurring scaling actions using cron expressions".
const COLUMNS: [Column; 6] = [
    Column { name: "minute", low: 0, high: 59, words: &[], signs: "" },
    Column { name: "hour", low: 0, high: 23, words: &[], signs: "" },
    Column { name: "day of the month", low: 1, high: 31, words: &[], signs: "?LW" },
    Column { name: "month", low: 1, high: 12, words: MONTHS, signs: "" },
    Column { name: "day of the week", low: 1, high: 7, words: DAYS, signs: "?L#" },
    Column { name: "year", low: 1970, high: 2199, words: &[], signs: "" },
];

/// Checks an expression and returns it with single spaces.
///
/// # Errors
/// What is wrong with which field.
pub(super) fn check(expression: &str) -> Result<String, String> {
    if expression.trim_start().starts_with("cron(") {
        return Err("contains `cron()`, which konta adds".to_owned());
    }
    let fields: Vec<&str> = expression.split_ascii_whitespace().collect();
    if fields.len() != COLUMNS.len() {
        return Err(format!("has {} fields instead of six", fields.len()));
    }
    for (column, field) in COLUMNS.iter().zip(&fields) {
        if !column.takes(field) {
            return Err(format!("has the wrong {} `{field}`", column.name));
        }
    }
    // A day is given once: of the month or of the week.
    if (fields[2] == "?") == (fields[4] == "?") {
        return Err("needs `?` either as its day of the month or as its day of the week, not as both".to_owned());
    }
    Ok(fields.join(" "))
}

impl Column {
    fn takes(&self, field: &str) -> bool {
        if field == "*" || (field == "?" && self.signs.contains('?')) {
            return true;
        }
        field.split(',').all(|item| self.takes_item(item))
    }

    fn takes_item(&self, item: &str) -> bool {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        if step.is_some_and(|step| step.parse::<u32>().map_or(true, |n| n == 0 || n > self.high)) {
            return false;
        }
        if step.is_none() && self.takes_sign(range) {
            return true;
        }
        match range.split_once('-') {
            Some((from, to)) => self.number(from).zip(self.number(to)).is_some_and(|(from, to)| from <= to),
            None => (range == "*" && step.is_some()) || self.number(range).is_some(),
        }
    }

    /// `L`, `LW`, `15W` of a day of the month; `L`, `6L`, `2#1` of a day of the week.
    fn takes_sign(&self, item: &str) -> bool {
        match (self.signs.contains('W'), self.signs.contains('#')) {
            (true, _) => {
                matches!(item, "L" | "LW") || item.strip_suffix('W').is_some_and(|day| self.number(day).is_some())
            }
            (_, true) => {
                item == "L"
                    || item.strip_suffix('L').is_some_and(|day| self.number(day).is_some())
                    || item.split_once('#').is_some_and(|(day, nth)| {
                        self.number(day).is_some() && matches!(nth, "1" | "2" | "3" | "4" | "5")
                    })
            }
            _ => false,
        }
    }

    fn number(&self, text: &str) -> Option<u32> {
        let word = self.words.iter().position(|word| word.eq_ignore_ascii_case(text));
        if let Some(index) = word.and_then(|index| u32::try_from(index).ok()) {
            return Some(self.low + index);
        }
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|n| digits && (self.low..=self.high).contains(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_the_documentation_are_taken() {
        for good in [
            "0 22 ? * MON-FRI *",
            "0 10 * * ? *",
            "15 12 * * ? *",
            "0 18 ? * MON-FRI *",
            "0/10 * ? * MON-FRI *",
            "0/5 8-17 ? * MON-FRI *",
            "0 9 ? * 2#1 *",
            "0 9 L * ? *",
            "0 9 15W JAN,JUL ? 2027-2030",
        ] {
            assert_eq!(check(good), Ok(good.to_owned()));
        }
    }

    #[test]
    fn what_aws_would_refuse_is_refused() {
        for (bad, why) in [
            ("0 22 * * *", "five"),
            ("0 22 * * * *", "no ?"),
            ("0 22 ? * ? *", "two ?"),
            ("60 22 ? * MON *", "minute"),
            ("0 24 ? * MON *", "hour"),
            ("0 22 ? * MOON *", "day"),
            ("0 22 ? * FRI-MON *", "order"),
            ("0 22 ? * 2#6 *", "week"),
            ("0/0 22 ? * MON *", "step"),
            ("cron(0 22 ? * MON *)", "cron()"),
            ("+1 22 ? * MON *", "sign"),
            (", 22 ? * MON *", "comma"),
        ] {
            assert!(check(bad).is_err(), "{bad}: {why}");
        }
    }
}
