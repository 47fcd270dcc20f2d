//! What CloudFormation cannot do: passwords, roles, databases, reservations. Each step can be repeated.

use std::collections::BTreeMap;

use crate::aws::Aws;
use crate::deploy::health::HEALTH;
use crate::model::{CellNumber, TenantName};
use crate::odoo::{database, password};
use crate::operation::database::Database;
use crate::operation::error::OperationError;
use crate::operation::event::{StepOutcome, StepResult};
use crate::operation::step::Step;
use crate::stack::names::{Names, POOL_USER};
use crate::stack::{DesiredStack, StackKind, priority};

/// The registry database of a pool; the same name as in the pool's environment.
pub use crate::template::compose::REGISTRY;

pub(super) const SERVICE_ROLES: Step =
    Step::harmless("service-roles", "make the service-linked roles that a new account lacks");
pub(super) const DELEGATION: Step =
    Step::harmless("delegation", "check that the domain leads to the zone, before the certificate is requested");
pub(super) const POOL_PASSWORD: Step = Step::new("password", "generate a password for the pool's role");
pub(super) const POOL_DATABASE: Step = Step::new("pool", "make the pool's role and its registry of hosts");
pub(super) const PASSWORD: Step = Step::new("password", "generate a password for the tenant's role");
pub(super) const RULE_PRIORITY: Step = Step::new("priority", "reserve the listener rule's priority");
pub(super) const DATABASE: Step = Step::new("database", "make the tenant's role and database");
pub(super) const MODULES: Step = Step::new("modules", "install the tenant's modules");
pub(super) const POOL_HOSTS: Step = Step::new("hosts", "enter the tenant's hosts in the pool's registry");

/// The steps around a stack that konta creates or updates, in order.
#[must_use]
pub fn of(desired: &DesiredStack) -> Vec<Step> {
    let has_service = desired.wait_condition.is_some();
    match &desired.kind {
        StackKind::Environment => vec![SERVICE_ROLES, DELEGATION],
        StackKind::Cell(_) if has_service => vec![POOL_PASSWORD, POOL_DATABASE, HEALTH],
        StackKind::Dns | StackKind::Cell(_) | StackKind::Addon(..) => Vec::new(),
        StackKind::Tenant(_) => {
            let last = if has_service { HEALTH } else { POOL_HOSTS };
            vec![PASSWORD, RULE_PRIORITY, DATABASE, MODULES, last]
        }
    }
}

