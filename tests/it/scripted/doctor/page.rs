//! docs/doctor.md is the code's own table.

use std::fmt::Write as _;
use std::path::Path;

use konta::auth::diagnosis::ROWS;

const BEGIN: &str = "<!-- rows: written by a test, UPDATE_DOCS=1 -->\n";
const END: &str = "<!-- end of rows -->";

/// How a row is proved: with the binary against a double of STS, or on the diagnosis alone.
const PROVED: &[(u8, &str)] = &[(12, "unit: konta always sends both"), (19, "unit: the names are other services'")];

fn cell(text: &str) -> String {
    let mut shown = text.replace('|', "\\|");
    for (word, name) in [
        ("{key}", "KEY"),
        ("{source}", "SOURCE"),
        ("{region}", "REGION"),
        ("{serial}", "SERIAL"),
        ("{account}", "ACCOUNT"),
        ("{user}", "USER"),
        ("{offset}", "behind or ahead"),
        ("{marks}", "there are signs of Cloud9"),
        ("{operation}", "the call"),
        ("{mfa}", "yes or no"),
    ] {
        shown = shown.replace(word, name);
    }
    assert!(!shown.contains('{'), "{shown}");
    shown
}

fn rows() -> String {
    let mut text =
        String::from("| # | what AWS says | cause | distinguished by | fix | proved |\n|---|---|---|---|---|---|\n");
    for row in ROWS {
        let proved = PROVED.iter().find(|(number, _)| *number == row.number).map_or("with the binary", |(_, how)| how);
        let fix = row.fix.iter().map(|line| cell(line)).collect::<Vec<_>>().join("<br>");
        let (symptom, cause, told) = (cell(row.symptom), cell(row.cause), cell(row.told));
        writeln!(text, "| {} | {symptom} | {cause} | {told} | {fix} | {proved} |", row.number).unwrap();
    }
    text
}

#[test]
fn the_page_says_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let wanted = format!("{before}{BEGIN}{}{END}{after}", rows());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), wanted, "run UPDATE_DOCS=1 cargo test --test it doctor::page");
}

#[test]
fn every_row_that_the_page_calls_proved_with_the_binary_has_such_a_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scripted/doctor");
    let tests: String =
        ["rows.rs", "elsewhere.rs"].iter().map(|file| std::fs::read_to_string(folder.join(file)).unwrap()).collect();
    for row in ROWS {
        let unit = PROVED.iter().any(|(number, _)| *number == row.number);
        assert_eq!(tests.contains(&format!("fn row_{}_", row.number)), !unit, "row {}", row.number);
    }
}
