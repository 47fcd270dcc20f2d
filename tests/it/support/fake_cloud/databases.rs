//! Database clusters: what konta's own statements, known by their shape, make of databases, roles and the pool's registry.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::backup_tool::HALF;
use super::{State, refused, text};
use crate::support::fake_aws::{Answer, Call};

/// A database: its comment, and whose data it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Database {
    pub owner: String,
    pub comment: String,
    /// Empty where Odoo was never set up.
    pub data: String,
    /// Whether the pool's role becomes the owner there.
    pub is_open_to_pool: bool,
    /// Whether only its role may connect.
    pub is_locked: bool,
    /// Connections of the pool.
    pub connections: usize,
}

impl Database {
    pub fn is_whole(&self) -> bool {
        !self.data.is_empty() && !self.data.starts_with(HALF)
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    pub databases: BTreeMap<String, Database>,
    /// Roles, with whom they were granted to.
    pub roles: BTreeMap<String, BTreeSet<String>>,
    /// The registry of the pool, where the cluster has one: hosts with their database and whether they rest.
    pub hosts: Option<BTreeMap<String, (String, bool)>>,
    pub is_protected: bool,
    /// Whether it is being deleted.
    pub is_going: bool,
}

type Rows = Result<Vec<String>, (&'static str, String)>;

/// The database in which statements run that need none of their own.
const MAINTENANCE: &str = "postgres";

/// The n-th name in double quotes.
fn name(sql: &str, n: usize) -> String {
    sql.split('"').nth(2 * n + 1).unwrap_or_default().to_owned()
}

/// The n-th text in single quotes. No text of konta's has a quote in it.
fn literal(sql: &str, n: usize) -> String {
    sql.split('\'').nth(2 * n + 1).unwrap_or_default().to_owned()
}

impl State {
    pub(super) fn sql(&mut self, body: &Value) -> Answer {
        let (arn, inside, sql) = (text(&body["resourceArn"]), text(&body["database"]), text(&body["sql"]));
        let failed =
            |state: &str, what: &str| refused("DatabaseErrorException", &format!("ERROR: {what}; SQLState: {state}"));
        let Some(cluster) = self.clusters.get_mut(&arn).filter(|cluster| !cluster.is_going) else {
            self.is_wrong(format!("{arn} takes no SQL: {sql}"));
            return refused("BadRequestException", "HttpEndpoint is not enabled");
        };
        let is_registry = cluster.hosts.is_some() && inside == "konta_registry";
        if inside != MAINTENANCE && !is_registry && !cluster.databases.contains_key(&inside) {
            return failed("3D000", &format!("database {inside} does not exist"));
        }
        if let Some(used) = dropped(&sql)
            && let Some(task) = self.tasks.iter().find(|task| {
                task.status != "STOPPED"
                    && task.job["database"] == used.as_str()
                    && self.homes.get(&task.definition) == Some(&arn)
            })
        {
            let said = format!("{used} was dropped under {}", task.started_by);
            self.is_wrong(said);
        }
        let cluster = self.clusters.get_mut(&arn).unwrap();
        let rows = cluster.run(&inside, &sql);
        match rows {
            Ok(rows) => {
                let rows: Vec<Value> = rows.iter().map(|text| json!([{"stringValue": text}])).collect();
                Answer::json(200, &json!({"records": rows}))
            }
            Err((state, what)) => {
                if state == "42601" {
                    self.is_wrong(format!("a statement that this PostgreSQL does not know: {what}"));
                }
                failed(state, &what)
            }
        }
    }

    pub(super) fn cluster_call(&mut self, action: &str, call: &Call) -> Answer {
        let asked = call.parameter("DBClusterIdentifier").unwrap_or_default();
        let Some(cluster) = self.clusters.get_mut(&asked) else {
            return Answer::error("DBClusterNotFoundFault", "none");
        };
        if action == "ModifyDBCluster" {
            cluster.is_protected = false;
            return Answer::xml(action, "");
        }
        let status = if cluster.is_going { "deleting" } else { "available" };
        let one = format!(
            "<DBCluster><DBClusterArn>{asked}</DBClusterArn><Status>{status}</Status><HttpEndpointEnabled>true</HttpEndpointEnabled></DBCluster>"
        );
        Answer::xml(action, &format!("<DBClusters>{one}</DBClusters>"))
    }
}

/// The database that a statement drops.
fn dropped(sql: &str) -> Option<String> {
    sql.starts_with("DROP DATABASE").then(|| name(sql, 0))
}

impl Cluster {
    fn run(&mut self, inside: &str, sql: &str) -> Rows {
        let begins = |text: &str| sql.starts_with(text);
        let found = |is_there: bool| Ok(if is_there { vec!["1".to_owned()] } else { Vec::new() });
        if begins("SELECT 1 FROM pg_roles") {
            return found(self.roles.contains_key(&literal(sql, 0)));
        }
        if begins("SELECT 1 FROM pg_database") {
            let asked = literal(sql, 0);
            return found(self.databases.contains_key(&asked) || (asked == "konta_registry" && self.hosts.is_some()));
        }
        if begins("SELECT coalesce(shobj_description") {
            let asked = literal(sql.rsplit("datname = ").next().unwrap(), 0);
            return Ok(self.databases.get(&asked).map(|one| one.comment.clone()).into_iter().collect());
        }
        if begins("SELECT datname FROM pg_database") {
            let (own, beside, owner) = (literal(sql, 0), literal(sql, 1), literal(sql, 2));
            let is_asked =
                |name: &str, one: &Database| (name == own || name.starts_with(&beside)) && one.owner == owner;
            let all = self.databases.iter().filter(|(name, one)| is_asked(name, one));
            return Ok(all.map(|(name, _)| name.clone()).collect());
        }
        if begins("SELECT pg_terminate_backend") {
            return Ok(self.end_connections(&literal(sql, 0)));
        }
        if begins("SELECT 1 FROM pg_tables") {
            return found(!self.databases[inside].data.is_empty());
        }
        if begins("SELECT name FROM ir_module_module") {
            return Ok(vec!["base".to_owned()]);
        }
        if sql.contains("konta_host") {
            return self.registry(sql);
        }
        let done = match sql.split_whitespace().take(2).collect::<Vec<_>>().join(" ").as_str() {
            "DO $konta$" => self.rename(sql),
            "DROP DATABASE" => {
                self.databases.remove(&name(sql, 0));
                Ok(())
            }
            "COMMENT ON" => self.comment(sql),
            "CREATE ROLE" | "CREATE DATABASE" => self.create(sql),
            "DROP ROLE" => self.drop_role(&name(sql, 0)),
            "ALTER ROLE" if sql.contains(" IN DATABASE ") => {
                let is_open = sql.contains(" SET role = ");
                self.one(&name(sql, 1)).map(|database| database.is_open_to_pool = is_open)
            }
            "ALTER ROLE" => self.role(&name(sql, 0)).map(|_| ()),
            _ if sql.contains(" ON DATABASE ") => {
                let locks = begins("REVOKE CONNECT, TEMPORARY ON DATABASE ");
                self.one(&name(sql, 0)).map(|database| database.is_locked |= locks)
            }
            _ if begins("GRANT \"") => {
                let to = if sql.contains(" TO CURRENT_USER") { "master".to_owned() } else { name(sql, 1) };
                self.role(&name(sql, 0)).map(|members| {
                    members.insert(to);
                })
            }
            _ if begins("REVOKE \"") => self.role(&name(sql, 0)).map(|members| {
                members.remove(&name(sql, 1));
            }),
            "CREATE EXTENSION" | "CREATE SCHEMA" | "CREATE OR" | "ALTER FUNCTION" => Ok(()),
            _ => Err(("42601", sql.to_owned())),
        };
        done.map(|()| Vec::new())
    }

    fn one(&mut self, name: &str) -> Result<&mut Database, (&'static str, String)> {
        self.databases.get_mut(name).ok_or_else(|| ("3D000", format!("database {name} does not exist")))
    }

    fn role(&mut self, name: &str) -> Result<&mut BTreeSet<String>, (&'static str, String)> {
        self.roles.get_mut(name).ok_or_else(|| ("42704", format!("role {name} does not exist")))
    }

    fn create(&mut self, sql: &str) -> Result<(), (&'static str, String)> {
        let made = name(sql, 0);
        if sql.starts_with("CREATE ROLE") {
            if self.roles.contains_key(&made) {
                return Err(("42710", format!("role {made} already exists")));
            }
            self.roles.insert(made, BTreeSet::new());
            return Ok(());
        }
        if self.databases.contains_key(&made) {
            return Err(("42P04", format!("database {made} already exists")));
        }
        let owner = name(sql, 1);
        self.role(&owner)?;
        self.databases.insert(made, Database { owner, ..Database::default() });
        Ok(())
    }

    fn drop_role(&mut self, role: &str) -> Result<(), (&'static str, String)> {
        if self.databases.values().any(|one| one.owner == role) {
            return Err(("2BP01", format!("role {role} cannot be dropped because some objects depend on it")));
        }
        self.roles.remove(role);
        Ok(())
    }

    fn comment(&mut self, sql: &str) -> Result<(), (&'static str, String)> {
        let said = literal(sql, 0);
        self.one(&name(sql, 0)).map(|database| database.comment = said)
    }

    /// One statement of several renamings: all of them or none, unless its condition says that it is done.
    fn rename(&mut self, sql: &str) -> Result<(), (&'static str, String)> {
        let done = sql.split_once("BEGIN IF ").and_then(|(_, rest)| rest.split_once(" THEN RETURN")).unwrap().0;
        if self.holds(done) {
            return Ok(());
        }
        let mut after = self.clone();
        for part in sql.split("ALTER DATABASE ").skip(1) {
            let (from, to) = (name(part, 0), name(part, 1));
            let moved = after.databases.remove(&from).ok_or_else(|| ("3D000", format!("{from} does not exist")))?;
            if after.databases.insert(to.clone(), moved).is_some() {
                return Err(("42P04", format!("database {to} already exists")));
            }
        }
        if let Some(part) = sql.split("COMMENT ON DATABASE ").nth(1) {
            after.comment(part)?;
        }
        *self = after;
        Ok(())
    }

    /// Whether each part of a condition holds.
    fn holds(&self, condition: &str) -> bool {
        condition != "false"
            && condition.split(" AND EXISTS").flat_map(|part| part.split(" AND NOT ")).all(|part| {
                let database = self.databases.get(&literal(part, 0));
                let is_there =
                    database.is_some_and(|one| !part.contains("shobj_description") || one.comment == literal(part, 2));
                is_there != part.starts_with("NOT ")
            })
    }

    /// The pool connects again as long as a host that leads there is awake.
    fn end_connections(&mut self, database: &str) -> Vec<String> {
        let is_awake = self.hosts.iter().flatten().any(|(_, (to, rests))| to == database && !rests);
        let Some(one) = self.databases.get_mut(database) else { return Vec::new() };
        let ended = one.connections;
        if !is_awake {
            one.connections = 0;
        }
        vec!["true".to_owned(); ended]
    }

    fn registry(&mut self, sql: &str) -> Rows {
        let Some(hosts) = &mut self.hosts else { return Err(("3D000", "there is no registry".to_owned())) };
        let none = Ok(Vec::new());
        if sql.starts_with("SELECT host") {
            let (database, wanted) = (literal(sql, 0), sql.ends_with("true"));
            let others = hosts.iter().filter(|(_, (to, rests))| *to == database && *rests != wanted);
            return Ok(others.map(|(host, _)| host.clone()).collect());
        }
        if sql.starts_with("UPDATE konta_host") {
            let (database, rests) = (literal(sql, 0), sql.contains("suspended = true"));
            for (_, one) in hosts.iter_mut().filter(|(_, (to, _))| *to == database) {
                one.1 = rests;
            }
            return none;
        }
        if sql.starts_with("INSERT INTO konta_host") {
            for row in sql.split(" VALUES ").nth(1).unwrap().split(" ON CONFLICT").next().unwrap().split("), (") {
                hosts.entry(literal(row, 0)).or_default().0 = literal(row, 1);
            }
            return none;
        }
        if sql.starts_with("DELETE FROM konta_host") {
            let (database, kept) = (literal(sql, 0), sql.split_once("NOT IN").map_or("", |(_, kept)| kept));
            hosts.retain(|host, (to, _)| *to != database || kept.contains(&format!("'{host}'")));
            return none;
        }
        Err(("42601", sql.to_owned()))
    }
}
