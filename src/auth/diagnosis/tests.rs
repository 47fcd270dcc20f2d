use super::*;

fn refused(operation: &str, code: &str, message: &str) -> Trouble {
    Trouble::Refused { operation: operation.into(), code: code.into(), message: message.into() }
}

fn user() -> Evidence {
    Evidence {
        source: "the keys of the profile ada".into(),
        ending: "0ADA".into(),
        arn: Some("arn:aws:iam::123456789012:user/ada".into()),
        region: "eu-west-1".into(),
        known_here: Some(true),
        ..Evidence::default()
    }
}

fn session() -> Evidence {
    Evidence { session_key: true, ..user() }
}

fn unknown(operation: &str) -> Trouble {
    refused(operation, "InvalidClientTokenId", "The security token included in the request is invalid")
}

#[track_caller]
fn is(row: u8, trouble: &Trouble, evidence: &Evidence) {
    assert_eq!(diagnose(trouble, evidence).and_then(|diagnosis| diagnosis.row), Some(row));
}

#[test]
fn the_rows_are_numbered_one_to_twenty_one() {
    assert!(ROWS.iter().map(|row| row.number).eq(1..=21));
}

#[test]
fn one_code_has_six_causes() {
    let cloud9 = Evidence { cloud9: vec!["C9_PID is set".into()], ..session() };
    is(1, &unknown("sts GetSessionToken"), &cloud9);
    is(2, &unknown("sts AssumeRole"), &cloud9);
    is(2, &unknown("iam CreateRole"), &cloud9);
    is(3, &unknown("iam ListMFADevices"), &session());
    let dead = Evidence { known_here: Some(false), known_elsewhere: Some(false), ..user() };
    is(5, &unknown("sts GetCallerIdentity"), &dead);
    is(6, &Trouble::TokenMismatch, &user());
    is(7, &unknown("sts GetCallerIdentity"), &Evidence { known_elsewhere: Some(true), ..dead });
}

#[test]
fn a_users_own_key_in_cloud9_is_not_taken_for_cloud9s() {
    let dead = Evidence { cloud9: vec!["C9_PID is set".into()], known_here: Some(false), ..user() };
    is(5, &unknown("sts GetSessionToken"), &dead);
}

#[test]
fn a_key_that_sts_knows_neither_here_nor_there_is_not_cloud9s() {
    let ended = Evidence { cloud9: vec!["C9_PID is set".into()], known_here: Some(false), ..session() };
    is(5, &unknown("sts AssumeRole"), &ended);
}

#[test]
fn row_4_a_session_that_asks_for_another() {
    is(
        4,
        &refused("sts GetSessionToken", "AccessDenied", "Cannot call GetSessionToken with session credentials"),
        &session(),
    );
    is(4, &Trouble::SessionKeys, &session());
}

#[test]
fn row_12_a_device_without_a_code() {
    let message = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.";
    is(12, &refused("sts AssumeRole", "AccessDenied", message), &user());
}

#[test]
fn row_14_and_15_are_told_by_the_deny_and_the_session() {
    let role = "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: sts:AssumeRole on resource: r";
    is(14, &refused("sts AssumeRole", "AccessDenied", role), &user());
    let deny = format!("{role} with an explicit deny in an identity-based policy");
    is(15, &refused("sts AssumeRole", "AccessDenied", &deny), &Evidence { mfa: Some(false), ..user() });
    is(14, &refused("sts AssumeRole", "AccessDenied", &deny), &Evidence { mfa: Some(true), ..user() });
    let other = refused("ecs UpdateService", "AccessDeniedException", "not authorized");
    assert_eq!(diagnose(&other, &user()), None);
}

#[test]
fn row_17_and_18_are_told_by_the_clock() {
    let plain =
        refused("sts GetCallerIdentity", "SignatureDoesNotMatch", "The request signature we calculated does not match");
    is(18, &plain, &Evidence { clock_offset: Some(2), ..user() });
    is(17, &plain, &Evidence { clock_offset: Some(-400), ..user() });
    is(17, &refused("s3 ListBuckets", "RequestTimeTooSkewed", ""), &user());
    let expired =
        "Signature expired: 20220127T001427Z is now earlier than 20220127T014428Z (20220127T015928Z - 15 min.)";
    let expired = refused("sts GetCallerIdentity", "SignatureDoesNotMatch", expired);
    assert!(diagnose(&expired, &user()).unwrap().cause.contains("this machine's clock is 105 minutes behind"));
    let early =
        "Signature not yet current: 20230804T000000Z is still later than 20230803T172233Z (20230803T171733Z + 5 min.)";
    let early = refused("cloudformation DescribeStacks", "InvalidSignatureException", early);
    assert!(diagnose(&early, &user()).unwrap().cause.contains("7 hours ahead"));
}

#[test]
fn row_19_other_services_have_other_names_for_the_same() {
    for code in ["UnrecognizedClientException", "AuthFailure", "InvalidAccessKeyId"] {
        let trouble = refused("ecs DescribeServices", code, "The security token included in the request is invalid.");
        is(19, &trouble, &Evidence { known_here: None, ..user() });
        is(5, &trouble, &Evidence { known_here: Some(false), ..user() });
        is(2, &trouble, &Evidence { cloud9: vec!["C9_PID is set".into()], ..session() });
    }
}

#[test]
fn every_word_in_braces_is_filled() {
    for row in ROWS {
        let all = [&[row.cause, row.told], row.fix].concat().join(" ");
        let filled = fill(&all, &unknown("sts AssumeRole"), &user(), Some(600));
        assert!(!filled.contains('{'), "row {}: {filled}", row.number);
    }
}
