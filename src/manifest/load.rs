//! The workspace's files, each read once, and everything wrong with them in one run.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::clash::{self, Claim};
use super::diagnostic::{Code, Problem, Problems, Source};
use super::parse::{self, Node, Span};
use super::read::Reader;
use super::resolve::{self, BUILTIN_ADDON, Known};
use super::{application, environment, secret, tenant};
use crate::model::{AddonName, DatabaseChoice, Environment, HostName, Tenant, Workspace};

/// The workspace's own manifest, by which its folder is recognised.
const ROOT_FILE: &str = "konta.yml";
const ROOT_RANK: u8 = 0;
const ENVIRONMENT_RANK: u8 = 1;
const TENANT_RANK: u8 = 2;

/// A page of YAML is a few kilobytes; anything larger was not written by hand.
const LARGEST: u64 = 4 * 1024 * 1024;

/// With fewer files than this per thread, starting threads costs more than it saves.
const FILES_A_THREAD: usize = 64;

/// The nearest folder, from `start` upward, that contains a `konta.yml`.
#[must_use]
pub fn find_root(start: &Path) -> Option<PathBuf> {
    let start = std::path::absolute(start).ok()?;
    start.ancestors().find(|folder| folder.join(ROOT_FILE).is_file()).map(Path::to_path_buf)
}

/// Reads and checks the workspace in `root`: `konta.yml`, `environments/*.yml` and `tenants/*.yml`.
///
/// # Errors
/// Every problem of every file, ordered by file and line.
pub fn load(root: &Path) -> Result<Workspace, Problems> {
    load_files(Files { root, instead: None })
}

/// The same with another text for one file, by its path from the root: what the workspace would be if that text were
/// written.
///
/// # Errors
/// As [`load`].
pub fn load_with(root: &Path, path: &str, text: &str) -> Result<Workspace, Problems> {
    load_files(Files { root, instead: Some((path, text)) })
}

/// Where manifests are read.
#[derive(Clone, Copy)]
struct Files<'a> {
    root: &'a Path,
    /// A path with the text to read instead of the file's.
    instead: Option<(&'a str, &'a str)>,
}

impl Files<'_> {
    fn text(&self, path: &str) -> Result<String, String> {
        match self.instead {
            Some((other, text)) if other == path => Ok(text.to_owned()),
            _ => text_of(&self.root.join(path)),
        }
    }
}

fn load_files(files: Files<'_>) -> Result<Workspace, Problems> {
    let root = files.root;
    let mut problems = Vec::new();
    let application = read(files, ROOT_FILE, ROOT_RANK, application::read);
    let image = application.value.as_ref().and_then(|application| application.image.clone());
    problems.extend(application.problems);

    let mut environments = BTreeMap::new();
    let mut sources = Vec::new();
    for (path, stem) in list(root, "environments", &mut problems) {
        let file = read(files, &path, ENVIRONMENT_RANK, |reader, node| {
            environment::read(reader, node, &stem, image.as_deref())
        });
        problems.extend(file.problems);
        sources.push((stem.clone(), file.source));
        environments.insert(stem, file.value);
    }
    let sound: Vec<(&Environment, &Source)> = sources
        .iter()
        .filter_map(|(stem, source)| Some((environments.get(stem)?.as_ref()?, source.as_ref()?)))
        .collect();
    problems.extend(clash::environments(&sound));

    // Problems with an addon's file are reported where the file is read.
    let addons = list(root, "addons", &mut Vec::new()).into_iter().map(|(_, stem)| stem).collect();
    let known = Known {
        application: application
            .value
            .as_ref()
            .and_then(|application| application.name.as_ref())
            .map(crate::model::ApplicationName::as_str),
        tiers: application.value.as_ref().map(|application| &application.tiers).filter(|tiers| !tiers.is_empty()),
        environments: &environments,
        addons: &addons,
    };
    let mut tenants = read_tenants(files, &list(root, "tenants", &mut problems), &known);
    problems.extend(tenants.iter_mut().flat_map(|file| std::mem::take(&mut file.problems)));
    problems.extend(clashes(&tenants));
    if !problems.is_empty() {
        return Err(Problems::new(problems));
    }
    assemble(application.value, environments, tenants).ok_or_else(|| {
        // Code that refuses a value also notes a problem, so this is never reached; but it must not pass as a
        // workspace.
        let message = "the workspace could not be read".to_owned();
        Problems::new(vec![Problem::of(ROOT_RANK, ROOT_FILE, Code::Unreadable, message)])
    })
}

