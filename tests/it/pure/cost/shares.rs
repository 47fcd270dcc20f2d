//! Who pays what, the curve, comparison and advice, as commands.

use rust_decimal::Decimal;
use serde_json::Value;

use super::command::{amount, json};
use crate::support::sandbox_workspace::World;

fn said(world: &World, arguments: &[&str]) -> Value {
    json(&world.run(&[&["cost"], arguments, &["-o", "json"]].concat()).ended_with(0))
}

/// One scenario of an amount.
fn scenario(value: &Value, name: &str) -> Decimal {
    if value.is_object() { amount(&value[name]) } else { amount(value) }
}

/// Differences of the last digits that sums of amounts with many digits may have.
fn close(a: Decimal, b: Decimal) -> bool {
    (a - b).abs() < Decimal::new(1, 9)
}

#[test]
fn the_tenants_bear_the_whole_cost_by_every_rule() {
    let world = World::example();
    world.write("usage.yml", "tenants: { artista: { acu: 0.01, requests_per_second: 0.3, weight: 7 } }\n");
    let usage = world.path().join("usage.yml");
    let mut shared = Vec::new();
    for rule in ["even", "weight", "use"] {
        let report = said(&world, &["--allocate", rule, "--usage", usage.to_str().unwrap()]);
        let divided = &report["shares"];
        let borne: Decimal = divided["tenants"].as_array().unwrap().iter().map(|t| amount(&t["total_usd"])).sum();
        assert_eq!(borne, amount(&divided["total_usd"]), "{rule}");
        assert!(close(borne, amount(&report["total_usd"])), "{rule}");
        assert!(divided["meaning"].as_str().unwrap().len() > 20);
        shared.push(amount(&divided["tenants"][0]["shared_usd"]));
    }
    assert!(shared[0] != shared[1] && shared[1] != shared[2], "{shared:?}");
}

#[test]
fn terms_of_the_workspace_are_taken_off_and_a_flag_goes_before_them() {
    let world = World::example();
    let konta = std::fs::read_to_string(world.path().join("konta.yml")).unwrap();
    let revenue = |report: &Value| {
        let tenants = report["shares"]["tenants"].as_array().unwrap();
        amount(&tenants.iter().find(|tenant| tenant["tenant"] == "breadfree").unwrap()["revenue"])
    };
    assert_eq!(revenue(&said(&world, &[])), Decimal::from(50));
    world.write("konta.yml", &format!("{konta}\ncost: {{ vat: {{ percent: 25, included: true }}, payment_fee: {{ percent: 2, fixed: 0.5 }}, other_monthly: 3 }}\n"));
    // 50 holds 10 of tax; 1 and 0.5 are fees.
    assert_eq!(revenue(&said(&world, &[])), "35.5".parse().unwrap());
    assert_eq!(revenue(&said(&world, &["--vat", "0", "--other", "0"])), "48.5".parse().unwrap());
    world.write("konta.yml", &format!("{konta}\ncost: {{ vat: {{ percent: 250, included: true }} }}\n"));
    world.run(&["cost"]).ended_with(3);
}

#[test]
fn a_currency_only_scales_margins() {
    let world = World::example();
    let konta = std::fs::read_to_string(world.path().join("konta.yml")).unwrap();
    let tenant = |report: &Value| report["shares"]["tenants"][0].clone();
    let euro = tenant(&said(&world, &[]));
    world.write("konta.yml", &konta.replace("usd: 1.1403", "usd: 0.57015"));
    let half = tenant(&said(&world, &[]));
    assert_eq!(euro["total_usd"], half["total_usd"]);
    assert!(close(amount(&euro["cost"]) * Decimal::TWO, amount(&half["cost"])));
}

#[test]
fn the_economics_of_the_first_tenants_are_those_published() {
    // Ireland, shared load balancer and Aurora, a Spot task of 0.25 vCPU and 1 GB with a public address for each tenant; 1 GB of
    // database and files, 0.1 GB of logs, 1 million I/O, 2 GB out, 0.05 requests a second, 0.02 ACU a tenant: 84.75, 15.09, 10.45.
    // Backups were not counted there.
    let world = World::example();
    world.write(
        "usage.yml",
        "resources: { BackupBucket: { standard_gb: 0 } }\ntypes: { 'AWS::EFS::FileSystem': { backup_gb: 0 }, 'AWS::RDS::DBCluster': { backup_gb: 0 } }\n",
    );
    let usage = world.path().join("usage.yml").display().to_string();
    let curve = said(&world, &["curve", "--tier", "production", "--tenants", "1..25", "--usage", &usage]);
    for (tenants, published) in [(1, "84.75"), (10, "15.09"), (25, "10.45")] {
        let found = amount(&curve["points"][tenants - 1]["per_tenant_usd"]);
        let published: Decimal = published.parse().unwrap();
        assert!((found / published - Decimal::ONE).abs() < "0.035".parse().unwrap(), "{tenants}: {found} {published}");
    }
}

