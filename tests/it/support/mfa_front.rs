//! A front before the sandbox that rule what the sandbox does not look at, in AWS's own words: codes and devices.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Whether a call is refused, and with which code and message; given the form as it was sent.
type Rule = dyn Fn(&str) -> Option<(&'static str, &'static str)> + Send + Sync;

/// What STS answers to a wrong, old or used code.
pub const WRONG_CODE: (&str, &str) =
    ("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ");
/// What STS answers to a device of somebody else's.
pub const WRONG_SERIAL: (&str, &str) = (
    "AccessDenied",
    "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.",
);

/// The front's address, and what passed through it.
pub struct Front {
    pub endpoint: String,
    refused: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Front {
    /// Listens on a free port of 127.0.0.1, as long as the test runs.
    pub fn before(
        sandbox: &str,
        rule: impl Fn(&str) -> Option<(&'static str, &'static str)> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let sandbox = sandbox.trim_start_matches("http://").to_owned();
        let (refused, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let front = Self { endpoint, refused: Arc::clone(&refused), seen: Arc::clone(&seen) };
        let rule: Arc<Rule> = Arc::new(rule);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (sandbox, rule) = (sandbox.clone(), Arc::clone(&rule));
                let (refused, seen) = (Arc::clone(&refused), Arc::clone(&seen));
                std::thread::spawn(move || {
                    let _ = serve(client, &sandbox, &*rule, &refused, &seen);
                });
            }
        });
        front
    }

    /// How many calls were refused.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }

    /// How many calls of an action came.
    pub fn asked(&self, action: &str) -> usize {
        let form = format!("Action={action}&");
        self.seen.lock().unwrap().iter().filter(|body| body.contains(&form)).count()
    }
}

fn serve(
    mut client: TcpStream,
    sandbox: &str,
    rule: &Rule,
    refused: &AtomicUsize,
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let Some((head, body)) = request(&mut client)? else { return Ok(()) };
    let form = String::from_utf8_lossy(&body).into_owned();
    let refusal = rule(&form);
    seen.lock().unwrap().push(form);
    if let Some((code, message)) = refusal {
        refused.fetch_add(1, Ordering::SeqCst);
        let xml = format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    <Type>Sender</Type>\n    <Code>{code}</Code>\n    <Message>{message}</Message>\n  </Error>\n  <RequestId>11111111-2222-3333-4444-555555555555</RequestId>\n</ErrorResponse>\n"
        );
        let length = xml.len();
        return write!(
            client,
            "HTTP/1.1 403 Forbidden\r\ncontent-type: text/xml\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{xml}"
        );
    }
    let mut server = TcpStream::connect(sandbox)?;
    let head = head.trim_end_matches("\r\n");
    write!(server, "{head}\r\nconnection: close\r\n\r\n")?;
    server.write_all(&body)?;
    std::io::copy(&mut server, &mut client).map(drop)
}

/// The head, without the empty line at its end, and the body of one request.
fn request(client: &mut TcpStream) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.trim().parse().ok())
                .unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                return Ok(Some((head, bytes[end + 4..end + 4 + length].to_vec())));
            }
        }
        match client.read(&mut piece)? {
            0 => return Ok(None),
            read => bytes.extend_from_slice(&piece[..read]),
        }
    }
}
