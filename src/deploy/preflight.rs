//! Checks before a deployment: data at risk, the account, the engine version, quotas. What cannot be checked becomes a
//! note, not an assumption.

use futures::StreamExt as _;

use crate::aws::rds::EngineVersion;
use crate::aws::{Aws, quotas};
use crate::model::{Environment, SecretReference, Tenant};
use crate::operation::error::OperationError;
use crate::stack::change::ResourceAction;
use crate::stack::{Action, PlanSource, Risk, StackKind};

use super::plan::Online;

/// Checks a plan before it is confirmed. Returns notes, among them what could not be checked.
///
/// # Errors
/// When the plan would lose data, and when AWS would refuse it half-way.
pub async fn check(
    aws: &Aws,
    environment: &Environment,
    tenants: &[&Tenant],
    online: &Online,
) -> Result<Vec<String>, OperationError> {
    refuse_data_loss(online)?;
    let new = online.plan.stacks.iter().filter(|s| matches!(s.action, Action::Create | Action::Recreate)).count();
    let mut notes = engine(aws, environment).await?;
    notes.extend(fargate(aws, environment, tenants).await?);
    notes.extend(roles(aws, new_roles(online)).await?);
    notes.extend(stacks(aws, online.observed.in_account(), new).await?);
    notes.extend(secrets(aws, tenants).await?);
    if let Some(policy) = changed_ssl_policy(online) {
        notes.extend(ssl_policy(aws, &policy).await?);
    }
    Ok(notes)
}

/// Checks change sets only: a comparison of templates guesses, and is checked again when AWS has computed the change.
fn refuse_data_loss(online: &Online) -> Result<(), OperationError> {
    for stack in online.plan.stacks.iter().filter(|stack| stack.source == PlanSource::ChangeSet) {
        if let Some(resource) = stack.resources.iter().find(|resource| resource.risk == Risk::DataLoss) {
            return Err(OperationError::DataAtRisk {
                stack: stack.stack.clone(),
                resource: format!("{} ({})", resource.description, resource.logical_id),
            });
        }
    }
    Ok(())
}

/// The IAM roles that the plan makes, as far as the documents' conditions show.
fn new_roles(online: &Online) -> usize {
    let added = online.plan.stacks.iter().flat_map(|stack| &stack.resources);
    added.filter(|r| r.action == ResourceAction::Add && r.resource_type == "AWS::IAM::Role").count()
}

/// The TLS policy of a cell that is about to be made or changed.
fn changed_ssl_policy(online: &Online) -> Option<String> {
    let cell = online
        .planned
        .stacks
        .iter()
        .find(|stack| matches!(stack.desired.kind, StackKind::Cell(_)) && stack.plan.changes_anything())?;
    let own = cell.desired.parameters.get("SslPolicy").map(ToString::to_string);
    own.or_else(|| {
        let declared = cell.desired.document.section("Parameters").get("SslPolicy")?.get("Default")?;
        declared.as_str().map(ToOwned::to_owned)
    })
}

/// Refuses an account other than the environment's.
pub async fn account(aws: &Aws, environment: &Environment) -> Result<String, OperationError> {
    let identity = aws.identity().await?;
    if identity.account != environment.account.as_str() {
        return Err(OperationError::OtherAccount {
            is: identity.account,
            environment: environment.name.to_string(),
            wanted: environment.account.to_string(),
        });
    }
    Ok(identity.account)
}

/// Refuses an engine version that the region does not offer, and a capacity range that the version does not support
/// (older ones cannot go down to 0 or up to 256 ACU). Returns notes on what could not be checked.
pub async fn engine(aws: &Aws, environment: &Environment) -> Result<Vec<String>, OperationError> {
    let database = &environment.database;
    let (version, range) = (&database.engine_version, database.capacity);
    if aws.is_sandbox() {
        return Ok(Vec::new());
    }
    let acu = |text: String| text.parse::<f64>().unwrap_or_default();
    match (aws.engine_version(version).await, aws.offers_serverless(version).await) {
        (Ok(None), _) | (_, Ok(false)) => Err(OperationError::Preflight {
            problem: format!("{} does not offer Aurora PostgreSQL {version} with Serverless v2", environment.region),
            help: "set `database.engine_version` to one that it offers; AWS withdraws old minor versions about once a year".to_owned(),
        }),
        (Ok(Some(EngineVersion { capacity: Some((low, high)) })), _)
            if acu(range.min()) < low || acu(range.max()) > high =>
        {
            Err(OperationError::Preflight {
                problem: format!(
                    "Aurora PostgreSQL {version} supports {low} to {high} ACU, not {} to {}",
                    range.min(),
                    range.max()
                ),
                help: "set `database.capacity` within that range, or choose a newer `database.engine_version`".to_owned(),
            })
        }
        (Err(error), _) | (_, Err(error)) => {
            Ok(vec![format!("cannot check whether Aurora PostgreSQL {version} is offered ({error})")])
        }
        _ => Ok(Vec::new()),
    }
}

/// Refuses a TLS policy that the region's load balancers do not know.
pub async fn ssl_policy(aws: &Aws, policy: &str) -> Result<Vec<String>, OperationError> {
    match aws.knows_ssl_policy(policy).await {
        Ok(true) => Ok(Vec::new()),
        Ok(false) => Err(OperationError::Preflight {
            problem: format!("load balancers in {} do not know the TLS policy {policy}", aws.region()),
            help: "choose one that they know, with an override of the cell's HttpsListener".to_owned(),
        }),
        Err(error) if error.is("SSLPolicyNotFound") => Err(OperationError::Preflight {
            problem: format!("load balancers in {} do not know the TLS policy {policy}", aws.region()),
            help: "choose one that they know, with an override of the cell's HttpsListener".to_owned(),
        }),
        Err(error) => Ok(vec![format!("cannot check whether the TLS policy {policy} is known ({error})")]),
    }
}

