//! The SQL that gives a tenant its own role and database, isolated from the others, one statement at a time.
//!
//! Aurora's master user is not a superuser: it must be a member of a role before it can make a database that the role
//! owns. So the order is CREATE ROLE, GRANT role TO CURRENT_USER, CREATE DATABASE ... OWNER role.

/// One statement, and the database in which it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The database.
    pub database: String,
    /// The SQL.
    pub sql: String,
}

impl Statement {
    pub(super) fn new(database: &str, sql: String) -> Self {
        Self { database: database.to_owned(), sql }
    }
}

/// The database that exists in every cluster and holds no tenant's data.
pub const MAINTENANCE: &str = "postgres";

/// Quotes a name. konta's names are slugs, so nothing in them can end the quotes; quotes are doubled all the same.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a text.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Asks whether a role exists.
#[must_use]
pub fn role_exists(role: &str) -> Statement {
    Statement::new(MAINTENANCE, format!("SELECT 1 FROM pg_roles WHERE rolname = {}", literal(role)))
}

/// Asks whether a database exists.
#[must_use]
pub fn database_exists(database: &str) -> Statement {
    Statement::new(MAINTENANCE, format!("SELECT 1 FROM pg_database WHERE datname = {}", literal(database)))
}

/// Makes a role that may log in and nothing else.
#[must_use]
pub fn create_role(role: &str) -> Statement {
    Statement::new(
        MAINTENANCE,
        format!("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION", quoted(role)),
    )
}

/// Sets a role's password by its verifier, and makes the master user a member of it, however the role was made.
#[must_use]
pub fn secure_role(role: &str, verifier: &str) -> Vec<Statement> {
    vec![
        Statement::new(MAINTENANCE, format!("ALTER ROLE {} PASSWORD {}", quoted(role), literal(verifier))),
        Statement::new(MAINTENANCE, format!("GRANT {} TO CURRENT_USER", quoted(role))),
    ]
}

/// Makes a database that a role owns. Byte order sorts the same on every machine, and Odoo sorts names itself.
#[must_use]
pub fn create_database(database: &str, owner: &str) -> Statement {
    Statement::new(
        MAINTENANCE,
        format!(
            "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'",
            quoted(database),
            quoted(owner)
        ),
    )
}

/// Locks a database to its role, and gives it the extensions that Odoo uses if they exist.
///
/// Anyone may connect to a new database until that right is revoked. Odoo makes no extension in a database that it did
/// not make, and `ALTER FUNCTION unaccent` fails for a plain owner, so `public`, where Odoo looks for the function,
/// gets an immutable wrapper.
#[must_use]
pub fn secure_database(database: &str, owner: &str) -> Vec<Statement> {
    let role = quoted(owner);
    let inside = |sql: String| Statement::new(database, sql);
    let mut statements = connect_rights(database, owner);
    statements.extend([
        inside("CREATE EXTENSION IF NOT EXISTS pg_trgm".to_owned()),
        inside(format!("CREATE SCHEMA IF NOT EXISTS unaccent_schema AUTHORIZATION {role}")),
        inside("CREATE EXTENSION IF NOT EXISTS unaccent SCHEMA unaccent_schema".to_owned()),
        inside(
            "CREATE OR REPLACE FUNCTION public.unaccent(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT \
             AS $$ SELECT unaccent_schema.unaccent('unaccent_schema.unaccent', $1) $$"
                .to_owned(),
        ),
        inside(format!("ALTER FUNCTION public.unaccent(text) OWNER TO {role}")),
    ]);
    statements
}

/// Locks a database to its role.
#[must_use]
pub fn connect_rights(database: &str, owner: &str) -> Vec<Statement> {
    let (db, role) = (quoted(database), quoted(owner));
    vec![
        Statement::new(MAINTENANCE, format!("REVOKE CONNECT, TEMPORARY ON DATABASE {db} FROM PUBLIC")),
        Statement::new(MAINTENANCE, format!("GRANT CONNECT, TEMPORARY ON DATABASE {db} TO {role}")),
    ]
}

/// Makes the registry of a pool: which host leads to which database. The pool's role may read it;
/// nobody else may connect.
#[must_use]
pub fn registry(registry: &str, pool: &str) -> Vec<Statement> {
    let (db, role) = (quoted(registry), quoted(pool));
    vec![
        Statement::new(MAINTENANCE, format!("REVOKE CONNECT, TEMPORARY ON DATABASE {db} FROM PUBLIC")),
        Statement::new(MAINTENANCE, format!("GRANT CONNECT ON DATABASE {db} TO {role}")),
        Statement::new(
            registry,
            "CREATE TABLE IF NOT EXISTS konta_host \
             (host text PRIMARY KEY, database text NOT NULL, suspended boolean NOT NULL DEFAULT false)"
                .to_owned(),
        ),
        Statement::new(registry, format!("GRANT SELECT ON konta_host TO {role}")),
    ]
}

/// Makes a database for the registry; the master user owns it.
#[must_use]
pub fn create_registry(registry: &str) -> Statement {
    Statement::new(
        MAINTENANCE,
        format!(
            "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'",
            quoted(registry)
        ),
    )
}

/// Opens a tenant's database to the pool: the pool's role becomes the tenant's role when it connects there.
///
/// So what the pool makes in a tenant's database belongs to the tenant, and a tenant can leave the pool
/// without changing an owner.
#[must_use]
pub fn join_pool(database: &str, role: &str, pool: &str) -> Vec<Statement> {
    let (db, role, pool) = (quoted(database), quoted(role), quoted(pool));
    vec![
        Statement::new(MAINTENANCE, format!("GRANT {role} TO {pool}")),
        Statement::new(MAINTENANCE, format!("ALTER ROLE {pool} IN DATABASE {db} SET role = {role}")),
    ]
}

