//! `konta tenant upgrade` before it begins: who is upgraded to what, who is skipped, and what is asked.

use crate::support::sandbox_workspace::World;

fn image(series: &str, digit: &str) -> String {
    format!("public.ecr.aws/docker/library/odoo:{series}@sha256:{}", digit.repeat(64))
}

#[test]
fn a_suspended_tenant_is_refused_by_name_and_passed_over_among_all_as_is_one_that_is_not_deployed() {
    let world = World::warm();
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    world.konta(&["tenant", "suspend", "breadfree"]).ended_with(0);
    let refused = world.konta(&["tenant", "upgrade", "breadfree"]).ended_with(1);
    assert!(refused.stderr.contains("breadfree is suspended"), "{}", refused.stderr);
    assert!(refused.stderr.contains("konta tenant resume breadfree"), "{}", refused.stderr);
    let all = world.konta(&["tenant", "upgrade", "--all"]).ended_with(0);
    assert!(all.stderr.contains("breadfree skipped: ") && all.stderr.contains("artista skipped: "), "{}", all.stderr);
    assert!(world.konta(&["ls"]).ended_with(0).stdout.contains("suspended"));
    let unknown = world.konta(&["tenant", "upgrade", "artista"]).ended_with(1);
    assert!(unknown.stderr.contains("not deployed"), "{}", unknown.stderr);
}

#[test]
fn one_of_all_that_fails_keeps_no_other_and_every_error_is_told() {
    let world = World::warm();
    world.write("tenants/second.yml", "tier: production\nhosts: [second.konta.shop]\n");
    world.write("tenants/absent.yml", "tier: production\nhosts: [absent.konta.shop]\n");
    world.konta(&["deploy", "tenant", "breadfree", "second"]).ended_with(0);
    // Without an Odoo none can be upgraded here.
    let all = world.konta(&["tenant", "upgrade", "--all"]).ended_with(1);
    for said in ["absent skipped: ", "breadfree was not upgraded", "second was not upgraded", "2 tenants failed"] {
        assert!(all.stderr.contains(said), "{said}: {}", all.stderr);
    }
}

#[test]
fn the_question_says_from_which_image_to_which_and_nothing_is_written_before_the_answer() {
    let world = World::warm();
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
    let before = std::fs::read_to_string(world.path().join("tenants/breadfree.yml")).unwrap();
    // Without the breaks between its lines, of which a digest has some.
    let squeezed = |text: &str| text.chars().filter(|c| !c.is_whitespace() && *c != '│').collect::<String>();
    let asks = |options: &[&str], parts: &[&str]| {
        let said = world.run(&[&["tenant", "upgrade", "breadfree", "--sandbox"], options].concat()).ended_with(6);
        for part in parts {
            assert!(squeezed(&said.stderr).contains(&squeezed(part)), "{part}: {}", said.stderr);
        }
    };
    asks(&[], &["all its modules; its image does not change"]);
    let new = image("19.0", "2");
    let parts = ["breadfree: stock; and from image", &format!("to {new}, which konta writes into its manifest")];
    asks(&["--image", &new, "--modules", "stock"], &parts);
    assert_eq!(std::fs::read_to_string(world.path().join("tenants/breadfree.yml")).unwrap(), before);
    // The manifest has moved on.
    world.write("tenants/breadfree.yml", &format!("{before}image: {new}\n"));
    asks(&[], &[&format!("to its manifest's, {new}"), "--keep-image"]);
    asks(&["--keep-image"], &["its image does not change"]);

    let pooled = world.konta(&["tenant", "upgrade", "artista", "--image", &new]).ended_with(64);
    assert!(pooled.stderr.contains("pool") && pooled.stderr.contains("konta deploy env"), "{}", pooled.stderr);
    // What is no image is told as in a manifest.
    let wrong = world.konta(&["tenant", "upgrade", "breadfree", "--image", "odoo:19.0"]).ended_with(3);
    assert!(wrong.stderr.contains("sha256"), "{}", wrong.stderr);
    world.konta(&["tenant", "upgrade", "breadfree", "--image", &new, "--keep-image"]).ended_with(64);
}
