//! A cloud with one tenant in it, and what konta finds there.

use konta::model::TenantName;
use konta::operation::{Context, OperationError};
use konta::stack::Observed;
use serde_json::{Value, json};

use super::stacks::Stack;
use super::{Cloud, Cluster, Database, Service, State};
use crate::support::context::context;

pub const TENANT: &str = "bread";
pub const ENVIRONMENT: &str = "konta-prod";
pub const STACK: &str = "konta-prod-tenant-bread";
/// The image of the tenant's own tasks.
pub const IMAGE: &str = "odoo:19.0@sha256:one";
pub const BUCKET: &str = "backups";
/// The cluster of a tenant that has one of its own.
pub const OWN_CLUSTER: &str = "arn:aws:rds:eu-west-1:123456789012:cluster:bread";

pub fn tenant() -> TenantName {
    TenantName::new(TENANT).unwrap()
}

/// The cluster of a cell.
pub fn cluster(cell: u32) -> String {
    format!("arn:aws:rds:eu-west-1:123456789012:cluster:cell-{cell}")
}

/// The outputs of a template, each with its value.
fn outputs(pairs: &[(&str, &str)]) -> Value {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!({"Value": value})))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The template of a tenant that has a service of its own, in a cell.
pub fn dedicated_template(cell: u32) -> Value {
    let definition = format!("arn:td/bread:{cell}");
    let pages = json!({"Type": "String", "AllowedValues": ["none", "suspended", "maintenance", "waking"]});
    json!({
        "Parameters": {"Page": pages, "Image": {}, "MinTasks": {}, "DatabaseEndpoint": {}, "ListenerRulePriority": {}},
        "Resources": {
            "Rule": {"Type": "AWS::ElasticLoadBalancingV2::ListenerRule"},
            "TaskDefinition": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"Arn": definition}},
            "Installed": {"Type": "AWS::CloudFormation::WaitCondition"},
            "Service": {"Type": "AWS::ECS::Service",
                "Properties": {"ServiceName": "service", "TargetGroup": "arn:group"}},
        },
        "Outputs": outputs(&[
            ("ServiceName", "service"),
            ("TargetGroupArn", "arn:group"),
            ("TaskDefinitionArn", &definition),
        ]),
    })
}

/// The template of a tenant of the pool.
pub fn pooled_template() -> Value {
    let pages = json!({"Type": "String", "AllowedValues": ["none", "suspended", "maintenance", "waking"]});
    json!({
        "Parameters": {"Page": pages, "PoolTargetGroupArn": {}, "ListenerRulePriority": {}},
        "Resources": {"Rule": {"Type": "AWS::ElasticLoadBalancingV2::ListenerRule"}},
        "Outputs": {},
    })
}

/// The tags of a stack of the environment.
pub fn tags<'a>(own: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("konta:application", "konta"), ("konta:environment", "prod")], own].concat()
}

impl State {
    fn put_stack(&mut self, stack: Stack) {
        self.stacks.insert(stack.seen.name.clone(), stack);
    }

    /// Adds a cell, with a pool and the databases of nobody.
    pub fn add_cell(&mut self, cell: u32) {
        let (name, number) = (format!("{ENVIRONMENT}-cell-{cell}"), cell.to_string());
        let (arn, pool) = (cluster(cell), format!("arn:td/pool-{cell}:1"));
        let endpoint = format!("cell-{cell}.rds");
        let template = json!({"Resources": {}, "Outputs": outputs(&[
            ("DatabaseClusterArn", &arn),
            ("DatabaseSecretArn", "arn:secret"),
            ("DatabaseEndpoint", &endpoint),
            ("OperationsRoleArn", "arn:role"),
            ("PoolServiceName", "pool"),
            ("PoolTaskDefinitionArn", &pool),
            ("HttpsListenerArn", "arn:listener"),
        ])});
        self.put_stack(Stack::new(&name, template, &[("PoolImage", "odoo:pool")], &tags(&[("konta:cell", &number)])));
        let roles = [("konta_pool".to_owned(), ["master".to_owned()].into())].into();
        let others = [("other.konta.shop".to_owned(), ("other".to_owned(), false))].into();
        self.clusters
            .insert(arn.clone(), Cluster { roles, hosts: Some(others), is_protected: true, ..Cluster::default() });
        self.homes.insert(format!("arn:td/bread:{cell}"), arn.clone());
        self.homes.insert(pool, arn);
    }

    /// The tenant's database with its role, in a cell.
    fn add_database(&mut self, cell: u32, is_pooled: bool) {
        let found = self.clusters.get_mut(&cluster(cell)).unwrap();
        let members = if is_pooled { vec!["konta_pool", "master"] } else { vec!["master"] };
        found.roles.insert(TENANT.to_owned(), members.into_iter().map(ToOwned::to_owned).collect());
        let database = Database {
            owner: TENANT.to_owned(),
            data: "work".to_owned(),
            is_open_to_pool: is_pooled,
            is_locked: true,
            connections: if is_pooled { 2 } else { 0 },
            ..Database::default()
        };
        found.databases.insert(TENANT.to_owned(), database);
        self.files.insert("work".to_owned());
    }
}

impl Cloud {
    /// An environment with one cell, and nobody in it.
    pub fn of_nobody() -> Self {
        let cloud = Self::default();
        let mut state = cloud.state();
        let template = json!({"Resources": {}, "Outputs": outputs(&[
            ("ClusterName", "c"),
            ("TaskSubnetIds", "subnet-1"),
            ("TaskSecurityGroupId", "sg-1"),
            ("AssignPublicIp", "ENABLED"),
            ("LogGroupName", "g"),
            ("BackupBucketName", BUCKET),
        ])});
        state.put_stack(Stack::new(ENVIRONMENT, template, &[], &tags(&[])));
        state.add_cell(1);
        drop(state);
        cloud
    }

