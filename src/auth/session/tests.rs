use crate::auth::chain::Base;
use crate::auth::mfa_code::CodeSource;
use crate::auth::request::admit;
use crate::aws::AwsError;
use crate::aws::identity::Identity;

use super::*;

const SERIAL: &str = "arn:aws:iam::123456789012:mfa/ada";

fn chain(serial: Option<&str>, roles: &[(Option<&str>, Option<u32>)]) -> Chain {
    let role = |(serial, seconds): &(Option<&str>, Option<u32>)| RoleStep {
        profile: "deploy".into(),
        role_arn: "arn:aws:iam::123456789012:role/deploy".into(),
        external_id: None,
        session_name: None,
        duration_seconds: *seconds,
        mfa_serial: serial.map(ToOwned::to_owned),
    };
    Chain {
        profile: Some("deploy".into()),
        base: Base::Instance,
        roles: roles.iter().map(role).collect(),
        mfa_serial: serial.map(ToOwned::to_owned),
        mfa_process: None,
        region: None,
        passed: Vec::new(),
    }
}

#[test]
fn which_call_takes_the_code() {
    let session = Way::Session(SERIAL.into());
    let direct = Way::Role(SERIAL.into());
    // (serial of the user, (serial, seconds) of the roles, a user's own key) -> way
    let table = [
        (None, vec![], true, Way::Plain),
        (Some(SERIAL), vec![], true, session.clone()),
        (Some(SERIAL), vec![], false, Way::Plain),
        (None, vec![(None, None)], true, Way::Plain),
        (None, vec![(Some(SERIAL), None)], true, session.clone()),
        (Some(SERIAL), vec![(Some(SERIAL), Some(3600))], true, session),
        (Some(SERIAL), vec![(Some(SERIAL), Some(3601))], true, direct),
        (Some(SERIAL), vec![(Some(SERIAL), Some(7200))], false, Way::Plain),
    ];
    for (serial, roles, long_term, wanted) in table {
        assert_eq!(way(&chain(serial, &roles), long_term), wanted, "{serial:?} {roles:?} {long_term}");
    }
}

#[test]
fn nothing_that_is_printed_for_debugging_is_secret() {
    let keys = credentials::of_keys("AKIAIOSFODNN7EXAMPLE", &"very-secret".into(), Some(&"long-token".into()), None);
    let mfa = crate::aws::sts::Mfa { serial: SERIAL, code: &"135790".into() };
    let provider = SharedCredentialsProvider::new(keys.clone());
    let text = format!("{keys:?} {mfa:?} {provider:?} {:?}", CodeSource::Given("135790".into()));
    assert!(["very-secret", "long-token", "135790"].iter().all(|secret| !text.contains(secret)), "{text}");
}

#[test]
fn root_and_foreign_accounts_are_refused_with_the_way_out() {
    use miette::Diagnostic;
    let root = Identity { account: "123456789012".into(), arn: "arn:aws:iam::123456789012:root".into() };
    let error = admit(&root, None, false).unwrap_err();
    assert!(error.help().unwrap().to_string().contains("--allow-root"));
    assert!(admit(&root, None, true).is_ok());
    let user = Identity { account: "123456789012".into(), arn: "arn:aws:iam::123456789012:user/team/root".into() };
    assert!(admit(&user, Some("123456789012"), false).is_ok());
    assert!(matches!(admit(&user, Some("210987654321"), false), Err(SessionError::OtherAccount { .. })));
    assert_eq!(user.user(), Some("root"));
}

#[test]
fn a_wrong_device_is_answered_with_what_the_right_one_looks_like() {
    use miette::Diagnostic;
    let user = Identity { account: "123456789012".into(), arn: "arn:aws:iam::123456789012:user/team/ada".into() };
    let refused = AwsError {
        operation: "sts GetSessionToken",
        code: "AccessDenied".into(),
        message: "unable to validate MFA code".into(),
        help: None,
    };
    let error = SessionError::wrong_serial("arn:aws:iam::123456789012:user/ada", &user, refused);
    assert!(error.help().unwrap().to_string().contains(SERIAL), "{error:?}");
}
