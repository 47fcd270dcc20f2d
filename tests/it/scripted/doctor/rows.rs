//! Each row of the table that can be provoked, provoked; the doctor's text is kept.

use jiff::SignedDuration;

use super::{Practice, ROLE, SERIAL, session, ten_minutes};
use crate::support::sts_double::{Key, Kind};

/// The lines from the failed check on.
#[track_caller]
fn keeps(row: &str, said: &str) {
    assert!(said.contains("✗"), "{said}");
    insta::assert_snapshot!(format!("row_{row}"), said);
}

fn cloud9() -> Key {
    Key::of_user("ada").session(Kind::Cloud9)
}

#[test]
fn row_1_cloud9s_managed_credentials_are_named_and_not_the_key() {
    let practice = Practice::with(cloud9(), "").in_cloud9();
    let said = practice.doctor(&[], 5);
    assert!(said.contains("these are Cloud9's managed"), "{said}");
    keeps("01", &said);
}

#[test]
fn row_1_without_any_sign_the_answers_alone_tell_cloud9() {
    let practice = Practice::with(cloud9(), "");
    let said = practice.doctor(&[], 5);
    assert!(said.contains("these are Cloud9's"), "{said}");
}

#[test]
fn row_1_any_other_session_in_a_cloud9_terminal_is_not_taken_for_cloud9s() {
    let practice = Practice::with(session(true), "").in_cloud9();
    let said = practice.doctor(&[], 0);
    assert!(said.contains("yes, with your own credentials"), "{said}");
}

#[test]
fn row_3_a_session_without_mfa_is_told_by_iam() {
    let practice = Practice::with(session(false), "");
    keeps("03", &practice.doctor(&[], 5));
}

#[test]
fn row_5_a_key_that_aws_does_not_know() {
    let practice = Practice::with(Key::of_user("ada"), "");
    practice.sts.change(|account| account.keys.clear());
    keeps("05", &practice.doctor(&[], 5));
    let regions: Vec<_> = practice.sts.asked().into_iter().map(|asked| asked.region).collect();
    assert_eq!(regions, ["eu-west-1", "us-east-1"]);
}

#[test]
fn row_6_a_key_and_a_token_that_do_not_fit_are_told_without_a_call() {
    let practice = Practice::with(Key::of_user("ada"), "");
    practice.keys("aws_access_key_id = ASIADOUBLE0000000ADA\naws_secret_access_key = a-secret\n");
    keeps("06", &practice.doctor(&[], 5));
    practice
        .keys("aws_access_key_id = AKIADOUBLE0000000ADA\naws_secret_access_key = a-secret\naws_session_token = old\n");
    assert!(practice.doctor(&[], 5).contains("left over"));
    assert!(practice.sts.asked().is_empty());
}

#[test]
fn row_7_a_region_that_does_not_take_the_session() {
    let practice = Practice::with(Key { not_in: Some("eu-west-1"), ..session(true) }, "");
    keeps("07", &practice.doctor(&[], 5));
}

#[test]
fn row_8_a_region_where_sts_is_switched_off() {
    let practice = Practice::with(Key::of_user("ada"), &format!("mfa_serial = {SERIAL}"));
    practice.sts.change(|account| account.disabled = ["eu-west-1"].into());
    let code = practice.sts.code(SERIAL);
    keeps("08", &practice.doctor(&["--mfa-code", &code], 5));
}

#[test]
fn row_9_a_session_that_has_ended() {
    let practice = Practice::with(Key { expired: true, ..session(true) }, "");
    keeps("09", &practice.doctor(&[], 5));
}

#[test]
fn row_10_a_wrong_code() {
    let practice = Practice::with(Key::of_user("ada"), &format!("mfa_serial = {SERIAL}"));
    // A code of an hour ago; the device may show it again once in a million runs.
    let old = crate::support::sts_double::code(SERIAL, jiff::Timestamp::now() - SignedDuration::from_hours(1));
    keeps("10", &practice.doctor(&["--mfa-code", &old], 5));
}

