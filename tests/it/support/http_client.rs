//! Visits to a tenant's https address, by way of the sandbox's router: with plain requests and with a real browser.

#![allow(clippy::print_stdout)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::pure::html::chromium;
use crate::support::sandbox_workspace::World;

/// Somebody who visits one host.
pub struct Visitor {
    host: String,
    port: u64,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub text: String,
}

impl Visitor {
    pub fn of(world: &World, host: &str) -> Self {
        Self { host: host.to_owned(), port: world.https_port() }
    }

    fn curl(&self, path: &str, more: &[&str], headers: &[(&str, &str)]) -> Result<Answer, String> {
        let mut curl = Command::new("curl");
        // The authority is one of the sandbox's own, and the name resolves to nothing: the connection goes to 127.0.0.1 alone.
        curl.args(["--silent", "--show-error", "--insecure", "--max-time", "60", "--noproxy", "*"]);
        curl.args(["--connect-to", &format!("::127.0.0.1:{}", self.port), "--write-out", "\n%{http_code}"]).args(more);
        for (name, value) in headers {
            curl.args(["--header", &format!("{name}: {value}")]);
        }
        let output = curl.arg(format!("https://{}{path}", self.host)).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let (text, status) = text.rsplit_once('\n').unwrap();
        Ok(Answer { status: status.parse().unwrap(), text: text.to_owned() })
    }

    pub fn try_get(&self, path: &str) -> Result<Answer, String> {
        self.curl(path, &[], &[])
    }

    pub fn get(&self, path: &str) -> Answer {
        self.try_get(path).unwrap_or_else(|error| panic!("{}{path}: {error}", self.host))
    }

    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.curl(path, &[], headers).unwrap_or_else(|error| panic!("{}{path}: {error}", self.host))
    }

    /// Waits, half a minute at most, until a page is there.
    pub fn until_served(&self, path: &str) {
        let begun = Instant::now();
        while self.get(path).status != 200 {
            assert!(begun.elapsed() < Duration::from_secs(30), "{}{path} does not come back", self.host);
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// A JSON-RPC question.
    pub fn ask_with(&self, path: &str, parameters: &Value, headers: &[(&str, &str)]) -> Value {
        let body = json!({"jsonrpc": "2.0", "params": parameters}).to_string();
        let headers = [headers, &[("Content-Type", "application/json")]].concat();
        let answer = self.curl(path, &["--data", &body], &headers).unwrap();
        serde_json::from_str(&answer.text).unwrap_or_else(|error| panic!("{error}: {} {}", answer.status, answer.text))
    }

    /// Whether a login and a password are somebody's.
    pub fn sign_in(&self, database: &str, login: &str, password: &str) -> bool {
        let parameters = json!({"db": database, "login": login, "password": password});
        self.ask_with("/web/session/authenticate", &parameters, &[])["result"]["uid"].is_number()
    }

    /// The cookie of a session.
    pub fn session_of(&self, database: &str, login: &str, password: &str) -> Option<String> {
        let jar = tempfile::NamedTempFile::new().unwrap();
        let path = jar.path().to_str().unwrap();
        let body =
            json!({"jsonrpc": "2.0", "params": {"db": database, "login": login, "password": password}}).to_string();
        let answer = self
            .curl(
                "/web/session/authenticate",
                &["--data", &body, "--cookie-jar", path],
                &[("Content-Type", "application/json")],
            )
            .unwrap();
        let answer: Value = serde_json::from_str(&answer.text).ok()?;
        answer["result"]["uid"].as_u64()?;
        let cookies = std::fs::read_to_string(path).unwrap();
        cookies.lines().find(|line| line.contains("session_id"))?.split('\t').next_back().map(ToOwned::to_owned)
    }

    /// A method of a model, called by who has this session.
    pub fn call(&self, session: &str, model: &str, method: &str, arguments: &Value) -> Value {
        let parameters = json!({"model": model, "method": method, "args": arguments, "kwargs": {}});
        let cookie = format!("session_id={session}");
        self.ask_with(&format!("/web/dataset/call_kw/{model}/{method}"), &parameters, &[("Cookie", &cookie)])
    }

    /// Whether a websocket is opened, and still is two seconds later.
    pub fn opens_websocket(&self) -> bool {
        let origin = format!("https://{}", self.host);
        let headers = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Origin", &origin),
        ];
        let begun = Instant::now();
        let ended = self.curl("/websocket?version=19.0-2", &["--http1.1", "--max-time", "2", "--include"], &headers);
        // curl speaks no websocket: it waits until its time is over, which is what an open one looks like.
        ended.is_err_and(|error| error.contains("timed out")) && begun.elapsed() >= Duration::from_secs(2)
    }
}

/// Looks at a page in a real browser, where one is here, and finds a text in what it made of it.
pub fn look_at(world: &World, host: &str, path: &str, shown: &str) {
    let Some(chromium) = chromium() else {
        println!("NOT CHECKED: no Chromium to look at {host}{path} with");
        return;
    };
    let profile = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let output = Command::new("timeout")
        .args(["60".as_ref(), chromium.as_os_str()])
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--ignore-certificate-errors"])
        .args(["--no-proxy-server", "--virtual-time-budget=10000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--host-resolver-rules=MAP * 127.0.0.1:{}", world.https_port()))
        .arg(format!("https://{host}{path}"))
        .output()
        .unwrap();
    let page = String::from_utf8_lossy(&output.stdout);
    assert!(
        page.contains(shown),
        "{host}{path} shows no `{shown}`: {} {}",
        page,
        String::from_utf8_lossy(&output.stderr)
    );
}