fn assemble(
    application: Option<application::Application>,
    environments: BTreeMap<String, Option<Environment>>,
    tenants: Vec<TenantFile>,
) -> Option<Workspace> {
    let application = application?;
    let tiers = application.tiers.into_values().map(|tier| tier.map(|tier| (tier.name.clone(), tier)));
    let environments = environments.into_values().map(|environment| environment.map(|e| (e.name.clone(), e)));
    let tenants = tenants.into_iter().map(|file| file.value?.tenant.map(|tenant| (tenant.name.clone(), tenant)));
    Some(Workspace {
        application: application.name?,
        currency: application.currency?,
        exchange_rate: application.exchange_rate?,
        terms: application.terms?,
        tiers: tiers.collect::<Option<_>>()?,
        environments: environments.collect::<Option<_>>()?,
        tenants: tenants.collect::<Option<_>>()?,
    })
}

/// One file, read.
struct File<T> {
    value: Option<T>,
    /// `None` if there is no text to show.
    source: Option<Source>,
    problems: Vec<Problem>,
}

/// A tenant with what must be compared with other tenants, which is also kept for a refused one.
struct TenantParts {
    tenant: Option<Tenant>,
    hosts: Vec<(HostName, Span)>,
    addons: Vec<(AddonName, Span)>,
}

type TenantFile = File<TenantParts>;

/// Reads one file and hands its tree to `build`.
fn read<T>(files: Files<'_>, path: &str, rank: u8, build: impl FnOnce(&mut Reader<'_>, &Node) -> Option<T>) -> File<T> {
    match files.text(path) {
        Ok(text) => read_text(&text, path, rank, build),
        Err(message) => {
            let problem = Problem::of(rank, path, Code::Unreadable, format!("{path} {message}"));
            let help = if path == ROOT_FILE { "a workspace is the folder that contains konta.yml" } else { "" };
            File { value: None, source: None, problems: vec![problem.help(help)] }
        }
    }
}

