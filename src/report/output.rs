//! Data on stdout: text for people, JSON for programs, from the same struct.

use std::io::{self, Write};

use serde::Serialize;

/// The format of a command's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON document, or, for events, one JSON object per line.
    Json,
}

impl OutputFormat {
    /// Whether a program reads the output.
    #[must_use]
    pub fn is_json(self) -> bool {
        self == Self::Json
    }
}

/// Writes text to stdout, with a line end if it has none.
pub fn print_text(text: &str) -> io::Result<()> {
    let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    write_stdout(format!("{text}{end}").as_bytes())
}

/// Writes one indented JSON document to stdout.
pub fn print_json<T: Serialize + ?Sized>(data: &T) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(data)?;
    text.push(b'\n');
    write_stdout(&text)
}

/// Writes one JSON object on one line to stdout.
pub fn print_json_line<T: Serialize + ?Sized>(data: &T) -> io::Result<()> {
    write_json_line(&mut io::stdout().lock(), data)
}

/// Writes one JSON object on one line, and flushes: a reader of events must see each as it happens.
pub fn write_json_line<T: Serialize + ?Sized>(out: &mut dyn Write, data: &T) -> io::Result<()> {
    let mut text = serde_json::to_vec(data)?;
    text.push(b'\n');
    unless_closed(out.write_all(&text).and_then(|()| out.flush()))
}

fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    unless_closed(out.write_all(bytes).and_then(|()| out.flush()))
}

/// A reader that has seen enough (`konta ls | head -1`) is not an error.
pub(super) fn unless_closed(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let mut out = Vec::new();
        write_json_line(&mut out, &serde_json::json!({"text": "two\nlines"})).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "{\"text\":\"two\\nlines\"}\n");
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        assert!(unless_closed(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(unless_closed(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
