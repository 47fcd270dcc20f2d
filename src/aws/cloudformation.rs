//! CloudFormation: stacks, their events and resources, and signals.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::{ResourceSignalStatus, Stack, StackEvent};

use super::error::AwsError;
use super::session::Aws;

/// A stack as AWS describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackDescription {
    /// Its name.
    pub name: String,
    /// Its id (an ARN), by which AWS still finds it after its deletion.
    pub id: String,
    /// Its status.
    pub status: String,
    /// The reason for it.
    pub reason: Option<String>,
    /// Outputs by key.
    pub outputs: BTreeMap<String, String>,
    /// Parameters by key.
    pub parameters: BTreeMap<String, String>,
    /// Tags by key.
    pub tags: BTreeMap<String, String>,
    /// Whether termination protection is on.
    pub protected: bool,
    /// The last change, RFC 3339, UTC.
    pub changed_at: Option<String>,
}

/// One event of a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// The logical id; the stack's own name for the stack itself.
    pub logical_id: String,
    /// The resource's physical id.
    pub physical_id: String,
    /// The type.
    pub resource_type: String,
    /// The status.
    pub status: String,
    /// The reason.
    pub reason: Option<String>,
    /// RFC 3339, UTC.
    pub at: String,
    /// The token of the request that caused it.
    pub token: Option<String>,
}

fn rfc3339(time: Option<&aws_sdk_cloudformation::primitives::DateTime>) -> Option<String> {
    time.and_then(|time| time.fmt(aws_sdk_cloudformation::primitives::DateTimeFormat::DateTime).ok())
}

