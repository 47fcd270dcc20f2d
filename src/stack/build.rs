//! Model + documents -> the stacks that should stand, with their names, parameters, tags and order.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::desired::{
    APPLICATION_TAG, CELL_TAG, DesiredStack, ENVIRONMENT_TAG, MODULES_TAG, ParameterValue, ServingSwitch, StackKind,
    TENANT_TAG, TIER_TAG,
};
use crate::model::{
    CellNumber, Certificate, DatabaseChoice, Environment, HostedZone, Isolation, Tenant, TenantName, Vpc, Workspace,
};
use crate::template::compose::{AURORA, Composer};
use crate::template::limits::LONGEST_VALUE;
use crate::template::{Document, TemplateError};

/// The names of an environment's stacks and of what konta keeps beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    prefix: String,
    path: String,
}

impl Names {
    /// For one environment of one application.
    #[must_use]
    pub fn new(application: &str, environment: &str) -> Self {
        Self { prefix: format!("{application}-{environment}"), path: format!("/{application}/{environment}") }
    }

    /// The hosted zone's stack.
    #[must_use]
    pub fn dns(&self) -> String {
        format!("{}-dns", self.prefix)
    }

    /// The environment's stack.
    #[must_use]
    pub fn environment(&self) -> String {
        self.prefix.clone()
    }

    /// A cell's stack.
    #[must_use]
    pub fn cell(&self, cell: CellNumber) -> String {
        format!("{}-cell-{cell}", self.prefix)
    }

    /// A tenant's stack.
    #[must_use]
    pub fn tenant(&self, tenant: &TenantName) -> String {
        format!("{}-tenant-{tenant}", self.prefix)
    }

    /// An addon's stack.
    #[must_use]
    pub fn addon(&self, tenant: &TenantName, addon: &str) -> String {
        format!("{}-addon-{tenant}-{addon}", self.prefix)
    }

    /// The SSM parameter with the password of a tenant's role.
    #[must_use]
    pub fn tenant_password(&self, tenant: &TenantName) -> String {
        format!("{}/tenant/{tenant}/password", self.path)
    }

    /// The SSM parameter with the password of a cell's pool role.
    #[must_use]
    pub fn pool_password(&self, cell: CellNumber) -> String {
        format!("{}/cell-{cell}/pool/password", self.path)
    }

    /// The SSM parameter that reserves a listener rule's priority in a cell: only one writer can make it.
    #[must_use]
    pub fn priority(&self, cell: CellNumber, priority: u32) -> String {
        format!("{}/cell-{cell}/priority/{priority}", self.path)
    }
}

/// The role as which the pool's Odoo connects; a member of every pooled tenant's role.
pub const POOL_USER: &str = "konta_pool";

/// Where a tenant goes: its cell and the priority of its listener rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The cell.
    pub cell: CellNumber,
    /// The rule's priority, 3 to 50,000; 1 and 2 are the cell's own.
    pub priority: u32,
}

/// Makes desired stacks.
#[derive(Debug)]
pub struct Builder<'a> {
    workspace: &'a Workspace,
    composer: &'a Composer,
}

/// The values a stack's parameters may take, by name: its own, then the outputs of the stacks before it, nearest first.
struct Context {
    own: BTreeMap<&'static str, String>,
    upstream: Vec<(String, Arc<Document>)>,
    /// Outputs that a template gives under a condition, and that this workspace's settings fulfil.
    fulfilled: &'static [&'static str],
}

/// Outputs given only when the environment makes its own network.
const WITH_OWN_NETWORK: &[&str] = &["DataZones"];

impl Context {
    fn get(&self, name: &str) -> Option<ParameterValue> {
        if let Some(value) = self.own.get(name) {
            return Some(ParameterValue::literal(value.clone()));
        }
        let (stack, _) = self.upstream.iter().find(|(_, document)| {
            let output = document.section("Outputs").get(name);
            output.is_some_and(|output| output.get("Condition").is_none() || self.fulfilled.contains(&name))
        })?;
        Some(ParameterValue::Output { stack: stack.clone(), output: name.to_owned() })
    }

    /// An output that is there only under a condition nobody here can judge; better than nothing for a parameter without a default.
    fn conditional(&self, name: &str) -> Option<ParameterValue> {
        let (stack, _) = self.upstream.iter().find(|(_, document)| document.section("Outputs").contains_key(name))?;
        Some(ParameterValue::Output { stack: stack.clone(), output: name.to_owned() })
    }

