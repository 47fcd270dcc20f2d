//! What konta says about one mistake: the place, what is allowed, what was meant.

use super::*;

#[test]
fn an_unknown_key_is_answered_with_the_one_that_was_meant() {
    let text = "tier: catalogue\nhosts: [artista.konta.shop]\nenviroment: prod\n";
    insta::assert_snapshot!(rendered(&[("tenants/artista.yml", text)]), @r#"
    konta::manifest::invalid

      × 1 problem in 1 manifest

    Error: konta::manifest::unknown_key

      × a tenant has no key `enviroment`
       ╭─[tenants/artista.yml:3:1]
     2 │ hosts: [artista.konta.shop]
     3 │ enviroment: prod
       · ─────┬────
       ·      ╰── konta does not know this key
       ╰────
      help: did you mean `environment`? choose one of tenant, tier, environment, hosts, modules,
            image, size, tasks, spot, on_demand, variables, secrets, database, addons, cell, schedule
    "#);
}

#[test]
fn a_key_written_twice_is_shown_at_both_places() {
    let text = "tier: catalogue\nhosts: [artista.konta.shop]\ntier: production\n";
    insta::assert_snapshot!(rendered(&[("tenants/artista.yml", text)]), @r#"
    konta::manifest::invalid

      × 1 problem in 1 manifest

    Error: konta::manifest::duplicate_key

      × `tier` is written twice
       ╭─[tenants/artista.yml:1:1]
     1 │ tier: catalogue
       · ──┬─
       ·   ╰── first here
     2 │ hosts: [artista.konta.shop]
     3 │ tier: production
       · ──┬─
       ·   ╰── again here
       ╰────
      help: keep one of them
    "#);
}

#[test]
fn a_value_of_another_type_says_what_to_write() {
    let text = "tier: catalogue\nhosts: artista.konta.shop\n";
    insta::assert_snapshot!(rendered(&[("tenants/artista.yml", text)]), @r#"
    konta::manifest::invalid

      × 1 problem in 1 manifest

    Error: konta::manifest::wrong_type

      × `hosts` must be a list, but is text
       ╭─[tenants/artista.yml:2:8]
     1 │ tier: catalogue
     2 │ hosts: artista.konta.shop
       ·        ─────────┬────────
       ·                 ╰── text
       ╰────
      help: write `hosts: [artista.konta.shop]`
    "#);
}

#[test]
fn an_impossible_fargate_pair_says_which_ones_there_are() {
    let text = "tier: production\nhosts: [a.konta.shop]\nsize: { cpu: 256, memory: 4096 }\n";
    insta::assert_snapshot!(rendered(&[("tenants/a.yml", text)]), @r#"
    konta::manifest::invalid

      × 1 problem in 1 manifest

    Error: konta::manifest::invalid_size

      × Fargate does not pair 256 CPU units with 4096 MiB
       ╭─[tenants/a.yml:3:14]
     2 │ hosts: [a.konta.shop]
     3 │ size: { cpu: 256, memory: 4096 }
       ·              ────────┬────────
       ·                      ╰── no such pair
       ╰────
      help: with 256 CPU units choose 512, 1024 or 2048 MiB
    "#);
}

#[test]
fn capacity_goes_in_halves() {
    let text = format!("{PROD}database:\n  capacity: {{ min: 0.3, max: 4 }}\n");
    insta::assert_snapshot!(rendered(&[("environments/prod.yml", &text)]), @r#"
    konta::manifest::invalid

      × 1 problem in 1 manifest

    Error: konta::manifest::invalid_size

      × `0.3` is not a capacity in ACU
       ╭─[environments/prod.yml:5:20]
     4 │ database:
     5 │   capacity: { min: 0.3, max: 4 }
       ·                    ─┬─
       ·                     ╰── `min`
       ╰────
      help: write a number in steps of 0.5, for example 0.5 or 4
    "#);
}

#[test]
fn hosts_that_clash_are_told_at_both_tenants() {
    let text = "tier: production\nhosts: [breadfree.konta.shop, Artista.konta.shop]\n";
    insta::assert_snapshot!(rendered(&[("tenants/breadfree.yml", text)]), @r#"
    konta::manifest::invalid

      × 2 problems in 2 manifests

    Error: konta::manifest::clash

      × the tenant breadfree also has the host artista.konta.shop
       ╭─[tenants/artista.yml:2:9]
     1 │ tier: catalogue
     2 │ hosts: [artista.konta.shop]
       ·         ─────────┬────────
       ·                  ╰── used twice
       ╰────
      help: see tenants/breadfree.yml:2; give each tenant its own hosts

    Error: konta::manifest::clash

      × the tenant artista also has the host artista.konta.shop
       ╭─[tenants/breadfree.yml:2:31]
     1 │ tier: production
     2 │ hosts: [breadfree.konta.shop, Artista.konta.shop]
       ·                               ─────────┬────────
       ·                                        ╰── used twice
       ╰────
      help: see tenants/artista.yml:2; give each tenant its own hosts
    "#);
}

#[test]
fn an_unknown_tier_is_answered_with_the_one_that_was_meant() {
    insta::assert_snapshot!(rendered(&[("tenants/artista.yml", "tier: catalog\nhosts: [artista.konta.shop]\n")]), @r#"
    konta::manifest::invalid

      × 1 problem in 1 manifest

    Error: konta::manifest::unknown_name

      × konta.yml has no tier `catalog`
       ╭─[tenants/artista.yml:1:7]
     1 │ tier: catalog
       ·       ───┬───
       ·          ╰── `tier`
     2 │ hosts: [artista.konta.shop]
       ╰────
      help: did you mean `catalogue`? choose one of catalogue, production
    "#);
}

#[test]
fn missing_keys_are_all_told_at_once() {
    insta::assert_snapshot!(rendered(&[("environments/prod.yml", "region: eu-west-1\n")]), @r#"
    konta::manifest::invalid

      × 2 problems in 1 manifest

    Error: konta::manifest::missing_key

      × the environment has no `account`
       ╭─[environments/prod.yml:1:1]
     1 │ region: eu-west-1
       · ───┬──
       ·    ╰── `account` is missing here
       ╰────
      help: add `account: "123456789012"`

    Error: konta::manifest::missing_key

      × the environment has no `domain`
       ╭─[environments/prod.yml:1:1]
     1 │ region: eu-west-1
       · ───┬──
       ·    ╰── `domain` is missing here
       ╰────
      help: add `domain: example.com`
    "#);
}

#[test]
fn a_number_in_place_of_text_is_shown_as_it_was_written() {
    let text = "account: 012345678901\nregion: eu-west-1\ndomain: konta.shop\ndatabase: { engine_version: 17.10 }\n";
    insta::assert_snapshot!(rendered(&[("environments/prod.yml", text)]), @r#"
    konta::manifest::invalid

      × 2 problems in 1 manifest

    Error: konta::manifest::wrong_type

      × `account` must be text, but is a number
       ╭─[environments/prod.yml:1:10]
     1 │ account: 012345678901
       ·          ──────┬─────
       ·                ╰── a number
     2 │ region: eu-west-1
       ╰────
      help: write it in quotes: "012345678901"

    Error: konta::manifest::wrong_type

      × `engine_version` must be text, but is a number
       ╭─[environments/prod.yml:4:29]
     3 │ domain: konta.shop
     4 │ database: { engine_version: 17.10 }
       ·                             ──┬──
       ·                               ╰── a number
       ╰────
      help: write it in quotes: "17.10"
    "#);
}

#[test]
fn bad_yaml_points_at_its_column() {
    insta::assert_snapshot!(rendered(&[("tenants/artista.yml", "tier: catalogue\nhosts: [artista.konta.shop\n")]), @r#"
    konta::manifest::invalid

      × 1 problem in 1 manifest

    Error: konta::manifest::syntax

      × unclosed bracket '['
       ╭─[tenants/artista.yml:2:8]
     1 │ tier: catalogue
     2 │ hosts: [artista.konta.shop
       ·        ┬
       ·        ╰── here
       ╰────
      help: check the marked line and the one above it: indentation, a colon or a quote
    "#);
}

#[test]
fn problems_of_several_files_come_in_the_order_of_files_and_lines() {
    let files = [
        ("konta.yml", "application: aws-shop\ncurrency: euro\n"),
        ("environments/prod.yml", "account: \"1\"\nregion: moon\ndomain: konta.shop\nlog_retention_days: 31\n"),
        ("tenants/artista.yml", "tier: catalogue\nhosts: []\n"),
        ("tenants/admin.yml", BREADFREE),
    ];
    insta::assert_snapshot!(places(&files).join("\n"), @r#"
    konta.yml:1 missing_key
    konta.yml:1 missing_key
    konta.yml:1 missing_key
    konta.yml:1 invalid_value
    konta.yml:2 invalid_value
    environments/prod.yml:1 invalid_value
    environments/prod.yml:2 invalid_value
    environments/prod.yml:4 invalid_value
    tenants/admin.yml:1 invalid_value
    tenants/artista.yml:2 invalid_value
    "#);
}

#[test]
fn a_secret_written_as_a_value_is_not_printed_also_not_beside_another_problem() {
    let text =
        "tier: production\nhosts: [a.konta.shop]\nsecrets:\n  TOKEN: sk_live_51H8xyz\n  PGUSER: /konta/prod/user\n";
    let shown = rendered(&[("tenants/a.yml", text)]);
    assert!(!shown.contains("sk_live"), "{shown}");
    insta::assert_snapshot!(shown, @r#"
    konta::manifest::invalid

      × 2 problems in 1 manifest

    Error: konta::manifest::invalid_value

      × the secret `TOKEN` looks like the value itself (15 characters, hidden here)
       ╭─[tenants/a.yml:4:10]
     3 │ secrets:
     4 │   TOKEN: ***************
       ·          ───────┬───────
       ·                 ╰── not a reference
     5 │   PGUSER: /konta/prod/user
       ╰────
      help: store the value with `aws ssm put-parameter --type SecureString` and write the parameter's
            name, such as /konta/prod/token, or the full ARN of a parameter or a secret

    Error: konta::manifest::invalid_value

      × `PGUSER` cannot be a variable's name
       ╭─[tenants/a.yml:5:3]
     4 │   TOKEN: ***************
     5 │   PGUSER: /konta/prod/user
       ·   ───┬──
       ·      ╰── this name
       ╰────
      help: konta sets PG*, KONTA_*, ODOO_RC, HOST, PORT, USER and PASSWORD itself; choose another
            name
    "#);
    let broken = format!("{text}oops: [\n");
    assert!(!rendered(&[("tenants/a.yml", &broken)]).contains("sk_live"));
    let misspelt = text.replace("secrets:", "secret:");
    assert!(!rendered(&[("tenants/a.yml", &misspelt)]).contains("sk_live"));
}

#[test]
fn a_pooled_tenant_is_told_why_it_cannot_have_a_size() {
    let text = "tier: catalogue\nhosts: [artista.konta.shop]\nsize: { cpu: 256, memory: 512 }\n";
    insta::assert_snapshot!(rendered(&[("tenants/artista.yml", text)]), @r#"
    konta::manifest::invalid

      × 1 problem in 1 manifest

    Error: konta::manifest::not_allowed

      × a tenant of the pooled tier `catalogue` cannot have `size`
       ╭─[tenants/artista.yml:3:1]
     2 │ hosts: [artista.konta.shop]
     3 │ size: { cpu: 256, memory: 512 }
       · ──┬─
       ·   ╰── not allowed here
       ╰────
      help: all pooled tenants run in the cell's one Odoo service; remove it, or choose a tier with
            `isolation: dedicated`
    "#);
    let all = "tier: catalogue\nhosts: [artista.konta.shop]\ntasks: 1\nspot: true\non_demand: 0\ndatabase: dedicated\n\
               addons: [aurora]\nvariables: {A: b}\nsecrets: {C: /d}\n\
               schedule: { sleep: \"0 22 ? * MON-FRI *\", wake: \"0 7 ? * MON-FRI *\", timezone: Europe/Madrid }\n";
    assert_eq!(places(&[("tenants/artista.yml", all)]).len(), 8);
}
