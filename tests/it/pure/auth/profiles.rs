//! A table of profiles (`profiles/*/`) with botocore's recorded answers.
//!
//! Each folder has the two files, what is asked (`asked.json`) and what botocore answered (`botocore.json`). After a change,
//! `UPDATE_BOTOCORE=1 cargo test --test it auth::` records anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::botocore::{Asked, Botocore, told};

/// One line of the table.
struct Row {
    folder: String,
    asked: Asked,
    /// Why konta differs on purpose.
    differs: Option<String>,
}

impl Row {
    fn name(&self) -> String {
        let profile = self.asked.profile.as_deref().unwrap_or("no profile");
        let variables: Vec<String> =
            self.asked.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}: {profile} {}", self.folder, variables.join(" ")).trim_end().to_owned()
    }
}

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/pure/auth/profiles");
    let mut folders: Vec<_> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

fn rows(folder: &Path) -> Vec<Row> {
    let bytes = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let asked: Vec<Value> = serde_json::from_slice(&bytes("asked.json")).unwrap();
    let row = |asked: Value| Row {
        folder: folder.file_name().unwrap().to_string_lossy().into_owned(),
        asked: Asked {
            config: bytes("config"),
            credentials: bytes("credentials"),
            profile: asked["profile"].as_str().map(ToOwned::to_owned),
            environment: serde_json::from_value(asked.get("environment").cloned().unwrap_or(json!({}))).unwrap(),
        },
        differs: asked["differs"].as_str().map(ToOwned::to_owned),
    };
    asked.into_iter().map(row).collect()
}

fn recorded(folder: &Path) -> Vec<Value> {
    serde_json::from_slice(&std::fs::read(folder.join("botocore.json")).unwrap()).unwrap()
}

/// konta's answer; an error as its code, message and help.
fn answer(asked: &Asked) -> Value {
    match asked.konta() {
        Ok((files, chain)) => told(&files, &chain),
        Err(error) => {
            use miette::Diagnostic;
            let text = |text: Option<Box<dyn std::fmt::Display + '_>>| text.map(|text| text.to_string());
            json!({"error": error.to_string(), "code": text(error.code()), "help": text(error.help())})
        }
    }
}

fn agree(konta: &Value, botocore: &Value) -> bool {
    if botocore.get("error").is_some() { konta.get("error").is_some() } else { konta == botocore }
}

#[test]
fn konta_resolves_every_profile_of_the_table_as_botocore_does() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for folder in folders() {
        for (row, botocore) in rows(&folder).into_iter().zip(recorded(&folder)) {
            let konta = answer(&row.asked);
            if agree(&konta, &botocore) == row.differs.is_some() {
                wrong.push(format!("{}\n  konta    {konta}\n  botocore {botocore}", row.name()));
            }
            compared += usize::from(row.differs.is_none());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared >= 100, "only {compared} profiles are compared");
}

#[test]
fn the_differences_are_those_that_are_meant() {
    let mut told = String::new();
    for folder in folders() {
        for (row, botocore) in rows(&folder).into_iter().zip(recorded(&folder)) {
            if let Some(why) = &row.differs {
                let konta = answer(&row.asked);
                let _ = write!(told, "{}\n  why      {why}\n  konta    {konta}\n  botocore {botocore}\n", row.name());
            }
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn every_refusal_names_its_place_and_the_way_out() {
    let mut told = String::new();
    for folder in folders() {
        for row in rows(&folder) {
            let konta = answer(&row.asked);
            if let (Some(error), Some(help)) = (konta["error"].as_str(), konta["help"].as_str()) {
                let _ = write!(told, "{}\n  {error}\n  {help}\n", row.name());
            } else {
                assert!(konta.get("error").is_none(), "no help: {konta}");
            }
        }
    }
    for secret in ["secret", "wJalr"] {
        let shown =
            told.lines().filter(|line| line.starts_with("  ")).find(|line| line.contains(&format!("/{secret}")));
        assert_eq!(shown, None, "a secret is shown");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn the_recorded_answers_are_botocores() {
    let mut wrong = Vec::new();
    let table: Vec<_> = folders().into_iter().map(|folder| (rows(&folder), folder)).collect();
    let questions: Vec<Asked> = table.iter().flat_map(|(rows, _)| rows.iter().map(|row| row.asked.clone())).collect();
    let mut answers = Botocore::start().answers(&questions).into_iter();
    for (rows, folder) in table {
        let fresh: Vec<Value> = answers.by_ref().take(rows.len()).collect();
        if std::env::var_os("UPDATE_BOTOCORE").is_some() {
            let lines: Vec<String> = fresh.iter().map(|answer| format!("  {answer}")).collect();
            std::fs::write(folder.join("botocore.json"), format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
        } else if fresh != recorded(&folder) {
            wrong.push(folder.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "botocore answers otherwise than is recorded in {}", wrong.join(", "));
}