    fn known(&self) -> String {
        let mut names: Vec<&str> = self.own.keys().copied().collect();
        names.extend(self.upstream.iter().flat_map(|(_, d)| d.section("Outputs").keys().map(String::as_str)));
        names.sort_unstable();
        names.dedup();
        names.join(", ")
    }

    /// A value for every parameter the document declares: from the context, else the template's own default.
    fn parameters(&self, stack: &str, document: &Document) -> Result<BTreeMap<String, ParameterValue>, TemplateError> {
        let mut parameters = BTreeMap::new();
        for (name, declaration) in document.section("Parameters") {
            let value = self.get(name);
            let optional = declaration.get("Default").is_some();
            match value.or_else(|| if optional { None } else { self.conditional(name) }) {
                Some(value) => {
                    let length = if let ParameterValue::Literal(text) = &value { text.len() } else { 0 };
                    if length > LONGEST_VALUE {
                        return Err(TemplateError::Limit {
                            stack: stack.to_owned(),
                            problem: format!(
                                "the parameter {name} has {length} bytes, CloudFormation takes {LONGEST_VALUE}"
                            ),
                            help: "shorten what the manifest says for it".to_owned(),
                        });
                    }
                    parameters.insert(name.clone(), value);
                }
                None if optional => {}
                None => {
                    return Err(TemplateError::Parameter {
                        stack: stack.to_owned(),
                        parameter: name.clone(),
                        known: self.known(),
                    });
                }
            }
        }
        Ok(parameters)
    }
}

impl<'a> Builder<'a> {
    /// For a workspace.
    #[must_use]
    pub fn new(workspace: &'a Workspace, composer: &'a Composer) -> Self {
        Self { workspace, composer }
    }

    /// The names in an environment.
    #[must_use]
    pub fn names(&self, environment: &Environment) -> Names {
        Names::new(self.workspace.application.as_str(), environment.name.as_str())
    }

    /// The environment's own stacks: the zone when konta makes it, then the environment.
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
                // A zone made anew gets other name servers, which breaks the delegation for up to two days.
                protected: environment.termination_protection,
                serving: None,
                depends_on: Vec::new(),
                document: Arc::clone(&document),
                name: name.clone(),
            });
            upstream.push((name, document));
        }
        own.extend(network_values(environment));
        let name = names.environment();
        let document = self.composer.shared("environment", &name)?;
        let context = Context { own, upstream, fulfilled: fulfilled(environment) };
        stacks.push(DesiredStack {
            parameters: context.parameters(&name, &document)?,
            kind: StackKind::Environment,
            title: format!("environment {}", environment.name),
            tags: self.tags(environment),
            protected: environment.termination_protection,
            serving: None,
            depends_on: context.upstream.iter().map(|(name, _)| name.clone()).collect(),
            document,
            name,
        });
        Ok(stacks)
    }

    /// A cell's stack.
    pub fn cell(&self, environment: &Environment, cell: CellNumber) -> Result<DesiredStack, TemplateError> {
        let names = self.names(environment);
        let name = names.cell(cell);
        let document = self.composer.shared("cell", &name)?;
        let has_pool = self.workspace.has_pool(&environment.name);
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
            serving: has_pool.then_some(ServingSwitch("PoolServing")),
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
        // Modules are no parameter of the stack; their digest as a tag lets a new module be seen as a change.
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
                serving: None,
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
        let mut reduced = Document::clone(&document);
        if let Some(declared) = reduced.section_mut("Parameters").filter(|_| !from_addons.is_empty()) {
            declared.retain(|parameter, _| !from_addons.contains_key(parameter));
        }
        let mut parameters = context.parameters(&name, if from_addons.is_empty() { &document } else { &reduced })?;
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
            serving: (tenant.isolation == Isolation::Dedicated).then_some(ServingSwitch("Serving")),
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

    /// The environment's own stacks, from which cells and tenants take outputs.
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

/// The conditional outputs that an environment's settings fulfil.
fn fulfilled(environment: &Environment) -> &'static [&'static str] {
    match environment.network.vpc {
        Vpc::Create { .. } => WITH_OWN_NETWORK,
        Vpc::Import { .. } => &[],
    }
}

/// The addons that become stacks, in order; the database first.
fn addons_of(tenant: &Tenant) -> Vec<&str> {
    let dedicated = (tenant.database == DatabaseChoice::Dedicated).then_some(AURORA);
    let mut addons: Vec<&str> = dedicated.into_iter().collect();
    addons.extend(tenant.addons.iter().map(crate::model::AddonName::as_str).filter(|name| Some(*name) != dedicated));
    addons
}

