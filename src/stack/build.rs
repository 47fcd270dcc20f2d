//! Model + documents -> the stacks that should exist, with their names, parameters, tags and order.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{CellNumber, DatabaseChoice, Environment, HostedZone, Isolation, ServingState, Tenant, Workspace};
use crate::stack::placement::Placement;
use crate::template::compose::Composer;
use crate::template::{Document, TemplateError};

use super::desired::{DesiredStack, ParameterValue, StackKind, WaitCondition};
use super::manifest_values::{cell_values, fulfilled, host_zones, network_values, tenant_values};
use super::names::Names;
use super::observed::{Observed, ObservedStack};
use super::parameter_values::Context;
use super::tags::{
    APPLICATION_TAG, CELL_TAG, DATABASE_TAG, ENVIRONMENT_TAG, HASH_TAG, MODULES_TAG, TENANT_TAG, TIER_TAG,
};

/// The addon with a tenant's own database cluster.
pub use crate::template::compose::AURORA;

/// The parameter by which a pooled tenant's rule leads to the pool.
const POOL_GROUP: &str = "PoolTargetGroupArn";

/// Builds the desired stacks of a workspace.
#[derive(Debug)]
pub struct Builder<'a> {
    workspace: &'a Workspace,
    composer: &'a Composer,
}

impl<'a> Builder<'a> {
    /// Builds the stacks of this workspace.
    #[must_use]
    pub fn new(workspace: &'a Workspace, composer: &'a Composer) -> Self {
        Self { workspace, composer }
    }

    /// The names in an environment.
    #[must_use]
    pub fn names(&self, environment: &Environment) -> Names {
        Names::new(self.workspace.application.as_str(), environment.name.as_str())
    }

    /// The environment's own stacks: the zone, if konta makes it, then the environment.
    pub fn environment(&self, environment: &Environment) -> Result<Vec<DesiredStack>, TemplateError> {
        let names = self.names(environment);
        let mut own = self.shared_values(environment);
        let mut stacks = Vec::new();
        let mut upstream = Vec::new();
        if environment.hosted_zone == HostedZone::Create {
            let name = names.dns();
            let document = self.composer.shared("dns", &name)?;
            let context = Context { own: own.clone(), upstream: Vec::new(), fulfilled: &[] };
            stacks.push(DesiredStack {
                parameters: context.parameters(&name, &document)?,
                kind: StackKind::Dns,
                title: format!("zone {}", environment.domain),
                tags: self.tags(environment),
                // A recreated zone gets other name servers, which breaks the delegation for up to two days.
                protected: environment.termination_protection,
                wait_condition: None,
                depends_on: Vec::new(),
                document: Arc::clone(&document),
                name: name.clone(),
            });
            upstream.push((name, document));
        }
        own.extend(network_values(environment));
        if environment.deploy_role.is_some() {
            own.insert("HostZoneArns", host_zones(environment, self.workspace.tenants_of(&environment.name)));
        }
        let name = names.environment();
        let document = self.composer.shared("environment", &name)?;
        let context = Context { own, upstream, fulfilled: fulfilled(environment) };
        stacks.push(DesiredStack {
            parameters: context.parameters(&name, &document)?,
            kind: StackKind::Environment,
            title: format!("environment {}", environment.name),
            tags: self.tags(environment),
            protected: environment.termination_protection,
            wait_condition: None,
            depends_on: context.upstream.iter().map(|(name, _)| name.clone()).collect(),
            document,
            name,
        });
        Ok(stacks)
    }

    /// A cell's stack. With `pooled` it has a pool even if no manifest asks for one any more.
    pub fn cell(
        &self,
        environment: &Environment,
        cell: CellNumber,
        pooled: bool,
    ) -> Result<DesiredStack, TemplateError> {
        let names = self.names(environment);
        let name = names.cell(cell);
        let document = self.composer.shared("cell", &name)?;
        let has_pool = pooled || self.workspace.has_pool(&environment.name);
        let mut own = self.shared_values(environment);
        own.extend(cell_values(environment, cell, has_pool, &names));
        let upstream = self.shared_upstream(environment)?;
        let context = Context { own, upstream, fulfilled: fulfilled(environment) };
        let mut tags = self.tags(environment);
        tags.insert(CELL_TAG.to_owned(), cell.to_string());
        Ok(DesiredStack {
            parameters: context.parameters(&name, &document)?,
            kind: StackKind::Cell(cell),
            title: format!("cell {cell} of {}", environment.name),
            tags,
            protected: environment.termination_protection,
            wait_condition: has_pool.then_some(WaitCondition::POOL),
            depends_on: context.upstream.iter().map(|(name, _)| name.clone()).collect(),
            document,
            name,
        })
    }

