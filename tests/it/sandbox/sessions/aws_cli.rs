//! Other tools with konta's session: the AWS CLI through `credential_process`, programs through `exec`, shells through `export`.

use std::process::{Command, Stdio};

use crate::support::sandbox_workspace::said;

use super::{Desk, aws_cli};

#[tokio::test]
async fn the_aws_cli_gets_its_identity_through_credential_process() {
    let desk = Desk::new().await;
    let konta = env!("CARGO_BIN_EXE_konta");
    desk.write_files(&format!(
        "[profile by-konta]\nregion = eu-west-1\ncredential_process = {konta} auth export --format credential-process --profile deploy\n"
    ));
    let identity = |code: i32| {
        let mut command = Command::new(aws_cli());
        desk.surround(&mut command);
        for name in ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
            command.env_remove(name);
        }
        command.args(["sts", "get-caller-identity", "--profile", "by-konta", "--output", "json"]);
        let said = said(command.stdin(Stdio::null()).output().unwrap());
        assert_eq!(said.code == 0, code == 0, "{}{}", said.stdout, said.stderr);
        said
    };
    // Without a session konta does not ask, and the AWS CLI shows what it says.
    let refused = identity(1);
    assert!(refused.stderr.contains("MFA code"), "{}", refused.stderr);
    desk.run(&["auth", "login", "--profile", "deploy", "--mfa-code", "111111"]).ended_with(0);
    let answer: serde_json::Value = serde_json::from_str(&identity(0).stdout).unwrap();
    assert_eq!(answer["Arn"], "arn:aws:sts::123456789012:assumed-role/deploy/konta");
    // konta itself takes the same profile, by the same program.
    let status = desk.run(&["auth", "status", "--profile", "by-konta", "-o", "json"]).ended_with(0);
    assert!(status.stdout.contains("assumed-role/deploy/konta"), "{}", status.stdout);
}

#[tokio::test]
async fn a_program_takes_konta_s_place_with_the_session_in_its_environment() {
    let desk = Desk::new().await;
    desk.run(&["auth", "login", "--profile", "ada", "--mfa-code", "111111"]).ended_with(0);
    let mut command = desk.command(&["auth", "exec", "--profile", "ada", "--", "sh", "-c", "env; exit 42"]);
    command.env("AWS_PROFILE", "ada").env("KONTA_MFA_CODE", "222222");
    let said = said(command.output().unwrap()).ended_with(42);
    let has = |start: &str| said.stdout.lines().any(|line| line.starts_with(start));
    for name in
        ["AWS_ACCESS_KEY_ID=ASIA", "AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN=", "AWS_CREDENTIAL_EXPIRATION=20"]
    {
        assert!(has(name), "{name}: {}", said.stdout);
    }
    assert!(has("AWS_REGION=eu-west-1"));
    assert!(!has("AWS_PROFILE=") && !has("KONTA_MFA_CODE="), "{}", said.stdout);
    desk.run(&["auth", "exec", "--profile", "ada", "--", "no-such-program"]).ended_with(127);
    let shell = desk.run(&["auth", "export", "--profile", "ada", "--format", "env"]).ended_with(0);
    let mut command = Command::new("sh");
    desk.surround(&mut command);
    command.args(["-c", &format!("{}\n exec {} auth status -o json", shell.stdout, env!("CARGO_BIN_EXE_konta"))]);
    let said = crate::support::sandbox_workspace::said(command.output().unwrap()).ended_with(0);
    assert!(said.stdout.contains("user/ada") && said.stdout.contains("the environment's keys"), "{}", said.stdout);
}

#[tokio::test]
async fn a_profile_whose_program_asks_konta_for_the_same_profile_is_refused() {
    let desk = Desk::new().await;
    let export = format!("{} auth export --format credential-process", env!("CARGO_BIN_EXE_konta"));
    desk.write_files(&format!(
        "[profile ring]\ncredential_process = {export}\n[profile one]\ncredential_process = {export} --profile two\n[profile two]\ncredential_process = {export} --profile one\n"
    ));
    let mut command = desk.command(&["auth", "status"]);
    let said = said(command.env("AWS_PROFILE", "ring").output().unwrap()).ended_with(5);
    assert!(said.stderr.contains("would never end"), "{}", said.stderr);
    let said = desk.run(&["auth", "status", "--profile", "one"]).ended_with(5);
    assert!(said.stderr.contains("would never end"), "{}", said.stderr);
}