/// Closes a tenant's database to the pool after the tenant has left it.
#[must_use]
pub fn leave_pool(database: &str, role: &str, pool: &str) -> Vec<Statement> {
    let (db, role, pool) = (quoted(database), quoted(role), quoted(pool));
    vec![
        Statement::new(MAINTENANCE, format!("ALTER ROLE {pool} IN DATABASE {db} RESET role")),
        Statement::new(MAINTENANCE, format!("REVOKE {role} FROM {pool}")),
    ]
}

/// Points the tenant's hosts, and no others, to its database.
#[must_use]
pub fn lead_hosts(registry: &str, database: &str, hosts: &[String]) -> Vec<Statement> {
    let rows: Vec<String> = hosts.iter().map(|host| format!("({}, {})", literal(host), literal(database))).collect();
    let kept: Vec<String> = hosts.iter().map(|host| literal(host)).collect();
    vec![
        Statement::new(
            registry,
            format!(
                "INSERT INTO konta_host (host, database) VALUES {} ON CONFLICT (host) DO UPDATE SET database = EXCLUDED.database",
                rows.join(", ")
            ),
        ),
        Statement::new(
            registry,
            format!(
                "DELETE FROM konta_host WHERE database = {} AND host NOT IN ({})",
                literal(database),
                kept.join(", ")
            ),
        ),
    ]
}

/// Asks for a database's hosts in the registry that are not yet suspended, or not yet resumed, as `suspended` says.
#[must_use]
pub fn hosts_to_suspend(registry: &str, database: &str, suspended: bool) -> Statement {
    Statement::new(
        registry,
        format!("SELECT host FROM konta_host WHERE database = {} AND suspended <> {suspended}", literal(database)),
    )
}

/// Suspends a database's hosts in the pool, or resumes them. The pool's Odoo does not answer for suspended hosts, and
/// does not run the database's scheduled jobs.
#[must_use]
pub fn suspend_hosts(registry: &str, database: &str, suspended: bool) -> Statement {
    Statement::new(
        registry,
        format!("UPDATE konta_host SET suspended = {suspended} WHERE database = {}", literal(database)),
    )
}

/// Ends a role's connections to a database; a row for each.
#[must_use]
pub fn end_connections(database: &str, role: &str) -> Statement {
    Statement::new(
        MAINTENANCE,
        format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {} AND usename = {}",
            literal(database),
            literal(role)
        ),
    )
}

/// Removes a tenant's hosts from the registry.
#[must_use]
pub fn forget_hosts(registry: &str, database: &str) -> Statement {
    Statement::new(registry, format!("DELETE FROM konta_host WHERE database = {}", literal(database)))
}

/// Asks whether Odoo has ever been set up in a database.
#[must_use]
pub fn is_initialised(database: &str) -> Statement {
    Statement::new(
        database,
        "SELECT 1 FROM pg_tables WHERE schemaname = 'public' AND tablename = 'ir_module_module'".to_owned(),
    )
}

/// Asks which modules are installed.
#[must_use]
pub fn installed_modules(database: &str) -> Statement {
    Statement::new(database, "SELECT name FROM ir_module_module WHERE state IN ('installed', 'to upgrade')".to_owned())
}

/// Asks for every database of a tenant: its own, and those that a restore, a copy, an upgrade or the first setup made
/// next to it, such as `t__before`. A role that owns a database cannot be dropped.
#[must_use]
pub fn databases_of(database: &str, role: &str) -> Statement {
    Statement::new(
        MAINTENANCE,
        format!(
            "SELECT datname FROM pg_database WHERE (datname = {} OR starts_with(datname::text, {})) \
             AND pg_get_userbyid(datdba) = {} ORDER BY datname",
            literal(database),
            literal(&format!("{database}__")),
            literal(role)
        ),
    )
}

/// Ends every connection to a database and drops it. That drops the pool's settings for it, too.
#[must_use]
pub fn drop_database(database: &str) -> Statement {
    Statement::new(MAINTENANCE, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(database)))
}

/// Drops a role that owns no database any more. That ends the pool's membership, too.
#[must_use]
pub fn drop_role(role: &str) -> Statement {
    Statement::new(MAINTENANCE, format!("DROP ROLE IF EXISTS {}", quoted(role)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_its_quotes() {
        assert_eq!(quoted("a\"; DROP DATABASE b; --"), "\"a\"\"; DROP DATABASE b; --\"");
        assert_eq!(literal("a'b"), "'a''b'");
    }

    /// Trap 1: without the membership, the creation fails on Aurora, but succeeds for a superuser.
    #[test]
    fn membership_is_granted_before_the_database_is_made() {
        let role: Vec<String> = std::iter::once(create_role("t")).chain(secure_role("t", "v")).map(|s| s.sql).collect();
        assert!(role[0].starts_with("CREATE ROLE"));
        assert!(role[2].contains("GRANT \"t\" TO CURRENT_USER"));
        assert!(create_database("t", "t").sql.contains("OWNER \"t\" TEMPLATE template0"));
    }

    #[test]
    fn every_statement_is_one_statement() {
        let all = secure_database("t", "t")
            .into_iter()
            .chain(registry("r", "p"))
            .chain(join_pool("t", "t", "p"))
            .chain(lead_hosts("r", "t", &["a.b".into()]))
            .chain([suspend_hosts("r", "t", true), end_connections("t", "p")])
            .chain([databases_of("t", "t"), drop_database("t"), drop_role("t")]);
        for statement in all {
            assert!(!statement.sql.contains(';'), "{}", statement.sql);
        }
    }
}
