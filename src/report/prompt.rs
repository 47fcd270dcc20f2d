//! Questions at the terminal. Without a terminal a question is an error at once: konta never waits for nobody.

use std::io::{self, IsTerminal};

use console::Term;
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Input, Select};
use miette::Diagnostic;
use thiserror::Error;

use super::style::Palette;
use super::text;

/// Why a question got no answer.
#[derive(Debug, Error, Diagnostic)]
pub enum PromptError {
    /// There is nobody to ask.
    #[error("cannot ask \"{question}\": no terminal")]
    #[diagnostic(
        code(konta::prompt::not_a_terminal),
        help("give the answer as a flag (`--help` lists them), or run konta in a terminal")
    )]
    NotATerminal {
        /// The question.
        question: String,
    },
    /// A name must be typed, which --yes does not do, and there is nobody to type it.
    #[error("cannot ask \"{question}\": no terminal")]
    #[diagnostic(
        code(konta::prompt::not_a_terminal),
        help("--yes does not answer this; say it with `--confirm {expected}`, or run konta in a terminal")
    )]
    NobodyTypes {
        /// The question.
        question: String,
        /// The name.
        expected: String,
    },
    /// The operator broke off.
    #[error("broken off; nothing was changed")]
    #[diagnostic(code(konta::prompt::cancelled))]
    Cancelled,
    /// The terminal failed.
    #[error("cannot ask at the terminal: {0}")]
    #[diagnostic(code(konta::prompt::terminal))]
    Terminal(#[source] io::Error),
}

/// Whether questions can be asked: stdin and stderr are terminals.
#[must_use]
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks yes or no; Enter alone is no.
///
/// The answer is a line, not a key: a key pressed too early must not deploy, and dialoguer's own yes-or-no hides the cursor, which
/// Ctrl-C would leave hidden.
pub fn confirm(question: &str) -> Result<bool, PromptError> {
    ask(question, |theme, term| {
        let answer: String = Input::with_theme(theme)
            .with_prompt(format!("{question} [y/N]"))
            .allow_empty(true)
            .validate_with(|given: &String| yes_or_no(given).map(drop).ok_or("please answer y or n"))
            .interact_text_on(term)?;
        Ok(yes_or_no(&answer))
    })
}

/// Asks yes or no like [`confirm`], as long as nothing interrupts; an interruption is [`PromptError::Cancelled`], at once.
///
/// For a question that is asked while konta listens for Ctrl-C itself. dialoguer puts the terminal into raw mode anew for each key: there
/// Ctrl-C is a byte, but a moment before it is a signal, which would go to the listener and leave the question waiting for a key. Here the
/// terminal stays as it is, so that Ctrl-C always is a signal.
pub async fn confirm_unless<T>(question: &str, interrupted: impl Future<Output = T>) -> Result<bool, PromptError> {
    if !can_ask() {
        return Err(PromptError::NotATerminal { question: text::one_line(question).into_owned() });
    }
    let term = Term::stderr();
    let mut asked = String::new();
    // A String takes every text.
    let _ = theme().format_input_prompt(&mut asked, &format!("{question} [y/N]"), None);
    let mut interrupted = std::pin::pin!(interrupted);
    loop {
        term.write_str(&asked).map_err(PromptError::Terminal)?;
        let line = tokio::select! {
            biased;
            _ = &mut interrupted => None,
            line = read_line() => line.map_err(PromptError::Terminal)?,
        };
        let Some(line) = line else {
            // The terminal has shown ^C, or nothing, and stands on the question's line.
            let _ = term.write_line("");
            return Err(PromptError::Cancelled);
        };
        match yes_or_no(&line) {
            Some(answer) => return Ok(answer),
            None => term.write_line("please answer y or n").map_err(PromptError::Terminal)?,
        }
    }
}

/// A line of standard input; `None` at its end. It is read by a thread of its own, which ends with the process: a read cannot be given up.
async fn read_line() -> io::Result<Option<String>> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line).map(|length| (length > 0).then_some(line));
        // Nobody waits for it any more where the question was interrupted.
        let _ = sender.send(read);
    });
    receiver.await.unwrap_or(Ok(None))
}

fn yes_or_no(answer: &str) -> Option<bool> {
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Some(true),
        "" | "n" | "no" => Some(false),
        _ => None,
    }
}

/// Asks to type a name before something that cannot be undone; true when it was typed exactly.
pub fn typed_name(question: &str, expected: &str) -> Result<bool, PromptError> {
    if !can_ask() {
        return Err(PromptError::NobodyTypes { question: question.to_owned(), expected: expected.to_owned() });
    }
    let typed: String = ask(question, |theme, term| {
        Input::<String>::with_theme(theme)
            .with_prompt(format!("{question} (type {expected} to go on)"))
            .allow_empty(true)
            .interact_text_on(term)
            .map(Some)
    })?;
    Ok(typed.trim() == expected)
}

/// Asks to choose one of `items`; the answer is its index.
pub fn select(question: &str, items: &[String], default: usize) -> Result<usize, PromptError> {
    ask(question, |theme, term| {
        Select::with_theme(theme).with_prompt(question).items(items).default(default).interact_on_opt(term)
    })
}

/// Asks for a text; asks again as long as `check` refuses, with its reason.
pub fn input(
    question: &str,
    default: Option<&str>,
    check: &dyn Fn(&str) -> Result<(), String>,
) -> Result<String, PromptError> {
    ask(question, |theme, term| {
        let mut input = Input::<String>::with_theme(theme)
            .with_prompt(question)
            .validate_with(|given: &String| check(given.trim()));
        if let Some(default) = default {
            input = input.default(default.to_owned());
        }
        input.interact_text_on(term).map(|given| Some(given.trim().to_owned()))
    })
}

fn ask<T>(
    question: &str,
    interact: impl FnOnce(&dyn Theme, &Term) -> dialoguer::Result<Option<T>>,
) -> Result<T, PromptError> {
    if !can_ask() {
        return Err(PromptError::NotATerminal { question: text::one_line(question).into_owned() });
    }
    let term = Term::stderr();
    match interact(&*theme(), &term) {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Err(PromptError::Cancelled),
        Err(dialoguer::Error::IO(error)) => {
            // A menu hides the cursor and leaves it hidden when it is broken off.
            let _ = term.show_cursor();
            // Ctrl-C, where a handler keeps it from ending konta, interrupts the read; a terminal that went away ends the input.
            if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof) {
                Err(PromptError::Cancelled)
            } else {
                Err(PromptError::Terminal(error))
            }
        }
    }
}

fn theme() -> Box<dyn Theme> {
    if Palette::for_stderr(false).is_coloured() { Box::new(ColorfulTheme::default()) } else { Box::new(SimpleTheme) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_a_question_is_an_error_at_once() {
        // Under `cargo test` in a terminal there is one; then nothing can be said here.
        if can_ask() {
            return;
        }
        let error = confirm("Deploy?").unwrap_err();
        assert!(matches!(&error, PromptError::NotATerminal { question } if question == "Deploy?"));
        assert!(typed_name("Delete the tenant?", "breadfree").is_err());
        assert!(select("Region?", &["eu-west-1".into()], 0).is_err());
        assert!(input("Name?", None, &|_| Ok(())).is_err());
    }

    #[test]
    fn a_name_that_nobody_can_type_is_asked_for_as_a_flag() {
        if can_ask() {
            return;
        }
        let error = typed_name("Delete it?", "breadfree").unwrap_err();
        assert!(error.help().unwrap().to_string().contains("--confirm breadfree"), "{error:?}");
    }
}