/// Makes the service-linked roles; without them the first cluster of a new account would fail.
pub async fn service_roles(aws: &Aws) -> StepResult {
    let mut made = Vec::new();
    for service in [
        "ecs.amazonaws.com",
        "rds.amazonaws.com",
        "elasticloadbalancing.amazonaws.com",
        "ecs.application-autoscaling.amazonaws.com",
    ] {
        match aws.ensure_service_role(service).await {
            Ok(true) => made.push(service.split('.').next().unwrap_or(service)),
            Ok(false) => {}
            // Only a new account lacks the roles: an identity that may not make them most likely need not.
            Err(error) if error.is("AccessDenied") => {
                let detail = "this identity may not make service-linked roles; only a new account lacks them";
                return Ok((StepOutcome::NotRun, Some(detail.to_owned())));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if made.is_empty() {
        return Ok((StepOutcome::AlreadyDone, None));
    }
    if !aws.is_sandbox() {
        // AWS does not know a new role everywhere immediately.
        tokio::time::sleep(std::time::Duration::from_secs(15)).await;
    }
    Ok((StepOutcome::Done, Some(made.join(", "))))
}

/// Generates a random password and stores it under a name, unless one exists.
pub async fn keep_password(aws: &Aws, name: &str, tags: &BTreeMap<String, String>) -> StepResult {
    let password = password::generate(&mut rand::rng());
    let made = aws.create_secret(name, &password, tags).await?;
    Ok((if made { StepOutcome::Done } else { StepOutcome::AlreadyDone }, Some(name.to_owned())))
}

/// Makes a role with the password that is stored under `password_name`; returns whether the role is new.
async fn role(aws: &Aws, data: &Database<'_>, role: &str, password_name: &str) -> Result<bool, OperationError> {
    let password = aws.secret(password_name).await?.ok_or_else(|| OperationError::Preflight {
        problem: format!("the password {password_name} no longer exists"),
        help: "run the command again: it makes a new one and sets it in PostgreSQL".to_owned(),
    })?;
    let is_new = !data.holds(&database::role_exists(role)).await?;
    if is_new {
        data.make(&database::create_role(role)).await?;
    }
    data.run(&database::secure_role(role, &password::verifier(&password))).await?;
    Ok(is_new)
}

/// Makes the pool's role and its registry.
pub async fn pool_database(aws: &Aws, data: &Database<'_>, password_name: &str) -> StepResult {
    data.takes_sql().await?;
    role(aws, data, POOL_USER, password_name).await?;
    let is_new = !data.holds(&database::database_exists(REGISTRY)).await?;
    if is_new {
        data.make(&database::create_registry(REGISTRY)).await?;
    }
    data.run(&database::registry(REGISTRY, POOL_USER)).await?;
    Ok((if is_new { StepOutcome::Done } else { StepOutcome::AlreadyDone }, Some(REGISTRY.to_owned())))
}

/// Makes a tenant's role and database, which no other tenant can reach; a pooled tenant's database is opened to the pool.
pub async fn tenant_database(
    aws: &Aws,
    data: &Database<'_>,
    tenant: &TenantName,
    password_name: &str,
    pooled: bool,
) -> StepResult {
    data.takes_sql().await?;
    let name = tenant.database();
    role(aws, data, &name, password_name).await?;
    let is_new = !data.holds(&database::database_exists(&name)).await?;
    if is_new {
        data.make(&database::create_database(&name, &name)).await?;
    }
    data.run(&database::secure_database(&name, &name)).await?;
    if pooled {
        data.run(&database::join_pool(&name, &name, POOL_USER)).await?;
    }
    Ok((if is_new { StepOutcome::Done } else { StepOutcome::AlreadyDone }, Some(name)))
}

/// Drops a tenant's database, every other database that carries its name, and its role.
pub async fn drop_tenant(data: &Database<'_>, tenant: &TenantName) -> StepResult {
    let name = tenant.database();
    let mut dropped = databases_of(data, &name).await?;
    // Also if somebody has changed its owner by hand.
    if !dropped.contains(&name) {
        dropped.push(name.clone());
    }
    for database in &dropped {
        data.run(&[database::drop_database(database)]).await?;
    }
    data.run(&[database::drop_role(&name)]).await?;
    Ok((StepOutcome::Done, Some(dropped.join(", "))))
}

/// Drops the other databases that carry the name of a tenant's database; the database itself and its role remain.
pub async fn drop_beside(data: &Database<'_>, tenant: &TenantName) -> StepResult {
    let name = tenant.database();
    let mut dropped = databases_of(data, &name).await?;
    dropped.retain(|database| *database != name);
    for database in &dropped {
        data.run(&[database::drop_database(database)]).await?;
    }
    let outcome = if dropped.is_empty() { StepOutcome::AlreadyDone } else { StepOutcome::Done };
    Ok((outcome, Some(dropped.join(", "))))
}

/// A tenant's databases that its role owns.
async fn databases_of(data: &Database<'_>, name: &str) -> Result<Vec<String>, OperationError> {
    data.values(&database::databases_of(name, name)).await
}

/// Leads a pooled tenant's hosts to its database.
pub async fn lead_hosts(data: &Database<'_>, tenant: &TenantName, hosts: &[String]) -> StepResult {
    data.run(&database::lead_hosts(REGISTRY, &tenant.database(), hosts)).await?;
    Ok((StepOutcome::Done, Some(hosts.join(", "))))
}

/// Rules of a load balancer, without the default rules. Source: Elastic Load Balancing, quotas (adjustable).
const MOST_RULES: usize = 100;

/// What a reservation is for.
#[derive(Debug)]
pub struct Reservation<'a> {
    /// Names in the environment.
    pub names: &'a Names,
    /// The cell whose listener gets the rule.
    pub cell: CellNumber,
    /// The tenant.
    pub tenant: &'a TenantName,
    /// Its hosts, by which konta recognises its own rule.
    pub hosts: &'a [String],
    /// The priority asked for first.
    pub wanted: u32,
    /// The listener's ARN.
    pub listener: &'a str,
    /// Tags of the reservation.
    pub tags: &'a BTreeMap<String, String>,
}

/// Reserves a priority for a tenant's rule: the wanted one, or the next that neither a reservation nor a rule of the
/// listener holds.
///
/// The reservation is an SSM parameter that only one writer can create, so two deployments that run at the same time never
/// get the same number.
pub async fn reserve_priority(aws: &Aws, asked: &Reservation<'_>) -> Result<u32, OperationError> {
    let rules = aws.rules(asked.listener).await?;
    let own = rules.iter().any(|rule| rule.hosts.iter().any(|host| asked.hosts.contains(host)));
    // The default rule does not count. konta refuses here even if the account's quota was raised above 100.
    let count = rules.iter().filter(|rule| rule.priority.is_some()).count();
    if !own && count >= MOST_RULES {
        return Err(OperationError::Preflight {
            problem: format!("the load balancer of cell {} has {count} rules, the most that it can hold", asked.cell),
            help:
                "set `cell` of the tenant to another cell, or lower `tenants_per_cell` so that konta opens one in time"
                    .to_owned(),
        });
    }
    let is_foreign = |number: u32| {
        rules
            .iter()
            .any(|rule| rule.priority == Some(number) && !rule.hosts.iter().any(|host| asked.hosts.contains(host)))
    };
    let mut number = asked.wanted;
    // If all hosts of a tenant are new, only its reservation shows that the rule is its own.
    let mine = async |number: u32| {
        let held = aws.parameter(&asked.names.priority(asked.cell, number)).await?;
        Ok::<bool, OperationError>(held.as_deref() == Some(asked.tenant.as_str()))
    };
    if is_foreign(number) && mine(number).await? {
        return Ok(number);
    }
    for _ in 0..1000 {
        if !is_foreign(number) {
            let name = asked.names.priority(asked.cell, number);
            if aws.create_parameter(&name, asked.tenant.as_str(), asked.tags).await? || mine(number).await? {
                return Ok(number);
            }
        }
        number = priority::next(number);
    }
    Err(OperationError::Preflight {
        problem: format!("the listener has no free priority for the rule of {}", asked.tenant),
        help: "remove rules of the listener that konta did not make".to_owned(),
    })
}

/// Releases the reservations of a tenant in a cell. Nothing else records its number, so konta searches all of them.
pub async fn release_priorities(aws: &Aws, names: &Names, tenant: &TenantName, cell: CellNumber) -> StepResult {
    let reserved = aws.parameters_under(&names.priorities(cell)).await?;
    let mut released = Vec::new();
    for (number, _) in reserved.into_iter().filter(|(_, holder)| holder == tenant.as_str()) {
        if let Ok(priority) = number.parse() {
            aws.delete_parameter(&names.priority(cell, priority)).await?;
            released.push(number);
        }
    }
    let outcome = if released.is_empty() { StepOutcome::AlreadyDone } else { StepOutcome::Done };
    Ok((outcome, Some(released.join(", "))))
}
