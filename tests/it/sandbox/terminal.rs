//! At a terminal: questions, the tree, a typed name.

use std::time::Duration;

use expectrl::{Eof, Expect, Session};

use crate::support::sandbox_workspace::World;

fn at_a_terminal(world: &World, arguments: &[&str]) -> expectrl::session::OsSession {
    let mut command = world.command(arguments);
    command.env("TERM", "xterm-256color").env_remove("CI").env_remove("NO_COLOR");
    let mut session = Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(90)));
    session
}

pub fn code(session: &expectrl::session::OsSession) -> i32 {
    use expectrl::process::unix::WaitStatus;
    match session.get_process().wait().unwrap() {
        WaitStatus::Exited(_, code) => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_deployment_asks_draws_its_tree_and_a_deletion_wants_the_name() {
    let world = World::warm();
    let mut session = at_a_terminal(&world, &["deploy", "tenant", "breadfree", "--sandbox"]);
    session.expect("Carry out this plan in the sandbox").unwrap();
    session.send_line("n").unwrap();
    session.expect("nothing was changed").unwrap();
    session.expect(Eof).unwrap();
    assert_eq!(code(&session), 7);
    assert!(!world.calls().iter().any(|call| call.ends_with("ExecuteChangeSet")));

    let mut session = at_a_terminal(&world, &["deploy", "tenant", "breadfree", "--sandbox"]);
    session.expect("Carry out this plan").unwrap();
    session.send_line("y").unwrap();
    session.expect("tenant breadfree").unwrap();
    session.expect("https://breadfree.konta.shop").unwrap();
    session.expect(Eof).unwrap();
    assert_eq!(code(&session), 0);

    let mut session = at_a_terminal(&world, &["delete", "tenant", "breadfree", "--sandbox", "--yes"]);
    session.expect("keep its database").unwrap();
    session.send_line("breadfrei").unwrap();
    session.expect("the name was not typed").unwrap();
    session.expect(Eof).unwrap();
    assert_eq!(code(&session), 7);

    let mut session = at_a_terminal(&world, &["delete", "tenant", "breadfree", "--sandbox"]);
    session.expect("breadfree to continue").unwrap();
    session.send_line("breadfree").unwrap();
    session.expect("breadfree deleted").unwrap();
    session.expect(Eof).unwrap();
    assert_eq!(code(&session), 0);
}

#[test]
fn init_asks_for_what_the_flags_do_not_say_and_writes_a_sound_workspace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_konta"));
    command.args([
        "init",
        path.to_str().unwrap(),
        "--application",
        "bakery",
        "--region",
        "eu-south-2",
        "--tenant",
        "first",
    ]);
    command.env("TERM", "xterm-256color");
    let mut session = Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(20)));
    session.expect("Environment name").unwrap();
    session.send_line("").unwrap();
    session.expect("AWS account").unwrap();
    session.send_line("12").unwrap();
    session.expect("12 digits").unwrap();
    session.send_line("012345678901").unwrap();
    session.expect("Domain").unwrap();
    session.send_line("example.com").unwrap();
    session.expect(Eof).unwrap();
    assert_eq!(code(&session), 0);
    let workspace = konta::manifest::load(&path).unwrap();
    let environment = workspace.environments.values().next().unwrap();
    assert_eq!(environment.account.as_str(), "012345678901");
    assert_eq!(environment.region.as_str(), "eu-south-2");
}

#[test]
fn without_a_terminal_init_names_the_question_it_could_not_ask() {
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_konta"))
        .args(["init", folder.path().to_str().unwrap(), "--application", "bakery", "--environment", "prod"])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&output.stderr).contains("AWS account"));
    assert!(!folder.path().join("konta.yml").exists(), "nothing half done");
    // A name that only the manifests' reader refuses leaves nothing behind either.
    let all =
        ["--application", "bakery", "--environment", "prod", "--account", "123456789012", "--domain", "example.com"];
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_konta"))
        .args(["init", folder.path().to_str().unwrap(), "--region", "eu-west-1", "--tenant", "postgres"])
        .args(all)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(!folder.path().join("konta.yml").exists(), "nothing half done");
}
