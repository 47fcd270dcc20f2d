//! A tenant that stands, with or without a manifest, and what its operations are carried out with.

use std::collections::BTreeMap;

use tokio::sync::{mpsc, watch};

use crate::aws::rds_data::DataTarget;
use crate::commands::context::{self, Loaded, Session};
use crate::commands::{CommandError, Context};
use crate::deploy::database_template::TemplateLocks;
use crate::deploy::{Deployer, observe, steps};
use crate::model::{Environment, TenantName};
use crate::operation::OperationError;
use crate::operation::event::Events;
use crate::operation::interrupt::Interrupt;
use crate::report::{Drawer, draw};
use crate::stack::build::Builder;
use crate::stack::names::Names;
use crate::stack::{Observed, ObservedStack};
use crate::tenant::relocation;

/// A tenant that stands.
pub(super) struct StandingTenant<'a> {
    /// Its name.
    pub(super) name: TenantName,
    /// Where it stands.
    pub(super) environment: &'a Environment,
    /// A session with the right account.
    pub(super) session: Session,
    /// What stands.
    pub(super) observed: Observed,
    /// Its own stack.
    pub(super) stack: ObservedStack,
    loaded: &'a Loaded,
}

/// Looks a tenant up to do something with it; one that is being moved is refused.
pub(super) async fn find<'a>(
    context: &Context,
    loaded: &'a Loaded,
    asked: &str,
) -> Result<StandingTenant<'a>, CommandError> {
    let standing = look(context, loaded, asked).await?;
    relocation::refuse(&standing.observed, &standing.name)?;
    Ok(standing)
}

/// Looks a tenant up: in the environment of --env, else in that of its manifest, else in the only one.
pub(super) async fn look<'a>(
    context: &Context,
    loaded: &'a Loaded,
    asked: &str,
) -> Result<StandingTenant<'a>, CommandError> {
    let known = loaded.workspace.tenants.values().find(|tenant| tenant.name.as_str() == asked);
    let own = known.map(|tenant| tenant.environment.as_str());
    let environment = context.environment(&loaded.workspace, context.global().environment.as_deref().or(own))?;
    let name = TenantName::new(asked)
        .map_err(|error| CommandError::Unknown { message: error.to_string(), help: error.help })?;
    let session = context.session(loaded, environment).await?;
    let observed =
        observe::sweep(&session.aws, loaded.workspace.application.as_str(), environment.name.as_str()).await?;
    let stack = Builder::new(&loaded.workspace, &loaded.composer).names(environment).tenant(&name);
    let Some(stack) = observed.get(&stack).cloned() else {
        // A name that neither stands nor is written is most likely misspelt.
        context::tenant(&loaded.workspace, asked)?;
        return Err(CommandError::Unknown {
            message: format!("the tenant {name} is not deployed in {}", environment.name),
            help: format!("deploy it with `konta deploy tenant {name}`"),
        });
    };
    Ok(StandingTenant { name, environment, session, observed, stack, loaded })
}

impl StandingTenant<'_> {
    /// The names in its environment.
    pub(super) fn names(&self) -> Names {
        Builder::new(&self.loaded.workspace, &self.loaded.composer).names(self.environment)
    }

    /// The account or the sandbox, for a question.
    pub(super) fn place(&self) -> String {
        if self.session.aws.is_sandbox() {
            "the sandbox".to_owned()
        } else {
            format!("account {}, {}", self.session.account, self.environment.region)
        }
    }

    /// The cluster with its database: its own, where it has one, else its cell's.
    pub(super) fn database(&self, names: &Names) -> Result<DataTarget, CommandError> {
        let cell = self.stack.cell().map(|cell| names.cell(cell));
        let endpoint = self.stack.parameters.get("DatabaseEndpoint");
        let own = self.observed.iter().find(|stack| {
            endpoint.is_some()
                && Some(&stack.name) != cell.as_ref()
                && stack.outputs.get("DatabaseEndpoint") == endpoint
        });
        let stacks: Vec<String> = own.map(|stack| stack.name.clone()).into_iter().chain(cell).collect();
        steps::data_target(&self.observed, &stacks).ok_or_else(|| {
            OperationError::MissingOutput {
                stack: self.stack.name.clone(),
                missing: "DatabaseClusterArn and DatabaseSecretArn".to_owned(),
            }
            .into()
        })
    }

    /// Carries out an operation, and draws what it tells.
    pub(super) async fn carry_out<T, E: Into<CommandError>>(
        &self,
        context: &Context,
        work: impl AsyncFnOnce(&Deployer<'_>) -> Result<T, E>,
    ) -> Result<T, CommandError> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (_wish, interrupts) = watch::channel(Interrupt::None);
        let drawer = Drawer::for_reader(context.format(), self.environment.name.as_str(), context.palette());
        let drawing = tokio::spawn(draw(receiver, drawer));
        let builder = Builder::new(&self.loaded.workspace, &self.loaded.composer);
        let deployer = Deployer {
            aws: &self.session.aws,
            environment: self.environment,
            names: builder.names(self.environment),
            tenants: BTreeMap::new(),
            tiers: &self.loaded.workspace.tiers,
            templates: TemplateLocks::default(),
            arrivals: BTreeMap::new(),
            polling: self.session.polling,
            events: Events(sender),
            interrupts,
            standing: self.observed.clone().into(),
        };
        let done = work(&deployer).await;
        drop(deployer);
        drawing.await.map_err(std::io::Error::from)??;
        done.map_err(Into::into)
    }
}
