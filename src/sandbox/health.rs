//! Whether the local AWS answers.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// How long one check may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks once.
pub(super) async fn answers(port: u16) -> bool {
    matches!(timeout(PATIENCE, ask(port)).await, Ok(Ok(true)))
}

/// Asks until it answers or the time is up: a process busy with many stacks may leave one check unanswered.
pub(super) async fn answers_within(port: u16, longest: Duration) -> bool {
    let deadline = Instant::now() + longest;
    loop {
        if answers(port).await {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// `GET /_konta/health`, by hand. Only the status and one word of the answer count: they distinguish the sandbox from
/// another server on its port.
async fn ask(port: u16) -> io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let request = format!("GET /_konta/health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.lines().next().and_then(|line| line.split(' ').nth(1));
    Ok(status == Some("200") && answer.contains("ministack"))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn server(answer: &'static str) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1024];
                let read = stream.read(&mut request).await.unwrap();
                assert!(request[..read].starts_with(b"GET /_konta/health HTTP/1.1\r\n"));
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        port
    }

    #[tokio::test]
    async fn only_a_sandbox_counts_as_an_answer() {
        let good =
            server("HTTP/1.1 200 \r\ncontent-length: 40\r\n\r\n{\"status\": \"ok\", \"ministack\": \"1.5.33\"}").await;
        assert!(answers(good).await);
        assert!(!answers(server("HTTP/1.1 200 OK\r\n\r\nhello").await).await);
        assert!(!answers(server("HTTP/1.1 404 Not Found\r\n\r\nministack").await).await);
        assert!(!answers(1).await);
    }
}
