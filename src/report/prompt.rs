//! Questions at the terminal. Without a terminal a question is an error: konta never waits for
//! input that cannot arrive.

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
    /// There is no terminal.
    #[error("cannot ask \"{question}\": no terminal")]
    #[diagnostic(
        code(konta::prompt::not_a_terminal),
        help("give the answer as an option (`--help` lists them), or run konta in a terminal")
    )]
    NotATerminal {
        /// The question.
        question: String,
    },
    /// A name must be typed, which `--yes` does not do, and there is no terminal.
    #[error("cannot ask \"{question}\": no terminal")]
    #[diagnostic(
        code(konta::prompt::not_a_terminal),
        help("`--yes` does not answer this question: pass `--confirm {expected}`, or run konta in a terminal")
    )]
    NobodyTypes {
        /// The question.
        question: String,
        /// The name.
        expected: String,
    },
    /// The operator cancelled.
    #[error("cancelled; nothing was changed")]
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

/// Asks yes or no; Enter alone means no.
///
/// The answer is a line, not a key: a key pressed too early must not deploy. And dialoguer's own yes-or-no question
/// hides the cursor, which Ctrl-C would leave hidden.
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

/// Asks yes or no like [`confirm`], until `interrupted` completes: then it returns
/// [`PromptError::Cancelled`] immediately.
///
/// For a question while konta itself listens for Ctrl-C. dialoguer puts the terminal into raw mode again for each key.
/// In raw mode Ctrl-C is a byte, but a moment earlier it is a signal, which would go to the listener and leave the
/// question waiting for a key. Here the terminal stays as it is, so that Ctrl-C is always a signal.
pub async fn confirm_unless<T>(question: &str, interrupted: impl Future<Output = T>) -> Result<bool, PromptError> {
    if !can_ask() {
        return Err(PromptError::NotATerminal { question: text::one_line(question).into_owned() });
    }
    let term = Term::stderr();
    let mut asked = String::new();
    // Writing to a String cannot fail.
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
            // The terminal has shown ^C, or nothing, and the cursor is on the question's line.
            let _ = term.write_line("");
            return Err(PromptError::Cancelled);
        };
        match yes_or_no(&line) {
            Some(answer) => return Ok(answer),
            None => term.write_line("please answer y or n").map_err(PromptError::Terminal)?,
        }
    }
}

/// A line of standard input; `None` at its end. A separate thread reads it, and ends with the process: a
/// read cannot be cancelled.
async fn read_line() -> io::Result<Option<String>> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line).map(|length| (length > 0).then_some(line));
        // If the question was interrupted, nothing waits for the line any more.
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

/// Asks to type a name before something that cannot be undone; true if it was typed exactly.
pub fn typed_name(question: &str, expected: &str) -> Result<bool, PromptError> {
    if !can_ask() {
        return Err(PromptError::NobodyTypes { question: question.to_owned(), expected: expected.to_owned() });
    }
    let typed: String = ask(question, |theme, term| {
        Input::<String>::with_theme(theme)
            .with_prompt(format!("{question} (type {expected} to continue)"))
            .allow_empty(true)
            .interact_text_on(term)
            .map(Some)
    })?;
    Ok(typed.trim() == expected)
}

/// Asks the operator to choose one of `items`; the answer is its index.
pub fn select(question: &str, items: &[String], default: usize) -> Result<usize, PromptError> {
    ask(question, |theme, term| {
        Select::with_theme(theme).with_prompt(question).items(items).default(default).interact_on_opt(term)
    })
}

/// Asks for a text; asks again while `check` refuses it, and shows the reason.
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
            // A menu hides the cursor, and leaves it hidden if it is interrupted.
            let _ = term.show_cursor();
            // If a handler keeps Ctrl-C from ending konta, Ctrl-C interrupts the read; a terminal that
            // goes away ends the input.
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
        // With `cargo test` in a terminal there is one; then this cannot be tested.
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
