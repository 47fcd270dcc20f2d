//! The page that a tenant's visitors see: what it changes in the tenant's stack, and what it leaves alone.

use std::collections::BTreeMap;

use konta::cost::evaluate::Inputs;
use konta::cost::{Estimate, PriceTable, Profile, Usage, estimate};
use rust_decimal::Decimal;
use serde_json::Value;

use super::evaluate::{Effective, text};
use super::workspace::{Files, Rendered};

const DEDICATED: &str = "konta-prod-tenant-breadfree";
const POOLED: &str = "konta-prod-tenant-artista";
const LINES: &str = "tasks: { min: 2, max: 3 }\nschedule: { sleep: \"0 22 ? * MON-FRI *\", wake: \"0 7 ? * MON-FRI *\", timezone: Europe/Madrid }\n";

fn with_page(rendered: &Rendered, stack: &str, page: &str) -> Effective {
    rendered.effective_with(stack, &[("Page", page)])
}

/// What differs between two states of a stack, by logical id.
fn differing(before: &Effective, after: &Effective) -> Vec<String> {
    let ids: std::collections::BTreeSet<&String> = before.resources.keys().chain(after.resources.keys()).collect();
    ids.into_iter().filter(|id| before.resources.get(*id) != after.resources.get(*id)).cloned().collect()
}

/// A service that is touched while its target group has no load balancer is refused by ECS.
#[test]
fn a_page_changes_the_rules_and_the_bounds_and_never_the_service() {
    let rendered = Files::plain().dedicated(LINES).render();
    let none = with_page(&rendered, DEDICATED, "none");
    let suspended = with_page(&rendered, DEDICATED, "suspended");
    assert_eq!(differing(&none, &suspended), ["ListenerRule", "ScalableTarget", "ScalingPolicy"]);
    // Nor does a schedule wake a tenant while its database is being upgraded.
    let maintenance = with_page(&rendered, DEDICATED, "maintenance");
    assert_eq!(differing(&none, &maintenance), ["ListenerRule", "ScalableTarget", "ScalingPolicy"]);
    let target = maintenance.properties("ScalableTarget");
    for bounds in [target, &target["ScheduledActions"][1]["ScalableTargetAction"]] {
        assert_eq!((text(&bounds["MinCapacity"]), text(&bounds["MaxCapacity"])), ("0".into(), "0".into()), "{target}");
    }
    // Between the page and Odoo: the rule leads there, and nothing but konta may start it.
    let waking = with_page(&rendered, DEDICATED, "waking");
    assert_eq!(differing(&none, &waking), ["ScalableTarget", "ScalingPolicy"]);
    assert_eq!(differing(&maintenance, &waking), ["ListenerRule"]);
    let none = with_page(&rendered, POOLED, "none");
    assert_eq!(differing(&none, &with_page(&rendered, POOLED, "suspended")), ["ListenerRule"]);
}

#[test]
fn a_page_is_small_enough_for_a_load_balancer_legible_on_a_phone_and_found_by_no_search() {
    let rendered = Files::plain().render();
    for stack in [DEDICATED, POOLED] {
        for page in ["suspended", "maintenance"] {
            let tenant = with_page(&rendered, stack, page);
            let action = &tenant.properties("ListenerRule")["Actions"][0];
            assert_eq!(action["Type"], "fixed-response");
            let response = &action["FixedResponseConfig"];
            assert_eq!(
                (text(&response["StatusCode"]), text(&response["ContentType"])),
                ("503".into(), "text/html".into())
            );
            let body = response["MessageBody"].as_str().unwrap();
            assert!(body.len() <= 1024, "{} bytes", body.len());
            for part in ["<!doctype html>", "charset=utf-8", "width=device-width", "noindex", "<title>"] {
                assert!(body.contains(part), "{page}: {part}");
            }
            assert!(!body.contains("http://") && !body.contains("https://"), "it asks nothing of anybody");
        }
    }
    for page in ["suspended", "maintenance"] {
        let html = |stack: &str| rendered.stack(stack).document.value()["Mappings"]["Pages"][page]["Html"].clone();
        assert_eq!(html(DEDICATED), html(POOLED), "both kinds of tenants show the same pages");
    }
}

#[test]
fn live_connections_see_the_page_too() {
    let rendered = Files::plain().render();
    let workers =
        [("Workers", "2"), ("WebsocketRulePriority", "4"), ("ListenerRulePriority", "5"), ("Page", "suspended")];
    let tenant = rendered.effective_with(DEDICATED, &workers);
    assert_eq!(tenant.properties("WebsocketRule")["Actions"][0]["Type"], "fixed-response");
}

#[test]
fn nothing_wakes_a_suspended_tenant() {
    let rendered = Files::plain().dedicated(LINES).render();
    let tenant = with_page(&rendered, DEDICATED, "suspended");
    let target = tenant.properties("ScalableTarget");
    let bounds = |of: &Value| ["MinCapacity", "MaxCapacity"].map(|key| text(&of[key]));
    assert_eq!(bounds(target), ["0", "0"]);
    for action in target["ScheduledActions"].as_array().unwrap() {
        assert_eq!(bounds(&action["ScalableTargetAction"]), ["0", "0"], "{action}");
    }
    assert!(!tenant.has("ScalingPolicy"));
}

/// A page in the hash would change a tag, and with it the service.
#[test]
fn a_page_is_no_part_of_a_stacks_hash() {
    let rendered = Files::plain().render();
    let stack = rendered.stack(DEDICATED);
    let parameters = |page: &str| BTreeMap::from([("Page".to_owned(), page.to_owned()), ("Cpu".into(), "256".into())]);
    assert_eq!(stack.hash(&parameters("none")), stack.hash(&parameters("suspended")));
    let other = BTreeMap::from([("Page".to_owned(), "none".to_owned()), ("Cpu".into(), "512".into())]);
    assert_ne!(stack.hash(&parameters("none")), stack.hash(&other));
}

#[test]
fn a_suspended_tenant_costs_no_task() {
    let rendered = Files::plain().dedicated(LINES).render();
    let stack = rendered.stack(DEDICATED);
    let priced = |page: &str| -> Estimate {
        let mut parameters: BTreeMap<String, Option<String>> =
            rendered.parameters(stack).into_iter().map(|(name, value)| (name, Some(value))).collect();
        parameters.insert("Page".to_owned(), Some(page.to_owned()));
        let inputs = Inputs { region: "eu-west-1".to_owned(), parameters };
        estimate::of_document(
            "t",
            &stack.document,
            &inputs,
            &Usage::of(Profile::tenants(0, 1)),
            &PriceTable::embedded(),
        )
        .unwrap()
    };
    let tasks = |estimate: &Estimate| {
        let items = estimate.items.iter().filter(|item| item.resource == "Service");
        items.map(|item| item.monthly_usd.high).sum::<Decimal>()
    };
    assert!(tasks(&priced("none")) > Decimal::ONE);
    assert_eq!(tasks(&priced("suspended")), Decimal::ZERO);
}
