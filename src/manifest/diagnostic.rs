//! Problems: what is wrong with which line, and what is allowed there.

use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use thiserror::Error;

use crate::model::nearest;

use super::parse::Span;

/// The kind of a problem, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// The file cannot be read, or is missing.
    Unreadable,
    /// The text is not YAML that konta reads.
    Syntax,
    /// A key that konta does not know.
    UnknownKey,
    /// A key that occurs twice.
    DuplicateKey,
    /// A required key that is missing.
    MissingKey,
    /// A value of the wrong type.
    WrongType,
    /// A value that konta, AWS, DNS or PostgreSQL would refuse.
    InvalidValue,
    /// A size or capacity that AWS does not offer.
    InvalidSize,
    /// A tier, environment or addon that does not exist.
    UnknownName,
    /// A key that is not allowed in this kind of tenant or tier.
    NotAllowed,
    /// Two things that claim the same name.
    Clash,
}

impl Code {
    /// The code in full, stable across releases.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "konta::manifest::unreadable",
            Self::Syntax => "konta::manifest::syntax",
            Self::UnknownKey => "konta::manifest::unknown_key",
            Self::DuplicateKey => "konta::manifest::duplicate_key",
            Self::MissingKey => "konta::manifest::missing_key",
            Self::WrongType => "konta::manifest::wrong_type",
            Self::InvalidValue => "konta::manifest::invalid_value",
            Self::InvalidSize => "konta::manifest::invalid_size",
            Self::UnknownName => "konta::manifest::unknown_name",
            Self::NotAllowed => "konta::manifest::not_allowed",
            Self::Clash => "konta::manifest::clash",
        }
    }
}

/// A manifest as problems show it: its path within the workspace, and its text, with the values hidden that must not be
/// printed.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Files are reported in the order in which they depend on each other: a wrong tier comes before the tenants that
    /// buy it.
    pub(super) rank: u8,
    /// Path from the workspace's folder, with `/`.
    pub(super) path: String,
    /// What may be printed.
    pub(super) text: Arc<str>,
}

impl Source {
    /// Replaces the given places by as many asterisks, so that every other place remains where it is.
    pub(super) fn hide(&mut self, places: &[Span]) {
        if places.is_empty() {
            return;
        }
        let hidden: String = self
            .text
            .char_indices()
            .flat_map(|(byte, c)| {
                let secret = !c.is_whitespace() && places.iter().any(|place| place.contains(&byte));
                let (shown, times) = if secret { ('*', c.len_utf8()) } else { (c, 1) };
                std::iter::repeat_n(shown, times)
            })
            .collect();
        self.text = hidden.into();
    }

    /// The line of a place, from 1.
    pub(super) fn line(&self, place: &Span) -> usize {
        line_of(&self.text, place.start)
    }
}

fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|b| *b == b'\n').count()
}

/// One thing wrong in one manifest.
#[derive(Debug, Clone, Error)]
#[error("{message}")]
pub struct Problem {
    code: Code,
    message: String,
    help: Option<String>,
    rank: u8,
    source_code: NamedSource<Arc<str>>,
    labels: Vec<LabeledSpan>,
}

impl Problem {
    /// A problem at a place of a file.
    pub(super) fn at(source: &Source, code: Code, place: &Span, label: impl Into<String>, message: String) -> Self {
        let mut problem = Self {
            code,
            message,
            help: None,
            rank: source.rank,
            source_code: NamedSource::new(&source.path, Arc::clone(&source.text)),
            labels: Vec::new(),
        };
        problem.point(place, label.into());
        problem
    }

    /// A problem of a whole file, for which there may be no text.
    pub(super) fn of(rank: u8, path: &str, code: Code, message: String) -> Self {
        let source_code = NamedSource::new(path, Arc::from(""));
        Self { code, message, help: None, rank, source_code, labels: Vec::new() }
    }

    /// Adds what is allowed instead.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into()).filter(|text| !text.is_empty());
        self
    }

    /// Adds a second place in the same file.
    pub(super) fn and(mut self, place: &Span, label: impl Into<String>) -> Self {
        self.point(place, label.into());
        self
    }

    /// Adds a label. A place after the last character would not be drawn, so it is moved onto that character.
    fn point(&mut self, place: &Span, label: String) {
        let text = self.source_code.inner();
        if text.is_empty() {
            return;
        }
        let last = text.floor_char_boundary(text.len() - 1);
        let start = place.start.min(last);
        // Only the first line of a long value is drawn.
        let rest = &text[start..place.end.clamp(start, text.len())];
        let length = rest.find('\n').unwrap_or(rest.len());
        self.labels.push(LabeledSpan::new(Some(label), start, length));
    }

    /// What kind of problem it is.
    #[must_use]
    pub fn kind(&self) -> Code {
        self.code
    }

    /// The file, as a path within the workspace.
    #[must_use]
    pub fn file(&self) -> &str {
        self.source_code.name()
    }

    /// The line, from 1; `None` if the whole file is meant.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.labels.first().map(|label| line_of(self.source_code.inner(), label.offset()))
    }

    /// What is allowed instead.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }

    fn order(&self) -> (u8, &str, usize) {
        (self.rank, self.file(), self.labels.first().map_or(0, LabeledSpan::offset))
    }
}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code.as_str()))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        (!self.labels.is_empty()).then_some(&self.source_code as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty())
            .then(|| Box::new(self.labels.iter().cloned()) as Box<dyn Iterator<Item = LabeledSpan>>)
    }
}

/// Everything wrong in all manifests, by file and line.
#[derive(Debug, Clone, Error, Diagnostic)]
#[error("{}", summary(.0))]
#[diagnostic(code(konta::manifest::invalid))]
pub struct Problems(#[related] Vec<Problem>);

impl Problems {
    /// Puts the problems in order.
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| a.order().cmp(&b.order()));
        Self(problems)
    }

    /// The problems, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none; never true for an error that was returned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn summary(problems: &[Problem]) -> String {
    let count = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let files: std::collections::BTreeSet<&str> = problems.iter().map(Problem::file).collect();
    format!("{} in {}", count(problems.len(), "problem", "problems"), count(files.len(), "manifest", "manifests"))
}

/// "did you mean `x`? choose one of a, b, c"; for a long list, only the most similar word and the number of words.
pub(super) fn choose<'a>(given: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let words: Vec<&str> = known.clone().into_iter().collect();
    let list = match words.as_slice() {
        [] => String::new(),
        [one] => format!("the only choice is {one}"),
        some if some.len() <= 24 => format!("choose one of {}", some.join(", ")),
        many => format!("there are {} to choose from", many.len()),
    };
    match nearest(given, known) {
        Some(word) => format!("did you mean `{word}`? {list}"),
        None => list,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_text_keeps_every_other_place() {
        let mut source = Source { rank: 0, path: "a".into(), text: "k: sñcret\nl: 1\n".into() };
        source.hide(std::slice::from_ref(&(3..10)));
        assert_eq!(&*source.text, "k: *******\nl: 1\n");
    }

    #[test]
    fn a_place_behind_the_end_is_moved_onto_the_last_character() {
        let source = Source { rank: 0, path: "a".into(), text: "añ".into() };
        let problem = Problem::at(&source, Code::Syntax, &(9..12), "here", "wrong".into());
        assert_eq!((problem.labels[0].offset(), problem.line()), (1, Some(1)));
    }
}