    /// A tenant's stacks: its addons, then the tenant.
    pub fn tenant(
        &self,
        environment: &Environment,
        tenant: &Tenant,
        placement: Placement,
    ) -> Result<Vec<DesiredStack>, TemplateError> {
        let names = self.names(environment);
        let mut own = self.shared_values(environment);
        own.extend(cell_values(environment, placement.cell, self.workspace.has_pool(&environment.name), &names));
        own.extend(tenant_values(environment, tenant, placement, &names));
        let cell = names.cell(placement.cell);
        let mut upstream = vec![(cell.clone(), self.composer.shared("cell", &cell)?)];
        upstream.extend(self.shared_upstream(environment)?);
        let mut tags = self.tags(environment);
        tags.insert(CELL_TAG.to_owned(), placement.cell.to_string());
        tags.insert(TENANT_TAG.to_owned(), tenant.name.to_string());
        tags.insert(TIER_TAG.to_owned(), tenant.tier.to_string());
        // Modules are not a parameter of the stack; with their digest as a tag, a new module is a change.
        let database = if tenant.database == DatabaseChoice::Dedicated { "dedicated" } else { "shared" };
        tags.insert(DATABASE_TAG.to_owned(), database.to_owned());
        tags.insert(MODULES_TAG.to_owned(), digest(&tenant.modules.join(",")));
        let mut stacks = Vec::new();
        let mut wired = BTreeMap::new();
        for addon in addons_of(tenant) {
            let name = names.addon(&tenant.name, addon);
            let document = self.composer.addon(addon, &name)?;
            let context = Context { own: own.clone(), upstream: upstream.clone(), fulfilled: fulfilled(environment) };
            stacks.push(DesiredStack {
                parameters: context.parameters(&name, &document)?,
                kind: StackKind::Addon(
                    tenant.name.clone(),
                    crate::model::AddonName::new(addon).map_err(|error| TemplateError::Addon {
                        name: addon.to_owned(),
                        problem: error.to_string(),
                        help: error.help,
                    })?,
                ),
                title: format!("addon {addon} of {}", tenant.name),
                tags: tags.clone(),
                protected: environment.termination_protection,
                wait_condition: None,
                depends_on: vec![names.cell(placement.cell)],
                document: Arc::clone(&document),
                name: name.clone(),
            });
            if addon == AURORA && tenant.database == DatabaseChoice::Dedicated {
                // The tenant's own cluster comes before the cell's: its outputs have the same names.
                upstream.insert(0, (name, document));
            } else {
                wired.insert(addon.to_owned(), name);
            }
        }
        stacks.push(self.tenant_stack(
            environment,
            tenant,
            &Context { own, upstream, fulfilled: fulfilled(environment) },
            tags,
            &wired,
        )?);
        Ok(stacks)
    }

    /// What remains of a dedicated tenant's stack while it moves: its rule with the maintenance page, its names and
    /// certificates. There is no task, so nothing ties it to a load balancer, a database or a file system any more.
    ///
    /// It has the shape of a pooled tenant's stack, and the tags of the deployed stack.
    pub fn parked(
        &self,
        environment: &Environment,
        tenant: &Tenant,
        standing: &ObservedStack,
        observed: &Observed,
    ) -> Result<Option<DesiredStack>, TemplateError> {
        let (Some(cell), Some(priority)) =
            (standing.cell(), standing.parameters.get("ListenerRulePriority").and_then(|p| p.parse().ok()))
        else {
            return Ok(None);
        };
        let bare = Tenant {
            isolation: Isolation::Pooled,
            database: DatabaseChoice::Shared,
            addons: Vec::new(),
            variables: BTreeMap::new(),
            secrets: BTreeMap::new(),
            schedule: None,
            ..tenant.clone()
        };
        let placement = Placement { cell, priority, page: ServingState::Maintenance };
        let Some(mut stack) = self.tenant(environment, &bare, placement)?.pop() else { return Ok(None) };
        // While the page is shown the pool's target group is not used, and a cell may have none.
        let group = observed.output(&self.names(environment).cell(cell), POOL_GROUP).unwrap_or("none");
        stack.parameters.insert(POOL_GROUP.to_owned(), ParameterValue::literal(group));
        stack.tags =
            standing.tags.iter().filter(|(key, _)| *key != HASH_TAG).map(|(k, v)| (k.clone(), v.clone())).collect();
        Ok(Some(stack))
    }

