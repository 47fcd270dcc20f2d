//! Files made at random: no bytes bring the parser down, and what botocore makes of a file konta makes of it too.

use std::collections::{BTreeMap, BTreeSet};

use konta::auth::{ChainError, Files};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::botocore::{Asked, Botocore, told};

/// What a section may say; each is sound by itself.
const BODIES: [&str; 18] = [
    "aws_access_key_id = KEY1\naws_secret_access_key = se=cr:et #1",
    "AWS_Access_Key_ID: KEY2\naws_secret_access_key=secret ;2",
    "aws_access_key_id = KEY3\naws_secret_access_key = secret\naws_session_token = token",
    "aws_access_key_id = KEY4\naws_secret_access_key = secret\naws_security_token = older",
    "role_arn = arn:aws:iam::123456789012:role/One\nsource_profile = a",
    "role_arn = arn:aws:iam::123456789012:role/Two\nsource_profile : b",
    "role_arn = arn:aws:iam::123456789012:role/Three\nsource_profile = c\nmfa_serial = arn:aws:iam::123456789012:mfa/ann",
    "role_arn = arn:aws:iam::123456789012:role/Four\nsource_profile = two words\nexternal_id = external",
    "role_arn = arn:aws:iam::123456789012:role/Five\ncredential_source = Environment",
    "role_arn = arn:aws:iam::123456789012:role/Six\ncredential_source = Ec2InstanceMetadata\nduration_seconds = 3600",
    "role_arn = arn:aws:iam::123456789012:role/Seven\ncredential_source = EcsContainer\nduration_seconds = one",
    "role_arn = arn:aws:iam::123456789012:role/Eight\nweb_identity_token_file = /token",
    "credential_process = /bin/keys 'x y'\n    --continued\n\n    --more",
    "login_session = arn:aws:iam::123456789012:user/ann",
    "sso_session = s\nsso_account_id = 123456789012\nsso_role_name = Role",
    "sso_account_id = 123456789012\nsso_role_name = Role\nsso_start_url = https://a.example\nsso_region = eu-west-1",
    "s3 =\n\n  a = b\n# c\n  d = e",
    "output = json",
];

/// What may stand anywhere, sound or not.
const PIECES: [&str; 28] = [
    "region = eu-west-1",
    "region = eu-west-2 # x",
    "role_session_name = session",
    "external_id = other",
    "mfa_serial = arn:aws:iam::123456789012:mfa/bob",
    "sso_start_url = https://b.example",
    "sso_session = t",
    "aws_secret_access_key = alone",
    "source_profile = b",
    "credential_source = environment",
    "web_identity_token_file =",
    "output =",
    "s3 =\n  a",
    "  continued = yes",
    "\tcontinued",
    " ",
    "",
    "# comment",
    "  ; comment",
    "[DEFAULT]",
    "[profiles a]",
    "[services s]",
    "no sign",
    "= no key",
    "[]",
    "[x",
    "\u{85}",
    "\u{1c}region = x\u{1d}",
];

/// A section of a profile or a session.
fn section() -> impl Strategy<Value = Vec<String>> {
    let name = prop::sample::select(vec!["a", "a", "b", "b", "c", "two words", "default"]);
    let form =
        prop::sample::select(vec!["[profile {}]", "[profile \"{}\"]", "[{}]", "[profile  {} ]", "[profile {}] # x"]);
    let header = (name, form).prop_map(|(name, form)| form.replace("{}", name));
    let bodies = prop::sample::subsequence(BODIES.to_vec(), 1..3);
    let more = prop::sample::subsequence(PIECES[..3].to_vec(), 0..3);
    let profile = (header, bodies, more).prop_map(|(header, bodies, more)| {
        let mut lines = vec![header];
        lines.extend(bodies.join("\n").lines().map(ToOwned::to_owned));
        lines.extend(more.into_iter().map(ToOwned::to_owned));
        lines
    });
    let session = prop::sample::select(vec!["[sso-session s]", "[sso-session \"t\"]"]).prop_map(|header| {
        [header, "sso_start_url = https://a.example", "sso_region = eu-west-1"].map(ToOwned::to_owned).to_vec()
    });
    prop_oneof![4 => profile, 1 => session]
}

