//! Reads what is deployed in AWS, in as few calls as possible.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::StreamExt as _;

use crate::aws::cloudformation::StackDescription;
use crate::aws::{Aws, AwsError};
use crate::model::{CellNumber, TenantName};
use crate::operation::polling::Polling;
use crate::stack::names::{MOVING, Names, OPERATION};
use crate::stack::tags::{APPLICATION_TAG, ENVIRONMENT_TAG};
use crate::stack::{Observed, ObservedStack};

/// Converts AWS's description into konta's.
#[must_use]
pub fn observed(stack: StackDescription) -> ObservedStack {
    ObservedStack {
        name: stack.name,
        status: stack.status,
        reason: stack.reason,
        outputs: stack.outputs,
        parameters: stack.parameters,
        tags: stack.tags,
        protected: stack.protected,
        changed_at: stack.changed_at,
    }
}

/// Every stack of one environment of one application: one sweep, with one call for about every hundred stacks of the
/// account. Also the tenants whose data was kept and those that are being moved: usually one call. An identity that may
/// not read these gets none; [`unverified`] needs the same permission and reports that it is missing.
///
/// Includes a stack that someone else made under one of konta's names (by its prefix), so that it does not count as
/// absent.
pub async fn sweep(aws: &Aws, application: &str, environment: &str) -> Result<Observed, AwsError> {
    let prefix = format!("{application}-{environment}");
    let ours = |stack: &StackDescription| {
        let tagged = stack.tags.get(APPLICATION_TAG).is_some_and(|a| a == application)
            && stack.tags.get(ENVIRONMENT_TAG).is_some_and(|e| e == environment);
        let named = stack.name == prefix
            || stack.name.strip_prefix(&prefix).is_some_and(|rest| {
                rest == "-dns" || ["-cell-", "-tenant-", "-addon-"].iter().any(|kind| rest.starts_with(kind))
            });
        tagged || named
    };
    let all = aws.stacks().await?;
    let in_account = all.len();
    let names = Names::new(application, environment);
    let under = match aws.parameters_under(&names.kept()).await {
        Ok(under) => under,
        Err(error) if error.is("AccessDenied") => BTreeMap::new(),
        Err(error) => return Err(error),
    };
    let mut moving = BTreeMap::new();
    let mut operations = BTreeMap::new();
    let mut kept = BTreeMap::new();
    for (name, value) in under {
        if let Some(tenant) = name.strip_prefix(OPERATION).and_then(|tenant| TenantName::new(tenant).ok()) {
            operations.insert(tenant, value);
        } else if let Some(tenant) = name.strip_prefix(MOVING).and_then(|tenant| TenantName::new(tenant).ok()) {
            moving.insert(tenant, value);
        } else if let (Ok(tenant), Some(cell)) = (TenantName::new(&name), value.parse().ok().and_then(CellNumber::new))
        {
            kept.insert(tenant, cell);
        }
    }
    let stacks = all.into_iter().filter(ours).map(observed).collect();
    Ok(Observed::new(stacks).with(in_account, kept).with_moving(moving).with_operations(operations))
}

/// The stacks whose tasks konta has not seen answer since their last deployment, because that failed or was
/// interrupted; `None` if the identity may not read them. Usually one call, since there are none.
pub async fn unverified(aws: &Aws, names: &Names) -> Result<Option<BTreeSet<String>>, AwsError> {
    match aws.parameters_under(&names.unverified()).await {
        Ok(stacks) => Ok(Some(stacks.into_keys().collect())),
        Err(error) if error.is("AccessDenied") => Ok(None),
        Err(error) => Err(error),
    }
}

/// The deployed templates of these stacks, or why one could not be read; several are read side by side.
pub async fn templates(aws: &Aws, polling: Polling, stacks: Vec<&str>) -> HashMap<String, Result<String, AwsError>> {
    let each = stacks.into_iter().map(async |stack| (stack.to_owned(), aws.template(stack).await));
    futures::stream::iter(each).buffered(polling.side_by_side).collect().await
}

/// The stacks that say where a tenant runs: its own, its cell's, its environment's. Three calls, however many tenants
/// there are.
pub async fn stacks_of_tenant(aws: &Aws, names: &Names, tenant: &TenantName) -> Result<Observed, AwsError> {
    let (own, shared) = (names.tenant(tenant), names.environment());
    let (own, shared) = futures::try_join!(aws.stack(&own), aws.stack(&shared))?;
    let mut found = Observed::new(own.into_iter().chain(shared).map(observed).collect());
    let cell = found.get(&names.tenant(tenant)).and_then(ObservedStack::cell);
    if let Some(cell) = cell
        && let Some(cell) = aws.stack(&names.cell(cell)).await?
    {
        found.put(observed(cell));
    }
    Ok(found)
}
