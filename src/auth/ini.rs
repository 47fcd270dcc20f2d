//! The grammar of the AWS CLI's files: that of Python's `configparser.RawConfigParser`, with which botocore reads them.
//!
//! docs/decisions/0009 says why konta has its own parser.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// The section whose values apply to every other section.
const DEFAULTS: &str = "DEFAULT";

/// A section with its values.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// The text between the brackets.
    pub(super) name: String,
    /// Its line, from 1.
    pub(super) line: usize,
    /// Its values.
    pub(super) values: Values,
}

/// Values by their lower-case keys.
#[derive(Debug, Clone)]
pub(super) struct Values {
    own: BTreeMap<String, Value>,
    /// Those of `[DEFAULT]`. They are shared: copies for each section would take time quadratic in the file's size.
    defaults: Arc<BTreeMap<String, Value>>,
}

impl Values {
    /// A value, else the one of `[DEFAULT]`.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.own.get(key).or_else(|| self.defaults.get(key))
    }

    /// All keys, those of `[DEFAULT]` among them.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let others = self.defaults.keys().filter(|key| !self.own.contains_key(*key));
        self.own.keys().chain(others).map(String::as_str)
    }
}

/// A value.
#[derive(Clone)]
pub(super) struct Value {
    /// Its key's line, from 1.
    pub(super) line: usize,
    /// What it says.
    pub(super) body: Body,
}

/// What a value says. Any text may be a secret, so it is wiped when dropped and not shown by Debug.
#[derive(Clone)]
pub(super) enum Body {
    /// Text, with line ends if it spans several lines.
    Text(Zeroizing<String>),
    /// An indented block of settings, as under `s3 =`. konta needs none of them.
    Block,
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").field("line", &self.line).finish_non_exhaustive()
    }
}

/// Why a file cannot be parsed. It never quotes a value: a stray line is often a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The line, from 1.
    pub(super) line: usize,
    /// What is wrong.
    pub(super) problem: String,
    /// What to do.
    pub(super) help: &'static str,
}

fn wrong<T>(line: usize, problem: impl Into<String>, help: &'static str) -> Result<T, Wrong> {
    Err(Wrong { line, problem: problem.into(), help })
}

/// The sections of a file, in its order.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Section>, Wrong> {
    let text = decode(bytes)?;
    let mut reader = Reader::default();
    for (index, line) in lines(text).enumerate() {
        reader.take(index + 1, line)?;
    }
    reader.finish()
}

fn decode(bytes: &[u8]) -> Result<&str, Wrong> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            let help = "save the file as UTF-8; it needs no characters beyond ASCII";
            return wrong(lines(good).count().max(1), "the file is not UTF-8 from this line on", help);
        }
    };
    if text.starts_with('\u{feff}') {
        let help = "save the file as UTF-8 without a byte-order mark (BOM); the AWS CLI does not read it either";
        return wrong(1, "the file begins with a byte-order mark", help);
    }
    Ok(text)
}

/// Lines as Python's text files have them: ended by `\n`, `\r\n` or `\r`. A final line end opens one more, empty line.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// Python's `str.isspace`.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Values before their lines are joined, by key.
type Lines<'t> = BTreeMap<String, (usize, Vec<&'t str>)>;

struct Raw<'t> {
    name: &'t str,
    line: usize,
    values: Lines<'t>,
}

#[derive(Default)]
struct Reader<'t> {
    sections: Vec<Raw<'t>>,
    /// Where each section is in `sections`.
    places: BTreeMap<&'t str, usize>,
    current: Option<usize>,
    /// The key that an indented line would continue.
    key: Option<String>,
    indent: usize,
}

impl<'t> Reader<'t> {
    fn take(&mut self, number: usize, line: &'t str) -> Result<(), Wrong> {
        let content = line.trim_matches(is_space);
        if content.starts_with(['#', ';']) {
            return Ok(());
        }
        if content.is_empty() {
            self.go_on("");
            return Ok(());
        }
        let indent = line.chars().take_while(|c| is_space(*c)).count();
        if indent > self.indent && self.go_on(content) {
            return Ok(());
        }
        self.indent = indent;
        match header(content) {
            Some(name) => self.open(number, name),
            None => self.set(number, content),
        }
    }

