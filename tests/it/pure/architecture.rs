//! The arrows between rooms and between files: a room may use the rooms in its row of the table and no other, and no two files use each
//! other unless one is the other's parent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Room -> the rooms it may use. Data walks manifest -> model -> template -> stack -> deploy -> tenant -> report.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("aws", &[]),
    ("auth", &["aws"]),
    ("sandbox", &[]),
    ("manifest", &["model"]),
    ("template", &["model"]),
    ("stack", &["model", "template"]),
    ("odoo", &["model"]),
    ("cost", &["model", "template", "stack"]),
    ("operation", &["model", "template", "stack", "odoo", "aws"]),
    ("task", &["model", "stack", "odoo", "aws", "operation"]),
    ("deploy", &["model", "template", "stack", "odoo", "aws", "operation", "task"]),
    ("tenant", &["model", "template", "stack", "odoo", "aws", "operation", "task", "deploy"]),
    // Types only; that it never acts is seen in review.
    ("report", &["auth", "model", "template", "stack", "cost", "odoo", "operation", "task", "deploy", "tenant"]),
    (
        "commands",
        &[
            "auth",
            "aws",
            "cost",
            "deploy",
            "manifest",
            "model",
            "odoo",
            "operation",
            "report",
            "sandbox",
            "stack",
            "task",
            "template",
            "tenant",
        ],
    ),
];

/// The files of the AWS SDK's crates: rooms and files that may name them.
const NAMES_AWS_CRATES: &[&str] = &["aws.rs", "aws/", "auth/provider.rs"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Module path (`deploy::plan`) -> its text without comments and without its unit tests.
fn modules() -> BTreeMap<String, String> {
    let mut found = Vec::new();
    files(&source(), &mut found);
    let text = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    let name = |path: &Path| {
        let relative = path.strip_prefix(source()).unwrap().with_extension("");
        relative.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("::")
    };
    found
        .iter()
        .map(|path| (name(path), text(path)))
        .filter(|(name, _)| name != "main" && name != "lib" && !name.ends_with("::tests"))
        .collect()
}

/// The paths that a `use` tree names: `a::{b, c::d}` names `a::b` and `a::c::d`.
fn leaves(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((before, list)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or_default().trim().to_owned()];
    };
    let list = list.rsplit_once('}').map_or(list, |(list, _)| list);
    let (mut parts, mut depth, mut begun) = (Vec::new(), 0_usize, 0);
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[begun..at]);
                begun = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[begun..]);
    let named = parts.into_iter().filter(|part| !part.trim().is_empty());
    named.flat_map(leaves).map(|leaf| format!("{}{leaf}", before.trim())).collect()
}

/// Every path that begins with `crate`, `super` or `self`: in `use` and elsewhere.
fn paths(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("use ") {
        let line = rest[..at].rsplit('\n').next().unwrap_or_default().trim();
        let is_statement = line.is_empty() || (line.starts_with("pub") && !line.contains(' '));
        rest = &rest[at + "use ".len()..];
        if is_statement {
            found.extend(leaves(rest.split(';').next().unwrap_or_default()));
        }
    }
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in text.match_indices(start) {
            let is_within = text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
            if !is_within {
                let path: String =
                    text[at..].chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect();
                found.push(path);
            }
        }
    }
    found
}

/// The file of a path that a module names; `None` where it is another crate's.
fn file_of(module: &str, path: &str, all: &BTreeMap<String, String>) -> Option<String> {
    let mut here: Vec<&str> = module.split("::").collect();
    let mut parts = path.split("::").filter(|part| !part.is_empty()).peekable();
    match *parts.peek()? {
        "crate" => {
            parts.next();
            here.clear();
        }
        "self" => {
            parts.next();
        }
        "super" => {
            while parts.next_if_eq(&"super").is_some() {
                here.pop();
            }
        }
        // A child that its parent names bare.
        child if all.contains_key(&format!("{module}::{child}")) => {}
        _ => return None,
    }
    here.extend(parts);
    (1..=here.len()).rev().map(|length| here[..length].join("::")).find(|name| all.contains_key(name))
}

