//! A deployed tenant: what the verbs gather that read or enter its tasks.

use crate::deploy::observe;
use crate::model::TenantName;
use crate::stack::Observed;
use crate::stack::names::Names;

use super::context;
use super::session::Session;
use super::{CommandError, Context};

/// A deployed tenant, and the session that read its stacks.
#[derive(Debug)]
pub struct RunningTenant {
    /// The session.
    pub session: Session,
    /// The names in its environment.
    pub names: Names,
    /// Its name; it may have no manifest.
    pub tenant: TenantName,
    /// Its own stack, its cell's and its environment's.
    pub observed: Observed,
}

impl RunningTenant {
    /// Of the tenant of this name: where its manifest says that it lives, else in the environment that is asked for.
    pub async fn of(context: &Context, name: &str) -> Result<Self, CommandError> {
        let loaded = context.load()?;
        let known = context::tenant(&loaded.workspace, name);
        let environment = match &known {
            Ok(_) => context.environment_of(&loaded.workspace, &[name.to_owned()])?,
            Err(_) => context.environment(&loaded.workspace, None)?,
        };
        let session = context.session(&loaded, environment).await?;
        let names = loaded.names(environment);
        let tenant = match (known.map(|tenant| tenant.name.clone()), TenantName::new(name)) {
            (Ok(tenant), _) => tenant,
            (Err(_), Ok(stranger)) => stranger,
            (Err(unknown), Err(_)) => return Err(unknown),
        };
        let observed = observe::stacks_of_tenant(&session.aws, &names, &tenant).await?;
        if observed.get(&names.tenant(&tenant)).is_none() {
            // A name that has neither a manifest nor a stack is most likely mistyped.
            context::tenant(&loaded.workspace, name)?;
        }
        Ok(Self { session, names, tenant, observed })
    }
}
