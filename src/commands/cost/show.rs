//! `--format` and `--out`: the form and the destination of a result. Every part of `konta cost` uses them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::commands::{CommandError, Context};
use crate::report::cost::Page;
use crate::report::{message, output, text};

/// The form and the destination of a result.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Shown {
    /// Form of the result [default: text, or json with --output json]
    #[arg(long, value_enum, value_name = "FORM")]
    format: Option<Form>,
    /// File to write to [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
    /// For a pull request.
    Markdown,
    /// One page with charts, complete in itself.
    Html,
}

impl Shown {
    /// Shows a result: as JSON the result itself, in every other form the page made from it.
    pub(super) fn show<T: Serialize>(
        &self,
        context: &Context,
        result: &T,
        page: impl Fn() -> Page,
    ) -> Result<(), CommandError> {
        let verbose = context.global().verbose;
        self.show_with(context, result, |width| page().text_at(width, verbose), &page)
    }

    /// As [`Shown::show`], with another text, in lines of a given width.
    pub(super) fn show_with<T: Serialize>(
        &self,
        context: &Context,
        result: &T,
        lines: impl FnOnce(usize) -> String,
        page: impl FnOnce() -> Page,
    ) -> Result<(), CommandError> {
        let shown = match self.form(context)? {
            Form::Json => return self.show_json(result),
            Form::Text if self.out.is_some() => lines(text::DEFAULT_WIDTH),
            Form::Text => lines(text::stdout_width()),
            Form::Markdown => page().markdown(),
            Form::Html => page().html()?,
        };
        self.put(&shown)
    }

    fn show_json<T: Serialize>(&self, result: &T) -> Result<(), CommandError> {
        if self.out.is_none() {
            return Ok(output::print_json(result)?);
        }
        // Not through a `Value`, which would sort the fields.
        let json = serde_json::to_string_pretty(result).map_err(std::io::Error::from)?;
        self.put(&format!("{json}\n"))
    }

    fn put(&self, shown: &str) -> Result<(), CommandError> {
        let Some(path) = &self.out else { return Ok(output::print_text(shown)?) };
        std::fs::write(path, shown)
            .map_err(|source| CommandError::Io { what: format!("cannot write {}", path.display()), reason: source })?;
        message::line(&format!("Written to {}.", path.display()));
        Ok(())
    }

    /// `--format`, otherwise the form of the global `--output`.
    fn form(&self, context: &Context) -> Result<Form, CommandError> {
        match self.format {
            None if context.format().is_json() => Ok(Form::Json),
            None => Ok(Form::Text),
            Some(form) if context.format().is_json() && form != Form::Json => Err(CommandError::Usage {
                message: "--output json and --format contradict each other".to_owned(),
                help: "leave out one of them".to_owned(),
            }),
            Some(form) => Ok(form),
        }
    }
}
