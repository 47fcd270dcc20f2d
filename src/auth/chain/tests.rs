use std::collections::BTreeMap;

use crate::auth::surroundings::Surroundings;

use super::super::files::Files;
use super::{Base, Chain, ChainError, resolve};

const USER: &str = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalr/secret\n";
const ROLE: &str = "role_arn = arn:aws:iam::123456789012:role/One\nsource_profile = user\n";

fn around(variables: &[(&str, &str)]) -> Surroundings {
    let variables: BTreeMap<_, _> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Surroundings { variables, home: None }
}

fn chain(config: &str, asked: Option<&str>, variables: &[(&str, &str)]) -> Chain {
    resolve(&Files::of(config.as_bytes(), b"").unwrap(), asked, &around(variables)).unwrap()
}

fn refused(config: &str, asked: &str) -> ChainError {
    resolve(&Files::of(config.as_bytes(), b"").unwrap(), Some(asked), &around(&[])).unwrap_err()
}

#[test]
fn the_serial_of_the_role_comes_before_that_of_its_source() {
    let config = format!("[profile user]\nmfa_serial = at-user\n{USER}[profile a]\nmfa_serial = at-role\n{ROLE}");
    let found = chain(&config, Some("a"), &[("AWS_MFA_SERIAL", "variable")]);
    assert_eq!(found.roles[0].mfa_serial.as_deref(), Some("at-role"));
    assert_eq!(found.mfa_serial.as_deref(), Some("at-user"));
}

#[test]
fn the_serial_may_stand_at_the_source_or_in_a_variable() {
    let at_user = format!("[profile user]\nmfa_serial = at-user\n{USER}[profile a]\n{ROLE}");
    let found = chain(&at_user, Some("a"), &[("KONTA_MFA_SERIAL", "variable")]);
    assert_eq!(found.roles[0].mfa_serial.as_deref(), Some("at-user"));

    let nowhere = format!("[profile user]\n{USER}[profile a]\n{ROLE}");
    let both = [("AWS_MFA_SERIAL", "other"), ("KONTA_MFA_SERIAL", "konta")];
    for (variables, serial) in [(&both[..], Some("konta")), (&both[..1], Some("other")), (&[], None)] {
        let found = chain(&nowhere, Some("a"), variables);
        assert_eq!(found.roles[0].mfa_serial.as_deref(), serial);
        assert_eq!(found.mfa_serial.as_deref(), serial);
        assert_eq!(chain(&nowhere, Some("user"), variables).mfa_serial.as_deref(), serial);
    }
}

#[test]
fn a_variable_gives_no_device_to_a_session_or_a_machine() {
    let config = "[profile s]\naws_access_key_id = ASIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\naws_session_token = y\n\
                  [profile m]\nrole_arn = arn:aws:iam::123456789012:role/One\ncredential_source = Ec2InstanceMetadata\n";
    for profile in ["s", "m"] {
        assert_eq!(chain(config, Some(profile), &[("AWS_MFA_SERIAL", "variable")]).mfa_serial, None, "{profile}");
    }
}

#[test]
fn a_role_on_a_role_takes_no_device_of_its_source() {
    let config = format!(
        "[profile user]\n{USER}[profile a]\nmfa_serial = device\n{ROLE}\
         [profile b]\nrole_arn = arn:aws:iam::123456789012:role/Two\nsource_profile = a\n"
    );
    let found = chain(&config, Some("b"), &[]);
    let serials: Vec<_> = found.roles.iter().map(|role| role.mfa_serial.as_deref()).collect();
    assert_eq!(serials, [Some("device"), None]);
    assert_eq!(found.passed, ["b", "a", "user"]);
    assert_eq!(found.mfa_serial.as_deref(), Some("device"));
}

#[test]
fn the_program_for_codes_is_that_of_the_first_profile_that_has_one() {
    let config = format!("[profile user]\nmfa_process = ykman\n{USER}[profile a]\n{ROLE}");
    assert_eq!(chain(&config, Some("a"), &[]).mfa_process.as_deref(), Some("ykman"));
}

#[test]
fn the_profile_is_named_when_it_decided() {
    let config = format!("[default]\nregion = eu-west-1\n{USER}");
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "x")];
    assert_eq!(chain(&config, None, &[]).profile.as_deref(), Some("default"));
    let found = chain(&config, None, &keys);
    assert_eq!((found.profile, found.region.as_deref()), (None, Some("eu-west-1")));
    assert_eq!(chain("", None, &[]).profile, None);
    assert!(matches!(chain("", None, &[]).base, Base::Instance));
}

#[test]
fn the_end_of_an_environments_session_is_kept() {
    let variables = [
        ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_SESSION_TOKEN", "y"),
        ("AWS_CREDENTIAL_EXPIRATION", "2026-11-24T12:00:00+01:00"),
    ];
    let Base::Environment(keys) = chain("", None, &variables).base else { panic!("not the environment") };
    assert_eq!(keys.expiration, Some("2026-11-24T11:00:00Z".parse().unwrap()));
}

#[test]
fn an_empty_key_and_an_empty_command_are_refused_with_their_place() {
    let half = "[profile a]\naws_access_key_id =\naws_secret_access_key = wJalr/secret\n";
    assert_eq!(refused(half, "a").to_string(), "config:2 [a] has `aws_access_key_id` but no value for it");
    let none = "[profile a]\ncredential_process =\n";
    assert_eq!(refused(none, "a").to_string(), "config:2: `credential_process` is empty");
    let block = "[profile a]\nrole_arn =\n  x = y\n";
    assert_eq!(refused(block, "a").to_string(), "config:2: `role_arn` is followed by a block of settings");
}

#[test]
fn a_ring_is_named_with_its_path() {
    let ring = |profile: &str, source: &str| {
        format!("[profile {profile}]\nrole_arn = arn:aws:iam::123456789012:role/One\nsource_profile = {source}\n")
    };
    let config = [ring("a", "b"), ring("b", "c"), ring("c", "b")].concat();
    assert_eq!(
        refused(&config, "a").to_string(),
        "the profiles name each other as `source_profile` in a cycle: a -> b -> c -> b"
    );
}

#[test]
fn a_name_that_is_nearly_right_is_answered_with_the_right_one() {
    use miette::Diagnostic;
    let config = "[profile production]\n[profile staging]\n";
    let help = |name| refused(config, name).help().unwrap().to_string();
    assert_eq!(
        help("prodution"),
        "did you mean `production`? these exist: production, staging; konta reads config and credentials"
    );
    assert_eq!(help("else"), "these exist: production, staging; konta reads config and credentials");
}

#[test]
fn secrets_are_not_shown_by_debug() {
    let config = format!("[profile a]\n{USER}[profile p]\ncredential_process = vault --pin wJalr\n");
    let files = Files::of(config.as_bytes(), b"").unwrap();
    let variables = around(&[("AWS_SECRET_ACCESS_KEY", "wJalr/secret")]);
    for asked in ["a", "p"] {
        let shown = format!("{files:?} {variables:?} {:?}", resolve(&files, Some(asked), &variables).unwrap());
        assert!(!shown.contains("wJalr"), "{shown}");
        assert!(!shown.contains("AKIAIOSFODNN7EXAMPLE"), "{shown}");
    }
}
