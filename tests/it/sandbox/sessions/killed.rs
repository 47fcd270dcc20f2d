//! `kill -9` at any moment leaves no broken and no readable cache.

use std::os::unix::fs::MetadataExt;
use std::process::Stdio;
use std::time::Duration;

use rand::Rng;

use super::Desk;

#[tokio::test]
async fn a_login_killed_at_any_moment_leaves_a_whole_session_or_none() {
    let desk = Desk::new().await;
    let (mut whole, mut cut) = (0, 0);
    // How long a login takes here, so that the moments are spread over it.
    let begun = std::time::Instant::now();
    desk.run(&["auth", "login", "--profile", "ada", "--mfa-code", "000000"]).ended_with(0);
    let takes = begun.elapsed();
    for round in 1..60 {
        let code = format!("{round:06}");
        let mut command = desk.command(&["auth", "login", "--profile", "ada", "--mfa-code", &code]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let moment = rand::rng().random_range(0..=u64::try_from(takes.as_micros()).unwrap() * 12 / 10);
        std::thread::sleep(Duration::from_micros(moment));
        let _ = child.kill();
        let ended = child.wait().unwrap();
        if ended.success() {
            whole += 1;
        } else {
            cut += 1;
        }
        for file in std::fs::read_dir(desk.sessions()).unwrap().map(Result::unwrap) {
            let about = file.metadata().unwrap();
            assert_eq!(about.mode() & 0o077, 0, "{file:?}");
            if file.file_name().to_string_lossy().ends_with(".json") {
                let text = std::fs::read_to_string(file.path()).unwrap();
                let session: serde_json::Value =
                    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {file:?}"));
                assert!(session["session_token"].as_str().is_some_and(|token| !token.is_empty()));
            }
        }
        // The lock of a killed command holds nobody up, and the session from before or the new one is good.
        if round % 10 == 0 {
            desk.run(&["auth", "status", "--profile", "ada"]).ended_with(0);
        }
    }
    assert!(cut > 5, "{whole} whole, {cut} cut: the moments were badly chosen");
    desk.run(&["auth", "login", "--profile", "ada", "--mfa-code", "999999"]).ended_with(0);
    assert_eq!(std::fs::metadata(desk.sessions()).unwrap().mode() & 0o777, 0o700);
}
