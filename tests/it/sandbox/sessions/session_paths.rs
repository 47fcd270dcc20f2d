//! The way from a profile to credentials: what is called, what is kept, what is refused.

use super::Desk;

#[tokio::test]
async fn one_code_opens_a_session_that_later_commands_and_roles_use_without_another() {
    let desk = Desk::new().await;
    let said = desk.run(&["auth", "login", "--profile", "ada", "--mfa-code", "111111"]).ended_with(0);
    assert!(said.stderr.contains("logged in as arn:aws:iam::123456789012:user/ada until"), "{}", said.stderr);
    let status = desk.run(&["auth", "status", "--profile", "ada", "-o", "json"]).ended_with(0);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["arn"], "arn:aws:iam::123456789012:user/ada");
    assert_eq!((&status["mfa"], &status["kind"]), (&"yes".into(), &"user".into()));
    assert_eq!(status["device"], desk.serial.as_str());
    let left = status["seconds_left"].as_i64().unwrap();
    assert!((43_000..=43_200).contains(&left), "{left}");
    // The role is assumed on top.
    let status = desk.run(&["auth", "status", "--profile", "deploy", "-o", "json"]).ended_with(0);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["arn"], "arn:aws:sts::123456789012:assumed-role/deploy/konta");
    assert_eq!(status["roles"][0], "arn:aws:iam::123456789012:role/deploy");
    assert_eq!(desk.asked("GetSessionToken"), 1);
    // Another duration is another session, and takes the first one's place.
    desk.run(&["auth", "login", "--profile", "ada", "--duration", "15m", "--mfa-code", "222222"]).ended_with(0);
    let status = desk.run(&["auth", "status", "--profile", "ada", "-o", "json"]).ended_with(0);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert!(status["seconds_left"].as_i64().unwrap() <= 900);
    desk.run(&["auth", "logout", "--profile", "ada"]).ended_with(0);
    let said = desk.run(&["auth", "status", "--profile", "ada"]).ended_with(5);
    assert!(said.stdout.contains("no session") && said.stderr.contains("konta auth login"), "{}", said.stderr);
}

#[tokio::test]
async fn a_plan_uses_the_same_session_and_asks_before_it_begins() {
    let desk = Desk::new().await;
    let before = desk.asked("DescribeStacks");
    let said = desk.run(&["plan", "env", "prod", "--profile", "ada"]).ended_with(77);
    assert!(said.stderr.contains("OIDC") && said.stderr.contains("--mfa-code -"), "{}", said.stderr);
    assert_eq!(desk.asked("DescribeStacks"), before, "nothing is begun");
    let mut command = desk.command(&["auth", "login", "--profile", "ada", "--mfa-code", "-"]);
    let mut child = command.stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"333333\n").unwrap();
    assert!(child.wait().unwrap().success());
    // The user may do nothing but assume roles; the role may do nothing at all. That is AWS's answer, not a question for a code.
    let said = desk.run(&["plan", "env", "prod", "--profile", "ada"]).ended_with(4);
    assert!(said.stderr.contains("AccessDenied"), "{}", said.stderr);
}

