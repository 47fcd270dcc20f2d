//! `konta status`: shows the state of an environment or a tenant.

use clap::Args;
use serde::Serialize;

use crate::aws::ecs::ServiceState;
use crate::deploy::observe;
use crate::model::{ServingState, Tenant, TenantName};
use crate::operation::lease::OperationRecord;
use crate::report::{output, table, text};
use crate::stack::tags::{CELL_TAG, HASH_TAG, TENANT_TAG, TIER_TAG};
use crate::stack::{Observed, ObservedStack};

use super::{CommandError, Context, context};

/// Show the state of an environment or a tenant: stacks, release, tasks, health, the last event
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Tenant [default: the whole environment]
    tenant: Option<String>,
}

#[derive(Debug, Serialize)]
struct StackStatus {
    stack: String,
    status: String,
    reason: Option<String>,
    changed_at: Option<String>,
    protected: bool,
    release: Option<String>,
}

#[derive(Debug, Serialize)]
struct TenantStatus {
    tenant: String,
    url: String,
    tier: String,
    isolation: &'static str,
    cell: Option<String>,
    database: String,
    image: Option<String>,
    manifest: bool,
    page: ServingState,
    moving: bool,
    /// The operation that is under way on it.
    operation: Option<OperationRecord>,
    stacks: Vec<StackStatus>,
    service: Option<ServiceStatus>,
    last_event: Option<String>,
}

#[derive(Debug, Serialize)]
struct ServiceStatus {
    service: String,
    desired: i32,
    running: i32,
    pending: i32,
    failed: i32,
    rollout: String,
    task_definition: String,
    healthy_targets: Option<String>,
    last_event: Option<String>,
    last_stopped_reason: Option<String>,
}

/// Shows it.
pub async fn run(context: &Context, args: &StatusArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let known = args.tenant.as_deref().and_then(|name| context::tenant(&loaded.workspace, name).ok());
    let environment = context.environment(&loaded.workspace, known.map(|t| t.environment.as_str()))?;
    let session = context.session(&loaded, environment).await?;
    let observed =
        observe::sweep(&session.aws, loaded.workspace.application.as_str(), environment.name.as_str()).await?;
    let Some(asked) = &args.tenant else { return whole(context, &observed) };
    // A deployed tenant without a manifest is shown as far as its stack describes it.
    let stranger = || TenantName::new(asked).ok().filter(|name| is_there(&observed, name));
    let Some(tenant) = known.map(|tenant| tenant.name.clone()).or_else(stranger) else {
        return Err(context::tenant(&loaded.workspace, asked).map(|_| ()).err().unwrap_or(CommandError::NoWorkspace));
    };
    let names = loaded.names(environment);
    let name = names.tenant(&tenant);
    let addon_prefix = names.addon(&tenant, "");
    let stacks: Vec<&ObservedStack> = observed
        .iter()
        .filter(|s| {
            // The names of the addons of `foo-bar` begin like those of `foo`: the tag distinguishes them.
            let own = s.tags.get(TENANT_TAG).is_some_and(|tag| tag == tenant.as_str());
            s.name == name || (own && s.name.starts_with(&addon_prefix))
        })
        .collect();
    let Some(standing) = observed.get(&name) else {
        let kept = observed.kept().find(|(kept, _)| **kept == tenant).map(|(_, cell)| cell);
        let data = kept.map(|cell| format!("; its data is kept in cell {cell}")).unwrap_or_default();
        return Err(CommandError::Unknown {
            message: format!("the tenant {tenant} is not deployed in {}{data}", environment.name),
            help: format!("deploy it with `konta deploy tenant {tenant}`"),
        });
    };
    let cell = standing.tags.get(CELL_TAG).cloned();
    let cluster = observed.output(&names.environment(), "ClusterName").map(ToOwned::to_owned);
    let cell_stack = cell.as_deref().map(|cell| format!("{}-cell-{cell}", names.environment()));
    let of_pool =
        |key: &str| cell_stack.as_deref().and_then(|stack| observed.output(stack, key)).map(ToOwned::to_owned);
    let service_name = standing.outputs.get("ServiceName").cloned().or_else(|| of_pool("PoolServiceName"));
    let group = standing.outputs.get("TargetGroupArn").cloned().or_else(|| of_pool("PoolTargetGroupArn"));
    let service = match (cluster, service_name) {
        (Some(cluster), Some(service)) => {
            let state = session.aws.services(&cluster, std::slice::from_ref(&service)).await?.into_iter().next();
            let stopped = session.aws.last_stopped_reason(&cluster, &service).await.ok().flatten();
            let healthy = match (&group, session.aws.runs_tasks()) {
                (Some(_), false) => Some("unknown: the sandbox runs no containers".to_owned()),
                (Some(group), true) => {
                    let (healthy, all, reason) = session.aws.target_health(group).await?;
                    Some(format!("{healthy} of {all}{}", reason.map(|r| format!(" ({r})")).unwrap_or_default()))
                }
                (None, _) => None,
            };
            state.map(|state| service_status(state, healthy, stopped))
        }
        _ => None,
    };
    let last = session.aws.newest_event(&name).await?;
    let status = TenantStatus {
        tenant: tenant.to_string(),
        url: known.map_or_else(|| standing.outputs.get("Url").cloned().unwrap_or_default(), Tenant::url),
        tier: known
            .map_or_else(|| standing.tags.get(TIER_TAG).cloned().unwrap_or_default(), |known| known.tier.to_string()),
        isolation: if standing.is_pooled() { "pooled" } else { "dedicated" },
        cell,
        database: tenant.database(),
        image: known.map_or_else(|| standing.parameters.get("Image").cloned(), |known| Some(known.image.clone())),
        manifest: known.is_some(),
        page: standing.page(),
        moving: observed.moving(&tenant).is_some(),
        operation: observed.operation(&tenant).and_then(OperationRecord::read),
        stacks: stacks.into_iter().map(stack_status).collect(),
        service,
        last_event: last.map(|e| {
            format!("{} {} {}{}", e.at, e.logical_id, e.status, e.reason.map(|r| format!(": {r}")).unwrap_or_default())
        }),
    };
    if context.format().is_json() {
        output::print_json(&status)?;
    } else {
        output::print_text(&text::pairs(&lines(&status)))?;
    }
    Ok(0)
}