/// Parameters read side by side: Parameter Store allows 40 calls a second.
const SECRETS_AT_ONCE: usize = 8;

/// Refuses a tenant whose secrets do not exist: its tasks would fail to start, one after the other.
pub async fn secrets(aws: &Aws, tenants: &[&Tenant]) -> Result<Vec<String>, OperationError> {
    let named = tenants.iter().flat_map(|tenant| {
        tenant.secrets.values().filter_map(move |secret| match secret {
            SecretReference::Parameter(name) => Some((&tenant.name, name)),
            SecretReference::Arn(_) => None,
        })
    });
    let asked = named.map(async |(tenant, name)| (tenant, name, aws.parameter_exists(name).await));
    let mut answers = futures::stream::iter(asked).buffered(SECRETS_AT_ONCE);
    let mut notes = Vec::new();
    while let Some((tenant, name, there)) = answers.next().await {
        match there {
            Ok(true) => {}
            Ok(false) if aws.is_sandbox() => notes.push(format!("the sandbox has no parameter {name} of {tenant}")),
            Ok(false) => {
                return Err(OperationError::Preflight {
                    problem: format!("the parameter {name}, a secret of {tenant}, does not exist"),
                    help: format!(
                        "create it: aws ssm put-parameter --type SecureString --name {name} --value ... --tags Key=konta:cell,Value=<cell>"
                    ),
                });
            }
            Err(error) => notes.push(format!("cannot check whether the parameter {name} exists ({error})")),
        }
    }
    Ok(notes)
}

/// Refuses a plan that would exceed the quota of CloudFormation stacks.
pub async fn stacks(aws: &Aws, standing: usize, new: usize) -> Result<Vec<String>, OperationError> {
    if aws.is_sandbox() || new == 0 {
        return Ok(Vec::new());
    }
    match aws.stack_limit().await {
        Ok(Some(most)) if standing + new > most => Err(OperationError::Preflight {
            problem: format!(
                "the account may have {most} stacks in {}; it has {standing} and would get {new} more",
                aws.region()
            ),
            help: "ask for more in Service Quotas (CloudFormation, stack count)".to_owned(),
        }),
        Ok(_) => Ok(Vec::new()),
        Err(error) => Ok(vec![format!("cannot check the quota of stacks ({error})")]),
    }
}

/// Notes if the account's Fargate quota cannot hold all tasks twice, as a release needs, or could not be checked.
pub async fn fargate(aws: &Aws, environment: &Environment, tenants: &[&Tenant]) -> Result<Vec<String>, OperationError> {
    if aws.is_sandbox() {
        return Ok(Vec::new());
    }
    // A release runs the old and the new tasks side by side. CPU units: 1024 is one vCPU.
    let units: u32 = tenants.iter().map(|t| t.size.cpu() * t.tasks.max() * 2).sum::<u32>()
        + environment.pool.size.cpu() * environment.pool.tasks * 2;
    let wanted = f64::from(units) / 1024.0;
    let (service, code) = quotas::FARGATE_ON_DEMAND;
    match aws.quota(service, code).await {
        Ok(Some(quota)) if quota < wanted => Ok(vec![format!(
            "the account may run {quota} Fargate vCPUs on demand; during a release all tasks run twice and need {wanted:.1}: ask for more (Service Quotas {code})"
        )]),
        Ok(_) => Ok(Vec::new()),
        Err(error) => Ok(vec![format!("cannot check the Fargate quota ({error})")]),
    }
}

/// Refuses a plan that would exceed the quota of IAM roles.
pub async fn roles(aws: &Aws, new_roles: usize) -> Result<Vec<String>, OperationError> {
    match aws.role_quota().await {
        Ok(Some((used, most))) if i64::from(used) + i64::try_from(new_roles).unwrap_or(i64::MAX) > i64::from(most) => {
            Err(OperationError::Preflight {
                problem: format!("the account has {used} of {most} IAM roles, and {new_roles} more are needed"),
                help: "ask for more roles in Service Quotas (up to 5,000 are granted immediately)".to_owned(),
            })
        }
        Ok(_) => Ok(Vec::new()),
        Err(error) => Ok(vec![format!("cannot check the quota of IAM roles ({error})")]),
    }
}

/// Compares the name servers of a domain, as public resolvers see them, with those of its zone.
///
/// `Ok(None)` if they are the same; otherwise the name servers that the domain leads to now.
pub async fn delegation(domain: &str, servers: &[String]) -> Result<Option<Vec<String>>, String> {
    use hickory_resolver::Resolver;
    use hickory_resolver::config::{GOOGLE, ResolverConfig};
    use hickory_resolver::net::runtime::TokioRuntimeProvider;
    use hickory_resolver::proto::rr::{RData, RecordType};
    let resolver = Resolver::builder_with_config(ResolverConfig::udp_and_tcp(&GOOGLE), TokioRuntimeProvider::default())
        .build()
        .map_err(|error| error.to_string())?;
    let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    let mut found: Vec<String> = match resolver.lookup(format!("{domain}."), RecordType::NS).await {
        Ok(answer) => answer
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::NS(name) => Some(plain(&name.0.to_string())),
                _ => None,
            })
            .collect(),
        Err(error) if error.is_no_records_found() || error.is_nx_domain() => Vec::new(),
        Err(error) => return Err(error.to_string()),
    };
    found.sort();
    let mut wanted: Vec<String> = servers.iter().map(|name| plain(name)).collect();
    wanted.sort();
    Ok((found != wanted).then_some(found))
}
