//! The doctor and the diagnosis of every other command, with the real binary against a token service that answers as AWS does.

use std::process::Stdio;

use jiff::SignedDuration;

use crate::support::sandbox_workspace::{Said, World, said};
use crate::support::sts_double::{ACCOUNT, Account, Key, Kind, Role, Sts};

mod elsewhere;
mod page;
mod rows;

pub const SERIAL: &str = "arn:aws:iam::123456789012:mfa/ada";
pub const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";
const USER_KEY: &str = "AKIADOUBLE0000000ADA";
const SESSION_KEY: &str = "ASIADOUBLE0000000ADA";

/// An operator called ada, her files, and the double in place of AWS.
pub struct Practice {
    pub world: World,
    pub sts: Sts,
}

impl Practice {
    /// ada has a key of her own and a device; files are written with `keys` and `config`.
    pub fn with(key: Key, more: &str) -> Self {
        let mut account = Account::default();
        let id = if key.token.is_some() { SESSION_KEY } else { USER_KEY };
        let token = key.token.as_ref().map(|token| format!("aws_session_token = {token}\n")).unwrap_or_default();
        account.devices.insert(SERIAL.into(), Key::of_user("ada").arn);
        account.roles.insert(ROLE.into(), Role { needs_mfa: true, longest: 3600 });
        account.keys.insert(id.into(), key);
        let practice = Self { world: World::example(), sts: Sts::start(account) };
        practice.keys(&format!("aws_access_key_id = {id}\naws_secret_access_key = a-secret\n{token}"));
        practice.config(more);
        practice
    }

    pub fn keys(&self, keys: &str) {
        self.world.write("aws/credentials", &format!("[ada]\n{keys}"));
    }

    pub fn config(&self, more: &str) {
        self.world.write("aws/config", &format!("[profile ada]\nregion = eu-west-1\n{more}\n"));
    }

    /// The same keys as Cloud9 writes them.
    pub fn in_cloud9(self) -> Self {
        let before = std::fs::read_to_string(self.world.path().join("aws/credentials")).unwrap();
        let heading = "# Do not modify this file, if this file is modified it will not be updated. If the file is deleted, it will be recreated on Tue May 25 2021 02:13:59 GMT+0000 (Coordinated Universal Time).\n";
        self.world.write("aws/credentials", &format!("{heading}{before}"));
        self
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, &[])
    }

    pub fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
        let mut command = self.world.command(arguments);
        command
            .current_dir(self.world.path())
            .env("HOME", self.world.path())
            .env("XDG_CACHE_HOME", self.world.path().join("cache"))
            // Relative, so that no line's breaks depend on where the repository lies.
            .env("AWS_CONFIG_FILE", "aws/config")
            .env("AWS_SHARED_CREDENTIALS_FILE", "aws/credentials")
            .env("AWS_ENDPOINT_URL", self.sts.endpoint());
        for name in ["C9_PID", "C9_USER", "C9_PROJECT"] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied());
        said(command.stdin(Stdio::null()).output().unwrap())
    }

    /// The doctor's text, without what differs from run to run.
    pub fn doctor(&self, more: &[&str], code: i32) -> String {
        let said = self.run(&[&["doctor", "--profile", "ada"], more].concat()).ended_with(code);
        self.steady(&said.stdout)
    }

    pub fn steady(&self, text: &str) -> String {
        text.replace(&self.sts.endpoint(), "http://STS")
    }
}

/// The text on one line, wherever it was wrapped.
pub fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// ada's session of elsewhere.
pub fn session(mfa: bool) -> Key {
    Key::of_user("ada").session(Kind::Session { mfa })
}

pub fn ten_minutes() -> SignedDuration {
    SignedDuration::from_mins(10)
}

#[test]
fn a_well_operator_is_told_so_check_by_check() {
    let practice = Practice::with(Key::of_user("ada"), &format!("mfa_serial = {SERIAL}"));
    let code = practice.sts.code(SERIAL);
    let said = practice.doctor(&["--mfa-code", &code], 0);
    insta::with_settings!({filters => vec![(r"\d{4}-\d\d-\d\dT\S+", "TIME")]}, { insta::assert_snapshot!(said) });
    // One code, one session, which the later checks use.
    assert_eq!(practice.sts.actions().iter().filter(|action| *action == "GetSessionToken").count(), 1);
}

#[test]
fn a_program_reads_the_same_examination() {
    let practice = Practice::with(Key::of_user("ada"), "");
    let well = practice.run(&["doctor", "--profile", "ada", "-o", "json"]).ended_with(0);
    let well: serde_json::Value = serde_json::from_str(&well.stdout).unwrap();
    assert_eq!(well["outcome"], "well");
    assert_eq!(well["diagnosis"], serde_json::Value::Null);
    let names: Vec<_> = well["checks"].as_array().unwrap().iter().map(|check| check["name"].clone()).collect();
    assert_eq!(names, ["keys", "clock", "identity", "kind", "cloud9", "mfa", "role", "account", "stacks"]);
    practice.sts.change(|account| account.keys.clear());
    let ill = practice.run(&["doctor", "--profile", "ada", "-o", "json"]).ended_with(5);
    let ill: serde_json::Value = serde_json::from_str(&ill.stdout).unwrap();
    assert_eq!((&ill["outcome"], &ill["diagnosis"]["row"]), (&"failed".into(), &5.into()));
    assert_eq!(ill["checks"].as_array().unwrap().last().unwrap()["state"], "failed");
    assert!(!ill.to_string().contains("a-secret"));
}

#[test]
fn an_account_other_than_the_environments_is_refused() {
    let practice = Practice::with(Key::of_user("ada"), "");
    let manifest = std::fs::read_to_string(practice.world.path().join("environments/prod.yml")).unwrap();
    practice.world.write("environments/prod.yml", &manifest.replace(ACCOUNT, "210987654321"));
    let said = flat(&practice.doctor(&[], 5));
    assert!(said.contains("✗ account") && said.contains("the environment is in 210987654321"), "{said}");
}

#[test]
fn the_root_user_is_refused_unless_allowed() {
    let root = Key { arn: format!("arn:aws:iam::{ACCOUNT}:root"), ..Key::of_user("") };
    let practice = Practice::with(root, "");
    assert!(practice.doctor(&[], 5).contains("✗ kind      these are the keys of the root user"));
    assert!(practice.doctor(&["--allow-root"], 0).contains("✓ kind      the root user"));
}

#[test]
fn without_a_network_it_says_so() {
    let practice = Practice::with(Key::of_user("ada"), "");
    // A port that was free a moment ago: nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = format!("http://127.0.0.1:{port}");
    let said = practice.run_with(&["doctor", "--profile", "ada"], &[("AWS_ENDPOINT_URL", &endpoint)]).ended_with(4);
    assert!(said.stdout.contains("✗ network"), "{}", said.stdout);
    assert!(said.stdout.ends_with("nothing more can be looked at without AWS\n"), "{}", said.stdout);
}
