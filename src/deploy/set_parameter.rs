//! Changes single parameters of a deployed stack: template, other parameters and tags stay as they were deployed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::operation::context::Context;
use crate::operation::error::OperationError;
use crate::operation::event::{Events, OperationEvent};
use crate::stack::{Action, DesiredStack, ObservedStack, ParameterValue, StackKind};
use crate::template::Document;

impl Context<'_> {
    /// Sets a parameter of a deployed stack, and follows the update to its end; false if it already has that value.
    /// Waits first for what is under way. Does not deploy other changes in the manifests.
    ///
    /// # Errors
    /// When the stack does not exist or was never made, when its template has no such parameter, and when the update
    /// fails.
    pub async fn set_parameter(
        &self,
        kind: StackKind,
        stack: &str,
        title: &str,
        parameter: &str,
        value: &str,
    ) -> Result<bool, OperationError> {
        self.set_parameters(kind, stack, title, &[(parameter, value)]).await
    }

    /// Whether a deployed stack's template allows a value for a parameter.
    ///
    /// # Errors
    /// When AWS does not return the template.
    pub async fn takes(&self, stack: &str, parameter: &str, value: &str) -> Result<bool, OperationError> {
        let document = Document::parse(stack, &self.aws.template(stack).await?)?;
        let Some(declared) = document.section("Parameters").get(parameter) else { return Ok(false) };
        let allowed = declared.get("AllowedValues").and_then(serde_json::Value::as_array);
        Ok(allowed.is_none_or(|allowed| allowed.iter().any(|one| one == value)))
    }

    /// Sets several parameters in one update; see [`Context::set_parameter`].
    ///
    /// # Errors
    /// As [`Context::set_parameter`].
    pub async fn set_parameters(
        &self,
        kind: StackKind,
        stack: &str,
        title: &str,
        values: &[(&str, &str)],
    ) -> Result<bool, OperationError> {
        let standing = self.standing().get(stack).cloned().ok_or_else(|| not_there(stack, "absent"))?;
        let is_set = |standing: &ObservedStack| {
            values.iter().all(|(parameter, value)| standing.parameters.get(*parameter).is_some_and(|now| now == value))
        };
        if is_set(&standing) && !standing.in_progress() && !standing.rollback_is_stuck() {
            return Ok(false);
        }
        // A stack that is being made stops at its wait point until the deployment runs the steps that belong there.
        if standing.must_be_remade() || standing.status == "CREATE_IN_PROGRESS" {
            return Err(not_there(stack, &standing.status));
        }
        let document = Arc::new(Document::parse(stack, &self.aws.template(stack).await?)?);
        if let Some((parameter, _)) =
            values.iter().find(|(name, _)| !document.section("Parameters").contains_key(*name))
        {
            return Err(OperationError::Preflight {
                problem: format!("the template of {stack} has no parameter {parameter}"),
                help: format!(
                    "deploy it with this version of konta first; copy {parameter} from konta's template into your own, if you have one"
                ),
            });
        }
        self.told(stack, title, async {
            self.settle(&as_it_stands(kind.clone(), title, &document, &standing), None).await?;
            let standing = self.standing().get(stack).cloned().ok_or_else(|| not_there(stack, "absent"))?;
            if is_set(&standing) {
                return Ok(());
            }
            let mut desired = as_it_stands(kind, title, &document, &standing);
            for (parameter, value) in values {
                desired.parameters.insert((*parameter).to_owned(), ParameterValue::literal(*value));
            }
            let parameters: BTreeMap<String, String> =
                desired.parameters.iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
            self.change(&desired, &parameters, None, None).await
        })
        .await?;
        Ok(true)
    }

    /// Waits until a stack has a final status: follows what is under way to its end, and continues a stuck rollback.
    ///
    /// # Errors
    /// When it does not exist, and when AWS does not answer.
    pub async fn until_rest(&self, kind: StackKind, stack: &str, title: &str) -> Result<(), OperationError> {
        let standing = self.standing().get(stack).cloned().ok_or_else(|| not_there(stack, "absent"))?;
        let document = Arc::new(Document::parse(stack, &self.aws.template(stack).await?)?);
        self.told(stack, title, self.settle(&as_it_stands(kind, title, &document, &standing), None)).await
    }

    /// Updates a deployed stack outside a plan, and follows the update to its end. Waits first for what is under way.
    ///
    /// # Errors
    /// When the stack does not exist or was never made, and when the update fails.
    pub async fn reshape(&self, desired: &DesiredStack) -> Result<(), OperationError> {
        self.told(&desired.name, &desired.title, async {
            self.settle(desired, None).await?;
            if self.standing().get(&desired.name).is_none() {
                return Err(not_there(&desired.name, "absent"));
            }
            self.change(desired, &self.parameters(desired)?, None, None).await
        })
        .await
    }

    /// Sends the events of an update's beginning and end.
    async fn told(
        &self,
        stack: &str,
        title: &str,
        work: impl Future<Output = Result<(), OperationError>>,
    ) -> Result<(), OperationError> {
        let begun = tokio::time::Instant::now();
        self.events.send(OperationEvent::StackStarted {
            stack: stack.to_owned(),
            title: title.to_owned(),
            action: Action::Update,
            at: Events::now(),
        });
        let done = work.await;
        let status = self.standing().get(stack).map(|standing| standing.status.clone()).unwrap_or_default();
        self.events.send(OperationEvent::StackFinished {
            stack: stack.to_owned(),
            title: title.to_owned(),
            status,
            ok: done.is_ok(),
            elapsed_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            at: Events::now(),
        });
        done
    }
}

/// A stack as it was deployed, with its hash among the tags. A `NoEcho` value cannot be read: such a parameter takes
/// its default, as in every deployment.
fn as_it_stands(kind: StackKind, title: &str, document: &Arc<Document>, standing: &ObservedStack) -> DesiredStack {
    let hidden = |name: &str| {
        let declared = document.section("Parameters").get(name);
        declared.and_then(|declared| declared.get("NoEcho")).is_some_and(|hidden| hidden != false && hidden != "false")
    };
    let shown = standing.parameters.iter().filter(|(name, _)| !hidden(name));
    DesiredStack {
        name: standing.name.clone(),
        kind,
        title: title.to_owned(),
        document: Arc::clone(document),
        parameters: shown.map(|(name, value)| (name.clone(), ParameterValue::literal(value.clone()))).collect(),
        tags: standing.tags.clone(),
        protected: standing.protected,
        wait_condition: None,
        depends_on: Vec::new(),
    }
}

fn not_there(stack: &str, status: &str) -> OperationError {
    OperationError::Stuck {
        stack: stack.to_owned(),
        status: status.to_owned(),
        help: "deploy it first; `konta status` shows its state".to_owned(),
    }
}
