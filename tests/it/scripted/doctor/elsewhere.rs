//! Every other command names the cause too.

use super::{Practice, ROLE, SERIAL, flat, session};
use crate::support::sts_double::{Key, Kind};

const DEPLOY: &str = "[profile deploy]\nregion = eu-west-1\nsource_profile = ada\nrole_arn = ";

#[test]
fn row_2_a_plan_in_cloud9_names_cloud9() {
    let key = Key::of_user("ada").session(Kind::Cloud9);
    let practice = Practice::with(key, &format!("{DEPLOY}{ROLE}")).in_cloud9();
    let said = practice.run(&["plan", "env", "--profile", "deploy"]).ended_with(5);
    insta::assert_snapshot!(practice.steady(&said.stderr));
    let said = practice.run(&["deploy", "env", "--profile", "deploy", "-o", "json"]).ended_with(5);
    let error = said.result();
    assert_eq!(error["code"], "konta::aws");
    assert!(error["help"].as_str().unwrap().contains("Cloud9's managed temporary credentials"), "{error}");
}

#[test]
fn row_1_a_login_in_cloud9_names_cloud9() {
    let key = Key::of_user("ada").session(Kind::Cloud9);
    let practice = Practice::with(key, "").in_cloud9();
    let said = practice.run(&["auth", "login", "--profile", "ada"]).ended_with(5);
    assert!(flat(&said.stderr).contains("Cloud9's managed temporary credentials"), "{}", said.stderr);
}

#[test]
fn row_4_a_login_with_a_session_says_that_it_is_one() {
    let practice = Practice::with(session(true), "");
    let said = practice.run(&["auth", "login", "--profile", "ada"]).ended_with(5);
    assert!(flat(&said.stderr).contains("a session cannot open another"), "{}", said.stderr);
    assert!(flat(&said.stderr).contains("unset `AWS_ACCESS_KEY_ID`"), "{}", said.stderr);
}

#[test]
fn row_5_a_plan_with_a_dead_key_says_whose_it_is() {
    let practice = Practice::with(Key::of_user("ada"), "");
    practice.sts.change(|account| account.keys.clear());
    let said = practice.run(&["plan", "env", "--profile", "ada"]).ended_with(5);
    assert!(flat(&said.stderr).contains("the keys of the profile ada"), "{}", said.stderr);
    assert!(!flat(&said.stderr).contains("Cloud9"), "{}", said.stderr);
}

#[test]
fn row_15_a_plan_without_mfa_where_a_policy_asks_for_it_says_so() {
    let practice = Practice::with(Key { must_use_mfa: true, ..Key::of_user("ada") }, "");
    let said = practice.run(&["plan", "env", "--profile", "ada"]).ended_with(4);
    assert!(flat(&said.stderr).contains("aws:MultiFactorAuthPresent"), "{}", said.stderr);
}

#[test]
fn row_17_the_sdk_corrects_the_clock_for_its_signatures_so_only_the_doctor_names_it() {
    let practice = Practice::with(Key::of_user("ada"), &format!("mfa_serial = {SERIAL}"));
    practice.sts.change(|account| account.ahead = jiff::SignedDuration::from_mins(40));
    let code = practice.sts.code(SERIAL);
    practice.run(&["auth", "login", "--profile", "ada", "--mfa-code", &code]).ended_with(0);
    let said = practice.run(&["doctor", "--profile", "ada"]).ended_with(5);
    assert!(flat(&said.stdout).contains("cause: this machine's clock is 40 minutes behind"), "{}", said.stdout);
}