#[tokio::test]
async fn what_is_refused_says_why_and_which_way_leads_out() {
    let desk = Desk::new().await;
    let root = |arguments: &[&str]| {
        let mut command = desk.command(arguments);
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        crate::support::sandbox_workspace::said(command.stdin(std::process::Stdio::null()).output().unwrap())
    };
    let said = root(&["plan", "env", "prod"]).ended_with(5);
    assert!(said.stderr.contains("root user") && said.stderr.contains("--allow-root"), "{}", said.stderr);
    root(&["plan", "env", "prod", "--allow-root"]).ended_with(0);
    let yml = std::fs::read_to_string(desk.world.path().join("environments/prod.yml")).unwrap();
    desk.world.write("environments/prod.yml", &yml.replace("123456789012", "210987654321"));
    let said = root(&["plan", "env", "prod", "--allow-root"]).ended_with(5);
    assert!(said.stderr.contains("210987654321"), "{}", said.stderr);
    // A foreign account is told before a code is asked for.
    let said = desk.run(&["plan", "env", "prod", "--profile", "ada", "--mfa-code", "444444"]).ended_with(5);
    assert!(said.stderr.contains("210987654321"), "{}", said.stderr);
    assert_eq!(desk.asked("GetSessionToken"), 0);
    let said = desk.run(&["auth", "login", "--profile", "ada", "--mfa-code", "12345"]).ended_with(5);
    assert!(said.stderr.contains("six digits") && !said.stderr.contains("12345 "), "{}", said.stderr);
    let mut command = desk.command(&["auth", "login"]);
    command.env("AWS_ACCESS_KEY_ID", "ASIAX").env("AWS_SECRET_ACCESS_KEY", "x").env("AWS_SESSION_TOKEN", "x");
    let said = crate::support::sandbox_workspace::said(command.output().unwrap()).ended_with(5);
    assert!(said.stderr.contains("already a session"), "{}", said.stderr);
    let said = desk.run(&["auth", "status", "--sandbox"]).ended_with(64);
    assert!(said.stderr.contains("sandbox"));
    let said = desk.run(&["auth", "login", "--profile", "ada", "--duration", "40h"]).ended_with(64);
    assert!(said.stderr.contains("36 hours"), "{}", said.stderr);
}

#[tokio::test]
async fn a_code_is_not_sent_twice_and_a_program_s_is_waited_for() {
    let desk = Desk::new().await;
    desk.run(&["auth", "login", "--profile", "ada", "--mfa-code", "555555"]).ended_with(0);
    let said = desk.run(&["auth", "login", "--profile", "ada", "--mfa-code", "555555"]).ended_with(5);
    assert!(said.stderr.contains("already used"), "{}", said.stderr);
    assert_eq!(desk.asked("GetSessionToken"), 1);
    // A program that first prints the used code, then the next one.
    let program = desk.world.path().join("code.sh");
    let told = desk.world.path().join("told");
    std::fs::write(
        &program,
        format!("if [ -e {0} ]; then echo 666666; else touch {0}; echo 555555; fi\n", told.display()),
    )
    .unwrap();
    let mut command = desk.command(&["auth", "login", "--profile", "ada"]);
    command.env("KONTA_MFA_PROCESS", format!("sh {}", program.display())).stdin(std::process::Stdio::null());
    let said = crate::support::sandbox_workspace::said(command.output().unwrap()).ended_with(0);
    assert!(said.stderr.contains("waiting"), "{}", said.stderr);
    assert_eq!(desk.asked("GetSessionToken"), 2);
}

#[tokio::test]
async fn a_device_that_no_file_names_is_looked_up_at_login() {
    let desk = Desk::new().await;
    let config = desk.world.path().join("aws/config");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("mfa_serial", "# mfa_serial")).unwrap();
    // The user may not look, and is told what to write.
    let said = desk.run(&["auth", "login", "--profile", "ada", "--mfa-code", "777777"]).ended_with(5);
    assert!(said.stderr.contains("mfa_serial = "), "{}", said.stderr);
    let iam = aws_sdk_iam::Client::new(&super::root(&desk.world.endpoint()).await);
    let may =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListMFADevices","Resource":"*"}]}"#;
    iam.put_user_policy().user_name(&desk.user).policy_name("look").policy_document(may).send().await.unwrap();
    desk.run(&["auth", "login", "--profile", "ada", "--mfa-code", "888888"]).ended_with(0);
    assert_eq!(desk.asked("ListMFADevices"), 2);
}