    /// Adds a line to the value before it; `false` if there is none.
    fn go_on(&mut self, content: &'t str) -> bool {
        let section = self.current.and_then(|index| self.sections.get_mut(index));
        let value = section.zip(self.key.as_ref()).and_then(|(section, key)| section.values.get_mut(key));
        value.is_some_and(|(_, lines)| {
            lines.push(content);
            true
        })
    }

    fn open(&mut self, line: usize, name: &'t str) -> Result<(), Wrong> {
        self.key = None;
        match self.places.entry(name) {
            Entry::Occupied(place) if name == DEFAULTS => self.current = Some(*place.get()),
            Entry::Occupied(place) => {
                let first = self.sections[*place.get()].line;
                let help = "put all its values into one section; the AWS CLI refuses the file too";
                return wrong(line, format!("the section [{name}] is already on line {first}"), help);
            }
            Entry::Vacant(place) => {
                self.current = Some(*place.insert(self.sections.len()));
                self.sections.push(Raw { name, line, values: BTreeMap::new() });
            }
        }
        Ok(())
    }

    fn set(&mut self, line: usize, content: &'t str) -> Result<(), Wrong> {
        let Some(section) = self.current.and_then(|index| self.sections.get_mut(index)) else {
            return wrong(line, "a value before any section", "begin with a section, for example [default]");
        };
        let Some((key, value)) = content.split_once(['=', ':']) else {
            let help = "write `key = value`; begin a comment with `#`, and indent a line that continues the one above";
            return wrong(line, "neither a section nor `key = value`", help);
        };
        let key = key.trim_end_matches(is_space).to_lowercase();
        if key.is_empty() {
            return wrong(line, "a value without a key", "write `key = value`");
        }
        match section.values.entry(key.clone()) {
            Entry::Occupied(before) => {
                let problem = format!("`{key}` is already on line {} of [{}]", before.get().0, section.name);
                return wrong(line, problem, "keep the one you mean; the AWS CLI refuses the file too");
            }
            Entry::Vacant(place) => place.insert((line, vec![value.trim_start_matches(is_space)])),
        };
        self.key = Some(key);
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Section>, Wrong> {
        let defaults = match self.places.get(DEFAULTS) {
            Some(&index) => Arc::new(joined(self.sections.remove(index).values)?),
            None => Arc::default(),
        };
        let section = |raw: Raw<'t>| {
            let values = Values { own: joined(raw.values)?, defaults: defaults.clone() };
            Ok(Section { name: raw.name.to_owned(), line: raw.line, values })
        };
        self.sections.into_iter().map(section).collect()
    }
}

/// The name in `[name]`. As in Python, the last bracket of the line counts, and what follows it is ignored.
fn header(content: &str) -> Option<&str> {
    let (name, _) = content.strip_prefix('[')?.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}

fn joined(values: Lines<'_>) -> Result<BTreeMap<String, Value>, Wrong> {
    values.into_iter().map(|(key, (line, lines))| Ok((key, Value { line, body: body(line, lines)? }))).collect()
}

fn body(line: usize, mut lines: Vec<&str>) -> Result<Body, Wrong> {
    while lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    if lines.len() < 2 || !lines[0].is_empty() {
        return Ok(Body::Text(Zeroizing::new(lines.join("\n"))));
    }
    // Python's `splitlines` knows more line ends than its text files.
    let ends = ['\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
    let mut settings =
        lines.iter().flat_map(|line| line.split(ends)).filter(|text| !text.trim_matches(is_space).is_empty());
    if settings.all(|text| text.contains('=')) {
        return Ok(Body::Block);
    }
    let help = "indent `key = value` lines below it, or write the value on the key's line";
    wrong(line, "the block below this key has a line without `=`", help)
}

#[cfg(test)]
mod tests;
