//! Many tenants: what an unchanged fleet costs in calls, and that each is planned for itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use konta::aws::Aws;
use konta::cost::workspace::PlanCost;
use konta::cost::{Difference, PriceTable};
use konta::deploy::plan::{Online, online};
use konta::deploy::{observe, preflight};
use konta::manifest;
use konta::model::Environment;
use konta::operation::Polling;
use konta::stack::scope::{Scope, Shared, wanted};
use konta::stack::tags::HASH_TAG;
use konta::stack::{Action, LoadedWorkspace, Observed, ObservedStack};

use crate::support::fake_aws::{Answer, Call, escape, scripted, stack_xml};
use crate::support::sandbox_workspace::World;

/// A workspace with so many tenants, every tenth of them pooled.
fn fleet(tenants: usize) -> (World, LoadedWorkspace) {
    let world = World::example();
    for number in 0..tenants - 2 {
        let tier = if number % 10 == 0 { "catalogue" } else { "production" };
        world.write(
            &format!("tenants/shop-{number}.yml"),
            &format!("tier: {tier}\nhosts: [shop-{number}.konta.shop]\n"),
        );
    }
    let loaded = load(&world);
    (world, loaded)
}

fn load(world: &World) -> LoadedWorkspace {
    let root = world.path().to_owned();
    let workspace = manifest::load(&root).unwrap();
    LoadedWorkspace::with_templates_of(root, workspace).unwrap()
}

/// The stacks as they stand after everything was deployed; outputs are made up.
fn deployed(loaded: &LoadedWorkspace) -> Vec<ObservedStack> {
    let environment = loaded.workspace.environments.values().next().unwrap();
    let scope = Scope { shared: Shared::All, tenants: loaded.workspace.tenants.values().collect() };
    let stacks =
        wanted(&loaded.builder(), &loaded.workspace, environment, &scope, &Observed::default()).unwrap().stacks;
    let mut observed = Observed::default();
    for stack in stacks {
        let parameters = stack.resolved_parameters(&observed).unwrap();
        let mut tags = stack.tags.clone();
        tags.insert(HASH_TAG.to_owned(), stack.hash(&parameters));
        let outputs = stack.document.section("Outputs").keys();
        observed.put(ObservedStack {
            status: "UPDATE_COMPLETE".into(),
            outputs: outputs.map(|key| (key.clone(), format!("{}/{key}", stack.name))).collect(),
            parameters,
            tags,
            protected: stack.protected,
            name: stack.name,
            ..ObservedStack::default()
        });
    }
    observed.iter().cloned().collect()
}

/// AWS gives about a hundred stacks a page.
fn answer_pages(stacks: Vec<ObservedStack>) -> impl Fn(&Call) -> Answer {
    let stacks = Arc::new(stacks);
    move |call| match call.action.as_str() {
        "GetCallerIdentity" => Answer::xml(
            "GetCallerIdentity",
            "<Account>123456789012</Account><Arn>arn:aws:iam::123456789012:user/ops</Arn><UserId>u</UserId>",
        ),
        "DescribeStacks" => {
            let from: usize = call.parameter("NextToken").map_or(0, |token| token.parse().unwrap());
            let page: String = stacks.iter().skip(from).take(100).map(stack_xml).collect();
            let next = from + 100;
            let token = if next < stacks.len() { format!("<NextToken>{next}</NextToken>") } else { String::new() };
            Answer::xml("DescribeStacks", &format!("<Stacks>{page}</Stacks>{token}"))
        }
        "GetParametersByPath" => Answer::json(200, &serde_json::json!({"Parameters": []})),
        other => Answer::error("UnexpectedCall", other),
    }
}

/// A change set that is computed at once.
fn computed(call: &Call) -> Option<Answer> {
    match call.action.as_str() {
        "CreateChangeSet" => Some(Answer::xml("CreateChangeSet", "<Id>arn:x</Id><StackId>arn:y</StackId>")),
        "DescribeChangeSet" => Some(Answer::xml("DescribeChangeSet", "<Status>CREATE_COMPLETE</Status><Changes/>")),
        _ => None,
    }
}

