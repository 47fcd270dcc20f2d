//! A reader over the tree that notes every problem and continues, so that one run shows them all.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use rust_decimal::Decimal;

use super::diagnostic::{Code, Problem, Source, choose};
use super::parse::{Key, Kind, Node, Span};
use crate::model::{NameError, SizeError};

/// Why a value was refused, and what is allowed instead.
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) problem: String,
    pub(super) help: String,
}

impl Refusal {
    pub(super) fn new(problem: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code: Code::InvalidValue, problem: problem.into(), help: help.into() }
    }
}

impl From<NameError> for Refusal {
    fn from(error: NameError) -> Self {
        Self::new(error.to_string(), error.help)
    }
}

impl From<SizeError> for Refusal {
    fn from(error: SizeError) -> Self {
        Self { code: Code::InvalidSize, problem: error.problem, help: error.help }
    }
}

/// A key with its value; for an item of a list, the list's key.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) key: &'a Key,
    pub(super) node: &'a Node,
}

/// The fields of one map.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    /// What the map describes, for people ("tenant", "size").
    what: &'static str,
    /// Where a missing field is reported.
    place: &'a Span,
    entries: &'a [(Key, Node)],
}

impl<'a> Fields<'a> {
    /// A field; if it occurs twice, the first one.
    pub(super) fn get(&self, name: &str) -> Option<Field<'a>> {
        self.entries.iter().find(|(key, _)| key.text == name).map(|(key, node)| Field { key, node })
    }

    /// A required field; `example` is the line to write.
    pub(super) fn required(&self, name: &str, example: &str, reader: &mut Reader<'_>) -> Option<Field<'a>> {
        let found = self.get(name);
        if found.is_none() {
            self.missing(name, &format!("add `{example}`"), reader);
        }
        found
    }

    /// Notes that a field is missing.
    pub(super) fn missing(&self, name: &str, help: &str, reader: &mut Reader<'_>) {
        let message = format!("the {} has no `{name}`", self.what);
        reader.add(Code::MissingKey, self.place, format!("`{name}` is missing here"), message, help);
    }
}

