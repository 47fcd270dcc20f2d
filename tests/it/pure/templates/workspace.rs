//! A workspace as text, from which a test takes away and to which it adds, and what konta renders of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use konta::manifest::{self, Problems};
use konta::model::{Environment, Workspace};
use konta::stack::build::Builder;
use konta::stack::scope::{Scope, Shared, wanted};
use konta::stack::{DesiredStack, Observed};
use konta::template::TemplateError;
use konta::template::compose::Composer;
use konta::template::source::Sources;
use tempfile::TempDir;

use super::evaluate::Effective;

pub const DIGEST: &str = "sha256:144175ec0039d52daff1d79f7e51c9281ca3c98b96c830feb49d09764a9f5d7c";

const KONTA: &str = "\
application: konta
currency: EUR
exchange_rate: { usd: 1.1403, date: 2026-09-25 }
image: odoo:19.0@sha256:144175ec0039d52daff1d79f7e51c9281ca3c98b96c830feb49d09764a9f5d7c
tiers:
  catalogue: { price: 15, isolation: pooled, modules: [website] }
  production: { price: 50, isolation: dedicated, modules: [website, stock] }
";
const PROD: &str = "account: \"012345678901\"\nregion: eu-west-1\ndomain: konta.shop\n";
const POOLED: &str = "tier: catalogue\nhosts: [artista.konta.shop]\n";
const DEDICATED: &str = "tier: production\nhosts: [breadfree.konta.shop]\n";

/// An addon whose outputs go all four ways.
pub const ADDON: &str = "\
Parameters:
  Tenant: { Type: String }
  VpcId: { Type: 'AWS::EC2::VPC::Id' }
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Metadata: { 'konta:description': The bucket }
  Key: { Type: 'AWS::SecretsManager::Secret', Metadata: { 'konta:description': The key } }
  Door:
    Type: AWS::EC2::SecurityGroup
    Metadata: { 'konta:description': The door }
    Properties: { GroupDescription: !Sub 'The door of ${Tenant}', VpcId: !Ref VpcId }
  Access:
    Type: AWS::IAM::ManagedPolicy
    Metadata: { 'konta:description': The access }
    Properties:
      PolicyDocument:
        Statement: [{ Effect: Allow, Action: 's3:GetObject', Resource: !Sub '${Bucket.Arn}/*' }]
Outputs:
  BucketName: { Value: !Ref Bucket }
  ApiKey: { Value: !Ref Key }
  DoorId: { Value: !GetAtt Door.GroupId }
  AccessArn: { Value: !Ref Access }
";

/// The files of a workspace.
#[derive(Debug, Clone)]
pub struct Files(BTreeMap<String, String>);

impl Files {
    /// One environment, one pooled and one dedicated tenant, and nothing said that has a default.
    pub fn plain() -> Self {
        Self(BTreeMap::new())
            .file("konta.yml", KONTA)
            .file("environments/prod.yml", PROD)
            .file("tenants/artista.yml", POOLED)
            .file("tenants/breadfree.yml", DEDICATED)
    }

    /// The workspace in `manifests/`.
    pub fn example() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
        let mut files = Self(BTreeMap::new());
        for folder in ["", "environments", "tenants", "addons", "overrides"] {
            let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
            for path in entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                files.0.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
        files
    }

    /// A file, in place of the one of that name.
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.0.insert(path.to_owned(), text.to_owned());
        self
    }

    /// More lines of the environment.
    pub fn environment(mut self, lines: &str) -> Self {
        *self.0.get_mut("environments/prod.yml").unwrap() += lines;
        self
    }

    /// More lines of the dedicated tenant.
    pub fn dedicated(mut self, lines: &str) -> Self {
        *self.0.get_mut("tenants/breadfree.yml").unwrap() += lines;
        self
    }

    pub fn without(mut self, path: &str) -> Self {
        self.0.remove(path).unwrap();
        self
    }

    pub fn tenant(self, name: &str, text: &str) -> Self {
        self.file(&format!("tenants/{name}.yml"), text)
    }

    pub fn patch(self, name: &str, text: &str) -> Self {
        self.file(&format!("overrides/{name}.yml"), text)
    }

    pub fn texts_mut(&mut self) -> impl Iterator<Item = (&String, &mut String)> {
        self.0.iter_mut()
    }

    pub fn write(&self) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in &self.0 {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    /// Why the manifests are refused, as messages.
    #[track_caller]
    pub fn refusals(&self) -> Vec<String> {
        manifest::load(self.write().path()).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    pub fn render(&self) -> Rendered {
        self.try_render().unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn try_render(&self) -> Result<Rendered, TemplateError> {
        let root = self.write();
        let workspace = loaded(manifest::load(root.path()));
        let composer = Composer::new(Sources::of_workspace(root.path())?);
        let mut stacks = Vec::new();
        for environment in workspace.environments.values() {
            stacks.extend(stacks_of(&workspace, &composer, environment, &Observed::default())?);
        }
        Ok(Rendered {
            stacks: stacks.into_iter().map(|stack| (stack.name.clone(), stack)).collect(),
            known: Mutex::default(),
        })
    }
}

pub fn loaded(workspace: Result<Workspace, Problems>) -> Workspace {
    workspace.unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(|p| format!("{}: {p}", p.file())).collect::<Vec<_>>().join("\n"))
    })
}

pub fn stacks_of(
    workspace: &Workspace,
    composer: &Composer,
    environment: &Environment,
    observed: &Observed,
) -> Result<Vec<DesiredStack>, TemplateError> {
    let builder = Builder::new(workspace, composer);
    let scope = Scope { shared: Shared::All, tenants: workspace.tenants_of(&environment.name).collect() };
    Ok(wanted(&builder, workspace, environment, &scope, observed)?.stacks)
}

