//! Where a tenant runs: its cluster, service, task definition, log and database, as its stacks say.

use miette::Diagnostic;
use thiserror::Error;

use crate::model::{CellNumber, TenantName};
use crate::stack::Observed;
use crate::stack::names::Names;
use crate::stack::observed::ObservedStack;

/// Why it is not known where a tenant runs.
#[derive(Debug, Clone, PartialEq, Eq, Error, Diagnostic)]
pub enum RuntimeError {
    /// Its stack is not deployed.
    #[error("the tenant {tenant} is not deployed")]
    #[diagnostic(code(konta::tenant_not_deployed), help("deploy it with `konta deploy tenant {tenant}`"))]
    NotDeployed {
        /// The tenant.
        tenant: TenantName,
    },
    /// A stack lacks an output that is needed.
    #[error("the stack {stack} has no output {output}")]
    #[diagnostic(
        code(konta::missing_output),
        help("see `konta status`: the stack is incomplete, or your own template for it lacks this output")
    )]
    MissingOutput {
        /// The stack.
        stack: String,
        /// The output.
        output: &'static str,
    },
}

/// Where a tenant runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRuntime {
    /// The tenant.
    pub tenant: TenantName,
    /// Its database, and the role that owns it.
    pub database: String,
    /// Whether the cell's shared Odoo serves it.
    pub is_pooled: bool,
    /// The ECS cluster.
    pub cluster: String,
    /// The service, its own or the pool's; `None` until a first deployment has come that far.
    pub service: Option<String>,
    /// The task definition's ARN, its own or the pool's.
    pub task_definition: String,
    /// Its log, or the pool's.
    pub log: LogSource,
    /// The subnets of its tasks.
    pub subnets: Vec<String>,
    /// Their security group.
    pub security_group: String,
    /// Whether its tasks get a public address.
    pub public_ip: bool,
    /// The stack's tags.
    pub tags: Vec<(String, String)>,
}

impl TenantRuntime {
    /// A tenant's runtime, as the deployed stacks say.
    pub fn of(observed: &Observed, names: &Names, tenant: &TenantName) -> Result<Self, RuntimeError> {
        let not_deployed = || RuntimeError::NotDeployed { tenant: tenant.clone() };
        let stack = observed.get(&names.tenant(tenant)).ok_or_else(not_deployed)?;
        let environment = names.environment();
        let get = |stack: &str, output: &'static str| {
            let missing = || RuntimeError::MissingOutput { stack: stack.to_owned(), output };
            observed.output(stack, output).map(ToOwned::to_owned).ok_or_else(missing)
        };
        let is_pooled = stack.is_pooled();
        let cell = stack.cell().ok_or_else(not_deployed)?;
        let (holder, service, definition) = if is_pooled {
            (names.cell(cell), "PoolServiceName", "PoolTaskDefinitionArn")
        } else {
            (stack.name.clone(), "ServiceName", "TaskDefinitionArn")
        };
        let (log, _) = log_of(observed, names, tenant)?;
        Ok(Self {
            tenant: tenant.clone(),
            database: tenant.database(),
            is_pooled,
            cluster: get(&environment, "ClusterName")?,
            service: observed.output(&holder, service).map(ToOwned::to_owned),
            task_definition: get(&holder, definition)?,
            log,
            subnets: get(&environment, "TaskSubnetIds")?.split(',').map(ToOwned::to_owned).collect(),
            security_group: get(&environment, "TaskSecurityGroupId")?,
            public_ip: get(&environment, "AssignPublicIp")? == "ENABLED",
            tags: stack.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        })
    }

    /// The family of its task definition.
    #[must_use]
    pub fn family(&self) -> &str {
        let name = self.task_definition.rsplit('/').next().unwrap_or_default();
        name.split(':').next().unwrap_or_default()
    }
}

/// The stacks that may hold the cluster of a deployed tenant's database, the likeliest first: the tenant's
/// addon comes before its cell.
#[must_use]
pub fn database_stacks(observed: &Observed, names: &Names, tenant: &ObservedStack) -> Vec<String> {
    let cell = tenant.cell().map(|cell| names.cell(cell));
    let endpoint = tenant.parameters.get("DatabaseEndpoint");
    let own = observed.iter().find(|stack| {
        endpoint.is_some() && Some(&stack.name) != cell.as_ref() && stack.outputs.get("DatabaseEndpoint") == endpoint
    });
    own.map(|stack| stack.name.clone()).into_iter().chain(cell).collect()
}

/// A tenant's log, and, in a pool's log, the database that identifies its lines. Works from the start of a first
/// deployment: the log of the installation is what people want to read then.
pub fn log_of(
    observed: &Observed,
    names: &Names,
    tenant: &TenantName,
) -> Result<(LogSource, Option<String>), RuntimeError> {
    let not_deployed = || RuntimeError::NotDeployed { tenant: tenant.clone() };
    let stack = observed.get(&names.tenant(tenant)).ok_or_else(not_deployed)?;
    let group = group(observed, names)?;
    if !stack.is_pooled() {
        return Ok((LogSource { group, streams: format!("{tenant}/odoo/") }, None));
    }
    let streams = pool_streams(stack.cell().ok_or_else(not_deployed)?);
    Ok((LogSource { group, streams }, Some(tenant.database())))
}

/// The log of a cell's pool.
pub fn log_of_pool(observed: &Observed, names: &Names, cell: CellNumber) -> Result<LogSource, RuntimeError> {
    Ok(LogSource { group: group(observed, names)?, streams: pool_streams(cell) })
}

fn group(observed: &Observed, names: &Names) -> Result<String, RuntimeError> {
    let environment = names.environment();
    let missing = || RuntimeError::MissingOutput { stack: environment.clone(), output: "LogGroupName" };
    observed.output(&environment, "LogGroupName").map(ToOwned::to_owned).ok_or_else(missing)
}

fn pool_streams(cell: CellNumber) -> String {
    // No tenant has this name (`TenantName::is_reserved`).
    format!("pool-{cell}/odoo/")
}

/// Where the lines of a log are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSource {
    /// The group.
    pub group: String,
    /// How the streams' names begin.
    pub streams: String,
}
