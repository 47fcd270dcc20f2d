//! The SQL and the command of an upgrade. It happens in a copy of the database, which takes the tenant's place only
//! after everything succeeded.

use sha2::{Digest, Sha256};

use super::database::{MAINTENANCE, Statement, literal, quoted};
use super::database_swap::{mark, renamed};

mod note;

pub use note::{Note, State};

/// The copy that is upgraded.
#[must_use]
pub fn copy_name(database: &str) -> String {
    format!("{database}__upgrade")
}

/// The database as it was; kept until the upgraded one is seen to serve.
#[must_use]
pub fn former_name(database: &str) -> String {
    format!("{database}__former")
}

/// The upgraded database after a rollback; kept until the next upgrade, so that nothing written to it is lost.
#[must_use]
pub fn failed_name(database: &str) -> String {
    format!("{database}__failed")
}

/// What identifies an upgrade: the database, the requested modules and the image, as twelve hexadecimal digits.
#[must_use]
pub fn work(database: &str, upgraded: &[String], image: &str) -> String {
    digest(&[database, &upgraded.join(","), image], 12)
}

/// How `startedBy` begins for a tenant's upgrade tasks, and for no other tenant's.
#[must_use]
pub fn started_by_tenant(stack: &str, database: &str) -> String {
    format!("konta-up-{}-", digest(&[stack, database], 14))
}

/// The `startedBy` of one task: the same for the same work, so that konta finds the task again. 36 characters, which
/// was ECS's limit before it became 128.
#[must_use]
pub fn started_by(stack: &str, database: &str, work: &str, installed: &[String]) -> String {
    format!("{}{}", started_by_tenant(stack, database), digest(&[work, &installed.join(",")], 12))
}

fn digest(parts: &[&str], length: usize) -> String {
    use std::fmt::Write as _;
    let text = Sha256::digest(parts.join("\n").as_bytes()).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    text.chars().take(length).collect()
}

/// Stops a copy that an interrupted run has started, drops what it left behind, and ends the
/// connections to the database.
#[must_use]
pub fn clear(database: &str) -> Vec<Statement> {
    let text = |sql: String| Statement::new(MAINTENANCE, sql);
    let making = literal(&format!("CREATE DATABASE {} ", quoted(&copy_name(database))));
    vec![
        text(format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'active' AND starts_with(query, {making}) \
             AND pid <> pg_backend_pid() AND pg_has_role(usesysid, 'USAGE')"
        )),
        text(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(&copy_name(database)))),
        text(disconnect(database)),
    ]
}

/// Copies the database. It must have no connections: a new one makes this fail, and it can be tried again. `mark` is a
/// word by which [`is_copying`] recognises this copy.
#[must_use]
pub fn copy(database: &str, owner: &str, mark: &str) -> Statement {
    let (from, to) = (quoted(database), quoted(&copy_name(database)));
    Statement::new(MAINTENANCE, format!("CREATE DATABASE {to} OWNER {} TEMPLATE {from} /* {mark} */", quoted(owner)))
}

/// Asks whether PostgreSQL is still making the copy with this mark.
#[must_use]
pub fn is_copying(mark: &str) -> Statement {
    Statement::new(
        MAINTENANCE,
        format!(
            "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND starts_with(query, 'CREATE DATABASE ') \
             AND position({} in query) > 0 AND pid <> pg_backend_pid()",
            literal(mark)
        ),
    )
}

/// Puts the upgraded copy in the database's place, keeps the former one and notes what it is: one
/// statement, all or nothing.
#[must_use]
pub fn swap(database: &str, former: &Note) -> Statement {
    let name = former_name(database);
    renamed(&[(database, &name), (&copy_name(database), database)], (&name, &former.text()))
}

/// Puts the former database back, with its note until it is seen to serve, and keeps the upgraded one next to it.
#[must_use]
pub fn swap_back(database: &str, failed: &Note) -> Statement {
    let name = failed_name(database);
    renamed(&[(database, &name), (&former_name(database), database)], (&name, &failed.text()))
}

/// Gives a database back the comment that it had before an upgrade.
#[must_use]
pub fn unmark(database: &str, note: &Note) -> Statement {
    mark(database, &note.before)
}

/// Asks for modules that are neither installed nor absent: an interrupted upgrade leaves some.
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

/// The command that upgrades modules in the copy and installs others; `base` means all installed modules.
///
/// Odoo keeps a database's attachments in a folder with its name. The copy's folder is a link to the original's: files
/// are named by their content and only added, so what the upgrade writes there does not harm the former release. If
/// there is a folder in place of the link, for example because another task removed the link, its files are copied to
/// the original's folder first: some may be attachments of this database.
#[must_use]
pub fn command(database: &str, upgraded: &[String], installed: &[String]) -> Vec<String> {
    let copy = copy_name(database);
    let mut odoo = format!("odoo -d {copy}");
    for (option, modules) in [("-u", upgraded), ("-i", installed)] {
        if !modules.is_empty() {
            odoo = format!("{odoo} {option} {}", modules.join(","));
        }
    }
    // konta names the databases and Python restricts the names of modules, so nothing in them ends a shell word.
    let files = "/var/lib/odoo/filestore";
    let text = format!(
        "own={files}/{database}; copy={files}/{copy}; mkdir -p $own; \
         gather() {{ if [ -d $copy ] && [ ! -L $copy ]; then cp -au $copy/. $own/; rm -rf $copy; fi; }}; \
         gather; ln -sfn {database} $copy; {odoo} --stop-after-init --no-http; gather; rm -f $copy"
    );
    ["bash", "-ec", &text].map(ToOwned::to_owned).to_vec()
}

/// Ends the connections to a database, except those that Aurora's master user may not end: an
/// autovacuum ends by itself.
fn disconnect(database: &str) -> String {
    format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {} AND pid <> pg_backend_pid() \
         AND pg_has_role(usesysid, 'USAGE')",
        literal(database)
    )
}

#[cfg(test)]
mod tests;
