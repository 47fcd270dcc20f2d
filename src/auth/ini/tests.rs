use super::{Body, Section, parse};

fn sections(text: &str) -> Vec<Section> {
    parse(text.as_bytes()).unwrap()
}

fn text<'a>(section: &'a Section, key: &str) -> Option<&'a str> {
    match &section.values.get(key)?.body {
        Body::Text(text) => Some(text),
        Body::Block => None,
    }
}

#[track_caller]
fn refused(bytes: &[u8], line: usize, problem: &str) {
    let wrong = parse(bytes).unwrap_err();
    assert_eq!((wrong.line, wrong.problem.as_str()), (line, problem));
}

#[test]
fn a_hash_after_a_value_is_a_part_of_it() {
    let found = sections("[default]\n# a comment\nregion = eu-west-1 # Ireland\n ; another\n");
    assert_eq!(text(&found[0], "region"), Some("eu-west-1 # Ireland"));
}

#[test]
fn an_indented_line_goes_on_from_the_one_above_and_a_comment_does_not_end_it() {
    let found = sections("[a]\nx = 1\n  2\n# c\n\n  3\ny = 4\n");
    assert_eq!(text(&found[0], "x"), Some("1\n2\n\n3"));
    assert_eq!(text(&found[0], "y"), Some("4"));
}

#[test]
fn a_line_no_deeper_than_its_key_is_a_key_of_its_own() {
    let found = sections("[a]\n  x = 1\n  y = 2\n z = 3\n");
    assert_eq!(["x", "y", "z"].map(|key| text(&found[0], key)), [Some("1"), Some("2"), Some("3")]);
}

#[test]
fn every_line_end_counts_and_the_last_may_be_missing() {
    for end in ["\n", "\r\n", "\r"] {
        let found = sections(&["[a]", "x = 1", "y = 2"].join(end));
        assert_eq!((text(&found[0], "x"), text(&found[0], "y")), (Some("1"), Some("2")), "{end:?}");
    }
}

#[test]
fn the_first_sign_parts_key_and_value() {
    let found = sections("[a]\nX : a=b\ny=c:d\n");
    assert_eq!((text(&found[0], "x"), text(&found[0], "y")), (Some("a=b"), Some("c:d")));
}

#[test]
fn a_block_of_settings_is_no_text() {
    let found = sections("[a]\ns3 =\n  x = 1\ny =\n\n");
    assert!(matches!(found[0].values.get("s3").unwrap().body, Body::Block));
    assert_eq!(text(&found[0], "y"), Some(""));
}

#[test]
fn values_of_the_default_section_in_capitals_are_in_every_section() {
    let found = sections("[a]\nx = own\n[DEFAULT]\nx = 1\ny = 2\n[b]\n");
    assert_eq!(found.iter().map(|section| section.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((text(&found[0], "x"), text(&found[0], "y")), (Some("own"), Some("2")));
    assert_eq!(text(&found[1], "x"), Some("1"));
    assert_eq!(found[0].values.keys().collect::<Vec<_>>(), ["x", "y"]);
}

#[test]
fn what_comes_twice_is_refused_with_both_lines() {
    refused(b"[a]\n\n[a]\n", 3, "the section [a] is already on line 1");
    refused(b"[a]\nx = 1\nX = 2\n", 3, "`x` is already on line 2 of [a]");
}

#[test]
fn a_line_that_is_not_understood_is_named_and_not_quoted() {
    refused(b"x = 1\n", 1, "a value before any section");
    refused(b"[a]\nwJalrXUtnFEMI\n", 2, "neither a section nor `key = value`");
    refused(b"[a]\n= wJalrXUtnFEMI\n", 2, "a value without a key");
    refused(b"[a]\ns3 =\n  wJalrXUtnFEMI\n", 2, "the block below this key has a line without `=`");
    refused(b"[a\n", 1, "a value before any section");
}

#[test]
fn what_is_not_utf_8_is_told_with_its_line() {
    refused(b"[a]\nx = 1\ny = \xfc\n", 3, "the file is not UTF-8 from this line on");
    refused(b"\xff\xfe[\0", 1, "the file is not UTF-8 from this line on");
    refused("\u{feff}[a]".as_bytes(), 1, "the file begins with a byte-order mark");
}

#[test]
fn values_are_not_shown_by_debug() {
    let shown = format!("{:?}", sections("[a]\naws_secret_access_key = wJalrXUtnFEMI\n"));
    assert!(!shown.contains("wJalr"), "{shown}");
}