    /// A tenant that has a service of its own, in cell 1.
    pub fn of_dedicated() -> Self {
        let cloud = Self::of_nobody();
        let mut state = cloud.state();
        let parameters = [
            ("Page", "none"),
            ("Image", IMAGE),
            ("MinTasks", "1"),
            ("DatabaseEndpoint", "cell-1.rds"),
            ("ListenerRulePriority", "7"),
        ];
        let tags = tags(&[("konta:tenant", TENANT), ("konta:cell", "1"), ("konta:database", "shared")]);
        state.put_stack(Stack::new(STACK, dedicated_template(1), &parameters, &tags));
        state.services.insert(
            "service".to_owned(),
            Service {
                stack: STACK.to_owned(),
                target_group: "arn:group".to_owned(),
                image: IMAGE.to_owned(),
                desired: 1,
                running: 1,
                looks: 0,
            },
        );
        state.add_database(1, false);
        state.add_parameters();
        drop(state);
        cloud
    }

    /// A tenant of the pool of cell 1.
    pub fn of_pooled() -> Self {
        let cloud = Self::of_nobody();
        let mut state = cloud.state();
        let parameters = [("Page", "none"), ("PoolTargetGroupArn", "arn:pool"), ("ListenerRulePriority", "7")];
        let tags = tags(&[("konta:tenant", TENANT), ("konta:cell", "1"), ("konta:database", "shared")]);
        state.put_stack(Stack::new(STACK, pooled_template(), &parameters, &tags));
        state.add_database(1, true);
        let hosts = state.clusters.get_mut(&cluster(1)).unwrap().hosts.as_mut().unwrap();
        hosts.insert("bread.konta.shop".to_owned(), (TENANT.to_owned(), false));
        hosts.insert("www.bread.shop".to_owned(), (TENANT.to_owned(), false));
        state.add_parameters();
        drop(state);
        cloud
    }

    /// A tenant with a service and, by an addon, a cluster of its own.
    pub fn of_own_cluster() -> Self {
        let cloud = Self::of_dedicated();
        let mut state = cloud.state();
        let own = OWN_CLUSTER.to_owned();
        let template = json!({
            "Resources": {"Database": {"Type": "AWS::RDS::DBCluster", "Properties": {"Arn": own}}},
            "Outputs": outputs(&[
                ("DatabaseClusterArn", OWN_CLUSTER),
                ("DatabaseSecretArn", "arn:secret"),
                ("DatabaseEndpoint", "bread.rds"),
            ]),
        });
        let tags = tags(&[("konta:tenant", TENANT), ("konta:cell", "1")]);
        let mut addon = Stack::new(&format!("{ENVIRONMENT}-addon-bread-aurora"), template, &[], &tags);
        addon.seen.protected = true;
        state.put_stack(addon);
        let shared = state.clusters.get_mut(&cluster(1)).unwrap();
        let (databases, role) = (std::mem::take(&mut shared.databases), shared.roles.remove(TENANT).unwrap());
        let roles = [(TENANT.to_owned(), role)].into();
        state.clusters.insert(own.clone(), Cluster { databases, roles, is_protected: true, ..Cluster::default() });
        state.homes.insert("arn:td/bread:1".to_owned(), own);
        let stack = &mut state.stacks.get_mut(STACK).unwrap().seen;
        stack.parameters.insert("DatabaseEndpoint".to_owned(), "bread.rds".to_owned());
        stack.tags.insert("konta:database".to_owned(), "dedicated".to_owned());
        drop(state);
        cloud
    }

    /// What a command does that begins now: it looks what is deployed, and works with that.
    pub async fn operate<T>(
        &self,
        work: impl AsyncFnOnce(&Context<'_>) -> Result<T, OperationError>,
    ) -> Result<T, OperationError> {
        let aws = self.aws();
        let observed: Observed = konta::deploy::observe::sweep(&aws, "konta", "prod").await?;
        // On the heap: futures of whole operations are large.
        Box::pin(work(&context(&aws, observed))).await
    }

    /// Whose data visitors of the tenant are served; `None` where they see a page, or nobody answers.
    pub fn serves(&self) -> Option<String> {
        self.state().serves()
    }
}

impl State {
    fn add_parameters(&mut self) {
        let mut put = |name: &str, value: &str, is_secret: bool| {
            let tags = [("konta:cell".to_owned(), "1".to_owned())].into();
            let one = super::Parameter { value: value.to_owned(), is_secret, tags };
            self.parameters.insert(format!("/konta/prod/{name}"), one);
        };
        put("tenant/bread/password", "secret", true);
        put("tenant/bread/administrator", "secret", true);
        put("tenant/other/password", "secret", true);
        put("cell-1/priority/7", TENANT, false);
        put("cell-1/priority/8", "other", false);
    }

    /// The tenant's database in a cell.
    pub fn database(&self, cell: u32, name: &str) -> Option<&Database> {
        self.clusters.get(&cluster(cell))?.databases.get(name)
    }

    /// See [`Cloud::serves`].
    pub fn serves(&self) -> Option<String> {
        let stack = self.stack(STACK)?;
        if self.shows_page(STACK) {
            return None;
        }
        let cell = stack.seen.tags["konta:cell"].parse().unwrap();
        let answers = if stack.seen.is_pooled() {
            let mut hosts = self.clusters[&cluster(cell)].hosts.iter().flatten();
            hosts.any(|(_, (to, rests))| to == TENANT && !rests)
        } else {
            self.services.values().any(|service| service.stack == STACK && service.running > 0)
        };
        answers.then(|| self.database(cell, TENANT)).flatten().map(|one| one.data.clone())
    }
}