/// A file: sound in most cases, with pieces thrown into the rest.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let end = prop::sample::select(vec!["\n", "\n", "\r\n", "\r"]);
    let thrown = prop_oneof![5 => Just(Vec::new()), 1 => prop::collection::vec((any::<prop::sample::Index>(), 0..PIECES.len()), 1..4)];
    (prop::collection::vec(section(), 3..10), end, thrown).prop_map(|(sections, end, thrown)| {
        let mut lines = once(sections.concat());
        for (place, piece) in thrown {
            lines.insert(place.index(lines.len() + 1), PIECES[piece].to_owned());
        }
        lines.join("\n").replace('\n', end).into_bytes()
    })
}

/// Leaves out what comes twice: sections, and keys inside a section, with the lines that go on from them.
fn once(lines: Vec<String>) -> Vec<String> {
    let (mut sections, mut keys) = (BTreeSet::new(), BTreeSet::new());
    let (mut is_open, mut is_kept) = (true, true);
    let keep = |line: &String| {
        if let Some((name, _)) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            is_open = sections.insert(name.to_owned());
            is_kept = is_open;
            keys.clear();
        } else if let Some((key, _)) = line.split_once(['=', ':']).filter(|_| !line.starts_with(' ')) {
            is_kept = is_open && keys.insert(key.trim().to_lowercase());
        }
        is_kept
    };
    lines.into_iter().filter(keep).collect()
}

fn asked() -> impl Strategy<Value = Asked> {
    let profile =
        prop::option::of(prop::sample::select(vec!["default", "a", "a", "a", "b", "b", "c", "two words", "profile a"]));
    let variables = prop::sample::subsequence(
        vec![
            ("AWS_ACCESS_KEY_ID", "KEY9"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
            ("AWS_PROFILE", "a"),
            ("AWS_DEFAULT_PROFILE", "b"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
            ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/Web"),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/role"),
        ],
        0..3,
    );
    (file(), file(), profile, variables).prop_map(|(config, credentials, profile, variables)| Asked {
        config,
        credentials,
        profile: profile.map(ToOwned::to_owned),
        environment: variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<BTreeMap<_, _>>(),
    })
}

/// konta refuses what was half pasted or is no text; botocore goes on with it.
fn is_stricter(error: &ChainError) -> bool {
    matches!(error, ChainError::HalfAKey { .. } | ChainError::NoText { .. })
}

#[test]
fn what_botocore_makes_of_random_files_konta_makes_of_them() {
    let mut runner = TestRunner::deterministic();
    let questions: Vec<Asked> = (0..1_000).map(|_| asked().new_tree(&mut runner).unwrap().current()).collect();
    let answers = Botocore::start().answers(&questions);
    let (mut resolved, mut refused) = (0, 0);
    for (asked, botocore) in questions.iter().zip(&answers) {
        let is_error = botocore.get("error").is_some();
        let shown = || {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            format!(
                "{:?} {:?}\n{}\n---\n{}\n{botocore}",
                asked.profile,
                asked.environment,
                text(&asked.config),
                text(&asked.credentials)
            )
        };
        match asked.konta() {
            Err(error) if is_stricter(&error) => {}
            Err(error) => {
                assert!(is_error, "{error}\n{}", shown());
                refused += 1;
            }
            Ok((files, mut chain)) => {
                // That the serial is looked for at the source too is a difference that is meant.
                for step in &mut chain.roles {
                    step.mfa_serial = files.text(&step.profile, "mfa_serial").map(ToOwned::to_owned);
                }
                assert_eq!(told(&files, &chain), *botocore, "{}", shown());
                resolved += 1;
            }
        }
    }
    // So that the comparison stays one: neither may be the rare case.
    assert!(resolved > 300 && refused > 200, "{resolved} resolved, {refused} refused");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_bring_the_parser_down(config in prop::collection::vec(any::<u8>(), 0..600), credentials in any::<Vec<u8>>()) {
        let _ = Files::of(&config, &credentials);
    }

    #[test]
    fn no_text_brings_the_parser_down(config in "(\\PC|[\\[\\]=:#; \t\r\n\"'\\\\]){0,300}") {
        if let Ok(files) = Files::of(config.as_bytes(), config.as_bytes()) {
            for name in files.names() {
                let _ = konta::auth::resolve(&files, Some(name), &konta::auth::Surroundings::default());
            }
        }
    }

    #[test]
    fn no_file_of_known_pieces_brings_the_walk_down(asked in asked()) {
        let _ = asked.konta();
    }
}