/// Module -> the modules whose file it uses.
fn uses(all: &BTreeMap<String, String>) -> BTreeMap<String, BTreeSet<String>> {
    all.iter()
        .map(|(module, text)| {
            let used =
                paths(text).into_iter().filter_map(|path| file_of(module, &path, all)).filter(|used| used != module);
            (module.clone(), used.collect())
        })
        .collect()
}

fn room(module: &str) -> &str {
    module.split("::").next().unwrap_or_default()
}

#[test]
fn no_room_uses_one_that_comes_after_it() {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (module, used) in uses(&modules()) {
        let own = room(&module);
        let allowed = arrows.get(own).unwrap_or_else(|| panic!("the room {own} is not in the table"));
        for used in used.iter().filter(|used| room(used) != own && !allowed.contains(&room(used))) {
            wrong.push(format!("{module} uses {used}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Modules that reach each other, each with all that it reaches.
fn circles(uses: &BTreeMap<String, BTreeSet<String>>) -> Vec<BTreeSet<String>> {
    let reached = |from: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(module) = open.pop() {
            for next in uses.get(&module).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        seen
    };
    let reach: BTreeMap<&str, BTreeSet<String>> =
        uses.keys().map(|module| (module.as_str(), reached(module))).collect();
    let mut found: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    for (module, to) in &reach {
        let circle: BTreeSet<String> = to
            .iter()
            .filter(|other| reach.get(other.as_str()).is_some_and(|back| back.contains(*module)))
            .cloned()
            .collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

#[test]
fn no_two_files_use_each_other_but_a_parent_and_its_children() {
    let is_family = |one: &str, other: &str| {
        one.strip_prefix(other).or_else(|| other.strip_prefix(one)).is_some_and(|rest| rest.starts_with("::"))
    };
    let mut uses = uses(&modules());
    for (module, used) in &mut uses {
        used.retain(|used| !is_family(module, used));
    }
    let found = circles(&uses);
    let shown: Vec<String> =
        found.iter().map(|circle| circle.iter().cloned().collect::<Vec<_>>().join(" <-> ")).collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}

#[test]
fn only_the_aws_room_and_the_credentials_provider_name_aws_crates() {
    let mut found = Vec::new();
    files(&source(), &mut found);
    let mut wrong = Vec::new();
    for path in found {
        let relative = path.strip_prefix(source()).unwrap().to_string_lossy().into_owned();
        let allowed = NAMES_AWS_CRATES
            .iter()
            .any(|name| relative == *name || (name.ends_with('/') && relative.starts_with(name)));
        let text = std::fs::read_to_string(&path).unwrap();
        let names =
            ["aws_sdk_", "aws_config::", "aws_smithy_", "aws_credential_types::", "aws_types::", "aws_runtime::"];
        if !allowed && names.iter().any(|name| text.contains(name)) {
            wrong.push(relative);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn a_tree_of_uses_is_taken_apart() {
    assert_eq!(leaves("crate::{a, b::{self, C}}"), ["crate::a", "crate::b::self", "crate::b::C"]);
    let all: BTreeMap<String, String> =
        ["a", "a::x", "b"].map(|name| (name.to_owned(), String::new())).into_iter().collect();
    assert_eq!(file_of("a::x", "super::X", &all).as_deref(), Some("a"));
    assert_eq!(file_of("b", "crate::a::x::Y", &all).as_deref(), Some("a::x"));
    assert_eq!(file_of("a", "x::Y", &all).as_deref(), Some("a::x"));
    assert_eq!(file_of("a", "serde::Serialize", &all), None);
}

#[test]
fn a_circle_of_three_is_found() {
    let uses: BTreeMap<String, BTreeSet<String>> = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]
        .map(|(from, to)| (from.to_owned(), BTreeSet::from([to.to_owned()])))
        .into();
    assert_eq!(circles(&uses), [BTreeSet::from(["a", "b", "c"].map(ToOwned::to_owned))]);
}

#[test]
fn no_file_is_longer_than_four_hundred_lines() {
    let mut found = Vec::new();
    files(&source(), &mut found);
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it"), &mut found);
    let lines = |path: &PathBuf| std::fs::read_to_string(path).unwrap().lines().count();
    let long: Vec<_> = found.iter().map(|path| (path, lines(path))).filter(|(_, lines)| *lines > 400).collect();
    assert!(long.is_empty(), "{long:?}");
}
