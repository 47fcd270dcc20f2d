//! What every verb gathers before it plans: the workspace, the environment and the named tenants.

use std::path::PathBuf;
use std::sync::OnceLock;

use secrecy::{ExposeSecret, SecretString};

use crate::commands::interruption::Interruption;
use crate::cost::PriceTable;
use crate::cost::price_update::LOCK;
use crate::manifest;
use crate::model::{Environment, EnvironmentName, Tenant, TenantName, Workspace, nearest};
use crate::operation::lease::Held;
use crate::report::{OutputFormat, Palette};
use crate::stack::LoadedWorkspace;
use crate::template::compose::Composer;
use crate::template::source::Sources;

use super::credentials::first_line_of_stdin;
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
