//! The SQL and the command of an upgrade: in a copy of the database, which takes the tenant's place only when all went well.

use super::database::{MAINTENANCE, Statement, literal, quoted};

/// The copy that is upgraded.
#[must_use]
pub fn copy_name(database: &str) -> String {
    format!("{database}__upgrade")
}

/// The database as it was, until the upgraded one is seen to serve.
#[must_use]
pub fn former_name(database: &str) -> String {
    format!("{database}__former")
}

/// Asks whether a database exists, and what is kept beside it.
#[must_use]
pub fn kept(database: &str) -> Statement {
    Statement::new(
        MAINTENANCE,
        format!(
            "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = {}",
            literal(database)
        ),
    )
}

/// Sends away who is connected, and drops what an earlier try left.
#[must_use]
pub fn clear(database: &str) -> Vec<Statement> {
    let text = |sql: String| Statement::new(MAINTENANCE, sql);
    vec![
        text(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(&copy_name(database)))),
        text(disconnect(database)),
    ]
}

/// Copies the database. It must have no connection; one that comes between makes this fail, and it may be tried again.
#[must_use]
pub fn copy(database: &str, owner: &str) -> Statement {
    let (from, to) = (quoted(database), quoted(&copy_name(database)));
    Statement::new(MAINTENANCE, format!("CREATE DATABASE {to} OWNER {} TEMPLATE {from}", quoted(owner)))
}

/// Puts the upgraded copy in the database's place and keeps the former one, with the image it was served by: one statement, all of it
/// or nothing.
#[must_use]
pub fn swap(database: &str, image: &str) -> Statement {
    let (copy, former) = (copy_name(database), former_name(database));
    renamed(
        &[(database, &former), (&copy, database)],
        &format!("COMMENT ON DATABASE {} IS {};", quoted(&former), literal(image)),
    )
}

/// Puts the former database back; the upgraded one is dropped by [`drop_copy`] afterwards.
#[must_use]
pub fn swap_back(database: &str) -> Statement {
    renamed(&[(database, &copy_name(database)), (&former_name(database), database)], "")
}

/// Drops the former database.
#[must_use]
pub fn drop_former(database: &str) -> Statement {
    Statement::new(MAINTENANCE, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(&former_name(database))))
}

/// Drops the copy.
#[must_use]
pub fn drop_copy(database: &str) -> Statement {
    Statement::new(MAINTENANCE, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(&copy_name(database))))
}

/// Modules that are neither settled nor absent: an upgrade that was broken off leaves some.
#[must_use]
pub fn unsettled(database: &str) -> Statement {
    Statement::new(
        database,
        "SELECT name FROM ir_module_module WHERE state IN ('to upgrade', 'to install', 'to remove') ORDER BY name"
            .to_owned(),
    )
}

/// Asks for every installed module with its version.
#[must_use]
pub fn versions(database: &str) -> Statement {
    Statement::new(
        database,
        "SELECT name, coalesce(latest_version, '') FROM ir_module_module WHERE state = 'installed' ORDER BY name"
            .to_owned(),
    )
}

/// The command that upgrades modules in the copy, `base` meaning all that are installed, and installs others.
///
/// Odoo keeps a database's attachments in a folder of its name. The copy's leads to the original's: files are named by their content and
/// only added, so what the upgrade writes there does the former release no harm.
#[must_use]
pub fn command(database: &str, upgraded: &[String], installed: &[String]) -> Vec<String> {
    let copy = copy_name(database);
    let mut odoo = format!("odoo -d {copy}");
    for (option, modules) in [("-u", upgraded), ("-i", installed)] {
        if !modules.is_empty() {
            odoo = format!("{odoo} {option} {}", modules.join(","));
        }
    }
    // Names of databases are konta's and names of modules are Python's, so nothing in them ends a word.
    let files = "/var/lib/odoo/filestore";
    let text = format!(
        "mkdir -p {files}/{database} && ln -sfn {database} {files}/{copy} && \
         {odoo} --stop-after-init --no-http && rm -f {files}/{copy}"
    );
    ["bash", "-ec", &text].map(ToOwned::to_owned).to_vec()
}

fn disconnect(database: &str) -> String {
    format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {} AND pid <> pg_backend_pid()",
        literal(database)
    )
}

fn renamed(pairs: &[(&str, &str)], then: &str) -> Statement {
    let ended: String =
        pairs.iter().map(|(from, _)| format!("PERFORM * FROM ({}) AS ended; ", disconnect(from))).collect();
    let renamings: String =
        pairs.iter().map(|(from, to)| format!("ALTER DATABASE {} RENAME TO {}; ", quoted(from), quoted(to))).collect();
    Statement::new(MAINTENANCE, format!("DO $konta$ BEGIN {ended}{renamings}{then} END $konta$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_swap_keeps_the_former_database_and_its_image() {
        let sql = swap("t", "odoo@sha256:1").sql;
        let (away, here) =
            ("ALTER DATABASE \"t\" RENAME TO \"t__former\"", "ALTER DATABASE \"t__upgrade\" RENAME TO \"t\"");
        assert!(sql.find(away).unwrap() < sql.find(here).unwrap(), "{sql}");
        assert!(sql.contains("COMMENT ON DATABASE \"t__former\" IS 'odoo@sha256:1'"), "{sql}");
    }

    #[test]
    fn modules_are_upgraded_and_installed_by_one_command() {
        let command = command("t", &["base".into()], &["stock".into(), "mrp".into()]);
        assert!(
            command[2].contains("odoo -d t__upgrade -u base -i stock,mrp --stop-after-init --no-http"),
            "{}",
            command[2]
        );
    }
}
