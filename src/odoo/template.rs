//! Databases in which Odoo is already set up. A new tenant gets a copy in a second; an installation takes a minute.
//!
//! A template belongs to a separate role, so that no tenant owns anything in it. Its attachments are in the database,
//! so that a copy is complete, wherever its files will be. `REASSIGN OWNED` would reassign the template itself, too, so
//! owners are changed one by one.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::database::{MAINTENANCE, Statement, literal, quoted};

/// The role that owns every template. Nobody can log in as it.
pub const ROLE: &str = "konta_template";

/// The name of the template for an image and its modules.
#[must_use]
pub fn name(image: &str, modules: &[String]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(image.as_bytes());
    for module in modules {
        hasher.update([0]);
        hasher.update(module.as_bytes());
    }
    hasher.finalize().iter().take(8).fold("konta_template_".to_owned(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    })
}

/// The name under which a new tenant's database is made before it gets its own.
#[must_use]
pub fn draft(database: &str) -> String {
    format!("{database}__new")
}

/// Asks for a template's state: no row if it does not exist, `true` while it is being made, `false` once it is
/// complete. Only a complete template is closed to connections.
#[must_use]
pub fn state(template: &str) -> Statement {
    Statement::new(
        MAINTENANCE,
        format!("SELECT datallowconn::text FROM pg_database WHERE datname = {}", literal(template)),
    )
}

/// Makes the role that owns templates, with the master user as a member.
#[must_use]
pub fn create_role() -> Vec<Statement> {
    let role = quoted(ROLE);
    vec![
        Statement::new(
            MAINTENANCE,
            format!("CREATE ROLE {role} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"),
        ),
        Statement::new(MAINTENANCE, format!("GRANT {role} TO CURRENT_USER")),
    ]
}

/// Closes a template: takes its owner's role from the roles that filled it, and ends its connections.
///
/// There may be several such roles: if a filling was killed, another tenant's deployment may have resumed it. No
/// tenant's role may remain a member of the role that owns all templates. Only a role that is busy in another template,
/// for another command, stays a member until that one is closed.
#[must_use]
pub fn close(template: &str, tier: &str) -> Vec<Statement> {
    let (db, this) = (quoted(template), literal(template));
    [
        format!("COMMENT ON DATABASE {db} IS {}", literal(&comment(tier))),
        format!(
            "DO $konta$ DECLARE one record; BEGIN \
             FOR one IN SELECT s.setrole::regrole AS name FROM pg_db_role_setting s \
             JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = {this} AND s.setrole <> 0 \
             LOOP EXECUTE format('ALTER ROLE %s IN DATABASE %I RESET role', one.name, {this}); END LOOP; \
             FOR one IN SELECT DISTINCT m.member::regrole AS name FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member \
             WHERE m.roleid = '{ROLE}'::regrole AND r.rolcanlogin AND r.rolname <> current_user \
             AND NOT EXISTS (SELECT FROM pg_stat_activity a JOIN pg_database d ON d.oid = a.datid \
             WHERE a.usesysid = m.member AND d.datdba = m.roleid AND d.datname <> {this}) \
             LOOP EXECUTE format('REVOKE {ROLE} FROM %s', one.name); END LOOP; \
             END $konta$"
        ),
        format!("ALTER DATABASE {db} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true"),
        disconnect_text(template),
    ]
    .into_iter()
    .map(|sql| Statement::new(MAINTENANCE, sql))
    .collect()
}

fn comment(tier: &str) -> String {
    format!("konta template of tier {tier}")
}

/// Asks for all complete templates of a tier except the newest: those for former images and lists of modules.
#[must_use]
pub fn former(template: &str, tier: &str) -> Statement {
    Statement::new(
        MAINTENANCE,
        format!(
            "SELECT datname FROM pg_database WHERE NOT datallowconn AND datname <> {} \
             AND shobj_description(oid, 'pg_database') = {}",
            literal(template),
            literal(&comment(tier))
        ),
    )
}

/// Drops a template.
#[must_use]
pub fn drop(template: &str) -> Vec<Statement> {
    let db = quoted(template);
    vec![
        Statement::new(MAINTENANCE, format!("ALTER DATABASE {db} WITH IS_TEMPLATE false")),
        Statement::new(MAINTENANCE, format!("DROP DATABASE IF EXISTS {db} WITH (FORCE)")),
    ]
}

/// Copies a template for a new owner, under the draft's name, which must be free.
#[must_use]
pub fn copy(template: &str, draft: &str, owner: &str) -> Statement {
    let (from, to) = (quoted(template), quoted(draft));
    Statement::new(MAINTENANCE, format!("CREATE DATABASE {to} OWNER {} TEMPLATE {from}", quoted(owner)))
}

