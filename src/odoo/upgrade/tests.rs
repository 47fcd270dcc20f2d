use std::path::Path;
use std::process::Command;

use super::*;

fn note() -> Note {
    Note {
        state: State::Former,
        image: "odoo@sha256:1".to_owned(),
        work: "w".to_owned(),
        modules: Vec::new(),
        at: String::new(),
        before: String::new(),
    }
}

#[test]
fn the_swap_keeps_the_former_database_and_the_swap_back_the_upgraded_one() {
    let sql = swap("t", &note()).sql;
    let (away, here) =
        ("ALTER DATABASE \"t\" RENAME TO \"t__former\"", "ALTER DATABASE \"t__upgrade\" RENAME TO \"t\"");
    assert!(sql.find(away).unwrap() < sql.find(here).unwrap(), "{sql}");
    let sql = swap_back("t", &note()).sql;
    let (away, here) = ("ALTER DATABASE \"t\" RENAME TO \"t__failed\"", "ALTER DATABASE \"t__former\" RENAME TO \"t\"");
    assert!(sql.find(away).unwrap() < sql.find(here).unwrap() && !sql.contains("DROP"), "{sql}");
}

#[test]
fn modules_are_upgraded_and_installed_by_one_command() {
    let command = command("t", &["base".into()], &["stock".into(), "mrp".into()]);
    assert!(
        command[2].contains("odoo -d t__upgrade -u base -i stock,mrp --stop-after-init --no-http"),
        "{}",
        command[2]
    );
}

/// Aurora's master user may not end an autovacuum worker: PostgreSQL refuses the whole statement (42501).
#[test]
fn nobody_is_sent_away_who_may_not_be() {
    let ends = clear("t").into_iter().filter(|one| one.sql.contains("pg_terminate_backend"));
    for statement in ends {
        assert!(statement.sql.contains("pg_has_role(usesysid, 'USAGE')"), "{}", statement.sql);
    }
}

#[test]
fn the_same_work_is_found_again_and_no_other() {
    let of = |stack: &str, modules: &str, image: &str, installed: &[String]| {
        started_by(stack, "t", &work("t", &[modules.to_owned()], image), installed)
    };
    let one = of("s", "base", "i", &[]);
    assert_eq!(one, of("s", "base", "i", &[]));
    assert_eq!(one.len(), 36, "{one}");
    assert!(one.starts_with(&started_by_tenant("s", "t")));
    for other in [of("s2", "base", "i", &[]), of("s", "web", "i", &[]), of("s", "base", "i2", &[])] {
        assert_ne!(one, other);
    }
    assert_ne!(one, of("s", "base", "i", &["stock".to_owned()]));
    assert!(
        !of("s2", "base", "i", &[]).starts_with(&started_by_tenant("s", "t")),
        "another tenant's task is left alone"
    );
}

/// Runs the command with an Odoo that writes one file as Odoo does, in a filestore as `before` leaves it.
fn with_files(before: impl Fn(&Path), odoo: &str) -> (std::process::ExitStatus, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("filestore");
    std::fs::create_dir_all(files.join("t/aa")).unwrap();
    std::fs::write(files.join("t/aa/old"), "old").unwrap();
    before(&files);
    let text = command("t", &["base".into()], &[])[2]
        .replace("/var/lib/odoo/filestore", files.to_str().unwrap())
        .replace("odoo -d t__upgrade -u base --stop-after-init --no-http", odoo);
    let status = Command::new("bash").args(["-ec", &text]).current_dir(&files).status().unwrap();
    assert!(!files.join("t__upgrade").exists() || !status.success(), "nothing remains of the copy's folder");
    let mut found: Vec<String> = std::fs::read_dir(files.join("t/aa"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    (status, found)
}

#[test]
fn attachments_of_the_copy_reach_the_database_whatever_stands_in_the_place_of_the_link() {
    let write = "mkdir -p t__upgrade/aa && touch t__upgrade/aa/new";
    assert_eq!(with_files(|_| {}, write).1, ["new", "old"]);
    let real = |files: &Path| {
        std::fs::create_dir_all(files.join("t__upgrade/aa")).unwrap();
        std::fs::write(files.join("t__upgrade/aa/left"), "left").unwrap();
        std::fs::write(files.join("t__upgrade/aa/old"), "old").unwrap();
    };
    let (status, found) = with_files(real, write);
    assert!(status.success());
    assert_eq!(found, ["left", "new", "old"]);
    // Another task removed the link meanwhile.
    let (status, found) = with_files(|_| {}, &format!("rm t__upgrade && {write}"));
    assert!(status.success());
    assert_eq!(found, ["new", "old"]);
    assert_eq!(with_files(|_| {}, "exit 3").0.code(), Some(3), "Odoo's failure is the task's failure");
}
