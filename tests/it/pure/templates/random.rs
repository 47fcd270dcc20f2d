//! Whatever names and sizes are given, and whatever stands in an override: an answer, never a panic.

use std::sync::LazyLock;

use konta::template::source::Sources;
use konta::template::{Document, overrides, policy};
use proptest::prelude::*;

use super::workspace::Files;

static CELL: LazyLock<Document> = LazyLock::new(|| Sources::embedded().unwrap().get("cell").unwrap().clone());

fn slug(longest: usize) -> impl Strategy<Value = String> {
    prop::string::string_regex(&format!("[a-z][a-z0-9]{{0,{}}}(-[a-z0-9]{{1,3}})?", longest.saturating_sub(5))).unwrap()
}

const SIZES: &[(u32, u32)] =
    &[(256, 512), (256, 2048), (512, 4096), (1024, 3072), (2048, 16384), (4096, 8192), (8192, 20480), (16384, 40960)];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_names_and_sizes_that_a_manifest_takes_render_to_stacks_that_can_stand(
        tenant in slug(40),
        other in slug(40),
        addon in slug(32),
        size in prop::sample::select(SIZES),
        min in 1..5_u32,
        more in 0..5_u32,
        spot in any::<bool>(),
        own in any::<bool>(),
        cell in prop::option::of(1..4_u32),
        variable in "\\PC{0,40}",
        capacity in (0..20_u32, 1..200_u32),
    ) {
        let mut lines = format!(
            "size: {{ cpu: {}, memory: {} }}\ntasks: {{ min: {min}, max: {} }}\nspot: {spot}\naddons: [{addon}]\nvariables: {{ TEXT: {} }}\n",
            size.0, size.1, min + more, serde_json::json!(variable)
        );
        if own {
            lines += "database: dedicated\n";
        }
        if let Some(cell) = cell {
            lines.extend(["cell: ", &cell.to_string(), "\n"]);
        }
        let (low, high) = (f64::from(capacity.0) / 2.0, f64::from(capacity.0 + capacity.1 + 1) / 2.0);
        let files = Files::plain()
            .environment(&format!("database: {{ capacity: {{ min: {low}, max: {high} }} }}\n"))
            .file(&format!("addons/{addon}.yml"), super::workspace::ADDON)
            .tenant(&tenant, &format!("tier: production\nhosts: [x1.konta.shop]\n{lines}"))
            .tenant(&other, "tier: catalogue\nhosts: [x2.konta.shop]\n");
        let root = files.write();
        // Some names are kept by konta or PostgreSQL; a refusal is an answer.
        if konta::manifest::load(root.path()).is_ok() {
            let rendered = files.render();
            for stack in rendered.stacks.keys() {
                let effective = rendered.effective(stack);
                prop_assert!(!effective.resources.is_empty());
                prop_assert!(rendered.stack(stack).document.body().len() <= 51_200);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_of_an_override_is_read_or_refused(text in "(\\PC|\\n){0,200}") {
        if let Ok(patch) = overrides::parse("overrides/cell.yml", &text) {
            let mut document = CELL.clone();
            let _ = overrides::apply("overrides/cell.yml", &patch, &mut document);
        }
    }

    /// Operations that are well-formed, on places that are there and on others.
    #[test]
    fn any_operation_is_applied_or_refused_and_the_result_checked(
        op in prop::sample::select(&["add", "remove", "replace", "test", "move", "copy"][..]),
        path in prop::sample::select(&["", "/", "/Resources", "/Resources/Database", "/Resources/Database/Properties", "/Resources/Database/Type", "/Resources/HttpsListener/Properties/Certificates/0", "/Resources/HttpsListener/Properties/Certificates/9", "/Parameters", "/Resources/LoadBalancer/Metadata/konta:description", "/~2/~"][..]),
        from in prop::sample::select(&["", "/Resources", "/Resources/Database", "/Outputs/DatabasePort", "/x/y"][..]),
        value in prop::sample::select(&["null", "1", "text", "[]", "{}", "[1, {a: b}]", "!Ref Database", "!GetAtt X", "!Sub '${'", "!If [A]", "{ Type: 5, Properties: [] }", "{ Ref: {} }"][..]),
    ) {
        let text = format!("- {{ op: {op}, path: '{path}', from: '{from}', value: {value} }}\n");
        if let Ok(patch) = overrides::parse("overrides/cell.yml", &text) {
            let mut document = CELL.clone();
            if overrides::apply("overrides/cell.yml", &patch, &mut document).is_ok() {
                let _ = konta::template::limits::check("a-stack", &document);
                let _ = policy::check("a-stack", &document);
                let _ = (document.body().len(), document.yaml().len(), document.makes_iam());
                for id in document.resources().keys() {
                    let _ = document.description(id);
                }
            }
        }
    }

    #[test]
    fn any_text_of_a_template_is_read_or_refused(text in "(\\PC|\\n|Resources:|!Ref |!Sub |!GetAtt |- |  ){0,60}") {
        let _ = Document::parse("templates/cell.yml", &text);
    }
}
