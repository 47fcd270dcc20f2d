//! An AWS that answers from a script over HTTP: for the binary, where the sandbox cannot show it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::support::fake_aws::{Answer, Call};

type Script = dyn Fn(&Call) -> Answer + Send + Sync;

/// The server, in threads of its own, and the calls made so far.
pub struct Served {
    port: u16,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Served {
    pub fn new(script: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (script, calls): (Arc<Script>, _) = (Arc::new(script), Arc::<Mutex<Vec<Call>>>::default());
        let kept = calls.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (script, kept) = (script.clone(), kept.clone());
                std::thread::spawn(move || answer(&stream, &*script, &kept));
            }
        });
        Self { port, calls }
    }

    /// The calls of an action, as they were sent.
    pub fn sent(&self, action: &str) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|call| call.action == action).map(|call| call.body.clone()).collect()
    }

    /// Leads a command here as if it were AWS.
    pub fn is_aws_of(&self, command: &mut Command) {
        command
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port))
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test");
    }
}

/// Every request of one connection, until the other side closes it.
fn answer(stream: &TcpStream, script: &Script, calls: &Mutex<Vec<Call>>) {
    let mut lines = BufReader::new(stream);
    loop {
        let (mut target, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            if line.starts_with("x-amz-target: ") {
                target = line.rsplit('.').next().map(ToOwned::to_owned);
            }
        }
        let mut body = vec![0; length];
        lines.read_exact(&mut body).unwrap();
        let mut call = Call { body: String::from_utf8(body).unwrap(), ..Call::default() };
        call.action = target.or_else(|| call.parameter("Action")).unwrap_or_default().to_ascii_lowercase();
        let answer = script(&call);
        calls.lock().unwrap().push(call);
        let head = format!("HTTP/1.1 {} x\r\ncontent-length: {}\r\n\r\n", answer.status, answer.body.len());
        let mut out = stream;
        if out.write_all(format!("{head}{}", answer.body).as_bytes()).is_err() {
            return;
        }
    }
}
