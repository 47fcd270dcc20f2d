//! Codes and devices that AWS refuses: when another code is asked for, and when it would not help.

use std::process::Stdio;

use expectrl::{Eof, Expect};

use crate::sandbox::terminal::code;
use crate::support::sandbox_workspace::said;

use super::Desk;
use crate::support::mfa_front::{Front, WRONG_CODE, WRONG_SERIAL};

/// Takes one code alone.
fn only(right: &'static str) -> impl Fn(&str) -> Option<(&'static str, &'static str)> + Send + Sync {
    move |form| (form.contains("TokenCode=") && !form.contains(right)).then_some(WRONG_CODE)
}

#[tokio::test]
async fn a_wrong_code_is_asked_again_at_a_terminal_three_times_at_most() {
    let desk = Desk::new().await;
    let front = Front::before(&desk.world.endpoint(), only("424242"));
    let login = ["auth", "login", "--profile", "ada"];
    let mut session = desk.at_a_terminal_before(&login, &front.endpoint);
    for wrong in ["111111", "222222"] {
        session.expect("MFA code of").unwrap();
        session.send_line(wrong).unwrap();
        session.expect("AWS refused this code").unwrap();
    }
    session.expect("MFA code of").unwrap();
    session.send_line("424242").unwrap();
    session.expect("logged in as").unwrap();
    session.expect(Eof).unwrap();
    assert_eq!((code(&session), front.refused(), front.asked("GetSessionToken")), (0, 2, 3));

    let mut session = desk.at_a_terminal_before(&login, &front.endpoint);
    for (wrong, then) in
        [("333333", "refused this code"), ("444444", "refused this code"), ("555555", "AWS refuses the code")]
    {
        session.expect("MFA code of").unwrap();
        session.send_line(wrong).unwrap();
        session.expect(then).unwrap();
    }
    session.expect("resynchronise").unwrap();
    session.expect(Eof).unwrap();
    assert_eq!((code(&session), front.refused()), (5, 5));
}

#[tokio::test]
async fn a_given_code_that_is_wrong_is_not_tried_again() {
    let desk = Desk::new().await;
    let front = Front::before(&desk.world.endpoint(), only("424242"));
    let mut command = desk.command(&["auth", "login", "--profile", "ada", "--mfa-code", "111111"]);
    let said = said(command.env("AWS_ENDPOINT_URL", &front.endpoint).output().unwrap()).ended_with(5);
    assert!(said.stderr.contains("wait for the device's next code"), "{}", said.stderr);
    assert_eq!(front.asked("GetSessionToken"), 1);
}

#[tokio::test]
async fn a_wrong_device_is_never_asked_again_and_the_right_one_is_named() {
    let desk = Desk::new().await;
    let front = Front::before(&desk.world.endpoint(), |form| form.contains("TokenCode=").then_some(WRONG_SERIAL));
    let mut session = desk.at_a_terminal_before(&["auth", "login", "--profile", "ada"], &front.endpoint);
    session.expect("MFA code of").unwrap();
    session.send_line("111111").unwrap();
    session.expect("a new code would not help").unwrap();
    session.expect(Eof).unwrap();
    assert_eq!((code(&session), front.asked("GetSessionToken")), (5, 1));
    desk.write_files("");
    let config = desk.world.path().join("aws/config");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace(":mfa/", ":u2f/user/")).unwrap();
    let said = desk.run(&["auth", "login", "--profile", "ada", "--mfa-code", "222222"]).ended_with(5);
    assert!(said.stderr.contains("shows no codes") && said.stderr.contains("aws login"), "{}", said.stderr);
}

#[tokio::test]
async fn a_session_from_elsewhere_gives_its_code_to_the_role_where_the_role_asks_for_one() {
    let desk = Desk::new().await;
    desk.run(&["auth", "login", "--profile", "ada", "--mfa-code", "111111"]).ended_with(0);
    let exported = desk.run(&["auth", "export", "--profile", "ada", "--format", "credential-process"]).ended_with(0);
    let keys: serde_json::Value = serde_json::from_str(&exported.stdout).unwrap();
    let text = |name: &str| keys[name].as_str().unwrap().to_owned();
    desk.world.write(
        "aws/credentials",
        &format!(
            "[ada]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n",
            text("AccessKeyId"),
            text("SecretAccessKey"),
            text("SessionToken")
        ),
    );
    let front = Front::before(&desk.world.endpoint(), |form| {
        let bare = form.contains("Action=AssumeRole&") && !form.contains("TokenCode=");
        bare.then_some(("AccessDenied", "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/deploy"))
    });
    let status = |arguments: &[&str]| {
        let mut command = desk.command(arguments);
        said(command.env("AWS_ENDPOINT_URL", &front.endpoint).stdin(Stdio::null()).output().unwrap())
    };
    status(&["auth", "export", "--format", "env", "--profile", "deploy"]).ended_with(77);
    let login = status(&["auth", "login", "--profile", "deploy", "--mfa-code", "222222"]).ended_with(0);
    assert!(login.stderr.contains("assumed-role/deploy"), "{}", login.stderr);
    // Kept: the next command needs no code.
    status(&["auth", "status", "--profile", "deploy"]).ended_with(0);
    assert_eq!(front.asked("GetSessionToken"), 0);
    // The session itself cannot open another.
    let said = status(&["auth", "login", "--profile", "ada", "--mfa-code", "333333"]).ended_with(5);
    assert!(said.stderr.contains("already a session"), "{}", said.stderr);
}

#[tokio::test]
async fn keys_that_aws_does_not_know_are_told_before_anybody_looks_for_the_device() {
    let desk = Desk::new().await;
    let written = "[ada]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n";
    desk.world.write("aws/credentials", written);
    let mut session = desk.at_a_terminal_before(&["auth", "login", "--profile", "ada"], &desk.world.endpoint());
    session.expect("InvalidClientTokenId").unwrap();
    session.expect(Eof).unwrap();
    assert_eq!(code(&session), 5);
    // Nothing listens there: that is the network's fault, not the credentials'.
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = desk.command(&["auth", "login", "--profile", "ada", "--mfa-code", "111111"]);
    let said = said(command.env("AWS_ENDPOINT_URL", format!("http://{nowhere}")).output().unwrap());
    said.ended_with(4);
}
