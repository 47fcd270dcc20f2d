//! At a terminal: one code for two commands that run side by side, and a question before work starts.

use expectrl::{Eof, Expect};

use crate::sandbox::terminal::code;

use super::Desk;

#[tokio::test]
async fn two_commands_started_together_ask_for_one_code() {
    let desk = Desk::new().await;
    let mut first = desk.at_a_terminal(&["auth", "exec", "--profile", "ada", "--", "echo", "first is in"]);
    first.expect("MFA code of").unwrap();
    let mut second = desk.at_a_terminal(&["auth", "exec", "--profile", "deploy", "--", "echo", "second is in"]);
    second.expect("another konta is asking").unwrap();
    first.send_line("123123").unwrap();
    first.expect("first is in").unwrap();
    first.expect(Eof).unwrap();
    // Had it asked too, it would wait for ever.
    second.expect("second is in").unwrap();
    second.expect(Eof).unwrap();
    assert_eq!((code(&first), code(&second)), (0, 0));
    assert_eq!(desk.asked("GetSessionToken"), 1);
}

#[tokio::test]
async fn two_logins_started_together_ask_for_one_code_too() {
    let desk = Desk::new().await;
    let mut first = desk.at_a_terminal(&["auth", "login", "--profile", "ada"]);
    first.expect("MFA code of").unwrap();
    let mut second = desk.at_a_terminal(&["auth", "login", "--profile", "ada"]);
    second.expect("another konta is asking").unwrap();
    first.send_line("123123").unwrap();
    first.expect("logged in as").unwrap();
    second.expect("logged in as").unwrap();
    first.expect(Eof).unwrap();
    second.expect(Eof).unwrap();
    assert_eq!(desk.asked("GetSessionToken"), 1);
}

#[tokio::test]
async fn a_plan_asks_first_and_a_mistyped_code_is_asked_again_without_asking_aws() {
    let desk = Desk::new().await;
    let mut session = desk.at_a_terminal(&["plan", "env", "prod", "--profile", "ada"]);
    session.expect("MFA code of").unwrap();
    assert_eq!(desk.asked("DescribeStacks"), 0);
    session.send_line("12345").unwrap();
    session.expect("six digits").unwrap();
    session.expect("MFA code of").unwrap();
    session.send_line("123456").unwrap();
    session.expect("AccessDenied").unwrap();
    session.expect(Eof).unwrap();
    assert_eq!(code(&session), 4);
    assert_eq!(desk.asked("GetSessionToken"), 1);
}
