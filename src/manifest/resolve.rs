//! Checks tenants against the rest of the workspace: their tier, their environment and their addons.

use std::collections::{BTreeMap, BTreeSet};

use super::application;
use super::arn::hosted_zone_id;
use super::diagnostic::{Code, choose};
use super::environment::{LONGEST_COMMON_NAME, certificate_form};
use super::parse::Kind;
use super::read::{Field, Fields, Reader, Refusal};
use super::tenant::{HostEntry, TenantManifest};
use crate::model::{DatabaseChoice, Environment, HostName, Isolation, SecretReference, Tenant, TenantHost, Tier};

/// The addon that is part of konta.
pub(super) const BUILTIN_ADDON: &str = "aurora";

/// What tenants may name. A tier or environment that was refused is known, but `None`.
pub(super) struct Known<'k> {
    /// `None` if `konta.yml` has none or could not be read: then no tier is reported as unknown.
    pub(super) tiers: Option<&'k BTreeMap<String, Option<Tier>>>,
    pub(super) environments: &'k BTreeMap<String, Option<Environment>>,
    pub(super) addons: &'k BTreeSet<String>,
    /// The application's name; `None` if it was refused.
    pub(super) application: Option<&'k str>,
}

/// Combines a tenant with its tier and checks what it names.
pub(super) fn tenant(reader: &mut Reader<'_>, manifest: TenantManifest<'_>, known: &Known<'_>) -> Option<Tenant> {
    let tier = manifest.tier.and_then(|field| tier(reader, field, known));
    let environment = environment(reader, &manifest, known);
    let hosts: Vec<TenantHost> = environment.map_or_else(Vec::new, |environment| {
        manifest.hosts.iter().map(|entry| host(reader, entry, environment, known)).collect()
    });
    addons(reader, &manifest, known);
    let tier = tier?;
    let on_demand = match tier.isolation {
        Isolation::Pooled => {
            refuse_in_the_pool(reader, &manifest.fields, tier.name.as_str(), manifest.database);
            Some(tier.on_demand)
        }
        Isolation::Dedicated => {
            if let (Some(environment), Some(application)) = (environment, known.application) {
                secret_paths(reader, &manifest, application, environment);
            }
            on_demand(reader, &manifest, tier)
        }
    };
    let mut modules = tier.modules.clone();
    modules.extend(manifest.modules.into_iter().filter(|module| !tier.modules.contains(module)));
    Some(Tenant {
        name: manifest.name?,
        environment: environment?.name.clone(),
        tier: tier.name.clone(),
        isolation: tier.isolation,
        hosts,
        modules,
        image: manifest.image.unwrap_or_else(|| tier.image.clone()),
        size: manifest.size.unwrap_or(tier.size),
        tasks: manifest.tasks.unwrap_or(tier.tasks),
        spot: manifest.spot.unwrap_or(tier.spot),
        on_demand: on_demand?,
        variables: manifest.variables,
        secrets: manifest.secrets,
        database: manifest.database,
        addons: manifest.addons.into_iter().map(|(name, _)| name).collect(),
        cell: manifest.cell,
        schedule: manifest.schedule,
    })
}

fn tier<'k>(reader: &mut Reader<'_>, field: Field<'_>, known: &Known<'k>) -> Option<&'k Tier> {
    let text = reader.text(field)?;
    let tiers = known.tiers?;
    let found = tiers.get(text);
    if found.is_none() {
        let help = choose(text, tiers.keys().map(String::as_str));
        reader.add(Code::UnknownName, &field.node.span, "`tier`", format!("konta.yml has no tier `{text}`"), help);
    }
    found?.as_ref()
}

/// The role that fetches a task's secrets may read only its environment's parameters, so another path would fail when
/// the task starts.
fn secret_paths(reader: &mut Reader<'_>, manifest: &TenantManifest<'_>, application: &str, environment: &Environment) {
    let prefix = format!("/{application}/{}/", environment.name);
    let Some(Field { node, .. }) = manifest.fields.get("secrets") else { return };
    let Kind::Map(entries) = &node.kind else { return };
    for (key, node) in entries {
        let Some(SecretReference::Parameter(name)) = manifest.secrets.get(&key.text) else { continue };
        if !name.starts_with(&prefix) {
            let message = format!("the tasks of {} may not read the parameter `{name}`", environment.name);
            let help = format!("keep it under {prefix}, with the tenant's cell as its tag `konta:cell`");
            reader.add(Code::NotAllowed, &node.span, "outside the environment's path", message, help);
        }
    }
}

/// The named environment, or the only one.
fn environment<'k>(
    reader: &mut Reader<'_>,
    manifest: &TenantManifest<'_>,
    known: &Known<'k>,
) -> Option<&'k Environment> {
    let names = known.environments.keys().map(String::as_str);
    let Some(field) = manifest.environment else {
        if known.environments.len() == 1 {
            return known.environments.values().next()?.as_ref();
        }
        let help = match known.environments.len() {
            0 => "the workspace has no environment: add environments/NAME.yml".to_owned(),
            many => format!("with {many} environments, a tenant must name one; {}", choose("", names)),
        };
        manifest.fields.missing("environment", &help, reader);
        return None;
    };
    let text = reader.text(field)?;
    let found = known.environments.get(text);
    if found.is_none() {
        let help = match known.environments.len() {
            0 => format!("add environments/{text}.yml"),
            _ => choose(text, names),
        };
        reader.add(
            Code::UnknownName,
            &field.node.span,
            "`environment`",
            format!("there is no environment `{text}`"),
            help,
        );
    }
    found?.as_ref()
}

