//! CloudFormation's change sets: creates, describes, executes and deletes them.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::{Capability, ChangeSetType, Parameter, ResourceChange, RollbackConfiguration, Tag};

use super::error::AwsError;
use super::session::Aws;

/// What a change set is created from.
#[derive(Debug, Clone)]
pub struct ChangeSetRequest<'a> {
    /// The stack.
    pub stack: &'a str,
    /// The change set's name, unique for the stack.
    pub name: &'a str,
    /// Whether the stack is new.
    pub create: bool,
    /// The body, JSON.
    pub body: &'a str,
    /// Parameters by key.
    pub parameters: &'a BTreeMap<String, String>,
    /// Tags by key.
    pub tags: &'a BTreeMap<String, String>,
    /// Whether the template creates IAM resources.
    pub makes_iam: bool,
    /// What it is, for people.
    pub description: &'a str,
}

/// A change set as AWS describes it.
#[derive(Debug, Clone, Default)]
pub struct ChangeSet {
    /// Its status: `CREATE_PENDING`, `CREATE_IN_PROGRESS`, `CREATE_COMPLETE` or `FAILED`.
    pub status: String,
    /// The reason for it.
    pub reason: String,
    /// Resource by resource.
    pub changes: Vec<Change>,
}

impl ChangeSet {
    /// Whether AWS is still working on it.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.status.as_str(), "CREATE_PENDING" | "CREATE_IN_PROGRESS")
    }

    /// Whether it failed because there is nothing to change. AWS has two texts for this; a failure may also be an early
    /// validation, so the status alone says nothing. Source: CloudFormation answers as recorded in public issue
    /// threads.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.status == "FAILED"
            && (self.reason.contains("didn't contain changes")
                || self.reason.contains("No updates are to be performed"))
    }
}

/// One resource's change, in AWS's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// `Add`, `Modify`, `Remove`, `Import` or `Dynamic`.
    pub action: String,
    /// The logical id.
    pub logical_id: String,
    /// The type.
    pub resource_type: String,
    /// `True`, `False` or `Conditional`.
    pub replacement: String,
    /// Property by property.
    pub details: Vec<ChangeDetail>,
}

/// One property's change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeDetail {
    /// The path or name of the property; empty for a change of tags or metadata.
    pub path: String,
    /// `Properties`, `Tags`, `Metadata` and so on.
    pub attribute: String,
    /// The value before, if AWS says so.
    pub before: Option<String>,
    /// The value after, if AWS says so.
    pub after: Option<String>,
    /// `Never`, `Conditionally` or `Always`.
    pub recreation: String,
}

fn change(change: &ResourceChange) -> Change {
    let details = change
        .details()
        .iter()
        .filter_map(|detail| detail.target())
        .map(|target| ChangeDetail {
            path: target.path().or(target.name()).unwrap_or_default().to_owned(),
            attribute: target.attribute().map(|a| a.as_str().to_owned()).unwrap_or_default(),
            before: target.before_value().map(ToOwned::to_owned),
            after: target.after_value().map(ToOwned::to_owned),
            recreation: target.requires_recreation().map(|r| r.as_str().to_owned()).unwrap_or_default(),
        })
        .collect();
    Change {
        action: change.action().map(|a| a.as_str().to_owned()).unwrap_or_default(),
        logical_id: change.logical_resource_id().unwrap_or_default().to_owned(),
        resource_type: change.resource_type().unwrap_or_default().to_owned(),
        replacement: change.replacement().map(|r| r.as_str().to_owned()).unwrap_or_default(),
        details,
    }
}

impl Aws {
    /// Begins to create a change set.
    pub async fn create_change_set(&self, request: &ChangeSetRequest<'_>) -> Result<(), AwsError> {
        let parameters = request
            .parameters
            .iter()
            .map(|(key, value)| Parameter::builder().parameter_key(key).parameter_value(value).build())
            .collect();
        let tags = request.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        let kind = if request.create { ChangeSetType::Create } else { ChangeSetType::Update };
        let mut call = self
            .cloudformation
            .create_change_set()
            .stack_name(request.stack)
            .change_set_name(request.name)
            .change_set_type(kind)
            .template_body(request.body)
            .set_parameters(Some(parameters))
            .set_tags(Some(tags))
            .description(request.description)
            .rollback_configuration(RollbackConfiguration::builder().build());
        if request.makes_iam {
            call = call.capabilities(Capability::CapabilityNamedIam);
        }
        call.send().await.map_err(|e| AwsError::from_sdk("cloudformation CreateChangeSet", &e))?;
        Ok(())
    }

    /// A change set with all its pages.
    pub async fn change_set(&self, stack: &str, name: &str) -> Result<ChangeSet, AwsError> {
        let mut found = ChangeSet::default();
        let mut token = None;
        loop {
            let answer = self
                .cloudformation
                .describe_change_set()
                .stack_name(stack)
                .change_set_name(name)
                .include_property_values(true)
                .set_next_token(token)
                .send()
                .await
                .map_err(|e| AwsError::from_sdk("cloudformation DescribeChangeSet", &e))?;
            found.status = answer.status().map(|s| s.as_str().to_owned()).unwrap_or_default();
            found.reason = answer.status_reason().unwrap_or_default().to_owned();
            found.changes.extend(answer.changes().iter().filter_map(|c| c.resource_change()).map(change));
            token = answer.next_token;
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// Executes a change set. `token` appears in the events that it causes.
    pub async fn execute_change_set(&self, stack: &str, name: &str, token: &str) -> Result<(), AwsError> {
        self.cloudformation
            .execute_change_set()
            .stack_name(stack)
            .change_set_name(name)
            .client_request_token(token)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("cloudformation ExecuteChangeSet", &e))?;
        Ok(())
    }

    /// Deletes a change set that will not be executed.
    pub async fn delete_change_set(&self, stack: &str, name: &str) -> Result<(), AwsError> {
        self.cloudformation
            .delete_change_set()
            .stack_name(stack)
            .change_set_name(name)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("cloudformation DeleteChangeSet", &e))?;
        Ok(())
    }
}
