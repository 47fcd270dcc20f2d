//! What is sound, what fits together, and what is refused.

use super::*;

#[test]
fn the_example_workspace_is_sound() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
    let workspace = load(&root).unwrap_or_else(|problems| panic!("{}", render(&problems)));
    assert_eq!(workspace.tenants.len(), 2);
    assert_eq!(find_root(&root.join("tenants")), Some(root));
}

#[test]
fn a_tenant_gets_what_its_tier_has_and_keeps_what_is_its_own() {
    let text = "tenant: breadfree\ntier: production\nenvironment: prod\nhosts: [breadfree.konta.shop]\n\
                modules: [stock, mrp]\nsize: { cpu: 512, memory: 2048 }\ntasks: 1\naddons: [aurora]\ndatabase: dedicated\n";
    let workspace = loaded(&[("tenants/breadfree.yml", text)]);
    let tenant = &workspace.tenants[&TenantName::new("breadfree").unwrap()];
    assert_eq!(tenant.isolation, Isolation::Dedicated);
    assert_eq!(tenant.modules, ["website", "stock", "mrp"]);
    assert_eq!((tenant.size.cpu(), tenant.tasks.max(), tenant.on_demand, tenant.spot), (512, 1, 1, true));
    assert!(tenant.image.contains("@sha256:"));
    assert_eq!(workspace.tiers.values().map(|tier| tier.price.to_string()).collect::<Vec<_>>(), ["15", "50.50"]);
}

#[test]
fn values_that_only_fit_together_are_checked_together() {
    for (line, wanted) in [
        ("certificate: arn:aws:acm:us-east-1:012345678901:certificate/1-2", "invalid_value"),
        ("hosted_zone: konta.shop", "invalid_value"),
        ("database: { auto_pause: 600 }", "not_allowed"),
        ("database: { engine_version: \"17.8\" }", "invalid_value"),
        ("network: { cidr: 8.8.0.0/16 }", "invalid_value"),
        (
            "network: { vpc: vpc-0a1b2c3d, public_subnets: [subnet-0a1b2c3d, subnet-0a1b2c3d], private_subnets: [subnet-0a1b2c3d, subnet-0a1b2c3e] }",
            "invalid_value",
        ),
        ("network: { egress: natt }", "invalid_value"),
        ("pool: { image: \"odoo:19.0\" }", "invalid_value"),
        ("tags: { \"aws:x\": y }", "invalid_value"),
        ("alarm_topic: arn:aws:sns:eu-west-1:999999999999:alarms", "invalid_value"),
        (
            "deploy_role: { provider: arn:aws:iam::012345678901:oidc-provider/x, issuer: github, subjects: [\"repo:o/*\"] }",
            "invalid_value",
        ),
    ] {
        let found = places(&[("environments/prod.yml", &format!("{PROD}{line}\n"))]);
        assert!(
            found.first().is_some_and(|place| *place == format!("environments/prod.yml:4 {wanted}")),
            "{line}: {found:?}"
        );
    }
}

#[test]
fn what_only_a_tenant_can_get_wrong_is_told_at_its_line() {
    for (line, wanted) in [
        ("addons: [redis]", "unknown_name"),
        ("environment: prd", "unknown_name"),
        ("variables: { PGHOST: x }", "invalid_value"),
        ("variables: { A: 1 }", "wrong_type"),
        ("modules: [Website]", "invalid_value"),
        ("image: odoo:19.0", "invalid_value"),
        ("tasks: 0", "invalid_size"),
        ("on_demand: 9", "invalid_value"),
        ("database: own", "invalid_value"),
        ("cell: 0", "invalid_value"),
        ("spot: yes", "wrong_type"),
        ("tenant: other", "invalid_value"),
        ("schedule: { sleep: \"0 22 * * *\", wake: \"0 7 ? * MON-FRI *\", timezone: Europe/Madrid }", "invalid_value"),
        (
            "schedule: { sleep: \"0 22 ? * * *\", wake: \"0 7 ? * MON-FRI *\", timezone: Europe/Madird }",
            "invalid_value",
        ),
    ] {
        let found = places(&[("tenants/breadfree.yml", &format!("{BREADFREE}{line}\n"))]);
        assert_eq!(found, [format!("tenants/breadfree.yml:3 {wanted}")], "{line}");
    }
}