fn host(reader: &mut Reader<'_>, entry: &HostEntry<'_>, environment: &Environment, known: &Known<'_>) -> TenantHost {
    let form = certificate_form(&environment.account, &environment.region);
    let certificate = entry.certificate.map(|field| reader.checked(field, |text| form.check(text)));
    let hosted_zone = entry.hosted_zone.map(|field| reader.checked(field, hosted_zone_id));
    let domain = &environment.domain;
    if !entry.host.is_under(domain) && certificate.is_none() && hosted_zone.is_none() {
        let message = format!("the environment's certificate for *.{domain} does not cover {}", entry.host);
        let help = format!(
            "write `{{ host: {}, hosted_zone: Z... }}` for a zone of this account in which konta may validate a certificate, \
             or `certificate: {}` for one that is issued",
            entry.host,
            format_args!("arn:aws:acm:{}:{}:certificate/...", environment.region, environment.account),
        );
        reader.add(Code::MissingKey, entry.place, "needs a certificate", message, help);
    }
    if hosted_zone.is_some() && entry.host.as_str().len() > LONGEST_COMMON_NAME {
        let message = format!("`{}` is too long for its own certificate", entry.host);
        let help = format!("a certificate names at most {LONGEST_COMMON_NAME} characters; choose a shorter host");
        reader.add(Code::InvalidValue, entry.place, "too long", message, help);
    }
    if let Some(domain) = pool_domain(&entry.host, known.environments.values().flatten()) {
        let message = format!("`{}` is reserved for the pool of a cell", entry.host);
        let help = format!("choose another host; konta uses pool-1.{domain}, pool-2.{domain} and so on");
        reader.add(Code::Clash, entry.place, "reserved by konta", message, help);
    }
    let other = known
        .environments
        .values()
        .flatten()
        .find(|other| other.name != environment.name && other.domain == entry.host);
    if let Some(other) = other {
        let message = format!("`{}` is the domain of the environment {}", entry.host, other.name);
        reader.add(Code::Clash, entry.place, "not this one", message, "choose another host");
    }
    TenantHost {
        host: entry.host.clone(),
        certificate: certificate.unwrap_or_default(),
        hosted_zone: hosted_zone.unwrap_or_default(),
    }
}

/// The domain under which this is the host of a cell's pool.
fn pool_domain<'e>(host: &HostName, environments: impl Iterator<Item = &'e Environment>) -> Option<&'e HostName> {
    let (label, rest) = host.as_str().split_once('.')?;
    let number = label.strip_prefix("pool-")?;
    let numbered = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    environments.map(|environment| &environment.domain).find(|domain| numbered && domain.as_str() == rest)
}

fn addons(reader: &mut Reader<'_>, manifest: &TenantManifest<'_>, known: &Known<'_>) {
    for (addon, place) in &manifest.addons {
        let name = addon.as_str();
        if name != BUILTIN_ADDON && !known.addons.contains(name) {
            let names = known.addons.iter().map(String::as_str).chain([BUILTIN_ADDON]);
            let help = format!("add the file addons/{name}.yml, or: {}", choose(name, names));
            reader.add(Code::UnknownName, place, "`addons`", format!("there is no addon `{name}`"), help);
        }
    }
}

fn on_demand(reader: &mut Reader<'_>, manifest: &TenantManifest<'_>, tier: &Tier) -> Option<u32> {
    let tasks = manifest.tasks.unwrap_or(tier.tasks);
    if let Some(field) = manifest.fields.get("on_demand") {
        return application::on_demand(reader, field, Some(tasks));
    }
    // If there are fewer tasks than the tier keeps on demand, all of them are on demand.
    Some(tier.on_demand.min(tasks.max()))
}

/// A pooled tenant shares a process, so a setting for it alone would look valid and have no effect.
fn refuse_in_the_pool(reader: &mut Reader<'_>, fields: &Fields<'_>, tier: &str, database: DatabaseChoice) {
    const SHARED: &str = "all pooled tenants run in the cell's one Odoo service";
    const REASONS: &[(&str, &str)] = &[
        ("image", SHARED),
        ("size", SHARED),
        ("tasks", SHARED),
        ("spot", SHARED),
        ("on_demand", SHARED),
        ("variables", "a process has one set of variables, and every pooled tenant would see them"),
        ("secrets", "a process has one set of secrets, and every pooled tenant would see them"),
        ("schedule", "the pool serves other tenants while this one would sleep"),
        ("addons", "an addon's outputs need the tenant's own container"),
    ];
    for (key, reason) in REASONS {
        if let Some(field) = fields.get(key) {
            let message = format!("a tenant of the pooled tier `{tier}` cannot have `{key}`");
            let help = format!("{reason}; remove it, or choose a tier with `isolation: dedicated`");
            reader.add(Code::NotAllowed, &field.key.span, "not allowed here", message, help);
        }
    }
    if let (DatabaseChoice::Dedicated, Some(field)) = (database, fields.get("database")) {
        let problem = format!("a tenant of the pooled tier `{tier}` cannot have its own cluster");
        let help =
            "the pool uses one cluster, the cell's; remove the line, or choose a tier with `isolation: dedicated`";
        reader.refuse(field, Refusal { code: Code::NotAllowed, problem, help: help.to_owned() });
    }
}