#[tokio::test]
async fn an_unchanged_fleet_of_a_thousand_tenants_needs_at_most_25_calls() {
    let (_world, loaded) = fleet(1000);
    let stacks = deployed(&loaded);
    assert!(stacks.len() > 1000);
    let (aws, calls) = scripted(answer_pages(stacks));
    let environment = loaded.workspace.environments.values().next().unwrap();
    preflight::account(&aws, environment).await.unwrap();
    let scope = Scope { shared: Shared::Needed, tenants: loaded.workspace.tenants.values().collect() };
    let online = online(&aws, Polling::aws(), &loaded, environment, &scope, None).await.unwrap();
    assert!(!online.plan.changes_anything(), "{:?}", online.plan.stacks.iter().find(|s| s.action != Action::Nothing));
    assert_eq!(online.plan.stacks.len(), 1000);
    let before = calls.actions().len();
    let cost = priced(&aws, &loaded, environment, &online).await;
    assert_eq!((cost.stacks.len(), calls.actions().len()), (0, before), "what does not change is not asked about");
    assert!(calls.actions().len() <= 25, "{:?}", calls.actions());
}

async fn priced(aws: &Aws, loaded: &LoadedWorkspace, environment: &Environment, online: &Online) -> Difference {
    let stacks = online.planned.stacks.iter().map(|stack| (&stack.desired, &stack.plan));
    let cost = PlanCost::new(loaded, environment, stacks, &online.observed);
    let templates = observe::templates(aws, Polling::aws(), cost.templates()).await;
    cost.difference(templates, &PriceTable::embedded())
}

#[tokio::test]
async fn one_changed_tenant_among_many_is_the_only_one_asked_about() {
    let (world, loaded) = fleet(300);
    let stacks = deployed(&loaded);
    let body = body_of(&loaded, "konta-prod-tenant-shop-7");
    world.write(
        "tenants/shop-7.yml",
        "tier: production\nhosts: [shop-7.konta.shop]\nsize: { cpu: 512, memory: 2048 }\n",
    );
    let changed = load(&world);
    let pages = answer_pages(stacks);
    let (aws, calls) = scripted(move |call| match call.action.as_str() {
        "GetTemplate" => Answer::xml("GetTemplate", &format!("<TemplateBody>{}</TemplateBody>", escape(&body))),
        _ => computed(call).unwrap_or_else(|| pages(call)),
    });
    let environment = changed.workspace.environments.values().next().unwrap();
    let scope = Scope { shared: Shared::Needed, tenants: changed.workspace.tenants.values().collect() };
    let online = online(&aws, Polling::aws(), &changed, environment, &scope, None).await.unwrap();
    let going: Vec<&str> =
        online.plan.stacks.iter().filter(|s| s.changes_anything()).map(|s| s.stack.as_str()).collect();
    assert_eq!(going, ["konta-prod-tenant-shop-7"]);
    assert_eq!(calls.count("CreateChangeSet"), 1);
    let cost = priced(&aws, &changed, environment, &online).await;
    assert_eq!(calls.count("GetTemplate"), 1);
    assert_eq!((cost.stacks.len(), cost.unread.len()), (1, 0), "{cost:?}");
    // 0.25 vCPU and 1 GB more on ARM Spot, 730 hours.
    assert_eq!(cost.difference_usd.expected.round_dp(4).to_string(), "2.5727");
    assert!(cost.stacks[0].items.iter().all(|item| item.usage_type.starts_with("FargateSpot-ARM")), "{cost:?}");
}

/// The template of a stack, as it was sent.
fn body_of(loaded: &LoadedWorkspace, name: &str) -> String {
    let environment = loaded.workspace.environments.values().next().unwrap();
    let scope = Scope { shared: Shared::All, tenants: loaded.workspace.tenants.values().collect() };
    let wanted = wanted(&loaded.builder(), &loaded.workspace, environment, &scope, &Observed::default()).unwrap();
    wanted.stacks.iter().find(|stack| stack.name == name).unwrap().document.body().to_owned()
}