/// Asks whether a template is complete in its database: a row once attachments are kept there, and none is in a file,
/// which a copy would lack.
#[must_use]
pub fn is_settled(template: &str) -> Statement {
    Statement::new(
        template,
        "SELECT 1 WHERE EXISTS (SELECT FROM ir_config_parameter WHERE key = 'ir_attachment.location' AND value = 'db') \
         AND NOT EXISTS (SELECT FROM ir_attachment WHERE store_fname IS NOT NULL)"
            .to_owned(),
    )
}

/// Gives the copy's new owner all that the templates' role owns in it: tables with their sequences, views, functions,
/// schemas, types. What belongs to an extension keeps its owner.
#[must_use]
pub fn take_over(draft: &str, owner: &str) -> Statement {
    let owner = quoted(owner).replace('\'', "''");
    Statement::new(
        draft,
        format!(
            "DO $konta$ DECLARE one record; BEGIN \
             FOR one IN SELECT c.oid::regclass AS name FROM pg_class c \
             WHERE c.relowner = '{ROLE}'::regrole AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') \
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid \
             AND (d.deptype = 'e' OR d.deptype IN ('a', 'i') AND c.relkind = 'S')) \
             LOOP EXECUTE format('ALTER TABLE %s OWNER TO {owner}', one.name); END LOOP; \
             FOR one IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.proowner = '{ROLE}'::regrole \
             LOOP EXECUTE format('ALTER ROUTINE %s OWNER TO {owner}', one.name); END LOOP; \
             FOR one IN SELECT n.oid::regnamespace AS name FROM pg_namespace n WHERE n.nspowner = '{ROLE}'::regrole \
             LOOP EXECUTE format('ALTER SCHEMA %s OWNER TO {owner}', one.name); END LOOP; \
             FOR one IN SELECT t.oid::regtype AS name FROM pg_type t WHERE t.typowner = '{ROLE}'::regrole \
             AND t.typrelid = 0 AND t.typelem = 0 \
             LOOP EXECUTE format('ALTER TYPE %s OWNER TO {owner}', one.name); END LOOP; \
             END $konta$",
        ),
    )
}

/// Replaces the tenant's first, empty database with a complete draft.
#[must_use]
pub fn replace(database: &str, draft: &str) -> Vec<Statement> {
    [
        format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(database)),
        disconnect_text(draft),
        // If it is sent again because its answer was lost, it finds nothing left to do.
        format!(
            "DO $konta$ BEGIN IF EXISTS (SELECT FROM pg_database WHERE datname = {}) \
             THEN ALTER DATABASE {} RENAME TO {}; END IF; END $konta$",
            literal(draft),
            quoted(draft),
            quoted(database)
        ),
    ]
    .into_iter()
    .map(|sql| Statement::new(MAINTENANCE, sql))
    .collect()
}

/// Ends only sessions of roles of which the master user is a member: a user who is not a superuser may end no others.
/// An autovacuum worker is one of those, and PostgreSQL ends it by itself.
fn disconnect_text(database: &str) -> String {
    format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {} AND pg_has_role(usesysid, 'USAGE')",
        literal(database)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_image_or_list_of_modules_is_another_template() {
        let modules = ["website".to_owned(), "stock".to_owned()];
        let first = name("odoo@sha256:1", &modules);
        assert_eq!(first, name("odoo@sha256:1", &modules));
        assert_ne!(first, name("odoo@sha256:2", &modules));
        assert_ne!(first, name("odoo@sha256:1", &modules[..1]));
        assert!(first.len() < 40);
    }

    #[test]
    fn a_template_is_closed_last_of_all_that_could_fail() {
        let closing = close("t", "catalogue");
        assert!(closing[2].sql.contains("ALLOW_CONNECTIONS false"));
        assert!(closing[3].sql.contains("pg_terminate_backend"));
    }

    /// An autovacuum worker belongs to no role, and `PostgreSQL` refuses to let a master user without
    /// superuser rights end it.
    #[test]
    fn only_sessions_that_the_master_user_may_end_are_ended() {
        for statement in [close("t", "catalogue").pop().unwrap(), replace("t", "t__new").swap_remove(1)] {
            assert!(statement.sql.contains("AND pg_has_role(usesysid, 'USAGE')"), "{}", statement.sql);
        }
    }

    #[test]
    fn an_owner_cannot_end_its_quotes() {
        assert!(take_over("d", "a'b\"c").sql.contains("OWNER TO \"a''b\"\"c\""));
    }
}
