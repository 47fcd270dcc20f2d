//! Sessions with MFA, with the real binary: against the sandbox with signatures, tokens and policies checked.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;

use crate::support::sandbox_workspace::{Said, World, said};

mod aws_cli;
mod base_credentials;
mod killed;
mod refused;
mod secrets;
mod session_paths;
mod together;

/// An operator: a user of the sandbox's account with a key and a device, with files and folders of their own.
pub struct Desk {
    pub world: World,
    pub user: String,
    pub serial: String,
    pub key_id: String,
    pub secret: String,
}

impl Desk {
    /// A user with a key and a virtual device, and the profiles `ada` (the user) and `deploy` (a role on top).
    pub async fn new() -> Self {
        let world = World::checking();
        world.run(&["sandbox", "start"]).ended_with(0);
        let iam = aws_sdk_iam::Client::new(&root(&world.endpoint()).await);
        iam.create_user().user_name("ada").send().await.unwrap();
        let key = iam.create_access_key().user_name("ada").send().await.unwrap().access_key.unwrap();
        let device = iam.create_virtual_mfa_device().virtual_mfa_device_name("ada").send().await.unwrap();
        let serial = device.virtual_mfa_device.unwrap().serial_number;
        let enable = iam.enable_mfa_device().user_name("ada").serial_number(&serial);
        enable.authentication_code1("123456").authentication_code2("654321").send().await.unwrap();
        // No condition on MFA: the sandbox takes every session for one without.
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}"#;
        iam.create_role().role_name("deploy").assume_role_policy_document(trust).send().await.unwrap();
        let may =
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;
        iam.put_user_policy().user_name("ada").policy_name("may").policy_document(may).send().await.unwrap();
        let desk = Self {
            world,
            user: "ada".into(),
            serial,
            key_id: key.access_key_id().to_owned(),
            secret: key.secret_access_key().to_owned(),
        };
        desk.write_files("");
        desk
    }

    /// Writes AWS's files; `more` goes into the configuration.
    pub fn write_files(&self, more: &str) {
        let (id, secret, serial) = (&self.key_id, &self.secret, &self.serial);
        self.world
            .write("aws/credentials", &format!("[ada]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"));
        self.world.write(
            "aws/config",
            &format!(
                "[profile ada]\nregion = eu-west-1\nmfa_serial = {serial}\n[profile deploy]\nregion = eu-west-1\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = ada\n{more}\n"
            ),
        );
    }

    /// konta, against the sandbox as if it were AWS.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(arguments);
        self.surround(&mut command);
        command
    }

    /// Gives a command this operator's files, and the sandbox's address.
    pub fn surround(&self, command: &mut Command) {
        command
            .env("HOME", self.world.path())
            .env("XDG_CACHE_HOME", self.world.path().join("cache"))
            .env("AWS_CONFIG_FILE", self.world.path().join("aws/config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.world.path().join("aws/credentials"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ENDPOINT_URL", self.world.endpoint());
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        said(self.command(arguments).stdin(Stdio::null()).output().unwrap())
    }

    pub fn sessions(&self) -> PathBuf {
        self.world.path().join("cache/konta/sessions")
    }

    /// How often the sandbox was asked for something.
    pub fn asked(&self, action: &str) -> usize {
        self.world.calls().iter().filter(|call| call.ends_with(&format!(" {action}"))).count()
    }

    /// konta at a terminal.
    pub fn at_a_terminal(&self, arguments: &[&str]) -> expectrl::session::OsSession {
        self.at_a_terminal_before(arguments, &self.world.endpoint())
    }

    /// konta at a terminal, before another endpoint.
    pub fn at_a_terminal_before(&self, arguments: &[&str], endpoint: &str) -> expectrl::session::OsSession {
        let mut command = self.command(arguments);
        command.env("AWS_ENDPOINT_URL", endpoint);
        command.env("TERM", "xterm-256color").env_remove("CI").env("NO_COLOR", "1");
        let mut session = expectrl::Session::spawn(command).unwrap();
        session.set_expect_timeout(Some(Duration::from_mins(1)));
        session
    }
}

async fn root(endpoint: &str) -> aws_config::SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .load()
        .await
}

/// A Python environment with the AWS CLI, made once for all tests.
pub fn aws_cli() -> PathBuf {
    const PACKAGE: &str = "awscli==1.45.*";
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("awscli-venv");
    let ready = folder.join("konta-ready");
    let lock = std::fs::File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if std::fs::read_to_string(&ready).ok().as_deref() != Some(PACKAGE) {
        let run = |program: &Path, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        run(Path::new("python3"), &["-m", "venv", folder.to_str().unwrap()]);
        run(&folder.join("bin/pip"), &["install", "--quiet", "--disable-pip-version-check", PACKAGE]);
        std::fs::write(&ready, PACKAGE).unwrap();
    }
    folder.join("bin/aws")
}
