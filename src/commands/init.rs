//! `konta init`: writes a new workspace, asking for what the options do not give.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::model::{AccountId, ApplicationName, EnvironmentName, HostName, NameError, RegionName, TenantName};
use crate::report::{message, output, prompt};

use super::{CommandError, Context};

/// Write a new workspace, asking for what the options do not give
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Folder; konta makes it if it does not exist
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Application's name, the first part of every stack's name
    #[arg(long)]
    application: Option<String>,
    /// First environment's name
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// AWS account, 12 digits
    #[arg(long)]
    account: Option<String>,
    /// Domain under which tenants get their hosts
    #[arg(long)]
    domain: Option<String>,
    /// First tenant's name
    #[arg(long)]
    tenant: Option<String>,
}

/// Asks, checks, writes.
pub fn run(context: &Context, args: &InitArgs) -> Result<u8, CommandError> {
    if args.folder.join("konta.yml").exists() {
        return Err(CommandError::Usage {
            message: format!("{} already has a konta.yml", args.folder.display()),
            help: "name another folder, or edit the manifests in this one".to_owned(),
        });
    }
    let application = answer(args.application.as_deref(), "Application name", Some("konta"), ApplicationName::new)?;
    let environment = answer(args.environment.as_deref(), "Environment name", Some("prod"), EnvironmentName::new)?;
    let account = answer(args.account.as_deref(), "AWS account (12 digits)", None, AccountId::new)?;
    let given = context.global().region.as_deref();
    let region = answer(given, "Region", Some("eu-west-1"), RegionName::new)?;
    let domain = answer(args.domain.as_deref(), "Domain for the tenants' hosts", None, HostName::new)?;
    let tenant = answer(args.tenant.as_deref(), "First tenant's name", Some("example"), TenantName::new)?;
    let files = [
        ("konta.yml".to_owned(), application_manifest(&application)),
        (format!("environments/{environment}.yml"), environment_manifest(&account, &region, &domain)),
        (format!("tenants/{tenant}.yml"), tenant_manifest(&tenant, &domain)),
        (".gitignore".to_owned(), ".konta/\n".to_owned()),
    ];
    // Loads the manifests from a temporary folder first, so that only valid ones are written.
    let trial = tempfile::tempdir()?;
    write(trial.path(), &files)?;
    crate::manifest::load(trial.path())?;
    let result = NewWorkspace { files: write(&args.folder, &files)?, workspace: &args.folder };
    if context.format().is_json() {
        output::print_json(&result)?;
        return Ok(0);
    }
    output::print_text(&result.files.join("\n"))?;
    message::hint(context.palette(), &result.hint());
    Ok(0)
}

/// What was written.
#[derive(Debug, Serialize)]
struct NewWorkspace<'a> {
    files: Vec<String>,
    workspace: &'a Path,
}

impl NewWorkspace<'_> {
    fn hint(&self) -> String {
        let folder = quoted(&self.workspace.display().to_string());
        format!("try it without an account: konta -w {folder} deploy tenant --all --sandbox")
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-~+:@%,=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The option's value, otherwise the answer at the terminal, checked.
fn answer<T>(
    given: Option<&str>,
    question: &str,
    default: Option<&str>,
    check: impl Fn(&str) -> Result<T, NameError>,
) -> Result<T, CommandError> {
    let text = match given {
        Some(text) => text.to_owned(),
        None => {
            prompt::input(question, default, &|text| check(text).map(|_| ()).map_err(|e| format!("{e}: {}", e.help)))?
        }
    };
    check(&text).map_err(|error| CommandError::Usage { message: error.to_string(), help: error.help })
}

/// Writes the files, and names one that cannot be written; never overwrites existing files.
fn write(folder: &Path, files: &[(String, String)]) -> Result<Vec<String>, CommandError> {
    let mut written = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        let io = |source| CommandError::Io { what: format!("cannot write {}", path.display()), reason: source };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(io)?;
        }
        if path.exists() {
            continue;
        }
        std::fs::write(&path, text).map_err(io)?;
        written.push(path.display().to_string());
    }
    Ok(written)
}

fn application_manifest(application: &ApplicationName) -> String {
    format!(
        "# What this workspace deploys, and what customers can buy.
application: {application}
currency: EUR
exchange_rate: {{ usd: 1.1403, date: 2026-09-25 }} # US dollars for one euro

# By digest: a tag alone may name another image tomorrow.
image: {IMAGE}

tiers:
  catalogue: # a web shop with newsletter, on the cell's shared Odoo
    price: 15
    isolation: pooled
    modules: [website, website_sale, mass_mailing]
  production: # with inventory and production, on its own Odoo
    price: 50
    isolation: dedicated
    modules: [website, sale_management, stock, mrp, mass_mailing]
    size: {{ cpu: 256, memory: 1024 }}
    tasks: 1
"
    )
}

/// The official image of Odoo 19.0, by the digest that public code pins.
const IMAGE: &str =
    "public.ecr.aws/docker/library/odoo:19.0@sha256:144175ec0039d52daff1d79f7e51c9281ca3c98b96c830feb49d09764a9f5d7c";

fn environment_manifest(account: &AccountId, region: &RegionName, domain: &HostName) -> String {
    format!(
        "# One footprint in one account and region. konta refuses credentials of any other account.
account: \"{account}\"
region: {region}
domain: {domain}
hosted_zone: create # or an existing zone's id, Z...
certificate: create # or the ARN of an issued wildcard certificate

network:
  vpc: create
  egress: public-ip # cheapest below about eleven tasks; nat or nat-per-az for a fixed address
database:
  engine_version: \"17.9\"
  capacity: {{ min: 0.5, max: 4 }} # ACU
"
    )
}

fn tenant_manifest(tenant: &TenantName, domain: &HostName) -> String {
    format!(
        "# One customer.
tier: catalogue
hosts:
  - {tenant}.{domain}
"
    )
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_path_is_quoted_where_a_shell_would_take_it_apart() {
        assert_eq!(quoted("/home/ana/shops"), "/home/ana/shops");
        assert_eq!(quoted("my shops"), "'my shops'");
        assert_eq!(quoted("ana's"), r"'ana'\''s'");
    }
}
