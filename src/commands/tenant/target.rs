//! A deployed tenant, with or without a manifest, and what konta needs to carry out its operations.

use crate::commands::context;
use crate::commands::session::Session;
use crate::commands::{CommandError, Context, operation_view, runner};
use crate::deploy::observe;
use crate::model::{Environment, TenantName};
use crate::operation;
use crate::operation::database::Database;
use crate::operation::lease::Lease;
use crate::operation::step::Operation;
use crate::stack::names::Names;
use crate::stack::{LoadedWorkspace, Observed, ObservedStack};
use crate::tenant::relocation;

/// A deployed tenant.
pub(super) struct TenantTarget<'a> {
    /// Its name.
    pub(super) name: TenantName,
    /// The environment where it is deployed.
    pub(super) environment: &'a Environment,
    /// A session with the right account.
    pub(super) session: Session,
    /// The deployed stacks of the environment.
    pub(super) observed: Observed,
    /// Its own stack.
    pub(super) stack: ObservedStack,
    loaded: &'a LoadedWorkspace,
}

/// Looks up a tenant for an operation; refuses one that is being moved.
pub(super) async fn find<'a>(
    context: &Context,
    loaded: &'a LoadedWorkspace,
    asked: &str,
) -> Result<TenantTarget<'a>, CommandError> {
    let standing = look(context, loaded, asked).await?;
    relocation::refuse(&standing.observed, &standing.name)?;
    Ok(standing)
}

/// Looks up a tenant: in the environment of `--env`, otherwise in that of its manifest, otherwise in the only one.
pub(super) async fn look<'a>(
    context: &Context,
    loaded: &'a LoadedWorkspace,
    asked: &str,
) -> Result<TenantTarget<'a>, CommandError> {
    let known = loaded.workspace.tenants.values().find(|tenant| tenant.name.as_str() == asked);
    let own = known.map(|tenant| tenant.environment.as_str());
    let environment = context.environment(&loaded.workspace, context.global().environment.as_deref().or(own))?;
    let name = TenantName::new(asked)
        .map_err(|error| CommandError::Unknown { message: error.to_string(), help: error.help })?;
    let session = context.session(loaded, environment).await?;
    if context.global().wait {
        // Before anything is looked at: what the other operation leaves is what this one works with.
        let (names, rules) = (loaded.names(environment), runner::leases(context));
        Lease::until_free(&session.aws, &names, &name, &rules, session.polling).await?;
    }
    let observed =
        observe::sweep(&session.aws, loaded.workspace.application.as_str(), environment.name.as_str()).await?;
    let stack = loaded.names(environment).tenant(&name);
    let Some(stack) = observed.get(&stack).cloned() else {
        // A name that is neither deployed nor in a manifest is probably misspelt.
        context::tenant(&loaded.workspace, asked)?;
        return Err(CommandError::Unknown {
            message: format!("the tenant {name} is not deployed in {}", environment.name),
            help: format!("deploy it with `konta deploy tenant {name}`"),
        });
    };
    Ok(TenantTarget { name, environment, session, observed, stack, loaded })
}

impl TenantTarget<'_> {
    /// The names in its environment.
    pub(super) fn names(&self) -> Names {
        self.loaded.names(self.environment)
    }

    /// The account or the sandbox, for a question.
    pub(super) fn place(&self) -> String {
        if self.session.aws.is_sandbox() {
            "the sandbox".to_owned()
        } else {
            format!("account {}, {}", self.session.account, self.environment.region)
        }
    }

    /// The cluster with its database: its own if it has one, otherwise its cell's.
    pub(super) fn database(&self, names: &Names) -> Result<Database<'_>, CommandError> {
        Ok(Database::of_tenant(&self.session.aws, &self.observed, names, &self.stack)?)
    }

    /// Shows what an operation would do, for `--dry-run`.
    pub(super) fn show(&self, context: &Context, operation: &Operation) -> Result<u8, CommandError> {
        operation_view::show(context, self.name.as_str(), operation, self.session.aws.is_sandbox())?;
        Ok(0)
    }

    /// Runs an operation on it.
    pub(super) async fn operate<T, E: Into<CommandError>>(
        &self,
        context: &Context,
        operation: &Operation,
        work: impl AsyncFnOnce(&operation::Context<'_>) -> Result<T, E>,
    ) -> Result<T, CommandError> {
        let steps = operation.steps.clone();
        runner::run(
            context,
            &self.session,
            self.environment,
            self.names(),
            self.observed.clone(),
            steps,
            async |context: &operation::Context<'_>| {
                if !operation.is_exclusive {
                    return work(context).await.map_err(Into::into);
                }
                let task = (operation.verb, operation.arguments.as_slice());
                context.leased(&self.name, task, async { work(context).await.map_err(Into::into) }).await
            },
        )
        .await
    }
}
