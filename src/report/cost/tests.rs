//! Every form of the same pages, with figures that do not change.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::page::{Bars, Cell, Chart, Column, Curve, Grid, Section};
use super::*;
use crate::cost::decimal::dec;
use crate::cost::estimate::{Assumption, Free, Unknown, Unpriced};
use crate::cost::workspace::{CostReport, StackCost, StackSum};
use crate::cost::{Estimate, LineItem, Price, Range};

/// What a spiteful manifest or template could be called.
const SPITE: &str = "<script>alert(1)</script> | `x` *b* [a](https://evil.example) @all #1 \"'&\u{1b}[2J\n# x";

fn item(resource: &str, service: &str, usage_type: &str, quantity: Range, usd: Decimal) -> LineItem {
    let price = Price {
        service: service.into(),
        usage_type: usage_type.into(),
        region: "eu-west-1".into(),
        unit: "hour".into(),
        usd,
        from: Decimal::ZERO,
        source: "a price list".into(),
        date: "2026-09-11".into(),
    };
    LineItem::new(resource, Arc::new(price), quantity, None)
}

fn report(name: &str) -> CostReport {
    let cluster = Estimate {
        total_usd: Range::new(dec!(51.1), dec!(51.1), dec!(102.2)),
        items: vec![item(
            "Database",
            "AmazonRDS",
            "Aurora:ServerlessV2Usage:PostgreSQL",
            Range::new(dec!(365), dec!(365), dec!(730)),
            dec!(0.14),
        )],
        assumptions: vec![Assumption {
            resource: "Database".into(),
            field: "acu".into(),
            value: Range::new(dec!(0.5), dec!(0.5), dec!(1)),
            origin: "assumed for each tenant, not measured".into(),
            swing_usd: dec!(51.1),
        }],
        ..Estimate::default()
    };
    let tenant = Estimate {
        total_usd: Range::exact(dec!(3.65)),
        items: vec![item(name, "AmazonVPC", "PublicIPv4:InUseAddress", Range::exact(dec!(730)), dec!(0.005))],
        free: vec![Free {
            resource: "Role".into(),
            resource_type: "AWS::IAM::Role".into(),
            reason: "roles are free".into(),
        }],
        unpriced: vec![Unpriced { resource: name.into(), resource_type: "AWS::EC2::Instance".into() }],
        unknown: vec![Unknown {
            resource: "Disk".into(),
            service: Some("AmazonRDS".into()),
            usage_type: Some("RDS:GP3-Storage".into()),
            region: "eu-south-2".into(),
            reason: "no price is known".into(),
        }],
        ..Estimate::default()
    };
    let stacks = vec![
        StackCost::new("konta-prod-cell-1", "cell 1 of prod", Arc::new(cluster)),
        StackCost::new("konta-prod-tenant-a", name, Arc::new(tenant)),
    ];
    let mut report = CostReport::of_stacks("eu-west-1", dec!(730), stacks);
    report.hold_to(dec!(50), "50USD".into());
    report
}

/// A page with every kind of chart.
fn charts() -> Page {
    let margins = [("catalogue", dec!(9.10), dec!(7.2), dec!(10)), ("production", dec!(-4.4), dec!(-9), dec!(-1))];
    let curve = Curve {
        title: "USD a month for each tenant".into(),
        count: "tenants".into(),
        points: (1..=1000_u32)
            .map(|n| (n, Range::exact(dec!(77) * Decimal::from(n.div_ceil(100)) / Decimal::from(n) + dec!(8))))
            .map(|(n, cost)| (n, Range { low: cost.low * dec!(0.9), high: cost.high * dec!(1.3), ..cost }))
            .collect(),
        levels: vec![("catalogue, 15 EUR".into(), dec!(17.10)), ("production, 50 EUR".into(), dec!(57.02))],
        steps: (1..4).map(|n| (n * 100 + 1, "one more cell: a load balancer takes 100 target groups".into())).collect(),
    };
    Page {
        title: "What more tenants cost".into(),
        headline: "8.77 USD a month for each of 100 tenants".into(),
        facts: vec![("rate".into(), "1.1403 USD for one EUR, of 2026-09-25".into())],
        sections: vec![
            Section { title: "Curve".into(), chart: Some(Chart::Curve(curve)), ..Section::default() },
            Section {
                title: "Margin by tier".into(),
                intro: Some("What is left of the price.".into()),
                chart: Some(Chart::Bars(Bars {
                    title: "EUR a month for each tenant".into(),
                    bars: margins
                        .map(|(name, expected, low, high)| (name.to_owned(), Range::new(low, expected, high)))
                        .to_vec(),
                })),
                grid: Some(Grid {
                    columns: vec![Column::text("tier"), Column::figures("eur/month")],
                    rows: margins
                        .map(|(name, expected, low, high)| {
                            vec![Cell::text(name), Cell::Money(Range::new(low, expected, high))]
                        })
                        .to_vec(),
                }),
                ..Section::default()
            },
        ],
    }
}