fn read_text<T>(text: &str, path: &str, rank: u8, build: impl FnOnce(&mut Reader<'_>, &Node) -> Option<T>) -> File<T> {
    let mut source = Source { rank, path: path.to_owned(), text: Arc::from(text) };
    match parse::parse(text) {
        Ok(node) => {
            source.hide(&secret::places(&node));
            let mut reader = Reader::new(text, &source);
            reader.refuse_duplicates(&node);
            let value = build(&mut reader, &node);
            let problems = reader.problems;
            File { value, source: Some(source), problems }
        }
        Err(error) => {
            source.hide(&secret::suspected(text));
            let problem = Problem::at(&source, Code::Syntax, &error.span, "here", error.message).help(error.help);
            File { value: None, source: Some(source), problems: vec![problem] }
        }
    }
}

fn text_of(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => "does not exist".to_owned(),
        ErrorKind::InvalidData => "is not UTF-8 text".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    let found = std::fs::metadata(path).map_err(unreadable)?;
    // Reading a pipe would never end.
    if !found.is_file() {
        let kind = if found.is_dir() { "a folder" } else { "not a regular file" };
        return Err(format!("is {kind}; a manifest is a text file"));
    }
    let length = found.len();
    if length > LARGEST {
        return Err(format!("has {length} bytes; a manifest has at most {LARGEST}"));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

/// The `.yml` files of a folder as path and name, sorted. A folder that does not exist has none.
fn list(root: &Path, folder: &str, problems: &mut Vec<Problem>) -> Vec<(String, String)> {
    let rank = if folder == "environments" { ENVIRONMENT_RANK } else { TENANT_RANK };
    let entries = match std::fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            problems.push(Problem::of(rank, folder, Code::Unreadable, format!("{folder}/ cannot be read: {error}")));
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}/{name}");
        if let Some(stem) = name.strip_suffix(".yml").filter(|stem| !stem.starts_with('.')) {
            found.push((path, stem.to_owned()));
        } else if let Some(stem) = name.strip_suffix(".yaml").filter(|stem| !stem.starts_with('.')) {
            let problem = Problem::of(rank, &path, Code::Unreadable, format!("{path} would be ignored"));
            problems.push(problem.help(format!("konta reads `.yml` files: rename it to {folder}/{stem}.yml")));
        }
    }
    found.sort();
    found
}

/// Reads all tenants; if there are many, on as many threads as there are processors, because each file can be read by
/// itself.
fn read_tenants(workspace: Files<'_>, files: &[(String, String)], known: &Known<'_>) -> Vec<TenantFile> {
    let read_some = |some: &[(String, String)]| -> Vec<TenantFile> {
        some.iter().map(|(path, stem)| read_tenant(workspace, path, stem, known)).collect()
    };
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = processors.min(files.len() / FILES_A_THREAD).clamp(1, 16);
    if threads == 1 {
        return read_some(files);
    }
    std::thread::scope(|scope| {
        let chunks = files.chunks(files.len().div_ceil(threads));
        let running: Vec<_> = chunks.map(|chunk| (chunk, scope.spawn(|| read_some(chunk)))).collect();
        // A thread that panicked has read nothing; reading its files again here raises the same panic.
        running.into_iter().flat_map(|(chunk, thread)| thread.join().unwrap_or_else(|_| read_some(chunk))).collect()
    })
}

fn read_tenant(files: Files<'_>, path: &str, stem: &str, known: &Known<'_>) -> TenantFile {
    read(files, path, TENANT_RANK, |reader, node| {
        let manifest = tenant::read(reader, node, stem)?;
        let hosts = manifest.hosts.iter().map(|entry| (entry.host.clone(), entry.place.clone())).collect();
        let addons = manifest.addons.iter().map(|(addon, place)| (addon.clone(), (*place).clone())).collect();
        Some(TenantParts { tenant: resolve::tenant(reader, manifest, known), hosts, addons })
    })
}

/// What two tenants both claim.
fn clashes(tenants: &[TenantFile]) -> Vec<Problem> {
    let read = || tenants.iter().filter_map(|file| Some((file.value.as_ref()?, file.source.as_ref()?)));
    let hosts =
        read().flat_map(|(parts, source)| parts.hosts.iter().map(move |(host, place)| (host, claim(source, place))));
    let mut problems = clash::hosts(hosts);
    let stacks = read().flat_map(|(parts, source)| {
        let tenant = parts.tenant.as_ref();
        let named = parts.addons.iter().map(|(addon, place)| (addon.to_string(), place.clone()));
        // A dedicated database is an addon that no manifest names.
        let own = tenant.filter(|t| {
            t.database == DatabaseChoice::Dedicated && !t.addons.iter().any(|a| a.as_str() == BUILTIN_ADDON)
        });
        named.chain(own.map(|_| (BUILTIN_ADDON.to_owned(), 0..0))).filter_map(move |(addon, place)| {
            let tenant = tenant?;
            Some((format!("{}-addon-{}-{addon}", tenant.environment, tenant.name), claim(source, &place)))
        })
    });
    problems.extend(clash::addon_stacks(stacks));
    problems
}

fn claim<'s>(source: &'s Source, place: &Span) -> Claim<'s> {
    let name = source.path.trim_start_matches("tenants/").trim_end_matches(".yml");
    Claim { source, place: place.clone(), who: format!("the tenant {name}") }
}
