//! The SQL that puts a restored database in the tenant's place in one statement, and keeps the former one.
//!
//! What belongs to the database rather than to its name moves with it: owner, rights, the pool's settings, and the
//! comment in which konta notes what the database is.

use super::database::{MAINTENANCE, Statement, literal, quoted};

/// The database that is being restored, until it takes the tenant's place.
#[must_use]
pub fn fresh(database: &str) -> String {
    format!("{database}__restore")
}

/// The database of a test restore.
#[must_use]
pub fn scratch(database: &str) -> String {
    format!("{database}__check")
}

/// The former database: the tenant's database before the last restore.
#[must_use]
pub fn before(database: &str) -> String {
    format!("{database}__before")
}

/// Notes in a database's comment what it is.
#[must_use]
pub fn mark(database: &str, text: &str) -> Statement {
    Statement::new(MAINTENANCE, format!("COMMENT ON DATABASE {} IS {}", quoted(database), literal(text)))
}

/// Asks for the comment of a database: no row if there is no database, an empty text if it has no comment.
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

/// The comment of a database that a restore has set aside.
pub const SET_ASIDE: &str = "konta: set aside by a restore";

/// The same, once the files that it names are safe from Odoo's garbage collection.
pub const HELD: &str = "konta: set aside by a restore, with its files";

/// The comment of a restored database that was swapped out again.
pub const TAKEN_BACK: &str = "konta: a restore that was undone";

/// Puts the restored database in the tenant's place; the tenant's becomes the former one. All or nothing.
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

/// Puts the former database back in its place; the one that was there becomes the former one.
#[must_use]
pub fn swap_back(database: &str) -> Statement {
    let between = format!("{database}__between");
    let pairs = [(database, between.as_str()), (&before(database), database), (&between, &before(database))];
    renamed_unless(&is_marked(&before(database), TAKEN_BACK), &pairs, (&before(database), TAKEN_BACK))
}

/// A condition: the database exists and has this comment.
fn is_marked(database: &str, text: &str) -> String {
    format!(
        "EXISTS (SELECT FROM pg_database WHERE datname = {} AND shobj_description(oid, 'pg_database') = {})",
        literal(database),
        literal(text)
    )
}

/// One statement with several renamings. A database with connections cannot be renamed, so they are ended first. A
/// renaming keeps new ones out and waits five seconds for those that are ending. A connection that slips in between
/// makes the statement fail, and nothing is changed.
pub(super) fn renamed(pairs: &[(&str, &str)], aside: (&str, &str)) -> Statement {
    renamed_unless("false", pairs, aside)
}

/// The same, unless a condition says that it is already done: a call whose answer is lost is sent again,
/// and must not undo itself.
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