#[tokio::test]
async fn a_template_that_may_not_be_read_is_told_and_the_plan_is_made() {
    let (world, loaded) = fleet(2);
    let stacks = deployed(&loaded);
    world.write(
        "tenants/breadfree.yml",
        "tier: production\nhosts: [breadfree.konta.shop]\nsize: { cpu: 1024, memory: 4096 }\n",
    );
    let changed = load(&world);
    let pages = answer_pages(stacks);
    let (aws, _) = scripted(move |call| match call.action.as_str() {
        "GetTemplate" => Answer::error("AccessDenied", "not you"),
        _ => computed(call).unwrap_or_else(|| pages(call)),
    });
    let environment = changed.workspace.environments.values().next().unwrap();
    let scope = Scope { shared: Shared::Needed, tenants: changed.workspace.tenants.values().collect() };
    let online = online(&aws, Polling::aws(), &changed, environment, &scope, None).await.unwrap();
    let cost = priced(&aws, &changed, environment, &online).await;
    assert_eq!((cost.stacks.len(), cost.unread.len()), (0, 1), "{cost:?}");
    assert!(cost.unread[0].reason.contains("AccessDenied"), "{cost:?}");
    assert!(cost.difference_usd.is_zero(), "what is not known is in no sum");
}

/// Thirty tenants are changed. CloudFormation refuses two of them and takes two seconds for each of the others.
#[tokio::test(start_paused = true)]
async fn many_changes_are_computed_side_by_side_and_every_refusal_is_told() {
    let (world, loaded) = fleet(32);
    let stacks = deployed(&loaded);
    for number in 0..30 {
        world.write(
            &format!("tenants/shop-{number}.yml"),
            &format!("tier: production\nhosts: [shop-{number}.konta.shop]\ndatabase: shared\nsize: {{ cpu: 512, memory: 2048 }}\n"),
        );
    }
    let changed = load(&world);
    // A pooled tenant cannot become a dedicated one.
    let stacks: Vec<ObservedStack> =
        stacks.into_iter().filter(|s| !s.parameters.contains_key("PoolTargetGroupArn")).collect();
    let asked: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let looks = Arc::clone(&asked);
    let pages = answer_pages(stacks);
    let (aws, calls) = scripted(move |call| match call.action.as_str() {
        "CreateChangeSet" if call.parameter("StackName").unwrap().ends_with("shop-3") => {
            Answer::error("ValidationError", "shop-3 is refused")
        }
        "CreateChangeSet" => Answer::xml("CreateChangeSet", "<Id>arn:x</Id><StackId>arn:y</StackId>"),
        "DescribeChangeSet" => {
            let stack = call.parameter("StackName").unwrap();
            let mut looks = looks.lock().unwrap();
            let look = looks.entry(stack.clone()).or_default();
            *look += 1;
            let status = match (*look, stack.ends_with("shop-17")) {
                (1, _) => "<Status>CREATE_IN_PROGRESS</Status>",
                (_, true) => "<Status>FAILED</Status><StatusReason>shop-17 is refused</StatusReason>",
                _ => "<Status>CREATE_COMPLETE</Status><Changes/>",
            };
            Answer::xml("DescribeChangeSet", status)
        }
        // What cannot be deleted is no reason to leave the others.
        "DeleteChangeSet" if call.parameter("StackName").unwrap().ends_with("shop-1") => {
            Answer::error("AccessDenied", "not this one")
        }
        "DeleteChangeSet" => Answer::xml("DeleteChangeSet", ""),
        _ => pages(call),
    });
    let environment = changed.workspace.environments.values().next().unwrap();
    let scope = Scope { shared: Shared::Needed, tenants: changed.workspace.tenants.values().collect() };
    let begun = tokio::time::Instant::now();
    let errors = online(&aws, Polling::aws(), &changed, environment, &scope, None).await.unwrap_err();
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said.iter().any(|text| text.contains("shop-3 is refused")), "{said:?}");
    assert!(said.iter().any(|text| text.contains("shop-17 is refused")), "{said:?}");
    assert!(said[2].contains("not this one"), "{said:?}");
    let made = asked.lock().unwrap().len();
    assert!(made > 20, "{made}");
    assert_eq!(calls.count("DeleteChangeSet"), made, "each that was made is deleted");
    // One after the other it would be two seconds each.
    assert!(begun.elapsed() < std::time::Duration::from_secs(12), "{:?}", begun.elapsed());
}
