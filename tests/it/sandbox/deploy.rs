//! `konta deploy` in the sandbox, from the manifests to databases that keep their neighbours out.

use secrecy::ExposeSecret;

use crate::support::sandbox_workspace::{World, connect};

/// The README's first command, and what must stand after it.
#[tokio::test(flavor = "multi_thread")]
async fn the_quick_start_deploys_both_tenants_with_databases_that_keep_each_other_out() {
    let world = World::warm();
    let said = world.konta(&["deploy", "tenant", "--all", "-o", "json"]).ended_with(0);
    let result = said.result();
    assert_eq!(result["ok"], true, "{result}");
    let rows = result["tenants"].as_array().unwrap();
    let urls: Vec<&str> = rows.iter().map(|row| row["url"].as_str().unwrap()).collect();
    assert_eq!(urls, ["https://artista.konta.shop", "https://breadfree.konta.shop"]);

    let aws = world.aws().await;
    let stacks = aws.stacks().await.unwrap();
    let state = |name: &str| stacks.iter().find(|s| s.name == name).unwrap_or_else(|| panic!("{name}")).status.clone();
    for stack in [
        "konta-prod-dns",
        "konta-prod",
        "konta-prod-cell-1",
        "konta-prod-tenant-artista",
        "konta-prod-tenant-breadfree",
    ] {
        assert_eq!(state(stack), "CREATE_COMPLETE", "{stack}");
    }
    for stack in &stacks {
        assert_eq!(stack.protected, !stack.name.contains("-tenant-"), "{}", stack.name);
    }

    // Listener rules and target groups point at the right hosts.
    let output = |stack: &str, key: &str| stacks.iter().find(|s| s.name == stack).unwrap().outputs[key].clone();
    let rules = aws.rules(&output("konta-prod-cell-1", "HttpsListenerArn")).await.unwrap();
    let target_of = |host: &str| {
        rules
            .iter()
            .find(|rule| rule.hosts.iter().any(|h| h == host))
            .unwrap_or_else(|| panic!("{host}"))
            .target_group
            .clone()
    };
    let pool = Some(output("konta-prod-cell-1", "PoolTargetGroupArn"));
    assert_eq!(target_of("artista.konta.shop"), pool);
    assert_eq!(target_of("www.artista.es"), pool);
    assert_eq!(target_of("breadfree.konta.shop"), Some(output("konta-prod-tenant-breadfree", "TargetGroupArn")));

    // Two databases and two roles in the real PostgreSQL, and neither role enters the other's database.
    let port = world.postgres_port();
    let mut passwords = std::collections::BTreeMap::new();
    for tenant in ["artista", "breadfree"] {
        let name = format!("/konta/prod/tenant/{tenant}/password");
        passwords.insert(tenant, aws.secret(&name).await.unwrap().unwrap().expose_secret().to_owned());
    }
    for (role, other) in [("artista", "breadfree"), ("breadfree", "artista")] {
        let own = connect(port, role, &passwords[role], role).await.unwrap();
        let row = own.query_one("SELECT pg_get_userbyid(datdba), public.unaccent('pingüino') FROM pg_database WHERE datname = current_database()", &[]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), role, "the role owns its database");
        assert_eq!(row.get::<_, String>(1), "pinguino");
        let row = own
            .query_one("SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user", &[])
            .await
            .unwrap();
        assert!(!row.get::<_, bool>(0) && !row.get::<_, bool>(1) && !row.get::<_, bool>(2));
        for closed in [other, "konta_registry"] {
            let refused = connect(port, role, &passwords[role], closed)
                .await
                .err()
                .unwrap_or_else(|| panic!("{role} entered {closed}"));
            assert_eq!(refused.code().unwrap().code(), "42501", "{refused:?}");
        }
        let wrong = connect(port, role, &passwords[other], role).await.err().unwrap();
        assert_eq!(wrong.code().unwrap().code(), "28P01", "a wrong password is refused");
    }

    // The pool reads its registry, is the tenant in a pooled tenant's database, and cannot enter a dedicated one.
    let pool = aws.secret("/konta/prod/cell-1/pool/password").await.unwrap().unwrap();
    let registry = connect(port, "konta_pool", pool.expose_secret(), "konta_registry").await.unwrap();
    let hosts: Vec<String> = registry
        .query("SELECT host FROM konta_host WHERE database = 'artista' AND NOT suspended ORDER BY host", &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(hosts, ["artista.konta.shop", "www.artista.es"]);
    assert!(registry.execute("DELETE FROM konta_host", &[]).await.is_err(), "the pool may not write its registry");
    let inside = connect(port, "konta_pool", pool.expose_secret(), "artista").await.unwrap();
    let row = inside.query_one("SELECT current_user::text, session_user::text", &[]).await.unwrap();
    assert_eq!((row.get::<_, String>(0), row.get::<_, String>(1)), ("artista".into(), "konta_pool".into()));
    assert!(connect(port, "konta_pool", pool.expose_secret(), "breadfree").await.is_err());

    the_same_again_changes_nothing(&world);
    no_secret_is_told(&world, &said, &passwords);
}

