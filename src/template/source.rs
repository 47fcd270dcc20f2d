//! Where templates come from: embedded in the binary, or the operator's file of the same name in `templates/`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::model::{AddonName, nearest};

use super::document::Document;
use super::error::TemplateError;
use super::folder::{self, Found};

/// The templates that are part of konta, by name. Each is real CloudFormation and can be linted as it is.
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
/// The server-wide Odoo module that gives Odoo the visitor's host and routes hosts of a pool to databases: its code.
pub const MODULE_INIT: &str = include_str!("../../templates/odoo/konta_routing/__init__.py");
/// The same module's manifest.
pub const MODULE_MANIFEST: &str = include_str!("../../templates/odoo/konta_routing/__manifest__.py");

/// Every template of a workspace, parsed once.
#[derive(Debug)]
pub struct Sources {
    parsed: BTreeMap<String, Document>,
    patches: BTreeMap<String, (String, json_patch::Patch)>,
}

impl Sources {
    /// Only the embedded templates.
    pub fn embedded() -> Result<Self, TemplateError> {
        let mut parsed = BTreeMap::new();
        for (name, text) in EMBEDDED {
            parsed.insert((*name).to_owned(), Document::parse(name, text)?);
        }
        Ok(Self { parsed, patches: BTreeMap::new() })
    }

    /// The embedded templates, then the workspace's own: `templates/<name>.yml` instead of an embedded one,
    /// `addons/*.yml`, and the patches in `overrides/*.yml`.
    ///
    /// # Errors
    /// Everything wrong in these folders, including files that would never be used.
    pub fn of_workspace(root: &Path) -> Result<Self, TemplateError> {
        let mut sources = Self::embedded()?;
        let mut wrong = Vec::new();
        for file in folder::files(root, "templates", &mut wrong) {
            let embedded = EMBEDDED.iter().any(|(name, _)| *name == file.stem);
            let known = if embedded { Ok(()) } else { Err(replaces_nothing(&file)) };
            let document = known.and_then(|()| Document::parse(&file.shown, &file.read()?));
            keep(&mut sources.parsed, file.stem, document, &mut wrong);
        }
        for file in folder::files(root, "addons", &mut wrong) {
            let document = named_as_an_addon(&file).and_then(|()| Document::parse(&file.shown, &file.read()?));
            keep(&mut sources.parsed, format!("addons/{}", file.stem), document, &mut wrong);
        }
        for file in folder::files(root, "overrides", &mut wrong) {
            let patch = in_no_folder(&file).and_then(|()| super::overrides::parse(&file.shown, &file.read()?));
            let patch = patch.map(|patch| (file.shown, patch));
            keep(&mut sources.patches, file.stem, patch, &mut wrong);
        }
        TemplateError::gathered(wrong)?;
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

fn keep<T>(
    kept: &mut BTreeMap<String, T>,
    name: String,
    read: Result<T, TemplateError>,
    wrong: &mut Vec<TemplateError>,
) {
    match read {
        Ok(value) => drop(kept.insert(name, value)),
        Err(error) => wrong.push(error),
    }
}

fn replaces_nothing(file: &Found) -> TemplateError {
    let names: Vec<&str> = EMBEDDED.iter().map(|(name, _)| *name).collect();
    // `tenant-dedicated.yml` is the name that an override would have.
    let given = file.stem.replacen("tenant-", "tenant/", 1).replacen("addons-", "addons/", 1);
    let nearest = nearest(&given, names.iter().copied());
    let nearest = nearest.map_or_else(String::new, |name| format!("did you mean templates/{name}.yml? "));
    let help = format!("{nearest}konta's templates are {}", names.join(", "));
    folder::unknown(&file.shown, "replaces none of konta's templates", &help)
}

fn named_as_an_addon(file: &Found) -> Result<(), TemplateError> {
    if file.stem.contains('/') {
        let help = format!("addons cannot be in subfolders: did you mean addons/{}.yml?", file.stem.replace('/', "-"));
        return Err(folder::unknown(&file.shown, "would be ignored", &help));
    }
    let named = AddonName::new(&file.stem);
    named.map(drop).map_err(|error| folder::unknown(&file.shown, "has a name that no tenant can use", &error.help))
}

fn in_no_folder(file: &Found) -> Result<(), TemplateError> {
    if !file.stem.contains('/') {
        return Ok(());
    }
    let help =
        format!("overrides cannot be in subfolders: did you mean overrides/{}.yml?", file.stem.replace('/', "-"));
    Err(folder::unknown(&file.shown, "would be ignored", &help))
}
