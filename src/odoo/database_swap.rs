//! The SQL that puts a restored database in the place of a tenant's, at one stroke, and keeps the one before.
//!
//! What belongs to a database rather than to its name goes with it: owner, rights, the pool's settings, and its comment, in which
//! konta keeps what the database is.

use super::database::{MAINTENANCE, Statement, literal, quoted};

/// The database that is being restored, until it takes the tenant's place.
#[must_use]
pub fn fresh(database: &str) -> String {
    format!("{database}__restore")
}

/// The database of a tested restore.
#[must_use]
pub fn scratch(database: &str) -> String {
    format!("{database}__check")
}

/// The database that stood in the tenant's place before the last restore.
#[must_use]
pub fn before(database: &str) -> String {
    format!("{database}__before")
}

/// Keeps beside a database what it is.
#[must_use]
pub fn mark(database: &str, text: &str) -> Statement {
    Statement::new(MAINTENANCE, format!("COMMENT ON DATABASE {} IS {}", quoted(database), literal(text)))
}

/// Asks what was kept beside a database: no row where there is no database, an empty text where nothing was kept.
#[must_use]
pub fn marked(database: &str) -> Statement {
    Statement::new(
        MAINTENANCE,
        format!(
            "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = {}",
            literal(database)
        ),
    )
}

/// Ends every connection to a database and drops it.
#[must_use]
pub fn drop(database: &str) -> Statement {
    Statement::new(MAINTENANCE, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(database)))
}

/// What is kept beside a database that a restore has set aside.
pub const SET_ASIDE: &str = "konta: set aside by a restore";

/// The same, once the files that it names are kept from Odoo's garbage collection.
pub const HELD: &str = "konta: set aside by a restore, with its files";

/// What is kept beside a restored database that was taken back.
pub const TAKEN_BACK: &str = "konta: a restore that was undone";

/// Puts the restored database in the tenant's place; the tenant's becomes the one before. All of it happens or nothing.
#[must_use]
pub fn swap(database: &str) -> Statement {
    let done = format!(
        "NOT EXISTS (SELECT FROM pg_database WHERE datname = {}) AND {}",
        literal(&fresh(database)),
        is_marked(&before(database), SET_ASIDE)
    );
    renamed_unless(
        &done,
        &[(database, &before(database)), (&fresh(database), database)],
        (&before(database), SET_ASIDE),
    )
}

/// Puts the database before back in its place; the one that stood there becomes the one before.
#[must_use]
pub fn swap_back(database: &str) -> Statement {
    let between = format!("{database}__between");
    let pairs = [(database, between.as_str()), (&before(database), database), (&between, &before(database))];
    renamed_unless(&is_marked(&before(database), TAKEN_BACK), &pairs, (&before(database), TAKEN_BACK))
}

/// A condition: what is kept beside a database.
fn is_marked(database: &str, text: &str) -> String {
    format!(
        "EXISTS (SELECT FROM pg_database WHERE datname = {} AND shobj_description(oid, 'pg_database') = {})",
        literal(database),
        literal(text)
    )
}

/// One statement of several renamings. A database with connections takes no other name, so they are ended first; a renaming bars new
/// ones for itself, and waits five seconds for those that are ending. What slips in between makes it fail, and then all is as before.
pub(super) fn renamed(pairs: &[(&str, &str)], aside: (&str, &str)) -> Statement {
    renamed_unless("false", pairs, aside)
}

/// The same, but for a condition that says that it is done: a call whose answer is lost is sent again, and must not undo itself.
fn renamed_unless(done: &str, pairs: &[(&str, &str)], (aside, why): (&str, &str)) -> Statement {
    let touched: Vec<String> = pairs.iter().map(|(from, _)| literal(from)).collect();
    let renamings: Vec<String> =
        pairs.iter().map(|(from, to)| format!("ALTER DATABASE {} RENAME TO {};", quoted(from), quoted(to))).collect();
    Statement::new(
        MAINTENANCE,
        format!(
            "DO $konta$ BEGIN IF {done} THEN RETURN; END IF; \
             PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ({}) \
             AND pg_has_role(usesysid, 'USAGE'); {} {}; END $konta$",
            touched.join(", "),
            renamings.join(" "),
            mark(aside, why).sql
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_is_one_statement_and_loses_no_database() {
        let sql = swap("t").sql;
        assert!(sql.starts_with("DO $konta$ BEGIN IF ") && sql.ends_with("END $konta$"), "{sql}");
        let (old, new) =
            ("ALTER DATABASE \"t\" RENAME TO \"t__before\";", "ALTER DATABASE \"t__restore\" RENAME TO \"t\";");
        assert!(sql.find(old).unwrap() < sql.find(new).unwrap(), "{sql}");
    }

    #[test]
    fn a_swap_back_keeps_the_restored_database_and_says_so() {
        let sql = swap_back("t").sql;
        let kept = format!("RENAME TO \"t__before\"; COMMENT ON DATABASE \"t__before\" IS '{TAKEN_BACK}';");
        assert!(sql.contains(&kept), "{sql}");
    }

    #[test]
    fn the_longest_tenants_names_fit_postgresql() {
        let longest = "x".repeat(40);
        for name in [fresh(&longest), scratch(&longest), before(&longest), format!("{longest}__between")] {
            assert!(name.len() <= 63, "{name}");
        }
    }
}