#[test]
fn hosts_outside_the_domain_need_a_certificate_and_those_of_the_pool_are_kept() {
    let host = |hosts: &str| format!("tier: catalogue\nhosts: {hosts}\n");
    for (hosts, wanted) in [
        ("[www.artista.es]", "missing_key"),
        ("[a.b.konta.shop]", "missing_key"),
        ("[pool-2.konta.shop]", "clash"),
        ("[a.konta.shop, a.konta.shop]", "clash"),
        ("[a.konta.shop, b.konta.shop, c.konta.shop, d.konta.shop, e.konta.shop]", "invalid_value"),
        (
            "[{host: www.artista.es, hosted_zone: Z1, certificate: \"arn:aws:acm:eu-west-1:012345678901:certificate/1\"}]",
            "not_allowed",
        ),
    ] {
        let found = places(&[("tenants/artista.yml", &host(hosts))]);
        assert_eq!(found, [format!("tenants/artista.yml:2 {wanted}")], "{hosts}");
    }
    loaded(&[("tenants/artista.yml", &host("[{host: www.artista.es, hosted_zone: Z1}, pool-a.konta.shop]"))]);
}

#[test]
fn a_broken_tier_or_environment_is_not_blamed_on_its_tenants() {
    let dollars = KONTA.replace("EUR", "USD");
    assert_eq!(places(&[("konta.yml", &dollars)]), ["konta.yml:3 invalid_value"]);
    let broken = KONTA.replace("price: 15", "price: cheap");
    assert_eq!(places(&[("konta.yml", &broken)]), ["konta.yml:6 invalid_value"]);
    assert_eq!(places(&[("konta.yml", "tiers: [\n")]), ["konta.yml:1 syntax"]);
    assert_eq!(
        places(&[("environments/prod.yml", &PROD.replace("eu-west-1", "moon"))]),
        ["environments/prod.yml:2 invalid_value"]
    );
}

#[test]
fn several_environments_must_be_named_and_must_not_meet() {
    let staging = PROD.replace("konta.shop", "staging.konta.shop");
    assert_eq!(places(&[("environments/staging.yml", &staging)]), ["tenants/artista.yml:1 missing_key"]);
    let tenant = ("tenants/artista.yml", "tier: catalogue\nenvironment: prod\nhosts: [artista.konta.shop]\n");
    loaded(&[("environments/staging.yml", &staging), tenant]);
    let met = "tier: catalogue\nenvironment: prod\nhosts: [staging.konta.shop]\n";
    let files = [("environments/staging.yml", staging.as_str()), ("tenants/artista.yml", met)];
    assert_eq!(places(&files), ["tenants/artista.yml:3 clash"]);
    assert_eq!(places(&[("environments/prod-dns.yml", &staging), tenant]), ["environments/prod-dns.yml:1 clash"]);
    assert_eq!(places(&[("environments/staging.yml", PROD), tenant]).len(), 2);
}

#[test]
fn addons_whose_stacks_would_meet_are_told() {
    let tenant = |addon: &str, host: &str| format!("tier: production\nhosts: [{host}.konta.shop]\naddons: [{addon}]\n");
    let found = places(&[
        ("addons/b-c.yml", ""),
        ("addons/c.yml", ""),
        ("tenants/a.yml", &tenant("b-c", "a")),
        ("tenants/a-b.yml", &tenant("c", "b")),
    ]);
    assert_eq!(found, ["tenants/a-b.yml:3 clash", "tenants/a.yml:3 clash"]);
}

#[test]
fn files_that_would_be_passed_over_in_silence_are_told() {
    assert_eq!(places(&[("tenants/b.yaml", BREADFREE)]), ["tenants/b.yaml:0 unreadable"]);
    let folder = workspace(&[]);
    std::fs::remove_file(folder.path().join("konta.yml")).unwrap();
    let problems = load(folder.path()).unwrap_err();
    assert!(problems.iter().any(|problem| problem.file() == "konta.yml" && problem.kind() == Code::Unreadable));
}

/// The longest names load, and what is composed of them fits: stacks (128), clusters (63), databases (63).
#[test]
fn the_longest_names_fit_once_composed() {
    let longest = |most: usize| "a".repeat(most);
    let (application, environment) = (longest(ApplicationName::LONGEST), longest(EnvironmentName::LONGEST));
    let (tenant, addon) = (longest(TenantName::LONGEST), longest(AddonName::LONGEST));
    assert!(format!("{application}-{environment}-addon-{tenant}-{addon}").len() <= 128);
    assert!(format!("{application}-{environment}-tenant-{tenant}").len() <= 128);
    assert!(format!("{application}-{environment}-cell-9999").len() <= 63);
    let folder = workspace(&[
        ("konta.yml", &KONTA.replace("application: konta", &format!("application: {application}"))),
        (&format!("tenants/{tenant}.yml"), &format!("{BREADFREE}addons: [{addon}]\n")),
        (&format!("addons/{addon}.yml"), ""),
    ]);
    std::fs::rename(
        folder.path().join("environments/prod.yml"),
        folder.path().join(format!("environments/{environment}.yml")),
    )
    .unwrap();
    let workspace = load(folder.path()).unwrap_or_else(|problems| panic!("{}", render(&problems)));
    assert!(workspace.tenants.keys().all(|name| name.database().len() <= 63));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any text is either a manifest or a list of problems that can be shown.
    #[test]
    fn any_text_is_read_without_a_panic(konta in any_manifest(KONTA), prod in any_manifest(PROD), tenant in any_manifest(BREADFREE)) {
        let folder = workspace(&[("konta.yml", &konta), ("environments/prod.yml", &prod), ("tenants/artista.yml", &tenant)]);
        if let Err(problems) = load(folder.path()) {
            prop_assert!(!render(&problems).contains("could not be read"));
        }
    }
}