/// A reason, unless it is empty.
fn said(reason: Option<&str>) -> Option<String> {
    reason.filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

fn description(stack: &Stack) -> StackDescription {
    let pairs = |key: Option<&str>, value: Option<&str>| {
        (key.unwrap_or_default().to_owned(), value.unwrap_or_default().to_owned())
    };
    StackDescription {
        name: stack.stack_name().unwrap_or_default().to_owned(),
        id: stack.stack_id().unwrap_or_default().to_owned(),
        status: stack.stack_status().map(|s| s.as_str().to_owned()).unwrap_or_default(),
        reason: said(stack.stack_status_reason()),
        outputs: stack.outputs().iter().map(|o| pairs(o.output_key(), o.output_value())).collect(),
        parameters: stack.parameters().iter().map(|p| pairs(p.parameter_key(), p.parameter_value())).collect(),
        tags: stack.tags().iter().map(|t| pairs(t.key(), t.value())).collect(),
        protected: stack.enable_termination_protection().unwrap_or_default(),
        changed_at: rfc3339(stack.last_updated_time().or(stack.creation_time())),
    }
}

fn event(event: &StackEvent) -> Event {
    Event {
        id: event.event_id().unwrap_or_default().to_owned(),
        logical_id: event.logical_resource_id().unwrap_or_default().to_owned(),
        physical_id: event.physical_resource_id().unwrap_or_default().to_owned(),
        resource_type: event.resource_type().unwrap_or_default().to_owned(),
        status: event.resource_status().map(|s| s.as_str().to_owned()).unwrap_or_default(),
        reason: said(event.resource_status_reason()),
        at: rfc3339(event.timestamp()).unwrap_or_default(),
        token: event.client_request_token().map(ToOwned::to_owned),
    }
}

impl Aws {
    /// Every stack of the account and region that is not deleted. One call per page (of about a hundred stacks).
    pub async fn stacks(&self) -> Result<Vec<StackDescription>, AwsError> {
        let mut pages = self.cloudformation.describe_stacks().into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| AwsError::from_sdk("cloudformation DescribeStacks", &e))?;
            found.extend(page.stacks().iter().map(description));
        }
        Ok(found)
    }

    /// One stack by name or id; `None` if there is none.
    pub async fn stack(&self, name: &str) -> Result<Option<StackDescription>, AwsError> {
        match self.cloudformation.describe_stacks().stack_name(name).send().await {
            Ok(answer) => Ok(answer.stacks().first().map(description)),
            Err(error) => {
                let error = AwsError::from_sdk("cloudformation DescribeStacks", &error);
                // CloudFormation has no separate code for "there is no such stack".
                if error.code == "ValidationError" && error.message.contains("does not exist") {
                    Ok(None)
                } else {
                    Err(error)
                }
            }
        }
    }

    /// The template with which a stack was deployed, as text.
    pub async fn template(&self, stack: &str) -> Result<String, AwsError> {
        const OPERATION: &str = "cloudformation GetTemplate";
        let answer = self
            .cloudformation
            .get_template()
            .stack_name(stack)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, &e))?;
        answer.template_body.ok_or_else(|| AwsError::incomplete(OPERATION, "template"))
    }

    /// The newest events of a stack, oldest first, back to (and without) the event `last`; all of them if it is `None`.
    pub async fn events(&self, stack: &str, last: Option<&str>) -> Result<Vec<Event>, AwsError> {
        let mut pages = self.cloudformation.describe_stack_events().stack_name(stack).into_paginator().send();
        let mut found = Vec::new();
        'pages: while let Some(page) = pages.next().await {
            let page = page.map_err(|e| AwsError::from_sdk("cloudformation DescribeStackEvents", &e))?;
            for one in page.stack_events() {
                if last.is_some() && one.event_id() == last {
                    break 'pages;
                }
                found.push(event(one));
            }
        }
        found.reverse();
        Ok(found)
    }

    /// The newest event of a stack, in one call however many events there are.
    pub async fn newest_event(&self, stack: &str) -> Result<Option<Event>, AwsError> {
        let answer = self
            .cloudformation
            .describe_stack_events()
            .stack_name(stack)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("cloudformation DescribeStackEvents", &e))?;
        Ok(answer.stack_events().first().map(event))
    }

    /// Begins to delete a stack.
    pub async fn delete_stack(&self, stack: &str, token: &str) -> Result<(), AwsError> {
        self.cloudformation
            .delete_stack()
            .stack_name(stack)
            .client_request_token(token)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("cloudformation DeleteStack", &e))?;
        Ok(())
    }

    /// Turns termination protection on or off.
    pub async fn protect_stack(&self, stack: &str, protected: bool) -> Result<(), AwsError> {
        self.cloudformation
            .update_termination_protection()
            .stack_name(stack)
            .enable_termination_protection(protected)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("cloudformation UpdateTerminationProtection", &e))?;
        Ok(())
    }

    /// Cancels an update under way; CloudFormation then rolls it back.
    pub async fn cancel_update(&self, stack: &str) -> Result<(), AwsError> {
        self.cloudformation
            .cancel_update_stack()
            .stack_name(stack)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("cloudformation CancelUpdateStack", &e))?;
        Ok(())
    }

    /// Continues a rollback that is stuck.
    pub async fn continue_rollback(&self, stack: &str) -> Result<(), AwsError> {
        self.cloudformation
            .continue_update_rollback()
            .stack_name(stack)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("cloudformation ContinueUpdateRollback", &e))?;
        Ok(())
    }

    /// The resources of a stack: logical id, type, physical id and status.
    pub async fn stack_resources(&self, stack: &str) -> Result<Vec<(String, String, String, String)>, AwsError> {
        let mut pages = self.cloudformation.list_stack_resources().stack_name(stack).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| AwsError::from_sdk("cloudformation ListStackResources", &e))?;
            found.extend(page.stack_resource_summaries().iter().map(|one| {
                (
                    one.logical_resource_id().unwrap_or_default().to_owned(),
                    one.resource_type().unwrap_or_default().to_owned(),
                    one.physical_resource_id().unwrap_or_default().to_owned(),
                    one.resource_status().map(|s| s.as_str().to_owned()).unwrap_or_default(),
                )
            }));
        }
        Ok(found)
    }

    /// Signals a wait condition that what it waits for is done or has failed. The same `id` counts once.
    pub async fn signal(&self, stack: &str, condition: &str, id: &str, done: bool) -> Result<(), AwsError> {
        self.cloudformation
            .signal_resource()
            .stack_name(stack)
            .logical_resource_id(condition)
            .unique_id(id)
            .status(if done { ResourceSignalStatus::Success } else { ResourceSignalStatus::Failure })
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("cloudformation SignalResource", &e))?;
        Ok(())
    }

    /// How many stacks the account may have in the region, if AWS says so.
    pub async fn stack_limit(&self) -> Result<Option<usize>, AwsError> {
        let answer = self
            .cloudformation
            .describe_account_limits()
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("cloudformation DescribeAccountLimits", &e))?;
        let limit = answer.account_limits().iter().find(|limit| limit.name() == Some("StackLimit"));
        Ok(limit.and_then(|limit| usize::try_from(limit.value()?).ok()))
    }
}
