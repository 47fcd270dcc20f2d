//! Turns YAML text into a tree in which every key and value knows its place; the only file that names the YAML library.

use std::fmt;
use std::ops::Range;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Error, Location, Options, Spanned};

/// A place in a file, in bytes.
pub(super) type Span = Range<usize>;

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// What it is.
    pub(super) kind: Kind,
    /// Where it is; for a list or map, only where it begins.
    pub(super) span: Span,
}

/// What YAML makes of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`; the other words of YAML 1.1 remain text.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Another number: its text is taken from the file, so that `17.10` is not `17.1`.
    Float,
    /// Text.
    Str(String),
    /// A list.
    Seq(Vec<Node>),
    /// Keys and values in the order written, including keys that occur twice.
    Map(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// The key.
    pub(super) text: String,
    /// Where it is.
    pub(super) span: Span,
}

/// Why a text is not YAML that konta reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) help: String,
    /// Where reading stopped.
    pub(super) span: Span,
}

/// Reads one document.
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options()) {
        Ok(root) => Ok(node(root, text)),
        Err(Error::Eof { .. }) => Ok(Node { kind: Kind::Null, span: 0..0 }),
        Err(error) => Err(syntax_error(&error, text)),
    }
}

/// Strict where YAML guesses, and far below the library's own limits: a manifest is a page long, an alias bomb is not.
fn options() -> Options {
    serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Error,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        strict_booleans: true,
        null_as_string: true,
        with_snippet: false,
        emit_comments: false,
        budget: serde_saphyr::budget! {
            max_depth: 32,
            max_nodes: 50_000,
            max_events: 200_000,
            max_aliases: 1_000,
            max_total_scalar_bytes: 4 * 1024 * 1024,
        },
    }
}

/// A value as the library returns it, before its places are converted to bytes of the text.
enum Raw {
    Scalar(Kind),
    Seq(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Null))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Bool(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Int(value.into())))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Int(value.into())))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Float))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Str(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

fn node(raw: Spanned<Raw>, text: &str) -> Node {
    // For an alias, the place of the value to which it refers: that is the text to be corrected.
    let span = span(raw.defined, text);
    let kind = match raw.value {
        Raw::Scalar(kind) => kind,
        Raw::Seq(items) => Kind::Seq(items.into_iter().map(|item| node(item, text)).collect()),
        Raw::Map(entries) => Kind::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let place = self::span(key.defined, text);
                    (Key { text: key.value, span: place }, node(value, text))
                })
                .collect(),
        ),
    };
    let span = begin(&kind, span);
    Node { kind, span }
}

/// For a list or map in block style, the library gives an empty place; the place of its first element is used instead.
fn begin(kind: &Kind, span: Span) -> Span {
    let first = match kind {
        Kind::Map(entries) => entries.first().map(|(key, _)| key.span.clone()),
        Kind::Seq(items) => items.first().map(|item| item.span.clone()),
        _ => None,
    };
    first.filter(|_| span.is_empty()).unwrap_or(span)
}

/// A place in bytes, always within the text and on character boundaries, whatever the library says.
fn span(location: Location, text: &str) -> Span {
    let bytes = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let start = text.floor_char_boundary(bytes(location.span().byte_offset()));
    let end = text.ceil_char_boundary(start.saturating_add(bytes(location.span().byte_len())));
    start..end
}

/// konta's message for an error of the library, in its own words if the library's are for programmers.
fn syntax_error(error: &Error, text: &str) -> SyntaxError {
    let mut cause = error;
    while let Error::AliasError { error: inner, .. } = cause {
        cause = inner;
    }
    let (message, help) = match cause {
        Error::MultipleDocuments { .. } => (
            "the file contains more than one document".to_owned(),
            "write one manifest per file, without a second `---`",
        ),
        Error::MergeKeyNotAllowed { .. } => (
            "konta does not support merge keys (`<<`)".to_owned(),
            "write the keys out; what many tenants share belongs in their tier",
        ),
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } => (
            "the file is larger or deeper than a manifest may be".to_owned(),
            "write the values out instead of aliases",
        ),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            ("the alias refers to a value that contains the alias itself".to_owned(), "write the value out")
        }
        Error::Unexpected { .. } => ("a key must be plain text".to_owned(), "write `key: value`"),
        _ => (
            without_place(&cause.to_string()),
            "check the marked line and the one above it: indentation, a colon or a quote",
        ),
    };
    let span = error.location().map_or(0..0, |location| error_span(location, text));
    SyntaxError { message, help: help.to_owned(), span }
}

/// The library's sentence without its own line and column, which the snippet shows.
fn without_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).replace('`', "'")
}

/// Errors of the scanner have a line and a column, but no byte position.
fn error_span(location: Location, text: &str) -> Span {
    if location.span().byte_offset().is_some() {
        return span(location, text);
    }
    let line = usize::try_from(location.line()).unwrap_or(1).saturating_sub(1);
    let column = usize::try_from(location.column()).unwrap_or(1).saturating_sub(1);
    let mut start = 0;
    for (number, content) in text.split_inclusive('\n').enumerate() {
        if number == line {
            start += content.char_indices().nth(column).map_or(content.len(), |(byte, _)| byte);
            break;
        }
        start += content.len();
    }
    start..text.ceil_char_boundary(start + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(node: &Node) -> &[(Key, Node)] {
        match &node.kind {
            Kind::Map(entries) => entries,
            other => panic!("not a map: {other:?}"),
        }
    }

    #[test]
    fn every_value_knows_its_bytes_also_after_letters_that_take_two() {
        let text = "ñ: ñé # why\nversion: 17.10\nquoted: 'y z'\n";
        let root = parse(text).unwrap();
        let places: Vec<&str> = entries(&root).iter().map(|(_, value)| &text[value.span.clone()]).collect();
        assert_eq!(places, ["ñé", "17.10", "'y z'"]);
    }

    #[test]
    fn a_key_that_comes_twice_is_kept_twice() {
        assert_eq!(entries(&parse("a: 1\na: 2\n").unwrap()).len(), 2);
    }

    #[test]
    fn words_of_yaml_1_1_stay_text() {
        let root = parse("a: no\nb: on\nc: 22:22\nd: ~\ne: true\n").unwrap();
        let kinds: Vec<&Kind> = entries(&root).iter().map(|(_, value)| &value.kind).collect();
        let text = |t: &str| Kind::Str(t.to_owned());
        assert_eq!(kinds, [&text("no"), &text("on"), &text("22:22"), &Kind::Null, &Kind::Bool(true)]);
    }

    #[test]
    fn an_alias_bomb_and_a_merge_key_are_refused() {
        let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (name, of) in [('b', 'a'), ('c', 'b'), ('d', 'c'), ('e', 'd'), ('f', 'e')] {
            let items = vec![format!("*{of}"); 10].join(",");
            bomb = format!("{bomb}{name}: &{name} [{items}]\n");
        }
        assert!(parse(&bomb).unwrap_err().message.contains("larger or deeper"));
        assert!(parse("<<: {a: 1}").unwrap_err().message.contains("merge"));
    }

    #[test]
    fn an_error_of_the_scanner_points_at_its_column() {
        let error = parse("a: 1\nñ: b: c\n").unwrap_err();
        assert_eq!(error.span, 10..11);
        assert!(!error.message.contains("line"), "{}", error.message);
    }

    #[test]
    fn an_empty_file_is_nothing() {
        for text in ["", "# only a comment\n", "---\n"] {
            assert_eq!(parse(text).unwrap().kind, Kind::Null, "{text:?}");
        }
    }
}
