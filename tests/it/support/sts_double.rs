//! A small STS that answers as AWS does, with the error bodies that public reports show; IAM and CloudFormation where a diagnosis needs
//! them. It runs in threads of its own: a test that waits for the binary must not stop it.
//!
//! Bodies and status codes: aws-azure-login issue 251 (InvalidClientTokenId, 403), aws-sdk-net 1704 (session credentials), aws-cli 6325
//! (wrong serial), aws-cli 6676 (expired signature), awsu 27 (MaxSessionDuration, 400), steampipe-plugin-aws 1510 (RegionDisabledException).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

mod answers;

pub const ACCOUNT: &str = "123456789012";
/// A device shows a new code every 30 seconds.
const STEP: i64 = 30;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A user's own key.
    LongTerm,
    /// A session, opened with a code or not.
    Session { mfa: bool },
    /// Cloud9's managed credentials: STS answers GetCallerIdentity and DecodeAuthorizationMessage alone.
    Cloud9,
}

/// A key of the double's account.
#[derive(Debug, Clone)]
pub struct Key {
    pub arn: String,
    pub kind: Kind,
    /// The session token that has to come with it.
    pub token: Option<String>,
    /// The caller's secret is another one.
    pub wrong_secret: bool,
    pub expired: bool,
    /// A policy denies everything without MFA.
    pub must_use_mfa: bool,
    /// The region alone in which the session is not valid.
    pub not_in: Option<&'static str>,
}

/// A role of the double's account.
#[derive(Debug, Clone)]
pub struct Role {
    pub needs_mfa: bool,
    pub longest: u32,
}

/// The account, as a test sets it up.
#[derive(Debug, Clone, Default)]
pub struct Account {
    pub keys: BTreeMap<String, Key>,
    /// Serial -> the ARN of its user.
    pub devices: BTreeMap<String, String>,
    pub roles: BTreeMap<String, Role>,
    /// Regions where STS is switched off.
    pub disabled: BTreeSet<&'static str>,
    /// How far AWS's clock is ahead of this machine's.
    pub ahead: SignedDuration,
    used: BTreeSet<(String, String)>,
    opened: usize,
}

/// A request, as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub service: String,
    pub region: String,
    pub action: String,
    pub key: String,
    pub token: Option<String>,
    pub date: String,
    pub fields: BTreeMap<String, String>,
}

/// The double.
pub struct Sts {
    port: u16,
    account: Arc<Mutex<Account>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Key {
    pub fn of_user(name: &str) -> Self {
        Self {
            arn: format!("arn:aws:iam::{ACCOUNT}:user/{name}"),
            kind: Kind::LongTerm,
            token: None,
            wrong_secret: false,
            expired: false,
            must_use_mfa: false,
            not_in: None,
        }
    }

    pub fn session(self, kind: Kind) -> Self {
        Self { kind, token: Some("a-token".to_owned()), ..self }
    }
}

/// The code that a device shows at a time, and so the one that the double takes.
pub fn code(serial: &str, at: Timestamp) -> String {
    let step = at.as_second().div_euclid(STEP);
    let digest = Sha256::digest(format!("{serial}{step}"));
    let number = digest.iter().take(4).fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
    format!("{:06}", number % 1_000_000)
}

impl Account {
    pub fn now(&self) -> Timestamp {
        Timestamp::now() + self.ahead
    }

    /// Whether AWS takes a code: of its own step, the one before or the one after, and once.
    pub fn takes(&mut self, serial: &str, given: &str) -> bool {
        let now = self.now();
        let near = [-STEP, 0, STEP].map(|seconds| code(serial, now + SignedDuration::from_secs(seconds)));
        near.iter().any(|code| code == given) && self.used.insert((serial.to_owned(), given.to_owned()))
    }

    /// Makes a session's key.
    pub fn open(&mut self, key: Key) -> String {
        self.opened += 1;
        let id = format!("ASIADOUBLE{:010}", self.opened);
        self.keys.insert(id.clone(), key);
        id
    }
}

impl Sts {
    pub fn start(account: Account) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (account, asked) = (Arc::new(Mutex::new(account)), Arc::new(Mutex::new(Vec::new())));
        let shared = (Arc::clone(&account), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (account, asked) = (Arc::clone(&shared.0), Arc::clone(&shared.1));
                // A client that goes away in the middle is no concern of the test's.
                std::thread::spawn(move || serve(&stream, &account, &asked).ok());
            }
        });
        Self { port, account, asked }
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn change(&self, change: impl FnOnce(&mut Account)) {
        change(&mut self.account.lock().unwrap());
    }

    /// A code that the double takes now.
    pub fn code(&self, serial: &str) -> String {
        code(serial, self.account.lock().unwrap().now())
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn actions(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.action).collect()
    }
}

fn serve(stream: &TcpStream, account: &Mutex<Account>, asked: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut headers = BTreeMap::new();
    let mut line = String::new();
    reader.read_line(&mut line)?;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let request = read(&headers, &String::from_utf8_lossy(&body));
    asked.lock().unwrap().push(request.clone());
    let (answer, now) = {
        let mut account = account.lock().unwrap();
        (answers::answer(&mut account, &request), account.now())
    };
    let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT");
    let (kind, id) = (answer.content_type, answers::REQUEST_ID);
    write!(
        &*stream,
        "HTTP/1.1 {} -\r\nx-amzn-RequestId: {id}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nDate: {date}\r\nConnection: close\r\n\r\n{}",
        answer.status,
        answer.body.len(),
        answer.body
    )
}

fn read(headers: &BTreeMap<String, String>, body: &str) -> Asked {
    let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
    let authorization = header("authorization");
    let scope = authorization.split_once("Credential=").map(|(_, rest)| rest.split(',').next().unwrap_or_default());
    let scope: Vec<&str> = scope.unwrap_or_default().split('/').collect();
    let part = |n: usize| scope.get(n).copied().unwrap_or_default().to_owned();
    let fields: BTreeMap<String, String> = form(body);
    let target = header("x-amz-target").rsplit('.').next().unwrap_or_default().to_owned();
    Asked {
        key: part(0),
        region: part(2),
        service: part(3),
        action: fields.get("Action").cloned().unwrap_or(target),
        token: headers.get("x-amz-security-token").cloned(),
        date: header("x-amz-date"),
        fields,
    }
}

/// A form, decoded.
fn form(body: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let digits = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap_or("0"), 16).unwrap_or(b'?')
                }
                byte => byte,
            });
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    body.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}