fn the_same_again_changes_nothing(world: &World) {
    let before = world.calls().len();
    let said = world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
    assert!(said.stderr.contains("nothing to change"), "{}", said.stderr);
    let calls = world.calls().split_off(before);
    assert!(!calls.iter().any(|call| call.contains("ChangeSet")), "{calls:?}");
    assert!(calls.len() <= 4, "{calls:?}");
    let plan = world.konta(&["plan", "tenant", "--all", "--exit-code"]);
    assert_eq!(plan.code, 0, "{}", plan.stdout);
}

/// No password is in what konta said, in the sandbox's logs, or in a template.
fn no_secret_is_told(
    world: &World,
    said: &crate::support::sandbox_workspace::Said,
    passwords: &std::collections::BTreeMap<&str, String>,
) {
    let mut texts = vec![said.stdout.clone(), said.stderr.clone(), world.run(&["render", "--all"]).stdout];
    for entry in std::fs::read_dir(world.home().join("log")).unwrap() {
        texts.push(String::from_utf8_lossy(&std::fs::read(entry.unwrap().path()).unwrap()).into_owned());
    }
    texts.push(std::fs::read_to_string(world.home().join("requests.jsonl")).unwrap());
    for password in passwords.values() {
        assert_eq!(password.len(), 40);
        assert!(texts.iter().all(|text| !text.contains(password)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_size_is_planned_property_by_property_and_deployed() {
    let world = World::warm();
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    world.write(
        "tenants/breadfree.yml",
        "tier: production\nhosts: [breadfree.konta.shop]\nsize: { cpu: 512, memory: 2048 }\nvariables: { WARMTH: \"${AWS::AccountId} 'no'\" }\n",
    );
    let plan = world.konta(&["plan", "tenant", "breadfree", "--exit-code", "-o", "json"]).ended_with(2);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    let stack =
        plan["stacks"].as_array().unwrap().iter().find(|s| s["stack"] == "konta-prod-tenant-breadfree").unwrap();
    assert_eq!(stack["action"], "update");
    assert_eq!(stack["source"], "change_set");
    let parameters: Vec<&str> =
        stack["parameters"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(parameters, ["Cpu", "Memory"]);
    let task = stack["resources"].as_array().unwrap().iter().find(|r| r["logical_id"] == "TaskDefinition").unwrap();
    // AWS says "always"; the emulator is less sure.
    assert_ne!(task["replacement"], "never");
    assert!(
        task["properties"]
            .as_array()
            .unwrap()
            .iter()
            .any(|p| p["path"].as_str().unwrap().contains("Cpu") && p["after"] == "512"),
        "{task}"
    );

    // --dry-run shows the same, changes nothing and leaves no change set behind.
    world.konta(&["deploy", "tenant", "breadfree", "--dry-run"]).ended_with(0);
    // The sandbox notes a call after it has answered, so the newest line may be a moment late.
    let count = |action: &str| world.calls().iter().filter(|call| call.ends_with(action)).count();
    let balanced = || count("CreateChangeSet") == count("ExecuteChangeSet") + count("DeleteChangeSet");
    for _ in 0..50 {
        if balanced() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(balanced(), "{:?}", world.calls());

    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    let aws = world.aws().await;
    let stack = aws.stack("konta-prod-tenant-breadfree").await.unwrap().unwrap();
    assert_eq!(stack.parameters["Cpu"], "512");
    // A value that looks like a template's is still the text it was.
    let template = aws.template("konta-prod-tenant-breadfree").await.unwrap();
    assert!(template.contains("${AWS::AccountId} 'no'"));
    world.konta(&["plan", "tenant", "breadfree", "--exit-code"]).ended_with(0);
}

#[test]
fn without_a_terminal_a_deployment_that_was_not_confirmed_asks_nothing_and_changes_nothing() {
    let world = World::warm();
    let said = world.run(&["deploy", "tenant", "breadfree", "--sandbox"]).ended_with(6);
    assert!(said.stderr.contains("no terminal"), "{}", said.stderr);
    assert!(!world.calls().iter().any(|call| call.ends_with("ExecuteChangeSet")));
}

#[test]
fn a_wrong_account_is_refused_before_anything_is_asked() {
    let world = World::warm();
    world.konta(&["sandbox", "start"]).ended_with(0);
    let other = std::fs::read_to_string(world.path().join("environments/prod.yml"))
        .unwrap()
        .replace("123456789012", "210987654321");
    world.write("environments/prod.yml", &other);
    let said = world.konta(&["deploy", "env"]);
    assert!(said.code == 8 || said.code == 5, "{} {}", said.code, said.stderr);
    assert!(said.stderr.contains("210987654321"), "{}", said.stderr);
}

#[test]
fn without_credentials_a_plan_is_made_from_the_templates_and_says_so() {
    let world = World::warm();
    let said = world.run(&["plan", "tenant", "--all"]).ended_with(0);
    assert!(said.stdout.contains("templates alone"), "{}", said.stdout);
    assert!(said.stderr.contains("no credentials"), "{}", said.stderr);
    world.run(&["deploy", "tenant", "--all", "--yes"]).ended_with(5);
}