#[test]
fn row_11_a_device_of_somebody_else() {
    let practice = Practice::with(Key::of_user("ada"), "mfa_serial = arn:aws:iam::123456789012:mfa/eve");
    keeps("11", &practice.doctor(&["--mfa-code", "123456"], 5));
}

#[test]
fn row_13_a_code_that_is_none_is_not_sent() {
    let practice = Practice::with(Key::of_user("ada"), &format!("mfa_serial = {SERIAL}"));
    keeps("13", &practice.doctor(&["--mfa-code", "12345"], 5));
    assert!(!practice.sts.actions().contains(&"GetSessionToken".to_owned()));
}

#[test]
fn row_14_a_role_that_asks_for_mfa_which_no_profile_names() {
    let deploy = format!("[profile deploy]\nregion = eu-west-1\nrole_arn = {ROLE}\nsource_profile = ada");
    let practice = Practice::with(Key::of_user("ada"), &deploy);
    let said = practice.run(&["doctor", "--profile", "deploy"]).ended_with(5);
    keeps("14", &practice.steady(&said.stdout));
}

#[test]
fn row_15_a_policy_that_asks_for_mfa() {
    let practice = Practice::with(Key { must_use_mfa: true, ..Key::of_user("ada") }, "");
    keeps("15", &practice.doctor(&[], 5));
}

#[test]
fn row_15_with_a_code_the_same_policy_is_content() {
    let practice = Practice::with(Key { must_use_mfa: true, ..Key::of_user("ada") }, &format!("mfa_serial = {SERIAL}"));
    let code = practice.sts.code(SERIAL);
    assert!(practice.doctor(&["--mfa-code", &code], 0).contains("✓ stacks"));
}

#[test]
fn row_16_a_duration_that_the_role_does_not_allow() {
    let deploy = format!(
        "[profile deploy]\nregion = eu-west-1\nrole_arn = {ROLE}\nsource_profile = ada\nduration_seconds = 7200\nmfa_serial = {SERIAL}"
    );
    let practice = Practice::with(Key::of_user("ada"), &deploy);
    let code = practice.sts.code(SERIAL);
    let said = practice.run(&["doctor", "--profile", "deploy", "--mfa-code", &code]).ended_with(5);
    keeps("16", &practice.steady(&said.stdout));
}

#[test]
fn row_17_a_clock_ten_minutes_off_is_named() {
    let practice = Practice::with(Key::of_user("ada"), "");
    practice.sts.change(|account| account.ahead = ten_minutes());
    let said = practice.doctor(&[], 5);
    keeps("17", &said);
    practice.sts.change(|account| account.ahead = -ten_minutes());
    assert!(practice.doctor(&[], 5).contains("10 minutes ahead"));
}

#[test]
fn row_17_a_clock_so_far_off_that_every_signature_is_refused_is_named_too() {
    let practice = Practice::with(Key::of_user("ada"), "");
    practice.sts.change(|account| account.ahead = SignedDuration::from_hours(3));
    assert!(practice.doctor(&[], 5).contains("this machine's clock is 3 hours behind"));
}

#[test]
fn row_17_a_clock_two_minutes_off_is_a_note() {
    let practice = Practice::with(Key::of_user("ada"), "");
    practice.sts.change(|account| account.ahead = SignedDuration::from_secs(130));
    assert!(practice.doctor(&[], 0).contains("! clock     this machine's clock is 2 minutes behind"));
}

#[test]
fn row_18_a_secret_of_another_key() {
    let practice = Practice::with(Key { wrong_secret: true, ..Key::of_user("ada") }, "");
    keeps("18", &practice.doctor(&[], 5));
}

#[test]
fn row_20_no_terminal_and_no_code() {
    let practice = Practice::with(Key::of_user("ada"), &format!("mfa_serial = {SERIAL}"));
    keeps("20", &practice.doctor(&[], 5));
}

#[test]
fn row_21_a_device_that_shows_no_codes() {
    let practice = Practice::with(Key::of_user("ada"), "mfa_serial = arn:aws:iam::123456789012:u2f/user/ada/yubi");
    keeps("21", &practice.doctor(&["--mfa-code", "123456"], 5));
}
