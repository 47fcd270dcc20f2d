//! What every verb gathers before it plans: the workspace, the environment, the named tenants, and a session.

use std::path::PathBuf;
use std::sync::OnceLock;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use crate::auth::request::{self, Request};
use crate::auth::session::{self, Opened};
use crate::aws::{Aws, Target};
use crate::commands::interruption::Interruption;
use crate::cost::PriceTable;
use crate::cost::price_update::LOCK;
use crate::deploy::preflight;
use crate::model::{
    Certificate, Environment, EnvironmentName, HostName, HostedZone, Tenant, TenantName, Vpc, Workspace, nearest,
};
use crate::operation::Polling;
use crate::operation::lease::Held;
use crate::report::{OutputFormat, Palette, message};
use crate::sandbox::imports::{ImportedVpc, ImportedZone, Imports};
use crate::stack::LoadedWorkspace;
use crate::template::compose::Composer;
use crate::template::source::Sources;
use crate::{manifest, sandbox};

use super::credentials::{Gathered, first_line_of_stdin};
use super::error::CommandError;
use super::global::{Global, Output};

/// The global options, and what follows from them.
#[derive(Debug)]
pub struct Context {
    global: Global,
    code_read: OnceLock<SecretString>,
    interruption: Interruption,
    held: Held,
}

/// A session with the right account.
#[derive(Debug)]
pub struct Session {
    /// The clients.
    pub aws: Aws,
    /// The account.
    pub account: String,
    /// How often to ask AWS.
    pub polling: Polling,
    /// The port on 127.0.0.1 at which a sandbox that runs tasks answers visits to any tenant's address.
    pub visits: Option<u16>,
    /// Where the credentials come from; `None` in the sandbox.
    pub opened: Option<(Gathered, Opened)>,
}

impl Context {
    /// A context from the global options.
    #[must_use]
    pub fn new(global: Global) -> Self {
        Self { global, code_read: OnceLock::new(), interruption: Interruption::default(), held: Held::default() }
    }

    /// What signals ask of this command.
    pub(super) fn interruption(&self) -> &Interruption {
        &self.interruption
    }

    /// The leases that this command holds.
    pub(super) fn held(&self) -> &Held {
        &self.held
    }

    /// The global options.
    #[must_use]
    pub fn global(&self) -> &Global {
        &self.global
    }

    /// The form of the output.
    #[must_use]
    pub fn format(&self) -> OutputFormat {
        match self.global.output {
            Output::Text => OutputFormat::Text,
            Output::Json => OutputFormat::Json,
        }
    }

    /// Colours on stderr.
    #[must_use]
    pub fn palette(&self) -> Palette {
        Palette::for_stderr(self.global.no_color)
    }

    /// The workspace's folder.
    pub fn root(&self) -> Result<PathBuf, CommandError> {
        if let Some(given) = &self.global.workspace {
            if given.join("konta.yml").is_file() {
                return Ok(given.clone());
            }
            return Err(CommandError::NotAWorkspace { folder: given.display().to_string() });
        }
        let here = std::env::current_dir()?;
        manifest::find_root(&here).ok_or(CommandError::NoWorkspace)
    }

    /// The workspace, checked.
    pub fn load(&self) -> Result<LoadedWorkspace, CommandError> {
        let root = self.root()?;
        match (manifest::load(&root), Sources::of_workspace(&root)) {
            (Ok(workspace), Ok(sources)) => Ok(LoadedWorkspace { root, workspace, composer: Composer::new(sources) }),
            (Err(problems), Ok(_)) => Err(problems.into()),
            (Ok(_), Err(error)) => Err(error.into()),
            (Err(problems), Err(error)) => Err(CommandError::Workspace { errors: vec![problems.into(), error.into()] }),
        }
    }

    /// The workspace as it would be with another text of one manifest, by its path from the root.
    #[expect(clippy::unused_self, reason = "called where `load` is")]
    pub fn load_with(&self, root: &std::path::Path, path: &str, text: &str) -> Result<LoadedWorkspace, CommandError> {
        let workspace = manifest::load_with(root, path, text)?;
        Ok(LoadedWorkspace::with_templates_of(root.to_owned(), workspace)?)
    }

