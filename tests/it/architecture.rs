//! The arrows between rooms: a room may use what stands before it, never what comes after.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Room -> the rooms it may use. Data walks manifest -> model -> template -> stack -> deploy -> report.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("aws", &[]),
    ("auth", &["aws"]),
    ("sandbox", &[]),
    ("manifest", &["model"]),
    ("template", &["model"]),
    ("stack", &["model", "template"]),
    ("odoo", &["model"]),
    ("cost", &["model", "template"]),
    ("deploy", &["model", "template", "stack", "odoo", "aws"]),
    ("life", &["model", "stack", "odoo", "aws", "deploy"]),
    // Types only; that it never acts is seen in review.
    ("report", &["auth", "model", "template", "stack", "cost", "odoo", "deploy", "life"]),
    ("cli", &["commands"]),
    (
        "commands",
        &[
            "auth", "aws", "cli", "cost", "deploy", "life", "manifest", "model", "odoo", "report", "sandbox", "stack",
            "template",
        ],
    ),
];

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

/// Every `crate::room` named in a file, outside comments.
fn rooms_used(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1).map(ToOwned::to_owned).collect::<Vec<_>>())
        .flat_map(|rest| {
            let rest = rest.trim_start();
            if let Some(list) = rest.strip_prefix('{') {
                list.split(['}', ';']).next().unwrap_or_default().split(',').map(first_word).collect::<Vec<_>>()
            } else {
                vec![first_word(rest)]
            }
        })
        .filter(|room| !room.is_empty())
        .collect()
}

fn first_word(text: &str) -> String {
    text.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

#[test]
fn no_room_uses_one_that_comes_after_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut found = Vec::new();
    files(&source, &mut found);
    let mut wrong = Vec::new();
    for path in found {
        let relative = path.strip_prefix(&source).unwrap();
        let room = relative.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
        if room == "main" || room == "lib" {
            continue;
        }
        let allowed = arrows.get(room.as_str()).unwrap_or_else(|| panic!("the room {room} is not in the table"));
        for used in rooms_used(&std::fs::read_to_string(&path).unwrap()) {
            if used != room && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{} uses {used}", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_aws_room_names_the_sdk() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&source, &mut found);
    let wrong: Vec<_> = found
        .into_iter()
        .filter(|path| !path.strip_prefix(&source).unwrap().to_string_lossy().starts_with("aws"))
        .filter(|path| std::fs::read_to_string(path).unwrap().contains("aws_sdk_"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn a_listed_use_is_recognised() {
    assert_eq!(
        rooms_used("use crate::{manifest, sandbox};\n// crate::report\nlet x = crate::stack::Risk::None;"),
        ["manifest", "sandbox", "stack"].map(ToOwned::to_owned).into()
    );
}
