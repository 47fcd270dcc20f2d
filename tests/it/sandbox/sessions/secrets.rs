//! Secrets stay where they belong.

use std::process::Stdio;

use super::Desk;

#[tokio::test]
async fn no_secret_reaches_the_screen_or_a_program_s_arguments() {
    let desk = Desk::new().await;
    let login = desk.run(&["auth", "login", "--profile", "ada", "--mfa-code", "135790", "-v"]).ended_with(0);
    let status = desk.run(&["auth", "status", "--profile", "ada", "-v"]).ended_with(0);
    let json = desk.run(&["auth", "status", "--profile", "ada", "-o", "json"]).ended_with(0);
    let help = desk.command(&["--help"]).env("KONTA_MFA_CODE", "135790").output().unwrap();
    let kept = std::fs::read_dir(desk.sessions()).unwrap().map(|file| file.unwrap().path());
    let kept = kept.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect::<Vec<_>>();
    let session: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&kept[0]).unwrap()).unwrap();
    let secrets = [
        desk.secret.as_str(),
        session["secret_access_key"].as_str().unwrap(),
        session["session_token"].as_str().unwrap(),
        "135790",
    ];
    let screens = [
        login.stdout + &login.stderr,
        status.stdout + &status.stderr,
        json.stdout + &json.stderr,
        String::from_utf8(help.stdout).unwrap(),
    ];
    for screen in &screens {
        assert!(secrets.iter().all(|secret| !screen.contains(secret)), "{screen}");
    }
    // What a program started by `exec` is called with, seen from outside.
    let mut command =
        desk.command(&["auth", "exec", "--profile", "ada", "--", "sh", "-c", "tr '\\0' ' ' </proc/$$/cmdline"]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    assert!(line.contains("cmdline") && secrets.iter().all(|secret| !line.contains(secret)), "{line}");
    // The user's own files are read, never written.
    let credentials = std::fs::read_to_string(desk.world.path().join("aws/credentials")).unwrap();
    assert_eq!(credentials.lines().count(), 3, "{credentials}");
    assert!(!desk.world.path().join(".aws").exists());
}