/// Every stack of a workspace, by name.
#[derive(Debug)]
pub struct Rendered {
    pub stacks: BTreeMap<String, DesiredStack>,
    /// What was evaluated before: every stack takes outputs of those before it.
    pub known: Mutex<BTreeMap<String, Arc<Effective>>>,
}

impl Rendered {
    #[track_caller]
    pub fn stack(&self, name: &str) -> &DesiredStack {
        self.stacks.get(name).unwrap_or_else(|| panic!("no {name} among {:?}", self.stacks.keys()))
    }
}

/// Every variant, rendered once for all tests of a process.
pub fn rendered_variants() -> &'static [(&'static str, Rendered)] {
    static RENDERED: LazyLock<Vec<(&'static str, Rendered)>> =
        LazyLock::new(|| variants().into_iter().map(|(name, files)| (name, files.render())).collect());
    &RENDERED
}

/// Workspaces that differ in everything that a manifest can say, each with a name for messages.
pub fn variants() -> Vec<(&'static str, Files)> {
    let plain = Files::plain;
    vec![
        ("plain", plain()),
        ("example", Files::example()),
        ("nat", plain().environment("network: { egress: nat }\n")),
        ("nat in each zone", plain().environment("network: { egress: nat-per-az, cidr: 10.9.0.0/17 }\n")),
        (
            "imported",
            plain().environment(
                "network: { vpc: vpc-0a1b2c3d, egress: nat, public_subnets: [subnet-0a1b2c3d, subnet-0a1b2c3e], private_subnets: [subnet-0a1b2c3f, subnet-0a1b2c40] }\n\
                 hosted_zone: Z0123456789ABCDEFGHIJ\n\
                 certificate: arn:aws:acm:eu-west-1:012345678901:certificate/11111111-2222-3333-4444-555555555555\n",
            ),
        ),
        (
            "imported, open",
            plain().environment(
                "network: { vpc: vpc-0a1b2c3d, public_subnets: [subnet-0a1b2c3d, subnet-0a1b2c3e], private_subnets: [subnet-0a1b2c3f, subnet-0a1b2c40] }\n",
            ),
        ),
        (
            "pausing",
            plain()
                .environment("database: { capacity: { min: 0, max: 8 }, auto_pause: 900, instances: 2 }\n")
                .dedicated("database: dedicated\n"),
        ),
        ("large database", plain().environment("database: { engine_version: \"16.8\", capacity: { min: 8, max: 256 }, instances: 2, backup_retention_days: 35 }\n")),
        ("own database", plain().dedicated("database: dedicated\n")),
        ("several tasks", plain().dedicated("tasks: { min: 2, max: 4 }\non_demand: 1\nsize: { cpu: 2048, memory: 4096 }\n")),
        ("on demand only", plain().dedicated("spot: false\n")),
        ("largest size", plain().dedicated("size: { cpu: 16384, memory: 122880 }\n").environment("pool: { size: { cpu: 8192, memory: 16384 }, tasks: 3 }\n")),
        ("addon", plain().file("addons/object-store.yml", ADDON).dedicated("addons: [object-store]\n")),
        ("addon and own database", plain().file("addons/object-store.yml", ADDON).dedicated("addons: [object-store]\ndatabase: dedicated\n")),
        ("schedule", plain().dedicated("schedule: { sleep: \"0 22 ? * MON-FRI *\", wake: \"0 7 ? * MON-FRI *\", timezone: Europe/Madrid }\n")),
        (
            "custom hosts",
            plain()
                .tenant(
                    "breadfree",
                    "tier: production\nhosts:\n  - breadfree.konta.shop\n  - { host: www.breadfree.es, hosted_zone: Z0000000000000000001 }\n  - { host: pan.example, certificate: 'arn:aws:acm:eu-west-1:012345678901:certificate/99999999-2222-3333-4444-555555555555' }\n",
                )
                .tenant("artista", "tier: catalogue\nhosts: [artista.konta.shop, { host: www.artista.es, hosted_zone: Z0000000000000000002 }]\n"),
        ),
        (
            "bounded, watched, deployed by GitHub",
            plain().environment(
                "permissions_boundary: arn:aws:iam::012345678901:policy/boundary\n\
                 alarm_topic: arn:aws:sns:eu-west-1:012345678901:alarms\n\
                 deploy_role: { provider: 'arn:aws:iam::012345678901:oidc-provider/token.actions.githubusercontent.com', issuer: github, subjects: ['repo:org/shop:ref:refs/heads/main', 'repo:org@1/shop@2:environment:prod'] }\n\
                 tags: { owner: shop-team }\n",
            ),
        ),
        (
            "deployed by GitLab, unprotected",
            plain().environment(
                "termination_protection: false\n\
                 deploy_role: { provider: 'arn:aws:iam::012345678901:oidc-provider/gitlab.com', issuer: gitlab, subjects: ['project_path:group/shop:ref_type:branch:ref:main'] }\n",
            ),
        ),
        (
            "variables and secrets",
            plain().dedicated(
                "variables: { SMTP_HOST: mail.example.com, EMPTY: '' }\nsecrets: { SMTP_PASSWORD: /konta/prod/smtp, KEY: 'arn:aws:secretsmanager:eu-west-1:012345678901:secret:key-AbCdEf' }\n",
            ),
        ),
        ("second cell", plain().dedicated("cell: 2\n").tenant("artista", "tier: catalogue\nhosts: [artista.konta.shop]\ncell: 2\n")),
        ("nobody pooled", plain().without("tenants/artista.yml")),
        ("nobody", plain().without("tenants/artista.yml").without("tenants/breadfree.yml")),
    ]
}
