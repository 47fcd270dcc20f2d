//! References to secrets, and what keeps a value that is written instead from being printed.

use super::arn::is_partition;
use super::parse::{Kind, Node, Span};
use crate::model::SecretReference;

/// Checks a reference. The problem never quotes what was written: it may be the secret itself.
pub(super) fn reference(node: &Node) -> Result<SecretReference, String> {
    let Kind::Str(text) = &node.kind else {
        return Err("is not the name of a parameter or an ARN".to_owned());
    };
    if text.starts_with('/') {
        return parameter(text).map(|()| SecretReference::Parameter(text.clone()));
    }
    if text.starts_with("arn:") {
        return arn(text).map(|()| SecretReference::Arn(text.clone()));
    }
    Err(format!("looks like the value itself ({} characters, hidden here)", text.chars().count()))
}

/// Source: SSM API, `PutParameter`.
fn parameter(name: &str) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("is not a parameter's name: {why}"));
    let parts: Vec<&str> = name.split('/').skip(1).collect();
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'.' | b'-')) {
        return refuse("use letters, digits, `_`, `.`, `-` and `/`");
    }
    if parts.iter().any(|part| part.is_empty()) {
        return refuse("no part between two `/` may be empty");
    }
    if parts.len() > 15 || name.len() > 900 {
        return refuse("it is too deep or too long");
    }
    let first = parts.first().map(|part| part.to_ascii_lowercase()).unwrap_or_default();
    if first.starts_with("aws") || first.starts_with("ssm") {
        return refuse("AWS reserves names that begin with aws or ssm");
    }
    Ok(())
}

fn arn(text: &str) -> Result<(), String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let known = match parts.as_slice() {
        ["arn", partition, service, region, account, resource] => {
            let kind = matches!(
                (*service, resource.split_once(['/', ':'])),
                ("ssm", Some(("parameter", rest))) | ("secretsmanager", Some(("secret", rest))) if !rest.is_empty()
            );
            let account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
            is_partition(partition)
                && kind
                && account
                && !region.is_empty()
                && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'{' | b'}'))
        }
        _ => false,
    };
    if known { Ok(()) } else { Err("has an ARN that is neither a parameter's nor a secret's".to_owned()) }
}

/// Places that may hold a secret's value: everything under `secrets`, or under a key that was meant to be it, except
/// references. Problems of the same file must not print them, not even as a neighbouring line.
pub(super) fn places(node: &Node) -> Vec<Span> {
    let mut found = Vec::new();
    search(node, &mut found);
    found
}

fn search(node: &Node, found: &mut Vec<Span>) {
    match &node.kind {
        Kind::Seq(items) => items.iter().for_each(|item| search(item, found)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                if is_meant(&key.text) { collect(value, found) } else { search(value, found) }
            }
        }
        _ => {}
    }
}

fn is_meant(key: &str) -> bool {
    strsim::osa_distance(&key.to_lowercase(), "secrets") <= 2
}

/// The same for a text that is not YAML, by its lines: what follows `secrets:`, and values on the deeper lines below
/// it.
pub(super) fn suspected(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let (mut begin, mut below) = (0, None);
    for line in text.split_inclusive('\n') {
        let depth = line.len() - line.trim_start().len();
        let colon = line.find(':').map(|colon| colon + 1);
        let meant = colon.is_some_and(|colon| is_meant(line[..colon - 1].trim()));
        if below.is_some_and(|above| depth <= above && !line.trim().is_empty()) {
            below = None;
        }
        if meant {
            below = Some(depth);
        }
        if below.is_some() {
            let value = colon.unwrap_or(depth);
            let reference = matches!(line[value..].trim_start().as_bytes(), [b'/', ..] | [b'a', b'r', b'n', b':', ..]);
            found.extend((!reference).then_some(begin + value..begin + line.len()));
        }
        begin += line.len();
    }
    found
}

fn collect(node: &Node, found: &mut Vec<Span>) {
    match &node.kind {
        Kind::Seq(items) => items.iter().for_each(|item| collect(item, found)),
        Kind::Map(entries) => entries.iter().for_each(|(_, value)| collect(value, found)),
        // An ARN says where a secret is, never what it is.
        Kind::Str(text) if text.starts_with("arn:") => {}
        _ if reference(node).is_ok() => {}
        _ => found.push(node.span.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<SecretReference, String> {
        reference(&Node { kind: Kind::Str(text.to_owned()), span: 0..0 })
    }

    #[test]
    fn parameters_and_arns_are_references() {
        assert!(matches!(check("/shop/token"), Ok(SecretReference::Parameter(_))));
        for arn in [
            "arn:aws:ssm:eu-west-1:123456789012:parameter/shop/token",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf",
        ] {
            assert!(matches!(check(arn), Ok(SecretReference::Arn(_))), "{arn}");
        }
    }

    #[test]
    fn a_value_is_refused_and_never_quoted() {
        for bad in ["sk_live_51H8xyz", "/two//slashes", "/aws/token", "/a b", "/", "arn:aws:s3:::bucket", "arn:x"] {
            let problem = check(bad).unwrap_err();
            assert!(!problem.contains(bad) || bad == "/", "{problem}");
        }
    }

    #[test]
    fn a_text_that_is_no_yaml_is_searched_by_lines() {
        let text =
            "tier: x\nsecrets:\n  TOKEN: sk: live\n  PATH: /shop/token\n  sk_live\nhosts: [\nsecret: {A: sk_live}\n";
        let mut source = crate::manifest::diagnostic::Source { rank: 0, path: "a".into(), text: text.into() };
        source.hide(&suspected(text));
        assert!(!source.text.contains("live"), "{}", source.text);
        assert!(source.text.contains("/shop/token") && source.text.contains("hosts: ["), "{}", source.text);
    }
}