#[test]
fn the_curve_of_the_tenants_there_are_is_what_the_environment_costs() {
    let world = World::example();
    let whole = amount(&said(&world, &[])["total_usd"]);
    let curve = said(&world, &["curve", "--tenants", "2..2"]);
    assert_eq!(curve["points"].as_array().unwrap().len(), 1);
    assert!(close(amount(&curve["points"][0]["total_usd"]), whole), "{curve} {whole}");
}

#[test]
fn comparisons_change_one_thing_and_sleep_is_never_dearer() {
    let world = World::example();
    let report = said(&world, &["compare"]);
    let rows = report["rows"].as_array().unwrap();
    let row =
        |title: &str| rows.iter().find(|row| row["title"] == title).unwrap_or_else(|| panic!("{title}: {rows:#?}"));
    assert!(close(amount(&rows[0]["total_usd"]), amount(&said(&world, &[])["total_usd"])));
    for name in ["low", "expected", "high"] {
        assert!(scenario(&row("asleep at night")["difference_usd"], name) < Decimal::ZERO);
        assert!(scenario(&row("all on Spot")["difference_usd"], name) < Decimal::ZERO);
        assert!(scenario(&row("on demand")["difference_usd"], name) > Decimal::ZERO);
        assert!(scenario(&row("x86")["difference_usd"], name) > Decimal::ZERO);
        assert!(scenario(&row("dedicated")["difference_usd"], name) > Decimal::from(50));
    }
    // A t4g.medium costs what half an ACU does, within a dollar or four with its disk.
    assert!(amount(&row("RDS instead of Aurora")["difference_usd"]).abs() < Decimal::from(4));
    assert_eq!(row("RDS instead of Aurora")["deployable"], false);
    assert!(rows.iter().all(|row| row["title"] != "public addresses"), "they are what there is");
    assert_eq!(report["elsewhere"]["unknown"].as_array().unwrap().len(), 2);
}

#[test]
fn one_tenant_compared_leaves_the_others_as_they_are() {
    let world = World::example();
    let report = said(&world, &["compare", "breadfree"]);
    let rows = report["rows"].as_array().unwrap();
    let own = said(&world, &["tenant", "breadfree"])["total_usd"].clone();
    let pooled = rows.iter().find(|row| row["title"] == "pooled").unwrap();
    let saved = -amount(&pooled["difference_usd"]);
    assert!(saved > amount(&own) - Decimal::ONE && saved < amount(&own) + Decimal::ONE, "{saved} {own}");
    assert!(rows.iter().all(|row| row["title"] != "NAT gateway"));
    world.run(&["cost", "compare", "nobody"]).ended_with(1);
}

#[test]
fn advice_is_the_cheapest_that_holds_and_says_what_does_not() {
    let world = World::example();
    let strict = said(&world, &["advise", "--tenants", "20", "--isolation", "dedicated"]);
    let lax = said(&world, &["advise", "--tenants", "20", "--isolation", "dedicated", "--downtime", "nights,spot"]);
    let offers = strict["offers"].as_array().unwrap();
    let totals: Vec<Decimal> = offers.iter().map(|offer| amount(&offer["total_usd"])).collect();
    assert!(totals.is_sorted() && !totals.is_empty());
    assert!(amount(&lax["offers"][0]["total_usd"]) < totals[0]);
    assert!(lax["offers"][0]["design"].as_str().unwrap().contains("asleep"));
    assert!(lax["offers"][0]["write"].as_str().unwrap().contains("schedule:"));
    let reasons = strict["rejected"].to_string();
    for part in ["--downtime nights", "--downtime spot", "512 MiB", "pooled"] {
        assert!(reasons.contains(part), "{part}: {reasons}");
    }
    let refused = world.run(&["cost", "advise", "--tenants", "20", "--at-most", "0.01"]).ended_with(1);
    assert!(refused.stdout.contains("no design"), "{}", refused.stdout);
}

#[test]
fn shares_curve_comparison_and_advice_as_text() {
    let world = World::example();
    for (name, arguments) in [
        (
            "shares",
            &["cost", "tenant", "breadfree", "--allocate", "weight", "--vat", "21", "--vat-included", "true"][..],
        ),
        ("curve", &["cost", "curve", "--tenants", "1..300"]),
        ("compare", &["cost", "compare"]),
        ("advise", &["cost", "advise", "--tenants", "40", "--downtime", "spot"]),
    ] {
        insta::assert_snapshot!(name, world.run(arguments).ended_with(0).stdout);
    }
}