fn is_there(observed: &Observed, tenant: &TenantName) -> bool {
    observed.iter().any(|stack| stack.tenant() == Some(tenant.as_str()))
        || observed.kept().any(|(kept, _)| kept == tenant)
}

fn whole(context: &Context, observed: &Observed) -> Result<u8, CommandError> {
    let stacks: Vec<StackStatus> = observed.iter().map(stack_status).collect();
    if context.format().is_json() {
        output::print_json(&stacks)?;
    } else {
        let rows = stacks
            .into_iter()
            .map(|s| {
                vec![
                    s.stack,
                    s.status,
                    s.release.unwrap_or_default(),
                    s.changed_at.unwrap_or_default(),
                    if s.protected { "protected".to_owned() } else { String::new() },
                ]
            })
            .collect::<Vec<_>>();
        if rows.is_empty() {
            output::print_text("nothing is deployed")?;
        } else {
            output::print_text(&table::table(&["stack", "state", "release", "changed", "protection"], rows))?;
        }
    }
    Ok(0)
}

fn stack_status(stack: &ObservedStack) -> StackStatus {
    StackStatus {
        stack: stack.name.clone(),
        status: stack.status.clone(),
        reason: stack.reason.clone(),
        changed_at: stack.changed_at.clone(),
        protected: stack.protected,
        release: stack.tags.get(HASH_TAG).map(|hash| hash.chars().take(12).collect()),
    }
}

fn service_status(state: ServiceState, healthy_targets: Option<String>, stopped: Option<String>) -> ServiceStatus {
    ServiceStatus {
        service: state.name,
        desired: state.desired,
        running: state.running,
        pending: state.pending,
        failed: state.failed,
        rollout: state.rollout,
        task_definition: state.task_definition,
        healthy_targets,
        last_event: state.last_event,
        last_stopped_reason: stopped,
    }
}

fn lines(status: &TenantStatus) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("tenant", status.tenant.clone()),
        ("url", status.url.clone()),
        ("tier", format!("{} ({})", status.tier, status.isolation)),
        ("cell", status.cell.clone().unwrap_or_default()),
        ("database", status.database.clone()),
    ];
    let moving = status.moving.then_some("being moved: `konta tenant move` goes on, with --back it turns back");
    lines.extend(status.operation.iter().map(|operation| {
        let OperationRecord { verb, holder, since, .. } = operation;
        ("operation", format!("{verb}, by {holder}, since {since}"))
    }));
    lines.extend(moving.or(status.page.state()).map(|state| ("state", state.to_owned())));
    lines.extend(status.image.clone().map(|image| ("image", image)));
    if !status.manifest {
        lines.push(("manifest", "none: deployed without one".to_owned()));
    }
    for stack in &status.stacks {
        let reason = stack.reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
        lines.push(("stack", format!("{} {}{reason}", stack.stack, stack.status)));
        if let Some(release) = &stack.release {
            let at = stack.changed_at.clone().unwrap_or_default();
            lines.push(("release", format!("{release} of {at}")));
        }
    }
    if let Some(service) = &status.service {
        lines.push((
            "tasks",
            format!(
                "{} desired, {} running, {} pending, {} failed ({})",
                service.desired, service.running, service.pending, service.failed, service.rollout
            ),
        ));
        if let Some(healthy) = &service.healthy_targets {
            lines.push(("healthy", healthy.clone()));
        }
        if let Some(reason) = &service.last_stopped_reason {
            lines.push(("last stopped", reason.clone()));
        }
    }
    if let Some(event) = &status.last_event {
        lines.push(("last event", event.clone()));
    }
    lines
}
