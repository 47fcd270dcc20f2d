//! A world for one test: the example workspace in a folder of its own, with a sandbox that no other test uses meanwhile.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use konta::aws::{Aws, Target};

use super::warm_sandboxes::{self, Kind, Lease};

/// A workspace with its sandbox.
pub struct World {
    folder: tempfile::TempDir,
    runs_tasks: bool,
    lease: Option<Lease>,
}

/// What a command said.
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// The JSON objects of its standard output, one a line.
    pub fn lines(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }

    /// The last JSON object of its standard output.
    pub fn result(&self) -> serde_json::Value {
        self.lines().pop().unwrap_or_else(|| panic!("no output; stderr: {}", self.stderr))
    }

    /// Holds the command to an exit code.
    #[track_caller]
    pub fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

impl World {
    /// The example workspace of the repository. A sandbox that it starts is its own, and ends with it.
    pub fn example() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let world = Self { folder, runs_tasks: false, lease: None };
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
        for file in ["konta.yml", "environments/prod.yml", "tenants/artista.yml", "tenants/breadfree.yml"] {
            world.write(file, &std::fs::read_to_string(example.join(file)).unwrap());
        }
        world
    }

    /// The same with a sandbox that runs already, as a rule: for tests that neither start nor stop it.
    pub fn warm() -> Self {
        Self::leased(Kind::Open)
    }

    /// The same with a sandbox that checks signatures, tokens and policies.
    pub fn checking() -> Self {
        Self::leased(Kind::Checking)
    }

    fn leased(kind: Kind) -> Self {
        let mut world = Self::example();
        let lease = warm_sandboxes::lease(kind);
        std::fs::create_dir(world.path().join(".konta")).unwrap();
        std::os::unix::fs::symlink(&lease.home, world.home()).unwrap();
        let is_clean = lease.is_clean;
        world.lease = Some(lease);
        if !is_clean {
            world.run(&["sandbox", "reset", "--yes"]).ended_with(0);
        }
        world
    }

    /// The same, in a sandbox that runs tasks.
    pub fn with_odoo() -> Self {
        let mut world = Self::example();
        world.runs_tasks = true;
        world
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn home(&self) -> PathBuf {
        self.path().join(".konta/sandbox")
    }

    pub fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn remove(&self, file: &str) {
        std::fs::remove_file(self.path().join(file)).unwrap();
    }

    /// A command in this workspace, without the caller's own settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_konta"));
        command.arg("-w").arg(self.path()).args(arguments);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("KONTA_") || name.starts_with("AWS_")) {
            command.env_remove(name);
        }
        // No metadata service, no files of the user's: a test never leaves this machine.
        command
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", self.path().join("no-aws-config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.path().join("no-aws-credentials"))
            .env("KONTA_SANDBOX_VENV", venv())
            .env("KONTA_SANDBOX_CLUSTERS", Path::new(env!("CARGO_TARGET_TMPDIR")).join("clusters"))
            .env("KONTA_SANDBOX_WHILE_LOCKED", warm_sandboxes::while_this_process_lives());
        if self.lease.as_ref().is_some_and(|lease| lease.kind == Kind::Checking) {
            command.env("KONTA_SANDBOX_AUTH", "1");
        }
        if self.runs_tasks {
            let odoo = Path::new(env!("CARGO_TARGET_TMPDIR")).join("odoo-19");
            command.env("KONTA_SANDBOX_WITH_ODOO", "1").env("KONTA_SANDBOX_ODOO", odoo);
        }
        command
    }

    /// Runs a command in a pipe.
    pub fn run(&self, arguments: &[&str]) -> Said {
        said(self.command(arguments).stdin(std::process::Stdio::null()).output().unwrap())
    }

    /// Runs a command against the sandbox, without a question.
    pub fn konta(&self, arguments: &[&str]) -> Said {
        self.run(&[arguments, &["--sandbox", "--yes"]].concat())
    }

    fn ready(&self) -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(self.home().join("ready.json")).unwrap()).unwrap()
    }

    /// The sandbox's address.
    pub fn endpoint(&self) -> String {
        self.ready()["endpoint"].as_str().unwrap().to_owned()
    }

    /// The sandbox's Python.
    pub fn python() -> PathBuf {
        venv().join("bin/python")
    }

    /// The port at which every tenant's https address answers.
    pub fn https_port(&self) -> u64 {
        self.ready()["https_port"].as_u64().unwrap()
    }

    /// The first value of a statement's answer, asked of a database as nobody but the test may; empty without an answer.
    pub fn sql(&self, database: &str, statement: &str) -> String {
        self.sql_in(0, database, statement)
    }

    fn cluster_list(&self) -> Vec<serde_json::Value> {
        serde_json::from_str(&std::fs::read_to_string(self.home().join("clusters.json")).unwrap()).unwrap()
    }

    /// How many clusters stand.
    pub fn clusters(&self) -> usize {
        self.cluster_list().len()
    }

    /// The same in the cluster of this place, in the order in which they were made.
    pub fn sql_in(&self, cluster: usize, database: &str, statement: &str) -> String {
        let cluster = &self.cluster_list()[cluster];
        let folder = self.home().join("postgres").join(cluster["folder"].as_str().unwrap());
        let password = std::fs::read_to_string(folder.join("superuser")).unwrap();
        let port = u16::try_from(cluster["port"].as_u64().unwrap()).unwrap();
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let client = connect(port, "rdsadmin", &password, database).await.unwrap();
            let rows = client.simple_query(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
            rows.iter()
                .find_map(|row| match row {
                    tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(ToOwned::to_owned),
                    _ => None,
                })
                .unwrap_or_default()
        })
    }

    /// Why a tenant's role is refused in another tenant's database; empty when it is not.
    pub fn connect_as(&self, role: &str, database: &str) -> String {
        let port = self.postgres_port();
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let aws = self.aws().await;
            // The pool's role is at home in its registry.
            let pool = role == "konta_pool";
            let kept = if pool { "cell-1/pool".to_owned() } else { format!("tenant/{role}") };
            let password = aws.secret(&format!("/konta/prod/{kept}/password")).await.unwrap().unwrap();
            let password = secrecy::ExposeSecret::expose_secret(&password).to_owned();
            let own = if pool { "konta_registry" } else { role };
            assert!(connect(port, role, &password, own).await.is_ok(), "its own it reaches");
            match connect(port, role, &password, database).await {
                Ok(_) => String::new(),
                Err(error) => error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned()),
            }
        })
    }

    /// The sandbox's process.
    pub fn pid(&self) -> u64 {
        self.ready()["pid"].as_u64().unwrap()
    }

    /// A session with the sandbox.
    pub async fn aws(&self) -> Aws {
        let target = Target { region: "eu-west-1".into(), endpoint: Some(self.endpoint()), ..Target::default() };
        Aws::open(&target).await
    }

    /// The port of the one PostgreSQL server behind a cluster whose identifier begins so.
    pub fn postgres_port(&self) -> u16 {
        let clusters: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(self.home().join("clusters.json")).unwrap()).unwrap();
        let first = match &clusters {
            serde_json::Value::Array(list) => list[0].clone(),
            other => other.as_object().unwrap().values().next().unwrap().clone(),
        };
        u16::try_from(first["port"].as_u64().unwrap_or_else(|| panic!("{clusters}"))).unwrap()
    }

    /// What a JSON service of the sandbox answers to a call (`Service_Version.Action`).
    pub fn ask(&self, target: &str, body: &serde_json::Value) -> serde_json::Value {
        use std::io::{Read, Write};
        let address = self.endpoint().trim_start_matches("http://").to_owned();
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        let body = body.to_string();
        // The service is known by the target; any key will do.
        let request = format!(
            "POST / HTTP/1.0\r\nHost: {address}\r\nX-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.1\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=test/20261125/eu-west-1/x/aws4_request\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}")).1;
        serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {answer}"))
    }

    /// The outputs of a stack, by key.
    pub fn outputs(&self, stack: &str) -> serde_json::Value {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let stack = runtime.block_on(async { self.aws().await.stack(stack).await.unwrap().unwrap() });
        serde_json::to_value(stack.outputs).unwrap()
    }

    /// The resources of a stack with the properties they were made with, by logical id.
    pub async fn resources(&self, stack: &str) -> serde_json::Value {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let address = self.endpoint().trim_start_matches("http://").to_owned();
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        let request = format!("GET /_konta/resources?stack={stack} HTTP/1.0\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}")).1;
        serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"))
    }

    /// The API calls since the sandbox started, as "service action".
    pub fn calls(&self) -> Vec<String> {
        std::fs::read_to_string(self.home().join("requests.jsonl"))
            .unwrap()
            .lines()
            .map(|line| {
                let call: serde_json::Value = serde_json::from_str(line).unwrap();
                format!(
                    "{} {}",
                    call["service"].as_str().unwrap_or_default(),
                    call["action"].as_str().unwrap_or_default()
                )
            })
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            warm_sandboxes::give_back(lease, || {
                let _ = self.command(&["sandbox", "reset", "--yes"]).output();
            });
        } else if self.home().exists() {
            let _ = self.command(&["sandbox", "stop"]).output();
        }
    }
}

pub fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// One Python environment for all tests; konta makes it under a lock, so the first test to need it does so.
fn venv() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandbox-venv")
}

/// Connects to PostgreSQL as a role, with its password.
pub async fn connect(
    port: u16,
    role: &str,
    password: &str,
    database: &str,
) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::Config::new()
        .host("127.0.0.1")
        .port(port)
        .user(role)
        .password(password)
        .dbname(database)
        .connect(tokio_postgres::NoTls)
        .await?;
    tokio::spawn(connection);
    Ok(client)
}
