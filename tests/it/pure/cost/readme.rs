//! The listings of `konta cost` in docs/cost.md are its real output.

use std::path::Path;

use crate::support::sandbox_workspace::World;

/// What stands in a document between `$ COMMAND` and the end of its block is what the command says in the example workspace.
/// `UPDATE_DOCS=1 cargo test --test it readme` puts in what it says now.
#[track_caller]
fn shows(document: &str, command: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let kept = std::fs::read_to_string(&path).unwrap();
    let begin = format!("$ konta {command}\n");
    let (before, rest) =
        kept.split_once(&begin).unwrap_or_else(|| panic!("{document} does not show `konta {command}`"));
    let (shown, after) = rest.split_once("```\n").unwrap();
    let world = World::example();
    let said = world.run(&command.split_whitespace().collect::<Vec<_>>()).ended_with(0).stdout;
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{begin}{said}```\n{after}")).unwrap();
        return;
    }
    assert!(shown == said, "{document} is out of date: UPDATE_DOCS=1 cargo test --test it readme\n{said}");
}

#[test]
fn the_documentation_shows_what_the_example_costs() {
    shows("docs/cost.md", "cost");
}

#[test]
fn the_documentation_shows_what_a_dedicated_tenant_costs() {
    shows("docs/cost.md", "cost tenant breadfree");
}