    /// The command's environment: the named one, otherwise the only one.
    pub fn environment<'a>(
        &self,
        workspace: &'a Workspace,
        asked: Option<&str>,
    ) -> Result<&'a Environment, CommandError> {
        let names: Vec<&str> = workspace.environments.keys().map(EnvironmentName::as_str).collect();
        let environment = match asked.or(self.global.environment.as_deref()) {
            Some(name) => workspace.environments.values().find(|e| e.name.as_str() == name).ok_or_else(|| {
                CommandError::Unknown {
                    message: format!("the workspace has no environment `{name}`"),
                    help: suggest(name, &names, "konta ls"),
                }
            })?,
            None => match workspace.environments.len() {
                1 => workspace.environments.values().next().ok_or(CommandError::NoWorkspace)?,
                0 => {
                    return Err(CommandError::Unknown {
                        message: "the workspace has no environment".to_owned(),
                        help: "write one, for example `environments/prod.yml`:\naccount: \"123456789012\"\nregion: eu-west-1\ndomain: example.com\nhosted_zone: create\ncertificate: create"
                            .to_owned(),
                    });
                }
                _ => {
                    return Err(CommandError::Usage {
                        message: "the workspace has several environments".to_owned(),
                        help: format!("name one with --env: {}", names.join(", ")),
                    });
                }
            },
        };
        if let Some(region) = self.global.region.as_deref().filter(|region| *region != environment.region.as_str()) {
            return Err(CommandError::Usage {
                message: format!("the environment {} is in {}, not in {region}", environment.name, environment.region),
                help: "leave out --region, or choose the environment of that region with --env".to_owned(),
            });
        }
        Ok(environment)
    }

    /// The environment of the named tenants, which must all be in the same one.
    pub fn environment_of<'a>(
        &self,
        workspace: &'a Workspace,
        tenants: &[String],
    ) -> Result<&'a Environment, CommandError> {
        let mut named: Option<&Tenant> = None;
        for name in tenants {
            let tenant = tenant(workspace, name)?;
            if let Some(other) = named.filter(|other| other.environment != tenant.environment) {
                return Err(CommandError::Usage {
                    message: format!(
                        "{} is in {}, but {} is in {}",
                        other.name, other.environment, tenant.name, tenant.environment
                    ),
                    help: "name tenants of one environment at a time".to_owned(),
                });
            }
            named = Some(tenant);
        }
        match named {
            Some(tenant) => {
                let own = tenant.environment.as_str();
                if let Some(asked) = self.global.environment.as_deref().filter(|asked| *asked != own) {
                    return Err(CommandError::Usage {
                        message: format!("{} is in {own}, not in {asked}", tenant.name),
                        help: "leave out --env".to_owned(),
                    });
                }
                self.environment(workspace, Some(own))
            }
            None => self.environment(workspace, None),
        }
    }

    /// The prices that count in the workspace: those konta brings and, where there is a lock, its own. Outside a workspace the former.
    pub fn prices(&self) -> Result<PriceTable, CommandError> {
        let table = PriceTable::embedded();
        let Ok(root) = self.root() else { return Ok(table) };
        let path = root.join(LOCK);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(table.with(&path.display().to_string(), &text)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(table),
            Err(source) => Err(CommandError::Io { what: format!("cannot read {}", path.display()), reason: source }),
        }
    }

    /// A session in the environment's region, with the environment's account. Starts the sandbox when it is asked for.
    pub async fn session(&self, loaded: &LoadedWorkspace, environment: &Environment) -> Result<Session, CommandError> {
        let root = &loaded.root;
        if !self.global.sandbox {
            return self.session_with_aws(environment).await;
        }
        sandbox::take_for_existing(root, &imports(&loaded.workspace, environment))?;
        let say = |text: &str| message::note(self.palette(), text);
        let wanted = sandbox::Wanted {
            account: environment.account.as_str(),
            region: environment.region.as_str(),
            with_odoo: self.global.with_odoo,
        };
        let running = sandbox::start(root, wanted, &say).await?;
        let target = Target {
            region: environment.region.to_string(),
            profile: None,
            sandbox_runs_tasks: running.odoo.is_some(),
            endpoint: Some(running.endpoint),
        };
        let aws = Aws::open(&target).await;
        let account = preflight::account(&aws, environment).await?;
        Ok(Session { aws, account, polling: Polling::sandbox(), opened: None, visits: running.https_port })
    }

    /// Asks for a code now if one is needed, before anything is planned.
    async fn session_with_aws(&self, environment: &Environment) -> Result<Session, CommandError> {
        let account = environment.account.as_str();
        let gathered = Gathered::of(self, Some(environment.region.as_str()))?;
        let opened = session::open(&Request { account: Some(account), ..gathered.request() }).await?;
        let profile = gathered.chain.profile.clone();
        let target = Target { region: environment.region.to_string(), profile, ..Target::default() };
        let aws = Aws::open_as(&target, opened.provider.clone()).await;
        let identity = aws.identity().await?;
        request::admit(&identity, Some(account), self.global.allow_root)?;
        Ok(Session {
            aws,
            account: identity.account,
            polling: Polling::aws(),
            opened: Some((gathered, opened)),
            visits: None,
        })
    }

    /// Makes sure that the session outlasts work that begins now: warns if it would not, and opens a new one if it can
    /// get a code.
    pub async fn outlast(&self, session: &mut Session, work: SignedDuration) -> Result<(), CommandError> {
        let Some((gathered, opened)) = &mut session.opened else { return Ok(()) };
        let now = Timestamp::now();
        let Some(ends) = opened.ends.filter(|ends| *ends < now + work) else { return Ok(()) };
        let (left, work) = (ends.duration_since(now).as_mins(), work.as_mins());
        let warn = |what: &str| {
            let text = format!("the session ends in {left} minutes, but this may take {work} minutes: {what}");
            message::warning(self.palette(), &text);
        };
        let request = gathered.request_anew();
        if opened.session.is_some() && request.code_source().is_some() {
            warn("konta opens a new one first");
            return Ok(session::renew(&request, opened).await?);
        }
        warn("AWS continues by itself; log in again and run the same command to attach to it");
        Ok(())
    }

    /// The code of `--mfa-code`; reads standard input only once.
    pub fn mfa_code(&self) -> Result<Option<SecretString>, CommandError> {
        match &self.global.mfa_code {
            Some(given) if given.expose_secret() == "-" => {
                if let Some(read) = self.code_read.get() {
                    return Ok(Some(read.clone()));
                }
                let read = first_line_of_stdin()?;
                Ok(Some(self.code_read.get_or_init(|| read).clone()))
            }
            given => Ok(given.clone()),
        }
    }
}

