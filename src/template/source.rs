//! Where templates come from: embedded in the binary, or the operator's file of the same name in `templates/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::document::Document;
use super::error::TemplateError;

/// The templates konta brings, by name. Each is real CloudFormation and lints as it stands.
const EMBEDDED: &[(&str, &str)] = &[
    ("dns", include_str!("../../templates/dns.yml")),
    ("environment", include_str!("../../templates/environment.yml")),
    ("cell", include_str!("../../templates/cell.yml")),
    ("tenant/dedicated", include_str!("../../templates/tenant/dedicated.yml")),
    ("tenant/pooled", include_str!("../../templates/tenant/pooled.yml")),
    ("addons/aurora", include_str!("../../templates/addons/aurora.yml")),
];

/// Odoo's configuration file, as the container gets it.
pub const ODOO_CONF: &str = include_str!("../../templates/odoo/odoo.conf");
/// The server-wide Odoo module that makes hosts right behind the load balancer: its code.
pub const MODULE_INIT: &str = include_str!("../../templates/odoo/konta_alb/__init__.py");
/// The same module's manifest.
pub const MODULE_MANIFEST: &str = include_str!("../../templates/odoo/konta_alb/__manifest__.py");

/// Every template of a workspace, parsed once.
#[derive(Debug)]
pub struct Sources {
    parsed: BTreeMap<String, Document>,
    patches: BTreeMap<String, (String, json_patch::Patch)>,
}

impl Sources {
    /// Only what is embedded.
    pub fn embedded() -> Result<Self, TemplateError> {
        let mut parsed = BTreeMap::new();
        for (name, text) in EMBEDDED {
            parsed.insert((*name).to_owned(), Document::parse(name, text)?);
        }
        Ok(Self { parsed, patches: BTreeMap::new() })
    }

    /// What is embedded, then the workspace's own: `templates/<name>.yml` in place of an embedded one, `addons/*.yml`, and the
    /// patches in `overrides/*.yml`.
    pub fn of_workspace(root: &Path) -> Result<Self, TemplateError> {
        let mut sources = Self::embedded()?;
        for (name, _) in EMBEDDED {
            let path = root.join("templates").join(format!("{name}.yml"));
            if path.is_file() {
                let shown = format!("templates/{name}.yml");
                sources.parsed.insert((*name).to_owned(), Document::parse(&shown, &read(&path, &shown)?)?);
            }
        }
        for (stem, path) in yaml_files(&root.join("addons"), "addons")? {
            let shown = format!("addons/{stem}.yml");
            sources.parsed.insert(format!("addons/{stem}"), Document::parse(&shown, &read(&path, &shown)?)?);
        }
        for (stem, path) in yaml_files(&root.join("overrides"), "overrides")? {
            let shown = format!("overrides/{stem}.yml");
            let patch = super::overrides::parse(&shown, &read(&path, &shown)?)?;
            sources.patches.insert(stem, (shown, patch));
        }
        Ok(sources)
    }

    /// One template, by name (`cell`, `tenant/dedicated`, `addons/aurora`).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Document> {
        self.parsed.get(name)
    }

    /// The names of all templates.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parsed.keys().map(String::as_str)
    }

    /// The patches for a template or a stack, by the file's name without `.yml`, with the name for errors.
    #[must_use]
    pub fn patch(&self, stem: &str) -> Option<(&str, &json_patch::Patch)> {
        self.patches.get(stem).map(|(shown, patch)| (shown.as_str(), patch))
    }

    /// The names of all patch files, without `.yml`.
    pub fn patch_names(&self) -> impl Iterator<Item = &str> {
        self.patches.keys().map(String::as_str)
    }
}

fn read(path: &Path, shown: &str) -> Result<String, TemplateError> {
    std::fs::read_to_string(path)
        .map_err(|error| TemplateError::Unreadable { name: shown.to_owned(), problem: error.to_string() })
}

/// The `.yml` and `.yaml` files of a folder by stem, in order; none when the folder is absent.
fn yaml_files(folder: &Path, shown: &str) -> Result<BTreeMap<String, PathBuf>, TemplateError> {
    let mut found = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    let unreadable =
        |error: std::io::Error| TemplateError::Unreadable { name: shown.to_owned(), problem: error.to_string() };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let yaml = path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml");
        if let (true, Some(stem)) = (yaml, path.file_stem().and_then(|stem| stem.to_str())) {
            found.insert(stem.to_owned(), path);
        }
    }
    Ok(found)
}