/// Any text; text of characters that have a meaning in YAML; and a sound manifest with something else in the middle.
fn any_manifest(sound: &'static str) -> impl Strategy<Value = String> {
    let cut =
        (0..=sound.len(), 0..=sound.len(), "[ a-z0-9:{}\\[\\]\"'&*!|>#%@,?~\n-]{0,12}").prop_map(move |(a, b, mid)| {
            let (from, to) = (a.min(b), a.max(b));
            format!("{}{mid}{}", &sound[..from], &sound[to..])
        });
    prop_oneof![".*", "[ a-c:{}\\[\\]\"'&*!|>#%@,?~\n\t-]{0,80}", Just(sound.to_owned()), cut]
}

/// `cargo test --release --lib manifest::tests::rules::ten_thousand -- --ignored --nocapture`
#[test]
#[ignore = "a measurement, not a check"]
fn ten_thousand_tenants_load_quickly() {
    let folder = workspace(&[]);
    for n in 0..10_000 {
        let tier = if n % 2 == 0 { "catalogue" } else { "production" };
        let text = format!(
            "# tenant {n}\ntier: {tier}\nhosts:\n  - t{n}.konta.shop\n  - {{ host: www.t{n}.es, hosted_zone: Z0123456789ABC }}\nmodules: [mass_mailing, website_sale]\n"
        );
        std::fs::write(folder.path().join(format!("tenants/t{n}.yml")), text).unwrap();
    }
    let start = std::time::Instant::now();
    let workspace = load(folder.path()).unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    println!("{} tenants in {:?}, {peak}", workspace.tenants.len(), start.elapsed());
}

#[test]
fn a_secret_outside_the_environments_path_is_refused_because_no_task_could_read_it() {
    let text = "tier: production\nhosts: [a.konta.shop]\nsecrets: { TOKEN: /elsewhere/token }\n";
    let workspace = workspace(&[("tenants/a.yml", text)]);
    let problems = load(workspace.path()).unwrap_err();
    let shown = problems.iter().map(|p| format!("{p}: {}", p.advice().unwrap_or_default())).collect::<Vec<_>>();
    assert_eq!(
        shown,
        [
            "the tasks of prod may not read the parameter `/elsewhere/token`: keep it under /konta/prod/, with the tenant's cell as its tag `konta:cell`"
        ]
    );
}

#[test]
fn a_database_of_ones_own_counts_as_the_addon_it_is() {
    let dedicated = "tier: production\nhosts: [x.konta.shop]\ndatabase: dedicated\n";
    let with_addon = "tier: production\nhosts: [y.konta.shop]\naddons: [b-aurora]\n";
    let files =
        [("tenants/a-b.yml", dedicated), ("tenants/a.yml", with_addon), ("addons/b-aurora.yml", "Resources: {}\n")];
    let found = places(&files);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|place| place.contains("clash")), "{found:?}");
}

#[test]
fn a_region_that_aws_does_not_have_is_refused_with_the_one_meant() {
    let error = crate::model::RegionName::new("eu-west-9").unwrap_err();
    assert!(error.to_string().contains("is not a region of AWS"), "{error}");
    assert!(error.help.starts_with("did you mean `eu-west-1`?"), "{}", error.help);
    assert!(crate::model::RegionName::new("mx-central-1").is_ok());
}

#[test]
fn what_is_no_regular_file_is_refused_and_not_waited_for() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("tenants/shop.yml")).unwrap();
    std::fs::create_dir_all(root.path().join("environments")).unwrap();
    let pipe = root.path().join("environments/prod.yml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let problems = load(root.path()).unwrap_err();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for part in ["environments/prod.yml is not a regular file", "tenants/shop.yml is a folder"] {
        assert!(told.iter().any(|text| text.starts_with(part)), "{told:?}");
    }
}

#[test]
fn too_many_tasks_are_refused_with_the_bound_and_the_reason() {
    let root = tempfile::tempdir().unwrap();
    let tiers = "  p: { price: 1, isolation: dedicated, modules: [sale], tasks: 999 }\n";
    std::fs::write(root.path().join("konta.yml"), format!("application: a\ntiers:\n{tiers}")).unwrap();
    let problems = load(root.path()).unwrap_err();
    let told = problems.iter().find(|problem| problem.to_string().contains("999")).unwrap();
    assert!(told.to_string().contains("at most 50 tasks of one service"), "{told}");
    assert!(told.advice().unwrap().contains("connections"), "{told:?}");
}
