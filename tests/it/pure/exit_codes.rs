//! The exit codes that `konta help exit-codes` and the README list are those that konta ends with.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What konta prints, called in no workspace.
fn printed(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_konta"))
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The table of the README is the one that konta prints. `UPDATE_DOCS=1 cargo test --test it exit_codes` renews it.
#[test]
fn the_readme_lists_the_exit_codes() {
    let rows: Vec<Value> = serde_json::from_str(&printed(&["exit-codes", "--output", "json"])).unwrap();
    assert!(rows.len() > 10, "{rows:?}");
    let mut table = String::new();
    for row in rows {
        writeln!(table, "| {} | {} |", row["exit_code"], row["meaning"].as_str().unwrap()).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let kept = std::fs::read_to_string(&path).unwrap();
    let begin = "| exit code | means |\n|---|---|\n";
    let (before, rest) = kept.split_once(begin).expect("the README has a table of exit codes");
    let (shown, after) = rest.split_once("\n\n").unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{begin}{table}\n{after}")).unwrap();
        return;
    }
    assert!(
        format!("{shown}\n") == table,
        "README.md is out of date: UPDATE_DOCS=1 cargo test --test it exit_codes\n{table}"
    );
}

#[test]
fn help_lists_the_exit_codes_and_still_shows_every_command() {
    let listed = printed(&["help", "exit-codes"]);
    assert!(listed.contains("\n   77  an MFA code is needed, and there is no terminal to ask for it\n"), "{listed}");
    assert!(listed.contains(printed(&["exit-codes"]).trim_end()), "{listed}");
    assert!(printed(&["--help"]).contains("`konta help exit-codes`"));
    assert_eq!(printed(&["help", "deploy", "env"]), printed(&["deploy", "env", "--help"]));
}