    fn tenant_stack(
        &self,
        environment: &Environment,
        tenant: &Tenant,
        context: &Context,
        tags: BTreeMap<String, String>,
        wired: &BTreeMap<String, String>,
    ) -> Result<DesiredStack, TemplateError> {
        let names = self.names(environment);
        let name = names.tenant(&tenant.name);
        let document = self.composer.tenant(tenant, &environment.domain, &name)?;
        let mut from_addons = BTreeMap::new();
        for (addon, outputs) in self.composer.addon_outputs(tenant)? {
            let Some(stack) = wired.get(&addon) else { continue };
            for output in outputs {
                let value = ParameterValue::Output { stack: stack.clone(), output: output.output };
                from_addons.insert(output.parameter, value);
            }
        }
        let mut parameters = if from_addons.is_empty() {
            context.parameters(&name, &document)?
        } else {
            // Values from addons are known here but not in the context.
            let mut reduced = Document::clone(&document);
            if let Some(declared) = reduced.section_mut("Parameters") {
                declared.retain(|parameter, _| !from_addons.contains_key(parameter));
            }
            context.parameters(&name, &reduced)?
        };
        parameters.extend(from_addons);
        let mut depends_on: Vec<String> = context.upstream.iter().map(|(name, _)| name.clone()).collect();
        depends_on.extend(wired.values().cloned());
        Ok(DesiredStack {
            parameters,
            kind: StackKind::Tenant(tenant.name.clone()),
            title: format!("tenant {}", tenant.name),
            tags,
            // A tenant's stack holds no data, so nothing needs to protect it.
            protected: false,
            wait_condition: (tenant.isolation == Isolation::Dedicated).then_some(WaitCondition::TENANT),
            depends_on,
            document,
            name,
        })
    }

    fn tags(&self, environment: &Environment) -> BTreeMap<String, String> {
        let mut tags = environment.tags.clone();
        tags.insert(APPLICATION_TAG.to_owned(), self.workspace.application.to_string());
        tags.insert(ENVIRONMENT_TAG.to_owned(), environment.name.to_string());
        tags
    }

    /// The environment's own stacks, whose outputs cells and tenants take.
    fn shared_upstream(&self, environment: &Environment) -> Result<Vec<(String, Arc<Document>)>, TemplateError> {
        let names = self.names(environment);
        let mut upstream = vec![(names.environment(), self.composer.shared("environment", &names.environment())?)];
        if environment.hosted_zone == HostedZone::Create {
            upstream.push((names.dns(), self.composer.shared("dns", &names.dns())?));
        }
        Ok(upstream)
    }

    /// What every stack of an environment may ask for.
    fn shared_values(&self, environment: &Environment) -> BTreeMap<&'static str, String> {
        let mut own = BTreeMap::from([
            ("Application", self.workspace.application.to_string()),
            ("Environment", environment.name.to_string()),
            ("DomainName", environment.domain.to_string()),
            ("PermissionsBoundaryArn", environment.permissions_boundary.clone().unwrap_or_default()),
            ("AlarmTopicArn", environment.alarm_topic.clone().unwrap_or_default()),
        ]);
        if let HostedZone::Import(id) = &environment.hosted_zone {
            own.insert("HostedZoneId", id.clone());
        }
        own
    }
}

/// The addons that become stacks, in order, with the database first.
#[must_use]
pub fn addons_of(tenant: &Tenant) -> Vec<&str> {
    let dedicated = (tenant.database == DatabaseChoice::Dedicated).then_some(AURORA);
    let mut addons: Vec<&str> = dedicated.into_iter().collect();
    addons.extend(tenant.addons.iter().map(crate::model::AddonName::as_str).filter(|name| Some(*name) != dedicated));
    addons
}

/// The first 16 hexadecimal digits of a text's SHA-256.
fn digest(text: &str) -> String {
    use sha2::{Digest, Sha256};
    use std::fmt::Write as _;
    Sha256::digest(text.as_bytes()).iter().take(8).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