fn network_values(environment: &Environment) -> BTreeMap<&'static str, String> {
    let mut own = BTreeMap::from([
        ("Egress", environment.network.egress.as_str().to_owned()),
        ("LogRetentionDays", environment.log_retention_days.to_string()),
        (
            "CertificateArn",
            match &environment.certificate {
                Certificate::Create => String::new(),
                Certificate::Import(arn) => arn.clone(),
            },
        ),
    ]);
    match &environment.network.vpc {
        Vpc::Create { cidr } => {
            own.insert("VpcId", String::new());
            own.insert("VpcCidr", cidr.clone());
        }
        Vpc::Import { id, public_subnets, private_subnets } => {
            own.insert("VpcId", id.clone());
            own.insert("PublicSubnetIds", public_subnets.join(","));
            own.insert("PrivateSubnetIds", private_subnets.join(","));
        }
    }
    if let Some(role) = &environment.deploy_role {
        own.insert("OidcProviderArn", role.provider.clone());
        let issuer = if role.issuer == "github" { "token.actions.githubusercontent.com" } else { "gitlab.com" };
        own.insert("OidcIssuer", issuer.to_owned());
        own.insert("OidcSubjects", role.subjects.join(","));
    }
    own
}

fn cell_values(
    environment: &Environment,
    cell: CellNumber,
    has_pool: bool,
    names: &Names,
) -> BTreeMap<&'static str, String> {
    let database = &environment.database;
    let pool = &environment.pool;
    BTreeMap::from([
        ("Cell", cell.to_string()),
        ("EngineVersion", database.engine_version.clone()),
        ("MinCapacity", database.capacity.min()),
        ("MaxCapacity", database.capacity.max()),
        ("SecondsUntilAutoPause", database.auto_pause_seconds.map(|s| s.to_string()).unwrap_or_default()),
        ("DatabaseInstances", database.instances.to_string()),
        ("BackupRetentionDays", database.backup_retention_days.to_string()),
        ("DeletionProtection", environment.termination_protection.to_string()),
        // One wildcard record leads to the first cell; tenants elsewhere have a record of their own, which goes before it.
        ("CellAlias", (cell == CellNumber::FIRST).to_string()),
        ("PoolEnabled", has_pool.to_string()),
        ("PoolServing", has_pool.to_string()),
        ("PoolImage", pool.image.clone()),
        ("PoolCpu", pool.size.cpu().to_string()),
        ("PoolMemory", pool.size.memory().to_string()),
        ("PoolTasks", pool.tasks.to_string()),
        ("PoolUser", POOL_USER.to_owned()),
        ("PoolPasswordParameter", names.pool_password(cell)),
    ])
}

fn tenant_values(
    environment: &Environment,
    tenant: &Tenant,
    placement: Placement,
    names: &Names,
) -> BTreeMap<&'static str, String> {
    let hosts: Vec<&str> = tenant.hosts.iter().map(|h| h.host.as_str()).collect();
    // The wildcard record leads to the first cell, and stands for no host that is the domain itself.
    let beside_wildcard =
        placement.cell != CellNumber::FIRST || tenant.hosts.iter().any(|host| host.host == environment.domain);
    BTreeMap::from([
        ("Tenant", tenant.name.to_string()),
        ("Database", tenant.name.database()),
        ("DatabaseUser", tenant.name.database()),
        ("PasswordParameter", names.tenant_password(&tenant.name)),
        ("Image", tenant.image.clone()),
        ("Cpu", tenant.size.cpu().to_string()),
        ("Memory", tenant.size.memory().to_string()),
        ("MinTasks", tenant.tasks.min().to_string()),
        ("MaxTasks", tenant.tasks.max().to_string()),
        ("OnDemandBase", if tenant.spot { tenant.on_demand.to_string() } else { "0".to_owned() }),
        ("OnDemandWeight", if tenant.spot { "0" } else { "1" }.to_owned()),
        ("SpotWeight", if tenant.spot { "1" } else { "0" }.to_owned()),
        ("Hosts", hosts.join(",")),
        ("ListenerRulePriority", placement.priority.to_string()),
        ("Serving", "true".to_owned()),
        ("OwnAlias", beside_wildcard.to_string()),
    ])
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
