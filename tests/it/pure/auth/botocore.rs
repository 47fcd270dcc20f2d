//! botocore in a process beside the test, and konta's answer in the same words.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use konta::auth::{Base, Chain, ChainError, Files, Keys, Surroundings};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// The release that the recorded answers are of.
const RELEASE: &str = "botocore==1.43.*";

/// One question: two files, the profile of the command line, the environment.
#[derive(Debug, Clone)]
pub struct Asked {
    pub config: Vec<u8>,
    pub credentials: Vec<u8>,
    pub profile: Option<String>,
    pub environment: BTreeMap<String, String>,
}

impl Asked {
    /// What konta resolves.
    pub fn konta(&self) -> Result<(Files, Chain), ChainError> {
        let around = Surroundings { variables: self.environment.clone(), home: None };
        let files = Files::of(&self.config, &self.credentials)?;
        let chain = konta::auth::resolve(&files, self.profile.as_deref(), &around)?;
        Ok((files, chain))
    }
}

/// A chain in the words of `ask_botocore.py`.
pub fn told(files: &Files, chain: &Chain) -> Value {
    let text = |profile: &str, key: &str| files.text(profile, key);
    let keys = |kind: &str, keys: &Keys| {
        let token = keys.session_token.as_ref().map(|token| token.expose_secret().to_owned());
        json!({"kind": kind, "key": keys.access_key_id, "secret": keys.secret_access_key.expose_secret(), "token": token})
    };
    let base = match &chain.base {
        Base::Environment(found) => keys("environment", found),
        Base::Static { keys: found, .. } => keys("keys", found),
        Base::Process { command, .. } => json!({"kind": "process", "command": command.expose_secret()}),
        Base::Sso { profile } => {
            let (account, role) = (text(profile, "sso_account_id"), text(profile, "sso_role_name"));
            json!({"kind": "sso", "account": account, "role": role})
        }
        Base::Login { profile } => json!({"kind": "login", "session": text(profile, "login_session")}),
        Base::WebIdentity { role_arn, token_file, session_name, .. } => {
            json!({"kind": "web-identity", "role": role_arn, "token_file": token_file, "session_name": session_name})
        }
        Base::Container => json!({"kind": "container"}),
        Base::Instance => json!({"kind": "instance"}),
    };
    let role = |step: &konta::auth::RoleStep| {
        json!({
            "arn": step.role_arn,
            "external_id": step.external_id,
            "session_name": step.session_name,
            "duration": step.duration_seconds,
            "serial": step.mfa_serial,
        })
    };
    json!({"base": base, "roles": chain.roles.iter().map(role).collect::<Vec<_>>(), "region": chain.region})
}

/// A process that answers one question after the other.
pub struct Botocore(Child);

impl Botocore {
    pub fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/pure/auth/ask_botocore.py");
        let child = Command::new(python())
            .args(["-X", "utf8"])
            .arg(script)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// The answers to some questions, in their order.
    pub fn answers(mut self, questions: &[Asked]) -> Vec<Value> {
        let mut input = self.0.stdin.take().unwrap();
        let lines: Vec<String> = questions.iter().map(line).collect();
        let writer = std::thread::spawn(move || lines.iter().for_each(|line| writeln!(input, "{line}").unwrap()));
        let output = BufReader::new(self.0.stdout.take().unwrap());
        let answers: Vec<Value> = output.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
        writer.join().unwrap();
        assert!(self.0.wait().unwrap().success());
        assert_eq!(answers.len(), questions.len());
        answers
    }
}

fn line(asked: &Asked) -> String {
    json!({
        "config": asked.config,
        "credentials": asked.credentials,
        "profile": asked.profile,
        "environment": asked.environment,
    })
    .to_string()
}

/// The interpreter of an environment with botocore in it: made once for all tests, under a lock.
fn python() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("botocore-venv");
    let (python, marker) = (folder.join("bin/python"), folder.join("complete"));
    let lock = std::fs::File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if std::fs::read_to_string(&marker).is_ok_and(|release| release == RELEASE) {
        return python;
    }
    let run = |command: &mut Command| {
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
    run(Command::new(&python).args(["-I", "-m", "pip", "install", "--quiet", "--no-input", RELEASE]));
    std::fs::write(marker, RELEASE).unwrap();
    python
}