#[tokio::test]
async fn a_role_for_longer_than_an_hour_takes_the_code_itself() {
    let desk = Desk::new().await;
    let iam = aws_sdk_iam::Client::new(&super::root(&desk.world.endpoint()).await);
    iam.update_role().role_name("deploy").max_session_duration(14_400).send().await.unwrap();
    let role = "role_arn = arn:aws:iam::123456789012:role/deploy";
    desk.write_files(&format!("[profile long]\n{role}\nsource_profile = ada\nduration_seconds = 7200\n"));
    let before = desk.asked("AssumeRole");
    let said = desk.run(&["auth", "login", "--profile", "long", "--mfa-code", "999999"]).ended_with(0);
    assert!(said.stderr.contains("assumed-role/deploy"), "{}", said.stderr);
    assert_eq!((desk.asked("GetSessionToken"), desk.asked("AssumeRole")), (0, before + 1));
    desk.run(&["auth", "status", "--profile", "long"]).ended_with(0);
    assert_eq!(desk.asked("AssumeRole"), before + 1, "kept, not asked for anew");
}

#[tokio::test]
async fn a_session_too_short_for_a_deployment_is_told_and_renewed_beforehand() {
    let desk = Desk::new().await;
    // The sandbox's root user may do everything.
    desk.world.write("aws/credentials", "[all]\naws_access_key_id = test\naws_secret_access_key = test\n");
    desk.world.write("aws/config", &format!("[profile all]\nregion = eu-west-1\nmfa_serial = {}\n", desk.serial));
    let all = ["--profile", "all", "--allow-root"];
    let login = ["auth", "login", "--duration", "15m", "--mfa-code", "111111"];
    desk.run(&[&login[..], &all].concat()).ended_with(0);
    // Nobody can give a code: the session is used as it is, and the end is foreseen.
    let deploy = ["deploy", "env", "prod"];
    let said = desk.run(&[&deploy[..], &all].concat()).ended_with(6);
    assert!(
        said.stderr.contains("this may take 45") && said.stderr.contains("run the same command to attach to it"),
        "{}",
        said.stderr
    );
    assert_eq!(desk.asked("GetSessionToken"), 1);
    let mut command = desk.command(&[&deploy[..], &all].concat());
    command.env("KONTA_MFA_PROCESS", "echo 222222").stdin(std::process::Stdio::null());
    let said = crate::support::sandbox_workspace::said(command.output().unwrap()).ended_with(6);
    assert!(said.stderr.contains("konta opens a new one first"), "{}", said.stderr);
    assert_eq!(desk.asked("GetSessionToken"), 2);
    // An hour, AWS's most for the root user, is enough.
    let said = desk.run(&[&deploy[..], &all].concat()).ended_with(6);
    assert!(!said.stderr.contains("the session ends in"), "{}", said.stderr);
}

#[tokio::test]
async fn a_session_that_ends_under_way_is_told_as_ended_with_what_to_do() {
    use konta::auth::Keys;
    use konta::auth::cache::{Cache, Entry, Key};
    use konta::auth::provider::{SessionProvider, shared};
    let folder = tempfile::tempdir().unwrap();
    let past = jiff::Timestamp::from_second(1_000).unwrap();
    let entry = Entry {
        keys: Keys {
            access_key_id: "ASIA".into(),
            secret_access_key: "secret".into(),
            session_token: Some("token".into()),
            expiration: Some(past),
        },
        ends: past,
        begun: past,
        user_key: "AKIA".into(),
        serial: "device".into(),
        role: None,
        arn: "arn:aws:iam::123456789012:user/ada".into(),
    };
    let key = Key {
        access_key_id: "AKIA".into(),
        serial: "device".into(),
        role: None,
        partition: "aws".into(),
        duration_seconds: 900,
    };
    let session = SessionProvider::new(Cache::at(folder.path().join("sessions")), key, entry);
    // Nothing listens there, and nothing is asked: without credentials no request is made.
    let target = konta::aws::Target { region: "eu-west-1".into(), ..konta::aws::Target::default() };
    let error = konta::aws::Aws::open_as(&target, shared(&session)).await.identity().await.unwrap_err();
    assert_eq!((error.operation, error.code.as_str()), ("sts GetCallerIdentity", "ExpiredToken"));
    assert!(error.concerns_credentials());
    assert!(miette::Diagnostic::help(&error).unwrap().to_string().contains("attaches"));
}