#[test]
fn at_a_terminal_money_ends_below_money() {
    insta::assert_snapshot!(report("tenant a").page("What prod costs").text_at(80, false));
}

#[test]
fn on_a_narrow_terminal_all_details_can_be_read() {
    let text = report("tenant a").page("What prod costs").text_at(60, true);
    insta::assert_snapshot!(text);
    let charts = charts().text_at(60, true);
    insta::assert_snapshot!(charts);
    for line in text.lines().chain(charts.lines()) {
        assert!(console::measure_text_width(line) <= 60, "{line}");
    }
}

#[test]
fn a_pull_request_is_told_the_sum_and_folds_the_details() {
    insta::assert_snapshot!(report("tenant a").page("What prod costs").markdown());
}

/// A page without its styles, which a browser judges better than a snapshot.
fn unstyled(html: &str) -> String {
    let (before, rest) = html.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    format!("{before}<style></style>{after}")
}

#[test]
fn the_page_is_whole_in_itself() {
    let html = report("tenant a").page("What prod costs").html().unwrap();
    insta::assert_snapshot!("page", unstyled(&html));
    for outside in ["src=", "@import", "url(", "<script", "href=\"http"] {
        assert!(!html.contains(outside), "{outside}");
    }
    insta::assert_snapshot!("charts", unstyled(&charts().html().unwrap()));
}

#[test]
fn every_price_of_the_page_has_its_date_and_source_and_what_is_missing_is_named() {
    let html = report("tenant a").page("What prod costs").html().unwrap();
    for said in
        ["2026-09-11", "a price list", "not measured", "AWS::EC2::Instance", "no price is known", "roles are free"]
    {
        assert!(html.contains(said), "{said}");
    }
}

#[test]
fn names_stay_text_whatever_they_say() {
    let page = report(SPITE).page(SPITE);
    let html = page.html().unwrap();
    assert!(!html.contains("<script") && html.contains("&#60;script&#62;"), "{html}");
    let markdown = page.markdown();
    assert!(
        !markdown.contains("<script") && !markdown.contains("@all") && !markdown.contains("https://"),
        "{markdown}"
    );
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    for line in markdown.lines().filter(|line| line.contains("script") && line.starts_with('|')) {
        assert!([3, 4, 5, 6, 9].contains(&columns(line)), "{line}");
        assert!(!line.replace("\\`", "").contains('`'), "{line}");
    }
    let text = page.text_at(80, true);
    assert!(!text.contains('\u{1b}') && !text.lines().any(|line| line == "# x"), "{text}");
}

#[test]
fn ten_thousand_tenants_still_fit_a_comment() {
    let stacks = (0..10_000).map(|n| StackSum {
        stack: format!("tenant-{n}"),
        title: format!("tenant {n}"),
        total_usd: Range::exact(dec!(1)),
    });
    let report = CostReport { stacks: stacks.collect(), ..report("tenant a") };
    let page = report.page("What prod costs");
    let markdown = page.markdown();
    assert!(markdown.chars().count() < 65_536);
    assert!(markdown.contains("| and 9950 more | 9950.00 |"), "{markdown}");
    assert!(page.html().unwrap().len() < 1_000_000);
    assert!(page.text_at(80, false).lines().count() < 80);
}
