//! The pages that konta writes, in a real browser: on a phone, on a desktop, in the dark and on paper.

use std::path::{Path, PathBuf};
use std::process::Command;

use konta::cost::Range;
use konta::report::cost::Page;
use konta::report::cost::page::{Bars, Cell, Chart, Column, Curve, Grid, Section};
use konta::template::Document;
use rust_decimal::Decimal;

use crate::support::sandbox_workspace::World;

/// `KONTA_CHROMIUM`, else a Chromium or Chrome on PATH.
pub fn chromium() -> Option<PathBuf> {
    let chosen = std::env::var_os("KONTA_CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let on_path = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    chosen.into_iter().chain(on_path).find(|file| file.is_file())
}

/// A Python that can drive a browser, made once and kept as long as the requirements are the same.
fn python() -> Result<PathBuf, String> {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/pure/html/requirements.txt");
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("html-venv");
    let (python, kept) = (venv.join("bin/python"), venv.join("konta-requirements.txt"));
    let wanted = std::fs::read(&requirements).unwrap();
    if std::fs::read(&kept).is_ok_and(|kept| kept == wanted) {
        return Ok(python);
    }
    let ran = |command: &mut Command| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    };
    ran(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    ran(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&requirements))?;
    std::fs::write(kept, wanted).unwrap();
    Ok(python)
}

/// A curve with steps and prices, and bars on both sides of zero.
fn charts() -> Page {
    let dec = |text: &str| text.parse::<Decimal>().unwrap();
    let range = |low, expected, high| Range::new(dec(low), dec(expected), dec(high));
    let each = |n: u32| {
        let expected = dec("77") * Decimal::from(n.div_ceil(100)) / Decimal::from(n) + dec("8");
        (n, Range::new(expected * dec("0.9"), expected, expected * dec("1.3")))
    };
    let curve = Curve {
        title: "USD a month for each tenant".into(),
        count: "tenants".into(),
        points: (1..=1000).map(each).collect(),
        levels: vec![("catalogue, 15 EUR".into(), dec("17.10")), ("production, 50 EUR".into(), dec("57.02"))],
        steps: (1..10)
            .map(|n| (n * 100 + 1, "one more cell: a load balancer takes 100 target groups".into()))
            .collect(),
    };
    let margins = [("catalogue", range("7.2", "9.1", "10")), ("production", range("-9", "-4.4", "-1"))];
    let bars = Bars {
        title: "EUR a month for each tenant".into(),
        bars: margins.iter().map(|(name, margin)| ((*name).into(), *margin)).collect(),
    };
    let grid = Grid {
        columns: vec![Column::text("tier"), Column::figures("eur/month")],
        rows: margins.iter().map(|(name, margin)| vec![Cell::text(*name), Cell::Money(*margin)]).collect(),
    };
    let section =
        |title: &str, chart, grid| Section { title: title.into(), chart: Some(chart), grid, ..Section::default() };
    Page {
        title: "What more tenants cost".into(),
        headline: "8.77 USD a month for each of 100 tenants".into(),
        facts: vec![("rate".into(), "1.1403 USD for one EUR, of 2026-09-25".into())],
        sections: vec![
            section("Curve", Chart::Curve(curve), None),
            section("Margin by tier", Chart::Bars(bars), Some(grid)),
        ],
    }
}

/// What a load balancer shows in the place of a tenant's Odoo.
fn tenant_pages() -> Vec<(String, String)> {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/tenant/pooled.yml");
    let template = Document::parse("pooled", &std::fs::read_to_string(template).unwrap()).unwrap();
    let pages = template.section("Mappings")["Pages"].as_object().unwrap();
    let shown = pages.iter().filter(|(name, _)| *name != "none");
    shown.map(|(name, texts)| (name.clone(), texts["Html"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn pages_are_well_in_a_browser_on_every_screen_and_on_paper() {
    let Some(chromium) = chromium() else {
        eprintln!("NOT CHECKED: no Chromium is here (KONTA_CHROMIUM names one)");
        return;
    };
    let python = match python() {
        Ok(python) => python,
        Err(reason) => {
            eprintln!("NOT CHECKED: playwright cannot be installed: {reason}");
            return;
        }
    };
    let world = World::example();
    let page = |name: &str| world.path().join(name);
    let long = "AVeryLongLogicalIdOfAResourceThatSomebodyMadeUpToSeeWhatHappensOnAPhone";
    world.write("their.json", &format!(r#"{{"Resources": {{"{long}": {{"Type": "AWS::EC2::Instance"}}, "Nat": {{"Type": "AWS::EC2::NatGateway"}}}}}}"#));
    let their = page("their.json").display().to_string();
    let commands: [(&str, &[&str]); 6] = [
        ("environment", &["cost"]),
        ("tenant", &["cost", "tenant", "breadfree"]),
        ("template", &["cost", "--template", &their, "--region", "eu-west-1"]),
        ("curve", &["cost", "curve", "--tenants", "1..1000"]),
        ("compare", &["cost", "compare"]),
        ("advise", &["cost", "advise", "--tenants", "40"]),
    ];
    let written: Vec<String> =
        commands.iter().map(|(name, _)| page(&format!("{name}.html")).display().to_string()).collect();
    for ((_, command), file) in commands.iter().zip(&written) {
        let arguments = [*command, &["--format", "html", "--out", file]].concat();
        world.run(&arguments).ended_with(0);
    }
    world.write("charts.html", &charts().html().unwrap());
    let pages = tenant_pages();
    for (name, html) in &pages {
        world.write(&format!("{name}.html"), html);
    }
    let looked = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/pure/html/check.py"))
        .arg("--chromium")
        .arg(chromium)
        .arg("--out")
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("html-pictures"))
        .args(&written)
        .arg(page("charts.html"))
        .args(pages.iter().map(|(name, _)| page(&format!("{name}.html"))))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&looked.stdout);
    assert!(looked.status.success(), "{said}\n{}", String::from_utf8_lossy(&looked.stderr));
    assert!(said.contains("9 pages"), "{said}");
}
