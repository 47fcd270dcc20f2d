//! Turns a workspace, and what is deployed of it, into a plan whose updates AWS has computed.

mod refusal;
mod stack;

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;

use crate::aws::{Aws, AwsError};
use crate::model::{CellNumber, Environment, TenantName};
use crate::operation::error::OperationError;
use crate::operation::polling::Polling;
use crate::stack::plan::touched;
use crate::stack::scope::{Scope, Wanted, wanted};
use crate::stack::{DesiredStack, LoadedWorkspace, Observed, Plan, StackPlan, validate};
use crate::template::TemplateError;

use super::{change_set, observe};

pub use stack::creations;

/// A stack with its plan and, for an update, the change set that the plan was read from.
#[derive(Debug, Clone)]
pub struct PlannedStack {
    /// The desired stack.
    pub desired: DesiredStack,
    /// What happens to it.
    pub plan: StackPlan,
    /// The change set to execute.
    pub change_set: Option<ReviewedChangeSet>,
}

/// A change set that the reader of the plan has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewedChangeSet {
    /// Its name.
    pub name: String,
    /// The parameters that it was made with: with others it is another change.
    pub parameters: BTreeMap<String, String>,
}

/// Stacks in the order of deployment.
#[derive(Debug, Clone, Default)]
pub struct Planned {
    /// Each stack.
    pub stacks: Vec<PlannedStack>,
}

impl Planned {
    /// What is shown of each stack.
    fn shown(&self) -> Vec<StackPlan> {
        self.stacks.iter().map(|stack| stack.plan.clone()).collect()
    }
}

/// A plan that AWS has been asked about.
#[derive(Debug)]
pub struct Online {
    /// What konta carries out.
    pub planned: Planned,
    /// What is shown.
    pub plan: Plan,
    /// What is deployed.
    pub observed: Observed,
}

/// Plans with AWS. `relocating` names a tenant that the command brings to a cell.
///
/// # Errors
/// The problems of all stacks; no change set remains then.
pub async fn online(
    aws: &Aws,
    polling: Polling,
    loaded: &LoadedWorkspace,
    environment: &Environment,
    scope: &Scope<'_>,
    relocating: Option<(&TenantName, CellNumber)>,
) -> Result<Online, Vec<OperationError>> {
    validate::override_names(loaded).map_err(alone)?;
    let observed = sweep(aws, loaded, environment, relocating).await.map_err(alone)?;
    let Wanted { stacks, mut notes } = composed(loaded, environment, scope, &observed).map_err(alone)?;
    let unverified = observe::unverified(aws, &loaded.names(environment)).await.map_err(alone)?;
    let unverified = unverified.unwrap_or_else(|| {
        notes.push(
            "cannot check whether the last deployments became healthy: ssm:GetParametersByPath is denied".to_owned(),
        );
        BTreeSet::new()
    });
    let has_tenants = observed.iter().any(|stack| stack.tenant().is_some());
    if scope.tenants.is_empty() && has_tenants && !touched(&stacks, &observed).is_empty() {
        notes.push("tenants take outputs of these stacks: run `konta plan tenant --all` afterwards".to_owned());
    }
    let planned = stack::each(aws, polling, stacks, &observed, &unverified).await?;
    let plan = Plan {
        environment: environment.name.to_string(),
        // Every session is checked against the environment's account before anything is planned.
        account: Some(environment.account.to_string()),
        region: environment.region.to_string(),
        online: true,
        stacks: planned.shown(),
        notes,
    };
    Ok(Online { planned, plan, observed })
}

/// Plans from the templates alone, as if nothing was deployed; `why` says why konta does not call AWS.
///
/// # Errors
/// Everything that is wrong with the workspace's templates, overrides and addons.
pub fn offline(
    loaded: &LoadedWorkspace,
    environment: &Environment,
    scope: &Scope<'_>,
    why: &str,
) -> Result<(Planned, Plan), TemplateError> {
    validate::override_names(loaded)?;
    let Wanted { stacks, mut notes } = composed(loaded, environment, scope, &Observed::default())?;
    notes.push(format!("based on the templates alone, as if nothing were deployed ({why})"));
    let planned = creations(stacks);
    let plan = Plan {
        environment: environment.name.to_string(),
        account: None,
        region: environment.region.to_string(),
        online: false,
        stacks: planned.shown(),
        notes,
    };
    Ok((planned, plan))
}

fn alone(error: impl Into<OperationError>) -> Vec<OperationError> {
    vec![error.into()]
}

/// What is deployed of the environment, for a command that moves a tenant or none.
async fn sweep(
    aws: &Aws,
    loaded: &LoadedWorkspace,
    environment: &Environment,
    relocating: Option<(&TenantName, CellNumber)>,
) -> Result<Observed, AwsError> {
    let application = loaded.workspace.application.as_str();
    let observed = observe::sweep(aws, application, environment.name.as_str()).await?;
    Ok(match relocating {
        Some((tenant, cell)) => observed.bound_for(tenant.clone(), cell),
        None => observed,
    })
}

/// The stacks of the scope; an error also lists everything else that is wrong with the workspace.
fn composed(
    loaded: &LoadedWorkspace,
    environment: &Environment,
    scope: &Scope<'_>,
    observed: &Observed,
) -> Result<Wanted, TemplateError> {
    wanted(&loaded.builder(), &loaded.workspace, environment, scope, observed)
        .map_err(|error| validate::with_all_others(loaded, error))
}

/// Deletes the change sets of a plan that konta will not carry out. A failure does not stop the rest; the first error
/// is returned.
pub async fn discard(aws: &Aws, polling: Polling, planned: &Planned) -> Result<(), OperationError> {
    let sets = planned.stacks.iter().filter_map(|stack| Some((&stack.desired, stack.change_set.as_ref()?)));
    let each = sets.map(async |(desired, set)| match change_set::discard(aws, desired, &set.name, false).await {
        Err(OperationError::Aws(error)) if error.is("ChangeSetNotFound") => Ok(()),
        done => done,
    });
    let results: Vec<_> = futures::stream::iter(each).buffered(polling.side_by_side).collect().await;
    results.into_iter().collect()
}