/// What the environment and its tenants import: certificates, zones, a VPC.
fn imports(workspace: &Workspace, environment: &Environment) -> Imports {
    let mut imports = Imports::default();
    if let Certificate::Import(arn) = &environment.certificate {
        imports.certificates.push(arn.clone());
    }
    if let HostedZone::Import(id) = &environment.hosted_zone {
        imports.hosted_zones.push(ImportedZone { id: id.clone(), name: environment.domain.to_string() });
    }
    if let Vpc::Import { id, public_subnets, private_subnets } = &environment.network.vpc {
        imports.vpcs.push(ImportedVpc {
            id: id.clone(),
            // The manifest does not say it; any range works, because the sandbox routes nothing.
            cidr: "10.0.0.0/16".to_owned(),
            public_subnets: public_subnets.clone(),
            private_subnets: private_subnets.clone(),
        });
    }
    for host in workspace.tenants_of(&environment.name).flat_map(|tenant| &tenant.hosts) {
        imports.certificates.extend(host.certificate.clone());
        imports.hosted_zones.extend(host.hosted_zone.clone().map(|id| ImportedZone { id, name: parent(&host.host) }));
    }
    imports
}

/// The domain above a host: most likely the name of its zone.
fn parent(host: &HostName) -> String {
    let name = host.as_str();
    name.split_once('.').filter(|(_, rest)| rest.contains('.')).map_or(name, |(_, rest)| rest).to_owned()
}

/// A tenant of the workspace.
pub fn tenant<'a>(workspace: &'a Workspace, name: &str) -> Result<&'a Tenant, CommandError> {
    workspace.tenants.values().find(|tenant| tenant.name.as_str() == name).ok_or_else(|| {
        let names: Vec<&str> = workspace.tenants.keys().map(TenantName::as_str).collect();
        CommandError::Unknown {
            message: format!("the workspace has no tenant `{name}`"),
            help: suggest(name, &names, "konta ls"),
        }
    })
}

/// The tenants that a command names, or all of the environment.
pub fn tenants<'a>(
    workspace: &'a Workspace,
    environment: &'a Environment,
    names: &[String],
    all: bool,
) -> Result<Vec<&'a Tenant>, CommandError> {
    if all {
        return Ok(workspace.tenants_of(&environment.name).collect());
    }
    let mut found: Vec<&Tenant> = names.iter().map(|name| tenant(workspace, name)).collect::<Result<_, _>>()?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found.dedup_by(|a, b| a.name == b.name);
    Ok(found)
}

/// "did you mean ...", or the existing names; if there are many, the command that lists them.
pub(super) fn suggest(given: &str, names: &[&str], lister: &str) -> String {
    match nearest(given, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if names.is_empty() => "none exists yet".to_owned(),
        None if names.len() <= 12 => format!("these exist: {}", names.join(", ")),
        None => format!("{} exist; `{lister}` lists them", names.len()),
    }
}
