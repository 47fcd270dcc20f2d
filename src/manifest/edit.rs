//! Changes a value in a manifest's text in place: comments, order and the spelling of everything else are kept.

use std::path::Path;

use super::parse::{self, Kind, Node};

/// The text of a tenant's manifest with another tier and another size (CPU units and MiB), if given.
///
/// The caller checks the result with [`load_with`](super::load_with). `None` if the text is not the map of a tenant, or
/// the value is written in a way that cannot be changed in place.
#[must_use]
pub fn resized(text: &str, tier: Option<&str>, size: Option<(u32, u32)>) -> Option<String> {
    let mut text = text.to_owned();
    if let Some(tier) = tier {
        text = replaced(&text, &["tier"], tier)?;
    }
    if let Some((cpu, memory)) = size {
        text = if find(&parse::parse(&text).ok()?, &["size"]).is_some() {
            replaced(&replaced(&text, &["size", "cpu"], &cpu.to_string())?, &["size", "memory"], &memory.to_string())?
        } else {
            appended(&text, &format!("size: {{ cpu: {cpu}, memory: {memory} }}"))
        };
    }
    Some(text)
}

/// The text of a tenant's manifest with another tier, cell or kind of database, if given; see [`resized`].
#[must_use]
pub fn moved(text: &str, tier: Option<&str>, cell: Option<u32>, database: Option<&str>) -> Option<String> {
    let cell = cell.map(|cell| cell.to_string());
    let wanted = [("tier", tier), ("cell", cell.as_deref()), ("database", database)];
    let wanted = wanted.into_iter().filter_map(|(key, value)| Some((key, value?)));
    wanted.into_iter().try_fold(text.to_owned(), |text, (key, value)| put(&text, key, value))
}

/// The text of a tenant's manifest with another image; see [`resized`].
#[must_use]
pub fn with_image(text: &str, image: &str) -> Option<String> {
    put(text, "image", image)
}

/// The text with a plain value for a key of its map, changed in place, or added at the end if the key is missing.
fn put(text: &str, key: &str, value: &str) -> Option<String> {
    let root = parse::parse(text).ok()?;
    if find(&root, &[key]).is_some() {
        return replaced(text, &[key], value);
    }
    // Nothing can be added at the end of a map in braces.
    (matches!(root.kind, Kind::Map(_)) && !text.trim_start().starts_with('{'))
        .then(|| appended(text, &format!("{key}: {value}")))
}

/// Writes a file atomically and keeps its permissions; a link remains a link.
///
/// # Errors
/// Those of the file system.
pub fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let file = file.canonicalize()?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut new, text.as_bytes())?;
    new.as_file().set_permissions(file.metadata()?.permissions())?;
    new.persist(&file).map_err(|error| error.error)?;
    Ok(())
}

/// The text with another plain value at a path.
fn replaced(text: &str, path: &[&str], value: &str) -> Option<String> {
    let root = parse::parse(text).ok()?;
    let found = find(&root, path)?;
    if matches!(found.kind, Kind::Null | Kind::Seq(_) | Kind::Map(_)) {
        return None;
    }
    let (before, after) = (text.get(..found.span.start)?, text.get(found.span.end..)?);
    Some(format!("{before}{value}{after}"))
}

fn appended(text: &str, line: &str) -> String {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}{line}\n")
}

fn find<'a>(node: &'a Node, path: &[&str]) -> Option<&'a Node> {
    let Some((first, rest)) = path.split_first() else { return Some(node) };
    let Kind::Map(entries) = &node.kind else { return None };
    find(&entries.iter().find(|(key, _)| key.text == *first)?.1, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_order_and_spelling_stay() {
        let before = "# A bakery.\ntier:   production # what it pays\n\nhosts: [a.b.c]\n# big\nsize:\n  cpu: 256 # slow\n  memory: 1024\nvariables: { A: '#' }\n";
        let after = resized(before, Some("large"), Some((512, 2048))).unwrap();
        assert_eq!(
            after,
            "# A bakery.\ntier:   large # what it pays\n\nhosts: [a.b.c]\n# big\nsize:\n  cpu: 512 # slow\n  memory: 2048\nvariables: { A: '#' }\n"
        );
    }

    #[test]
    fn a_quoted_value_and_one_in_braces_are_changed_whole() {
        let after = resized("{tier: \"production\", size: {cpu: '256', memory: 1024}}", Some("x"), Some((512, 1024)));
        assert_eq!(after.unwrap(), "{tier: x, size: {cpu: 512, memory: 1024}}");
    }

    #[test]
    fn a_size_that_was_the_tiers_is_added_at_the_end() {
        assert_eq!(
            resized("tier: t\nhosts: [a.b.c]", None, Some((512, 1024))).unwrap(),
            "tier: t\nhosts: [a.b.c]\nsize: { cpu: 512, memory: 1024 }\n"
        );
    }

    #[test]
    fn a_move_changes_what_stands_and_adds_what_does_not() {
        let after = moved("tier: small # s\nhosts: [a.b.c]\n", Some("big"), Some(2), Some("dedicated")).unwrap();
        assert_eq!(after, "tier: big # s\nhosts: [a.b.c]\ncell: 2\ndatabase: dedicated\n");
        assert_eq!(
            moved(&after, None, Some(1), Some("shared")).unwrap(),
            after.replace("cell: 2", "cell: 1").replace("dedicated", "shared")
        );
    }

    #[test]
    fn an_image_is_changed_where_it_stands_and_else_added() {
        let new = "r/odoo:19.0@sha256:2";
        let before = "tier: t # t\nimage: r/odoo:19.0@sha256:1 # pinned\nhosts: [a.b.c]\n";
        let after = "tier: t # t\nimage: r/odoo:19.0@sha256:2 # pinned\nhosts: [a.b.c]\n";
        assert_eq!(with_image(before, new).unwrap(), after);
        assert_eq!(with_image("tier: t", new).unwrap(), "tier: t\nimage: r/odoo:19.0@sha256:2\n");
        assert_eq!(with_image("{tier: t, image: i}", new).unwrap(), "{tier: t, image: r/odoo:19.0@sha256:2}");
        assert_eq!(with_image("{tier: t}", new), None);
        assert_eq!(with_image("- tier", new), None);
    }

    #[test]
    fn what_is_no_tenants_map_is_left_alone() {
        assert_eq!(resized("- tier", Some("x"), None), None);
        assert_eq!(resized("tier: {a: b}", Some("x"), None), None);
        assert_eq!(resized("hosts: []", Some("x"), None), None);
    }
}
