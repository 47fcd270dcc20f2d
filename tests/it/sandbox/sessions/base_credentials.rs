//! What stands at the bottom of a chain when it is no user's key: each gives its credentials, or says how to get them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::support::sandbox_workspace::{Said, said};

use super::Desk;

fn run(mut command: Command) -> Said {
    said(command.stdin(Stdio::null()).output().unwrap())
}

/// Answers every request with a body, as long as the test runs.
fn serve(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = client.read(&mut request);
            let _ = write!(
                client,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_container_s_role_is_taken_from_where_the_container_says() {
    let desk = Desk::new().await;
    desk.run(&["auth", "login", "--profile", "ada", "--mfa-code", "111111"]).ended_with(0);
    let exported = desk.run(&["auth", "export", "--profile", "deploy", "--format", "credential-process"]).ended_with(0);
    let keys: serde_json::Value = serde_json::from_str(&exported.stdout).unwrap();
    let body = serde_json::json!({
        "AccessKeyId": keys["AccessKeyId"], "SecretAccessKey": keys["SecretAccessKey"], "Token": keys["SessionToken"],
        "Expiration": keys["Expiration"], "RoleArn": "arn:aws:iam::123456789012:role/deploy",
    });
    let mut command = desk.command(&["auth", "status", "-o", "json"]);
    command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", serve(body.to_string()));
    let status: serde_json::Value = serde_json::from_str(&run(command).ended_with(0).stdout).unwrap();
    assert_eq!(status["source"], "the container's role");
    assert_eq!((&status["kind"], &status["mfa"], &status["ends"]), (&"role".into(), &"unknown".into(), &().into()));
    assert_eq!(status["keys_end"], keys["Expiration"]);
}

#[tokio::test]
async fn a_pipeline_s_token_becomes_a_role_without_any_key() {
    let desk = Desk::new().await;
    let iam = aws_sdk_iam::Client::new(&super::root(&desk.world.endpoint()).await);
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"token.actions.githubusercontent.com:sub":"repo:shops/tenants"}}}]}"#;
    iam.update_assume_role_policy().role_name("deploy").policy_document(trust).send().await.unwrap();
    // Of GitHub's issuer for repo:shops/tenants; unsigned, since the sandbox does not look at the signature.
    desk.world.write(
        "token",
        "eyJhbGciOiAibm9uZSJ9.eyJpc3MiOiAiaHR0cHM6Ly90b2tlbi5hY3Rpb25zLmdpdGh1YnVzZXJjb250ZW50LmNvbSIsICJzdWIiOiAicmVwbzpzaG9wcy90ZW5hbnRzIiwgImF1ZCI6ICJzdHMuYW1hem9uYXdzLmNvbSJ9.",
    );
    let mut command = desk.command(&["auth", "status"]);
    command
        .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/deploy")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", desk.world.path().join("token"));
    let status = run(command);
    assert!(status.stdout.contains("assumed-role/deploy"), "{}{}", status.stdout, status.stderr);
    desk.world.write("token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJyZXBvOmtvbnRhIn0.");
    let mut command = desk.command(&["auth", "status"]);
    command
        .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/deploy")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", desk.world.path().join("token"));
    let said = run(command).ended_with(5);
    assert!(
        said.stderr.contains("Not authorized to perform") && said.stderr.contains("trusts its issuer"),
        "{}",
        said.stderr
    );
    let mut command = desk.command(&["auth", "status"]);
    command
        .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/deploy")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", desk.world.path().join("no-token"));
    let said = run(command).ended_with(5);
    assert!(said.stderr.contains("no-token"), "{}", said.stderr);
}

#[tokio::test]
async fn a_browser_s_session_that_is_missing_says_which_command_opens_it() {
    let desk = Desk::new().await;
    desk.write_files(
        "[sso-session shops]\nsso_region = eu-west-1\nsso_start_url = https://shops.awsapps.com/start\n[profile by-sso]\nsso_session = shops\nsso_account_id = 123456789012\nsso_role_name = Deploy\n[profile by-browser]\nregion = eu-west-1\nlogin_session = arn:aws:iam::123456789012:user/ada\n",
    );
    let said = desk.run(&["auth", "status", "--profile", "by-sso"]).ended_with(5);
    assert!(said.stderr.contains("aws sso login --profile by-sso"), "{}", said.stderr);
    let said = desk.run(&["auth", "status", "--profile", "by-browser"]).ended_with(5);
    assert!(said.stderr.contains("aws login --profile by-browser"), "{}", said.stderr);
    let said = desk.run(&["auth", "status"]).ended_with(5);
    assert!(said.stderr.contains("no credentials found"), "{}", said.stderr);
    desk.write_files("[profile broken]\ncredential_process = sh -c 'echo it broke >&2; exit 3'\n");
    let said = desk.run(&["auth", "status", "--profile", "broken"]).ended_with(5);
    assert!(said.stderr.contains("it broke"), "{}", said.stderr);
}

#[tokio::test]
async fn commands_started_together_run_the_program_that_prints_a_code_once() {
    let desk = Desk::new().await;
    let runs = desk.world.path().join("runs");
    let children: Vec<_> = (0..6)
        .map(|_| {
            let mut command = desk.command(&["auth", "exec", "--profile", "deploy", "--", "true"]);
            command.env("KONTA_MFA_PROCESS", format!("echo run >> {}; sleep 1; echo 123123", runs.display()));
            command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(std::fs::read_to_string(&runs).unwrap(), "run\n");
    assert_eq!(desk.asked("GetSessionToken"), 1);
}
