//! What konta says, kept: help, plans, JSON, errors. A change of any of it is seen in review.

use std::fmt::Write as _;

use crate::support::sandbox_workspace::World;

/// What differs from run to run or machine to machine.
fn steady(world: &World) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(&regex_escape(&world.path().display().to_string()), "WORKSPACE");
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME");
    settings.add_filter(r"\b\d\d:\d\d:\d\dZ", "TIME");
    settings.add_filter(r#""elapsed_ms":\d+"#, r#""elapsed_ms":0"#);
    settings.add_filter(r"\b(in|done) \d+s", "$1 0s");
    settings.add_filter(r#""Z[A-Z0-9]{13}""#, r#""ZONE""#);
    settings.add_filter(r#"arn:aws:elasticloadbalancing:[^"]+"#, "LOAD-BALANCER-ARN");
    settings.add_filter(r"konta-prod-cell-1-[a-z0-9-]+\.eu-west-1\.elb\.amazonaws\.com", "LOAD-BALANCER");
    settings.add_filter(r"arn:aws:secretsmanager:[^ \x22]+", "SECRET-ARN");
    settings
}

fn regex_escape(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_ascii_alphanumeric() || c == '/' { vec![c] } else { vec!['\\', c] }).collect()
}

#[test]
fn a_plan_without_aws_as_json() {
    let world = World::example();
    let said = world.run(&["plan", "tenant", "--all", "--offline", "-o", "json"]).ended_with(0);
    steady(&world).bind(|| insta::assert_snapshot!(said.stdout));
}

#[test]
fn a_plan_without_aws_as_text() {
    let world = World::example();
    let said = world.run(&["plan", "tenant", "artista", "--offline", "-v"]).ended_with(0);
    steady(&world).bind(|| insta::assert_snapshot!(said.stdout));
}

#[test]
fn the_events_and_the_result_of_a_pooled_tenants_deployment_as_json() {
    let world = World::example();
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    let said = world.konta(&["deploy", "tenant", "artista", "-o", "json"]).ended_with(0);
    steady(&world).bind(|| insta::assert_snapshot!(said.stdout));
    let said = world.konta(&["ls", "-o", "json"]).ended_with(0);
    steady(&world).bind(|| insta::assert_snapshot!("ls_as_json", said.stdout));
}

#[test]
fn everything_wrong_is_told_at_once_with_its_place() {
    let world = World::example();
    world.write("environments/prod.yml", "account: 123\nregion: eu-west-1\ndomian: konta.shop\n");
    world.write(
        "tenants/breadfree.yml",
        "tier: prodction\nhosts: [breadfree.konta.shop]\nsize: { cpu: 256, memory: 4096 }\n",
    );
    let said = world.run(&["validate"]).ended_with(3);
    steady(&world).bind(|| insta::assert_snapshot!(said.stderr));
    let said = world.run(&["validate", "-o", "json"]).ended_with(3);
    steady(&world).bind(|| insta::assert_snapshot!("everything_wrong_as_json", said.stdout));
}

#[test]
fn wrong_calls_say_what_to_write() {
    let world = World::example();
    let mut all = String::new();
    for arguments in [
        &["deploy", "tenant", "bredfree"][..],
        &["deploy", "env", "staging"],
        &["deploy", "tenant"],
        &["render"],
        &["plan", "tenant", "artista", "--region", "us-east-1"],
        &["deply"],
    ] {
        let said = world.run(arguments);
        let _ = write!(all, "$ konta {}\n{}{}[exit {}]\n\n", arguments.join(" "), said.stdout, said.stderr, said.code);
    }
    world.write("overrides/tenant-dedicatd.yml", "[]\n");
    let said = world.run(&["validate"]);
    let _ = write!(all, "$ konta validate\n{}[exit {}]\n\n", said.stderr, said.code);
    world.remove("overrides/tenant-dedicatd.yml");
    world.write("overrides/cell.yml", "- { op: remove, path: /Resources/Database/UpdateReplacePolicy }\n");
    let said = world.run(&["validate"]);
    let _ = write!(all, "$ konta validate\n{}[exit {}]\n", said.stderr, said.code);
    steady(&world).bind(|| insta::assert_snapshot!(all));
}

/// As manifests are: who mends one thing and is then told of the next has been told too late.
#[test]
fn everything_wrong_with_overrides_templates_and_addons_is_told_at_once() {
    let world = World::example();
    world.write("overrides/tenant-dedicatd.yml", "[]\n");
    world.write("overrides/konta-prod-cell-7.yml", "[]\n");
    world.write("overrides/konta-prod-tenant-bredfree.yml", "[]\n");
    world.write(
        "overrides/cell.yml",
        "- { op: remove, path: /Resources/Database/UpdateReplacePolicy }\n- { op: remove, path: /Resources/FileSystem/DeletionPolicy }\n",
    );
    world.write("overrides/tenant-pooled.yml", "- { op: remove, path: /A }\n- { op: remove, path: /B }\n");
    let mut all = String::new();
    for arguments in [&["validate"][..], &["plan", "tenant", "artista", "--offline"], &["render", "env"]] {
        let said = world.run(arguments);
        let _ = write!(all, "$ konta {}\n{}{}[exit {}]\n\n", arguments.join(" "), said.stdout, said.stderr, said.code);
        if arguments[0] == "validate" {
            world.remove("overrides/tenant-dedicatd.yml");
            world.remove("overrides/konta-prod-tenant-bredfree.yml");
        }
    }
    world.write("templates/cel.yml", "Resources: {}\n");
    world.write("tenants/artista.yml", "tier: catalog\nhosts: [artista.konta.shop]\n");
    let said = world.run(&["validate"]);
    let _ = write!(all, "$ konta validate\n{}{}[exit {}]\n", said.stdout, said.stderr, said.code);
    steady(&world).bind(|| insta::assert_snapshot!(all));
}

/// The reference of the command line is what `--help` says. To renew it: `UPDATE_DOCS=1 cargo test --test it reference_of_the_command_line`.
#[test]
fn the_reference_of_the_command_line_is_current() {
    let mut text = String::from("# The command line\n\nMade from `--help`; a test keeps it current.\n");
    for path in [
        "",
        "init",
        "validate",
        "render",
        "render env",
        "render tenant",
        "plan",
        "plan env",
        "plan tenant",
        "deploy",
        "deploy env",
        "deploy tenant",
        "cost",
        "cost tenant",
        "ls",
        "status",
        "tenant",
        "tenant resize",
        "tenant suspend",
        "tenant resume",
        "delete",
        "delete tenant",
        "delete env",
        "sandbox",
        "completion",
        "exit-codes",
    ] {
        let arguments: Vec<&str> = path.split_whitespace().chain(["--help"]).collect();
        let program = env!("CARGO_BIN_EXE_konta");
        let output = std::process::Command::new(program).args(&arguments).env_clear().output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let help = help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        let wide = help.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "the help of `konta {path}` is wider than 80 columns");
        text +=
            &format!("\n## konta {path}\n\n```text\n{}\n```\n", help.trim_end()).replace("## konta \n", "## konta\n");
    }
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/cli.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == text,
        "docs/reference/cli.md is out of date: UPDATE_DOCS=1 cargo test --test it reference_of_the_command_line"
    );
}