/// Reads values of one file and collects what is wrong with them.
pub(super) struct Reader<'a> {
    text: &'a str,
    source: &'a Source,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// A reader of `text`; its problems show `source`.
    pub(super) fn new(text: &'a str, source: &'a Source) -> Self {
        Self { text, source, problems: Vec::new() }
    }

    /// Notes a problem.
    pub(super) fn add(
        &mut self,
        code: Code,
        place: &Span,
        label: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.push(Problem::at(self.source, code, place, label, message.into()).help(help));
    }

    /// Notes a refused value.
    pub(super) fn refuse(&mut self, field: Field<'_>, refusal: Refusal) {
        self.add(refusal.code, &field.node.span, format!("`{}`", field.key.text), refusal.problem, refusal.help);
    }

    /// Notes every key that occurs twice, at any depth.
    pub(super) fn refuse_duplicates(&mut self, node: &Node) {
        match &node.kind {
            Kind::Seq(items) => items.iter().for_each(|item| self.refuse_duplicates(item)),
            Kind::Map(entries) => {
                let mut seen: HashMap<&str, &Key> = HashMap::with_capacity(entries.len());
                for (key, value) in entries {
                    if let Some(first) = seen.get(key.text.as_str()) {
                        let message = format!("`{}` is written twice", key.text);
                        let problem = Problem::at(self.source, Code::DuplicateKey, &key.span, "again here", message)
                            .and(&first.span, "first here")
                            .help("keep one of them");
                        self.problems.push(problem);
                    } else {
                        seen.insert(&key.text, key);
                    }
                    self.refuse_duplicates(value);
                }
            }
            _ => {}
        }
    }

    /// The fields of a map at the top of a file.
    pub(super) fn root<'n>(
        &mut self,
        node: &'n Node,
        what: &'static str,
        allowed: &[&'static str],
    ) -> Option<Fields<'n>> {
        match &node.kind {
            Kind::Map(entries) => Some(self.open(what, &node.span, entries, allowed)),
            other => {
                let message = format!(
                    "{} is a map of keys and values, but {} contains {}",
                    with_article(what),
                    self.source.path,
                    name_of(other)
                );
                self.add(Code::WrongType, &node.span, "here", message, format!("its keys are {}", allowed.join(", ")));
                None
            }
        }
    }

    /// The fields of a map that is a field's value.
    pub(super) fn fields<'n>(
        &mut self,
        field: Field<'n>,
        what: &'static str,
        allowed: &[&'static str],
    ) -> Option<Fields<'n>> {
        if let Kind::Map(entries) = &field.node.kind {
            let place = if entries.is_empty() { &field.node.span } else { &field.key.span };
            return Some(self.open(what, place, entries, allowed));
        }
        self.wrong_type(field, "a map", &format!("its keys are {}", allowed.join(", ")));
        None
    }

    fn open<'n>(
        &mut self,
        what: &'static str,
        place: &'n Span,
        entries: &'n [(Key, Node)],
        allowed: &[&'static str],
    ) -> Fields<'n> {
        for (key, _) in entries {
            if !allowed.contains(&key.text.as_str()) {
                let message = format!("{} has no key `{}`", with_article(what), key.text);
                let help = choose(&key.text, allowed.iter().copied());
                self.add(Code::UnknownKey, &key.span, "konta does not know this key", message, help);
            }
        }
        Fields { what, place, entries }
    }

    /// A map whose keys are the operator's own.
    pub(super) fn entries<'n>(&mut self, field: Field<'n>, help: &str) -> Vec<Field<'n>> {
        if let Kind::Map(entries) = &field.node.kind {
            return entries.iter().map(|(key, node)| Field { key, node }).collect();
        }
        self.wrong_type(field, "a map", help);
        Vec::new()
    }

    /// A list.
    pub(super) fn items<'n>(&mut self, field: Field<'n>) -> Vec<Field<'n>> {
        if let Kind::Seq(items) = &field.node.kind {
            return items.iter().map(|node| Field { key: field.key, node }).collect();
        }
        let help = match &field.node.kind {
            Kind::Str(_) => format!("write `{}: [{}]`", field.key.text, self.raw(field.node)),
            _ => format!("write `{}: [one, two]`", field.key.text),
        };
        self.wrong_type(field, "a list", &help);
        Vec::new()
    }

    /// Text. A number or `true` is not accepted as text: other readers of YAML would change it.
    pub(super) fn text<'n>(&mut self, field: Field<'n>) -> Option<&'n str> {
        match &field.node.kind {
            Kind::Str(text) => Some(text),
            Kind::Int(_) | Kind::Float | Kind::Bool(_) => {
                let quoted = format!("write it in quotes: \"{}\"", self.raw(field.node));
                self.wrong_type(field, "text", &quoted);
                None
            }
            _ => {
                self.wrong_type(field, "text", &format!("write `{}: ...`", field.key.text));
                None
            }
        }
    }

    /// Text that a constructor accepts.
    pub(super) fn checked<T, E: Into<Refusal>>(
        &mut self,
        field: Field<'_>,
        check: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(field)?;
        self.taken(field, check(text))
    }

    /// The value, or `None` with its refusal noted.
    pub(super) fn taken<T, E: Into<Refusal>>(&mut self, field: Field<'_>, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.refuse(field, error.into())).ok()
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, field: Field<'_>) -> Option<bool> {
        if let Kind::Bool(value) = field.node.kind {
            return Some(value);
        }
        self.wrong_type(field, "true or false", &format!("write `{}: true` or `{0}: false`", field.key.text));
        None
    }

    /// A whole number within a range.
    pub(super) fn whole(&mut self, field: Field<'_>, range: RangeInclusive<u32>) -> Option<u32> {
        let allowed = format!("write a whole number from {} to {}, without quotes", range.start(), range.end());
        let Kind::Int(number) = field.node.kind else {
            self.wrong_type(field, "a whole number", &allowed);
            return None;
        };
        let found = u32::try_from(number).ok().filter(|n| range.contains(n));
        if found.is_none() {
            self.refuse(field, Refusal::new(format!("`{}` cannot be {number}", field.key.text), allowed));
        }
        found
    }

    /// A number exactly as written, with or without quotes.
    pub(super) fn number<'n>(&mut self, field: Field<'n>) -> Option<&'n str>
    where
        'a: 'n,
    {
        match &field.node.kind {
            Kind::Int(_) | Kind::Float => Some(self.raw(field.node)),
            Kind::Str(text) => Some(text),
            _ => {
                self.wrong_type(field, "a number", &format!("write `{}: 1.5`", field.key.text));
                None
            }
        }
    }

    /// A decimal, read directly from the text and never as a binary fraction; above zero, or also zero if `zero` allows
    /// it.
    pub(super) fn decimal(&mut self, field: Field<'_>, zero: bool) -> Option<Decimal> {
        let text = self.number(field)?;
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let found = Decimal::from_str_exact(text).ok().filter(|d| plain && (zero || !d.is_zero()));
        if found.is_none() {
            let help = if zero {
                "write 0 or a number above it, such as 15 or 14.90"
            } else {
                "write a number above 0, such as 1.1403"
            };
            self.refuse(field, Refusal::new(format!("`{}` cannot be `{text}`", field.key.text), help));
        }
        found
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&mut self, field: Field<'_>, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(field)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let help = choose(text, words.iter().map(|(word, _)| *word));
            self.refuse(field, Refusal::new(format!("`{}` cannot be `{text}`", field.key.text), help));
        }
        found
    }

    /// Notes a value of the wrong type.
    pub(super) fn wrong_type(&mut self, field: Field<'_>, wanted: &str, help: &str) {
        let found = name_of(&field.node.kind);
        let place = if field.node.span.is_empty() { &field.key.span } else { &field.node.span };
        let message = format!("`{}` must be {wanted}, but is {found}", field.key.text);
        self.add(Code::WrongType, place, found, message, help);
    }

    /// The text of a value as written in the file.
    fn raw(&self, node: &Node) -> &'a str {
        self.text.get(node.span.clone()).unwrap_or_default().trim()
    }
}

fn name_of(kind: &Kind) -> &'static str {
    match kind {
        Kind::Null => "nothing",
        Kind::Bool(true) => "true",
        Kind::Bool(false) => "false",
        Kind::Int(_) | Kind::Float => "a number",
        Kind::Str(_) => "text",
        Kind::Seq(_) => "a list",
        Kind::Map(_) => "a map",
    }
}

/// "a tenant", "an environment".
fn with_article(what: &str) -> String {
    let article = if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {what}")
}
