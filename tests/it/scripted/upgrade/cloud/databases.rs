//! The databases of the tenant, as far as the statements of an upgrade change them and ask about them.

use serde_json::{Value, json};

use crate::support::fake_aws::Answer;

use super::{Database, State};

impl State {
    pub(super) fn sql(&mut self, sql: &str) -> Answer {
        let rows = |rows: Vec<&str>| {
            let rows: Vec<Value> = rows.iter().map(|text| json!([{"stringValue": text}])).collect();
            Answer::json(200, &json!({"records": rows}))
        };
        let named = |sql: &str| sql.split('\'').nth(1).unwrap_or_default().to_owned();
        if sql.contains("shobj_description") {
            let name = sql.rsplit("datname = ").next().unwrap();
            return rows(self.databases.get(&named(name)).map(|one| one.comment.as_str()).into_iter().collect());
        }
        if sql.starts_with("SELECT 1 FROM pg_stat_activity") {
            self.copies = self.copies.saturating_sub(1);
            return rows(if self.copies > 0 { vec!["1"] } else { Vec::new() });
        }
        if sql.starts_with("SELECT 1 FROM pg_database") {
            let is_there = self.copies == 0 && self.databases.contains_key(&named(sql));
            return rows(if is_there { vec!["1"] } else { Vec::new() });
        }
        if sql.contains("ir_module_module") {
            return rows(if sql.contains("to install") { Vec::new() } else { vec!["base"] });
        }
        let done = self.changed(sql);
        if done.is_ok() && self.lost.is_some_and(|lost| sql.starts_with(lost)) {
            self.lost = None;
            return Answer::json(400, &json!({"__type": "StatementTimeoutException", "message": "timed out"}));
        }
        match done {
            Ok(true) => rows(Vec::new()),
            Ok(false) => Answer::json(400, &json!({"__type": "StatementTimeoutException", "message": "timed out"})),
            Err(state) => Answer::json(
                400,
                &json!({"__type": "DatabaseErrorException", "message": format!("ERROR: refused; SQLState: {state}")}),
            ),
        }
    }

    /// Carries a statement out; false when its call ends before it.
    fn changed(&mut self, sql: &str) -> Result<bool, &'static str> {
        if self.refuses.is_some_and(|begin| sql.starts_with(begin)) {
            self.refuses = None;
            return Err("42501");
        }
        let word = |sql: &str, n: usize| sql.split('"').nth(n).unwrap_or_default().to_owned();
        if sql.starts_with("DROP DATABASE") {
            let gone = self.databases.remove(&word(sql, 1));
            if gone.is_some_and(|gone| gone.data == "weeks") {
                self.wrong.push("the work of weeks is lost".to_owned());
            }
        } else if sql.starts_with("CREATE DATABASE") {
            if self.databases.contains_key(&word(sql, 1)) {
                return Err("42P04");
            }
            let from = self.databases.get(&sql.split("TEMPLATE ").nth(1).map(|rest| word(rest, 1)).unwrap());
            let copy = Database { comment: String::new(), ..from.ok_or("3D000")?.clone() };
            self.databases.insert(word(sql, 1), copy);
            self.copies = self.copying;
            self.made += 1;
            return Ok(self.copying == 0);
        } else if sql.starts_with("DO ") || sql.starts_with("COMMENT ON DATABASE") {
            let mut after = self.databases.clone();
            for part in sql.split("ALTER DATABASE ").skip(1) {
                let moved = after.remove(&word(part, 1)).ok_or("3D000")?;
                if after.insert(word(part, 3), moved).is_some() {
                    return Err("42P04");
                }
            }
            if let Some(part) = sql.split("COMMENT ON DATABASE ").nth(1) {
                let text = part.split_once(" IS '").unwrap().1;
                let text = text.rsplit_once('\'').unwrap().0.replace("''", "'");
                after.get_mut(&word(part, 1)).ok_or("3D000")?.comment = text;
            }
            self.databases = after;
        }
        Ok(true)
    }
}
