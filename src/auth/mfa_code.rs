//! Codes of an MFA device: where they come from, and what keeps each from being used twice.

use std::process::Stdio;

use jiff::Timestamp;
use miette::Diagnostic;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use super::cache::{Cache, CacheError, digest};

/// A device shows a new code every 30 seconds.
const STEP: i64 = 30;

/// For how many steps before and after its own AWS accepts a code. Further away, the same digits are another code.
const WINDOW: i64 = 3;

/// The person at the terminal, as the library sees them: it has no terminal itself.
pub trait Operator: Send + Sync {
    /// Whether a question can be asked.
    fn can_ask(&self) -> bool;
    /// Asks for a code; `Err` with the reason if there is no answer.
    fn ask(&self, question: &str) -> Result<SecretString, String>;
    /// Says something worth knowing, such as why konta waits.
    fn say(&self, text: &str);
}

/// Where codes come from.
#[derive(Debug, Clone)]
pub enum CodeSource {
    /// `--mfa-code` or `KONTA_MFA_CODE`: this one code.
    Given(SecretString),
    /// A program that prints one (`mfa_process` or `KONTA_MFA_PROCESS`).
    Program(SecretString),
    /// A person at a terminal.
    Person,
}

/// Why there is no code.
#[derive(Debug, Error, Diagnostic)]
pub enum CodeError {
    /// Not six digits. The text is not shown: it may be a secret put in the wrong place.
    #[error("an MFA code has six digits; this has {length} characters{other}")]
    #[diagnostic(code(konta::auth::code_shape), help("give the six digits that the device {serial} shows now"))]
    Shape {
        /// How many characters it has.
        length: usize,
        /// ", not all of them digits", or nothing.
        other: &'static str,
        /// The device.
        serial: String,
    },
    /// A code that was sent to AWS before.
    #[error("this code of {serial} was already used, and AWS accepts none twice")]
    #[diagnostic(code(konta::auth::code_used), help("the device shows the next one in {seconds} seconds"))]
    Used {
        /// The device.
        serial: String,
        /// Until the next one.
        seconds: i64,
    },
    /// The program failed.
    #[error("the program that prints MFA codes (mfa_process) failed: {problem}")]
    #[diagnostic(code(konta::auth::code_program), help("run it by hand: it must print six digits and exit with 0"))]
    Program {
        /// How.
        problem: String,
    },
    /// The question was not answered.
    #[error("no MFA code was given: {0}")]
    #[diagnostic(code(konta::auth::code_unanswered))]
    Unanswered(String),
    /// The record of used codes cannot be read or written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Cache(#[from] CacheError),
}

/// Checks that a code has six digits, before AWS is asked.
pub fn checked(given: &SecretString, serial: &str) -> Result<SecretString, CodeError> {
    let text = given.expose_secret().trim();
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() == 6 && digits {
        return Ok(text.into());
    }
    let other = if digits { "" } else { ", not all of them digits" };
    Err(CodeError::Shape { length: text.chars().count(), other, serial: serial.to_owned() })
}

/// Seconds until a device shows its next code.
#[must_use]
pub fn until_next(now: Timestamp) -> i64 {
    STEP - now.as_second().rem_euclid(STEP)
}

/// What konta remembers of the last code sent: enough to recognise it, not to reveal it.
#[derive(Debug, Serialize, Deserialize)]
struct Used {
    step: i64,
    hash: String,
}

fn name(serial: &str) -> String {
    format!("device-{}.used", digest(&[serial]))
}

fn hash(serial: &str, code: &SecretString) -> String {
    digest(&[serial, code.expose_secret()])
}

/// Whether a code was sent before, within the time in which AWS would accept it.
pub fn is_used(cache: &Cache, serial: &str, code: &SecretString, now: Timestamp) -> Result<bool, CacheError> {
    let Some(bytes) = cache.folder.get(&name(serial))? else { return Ok(false) };
    let Ok(used) = serde_json::from_slice::<Used>(&bytes) else { return Ok(false) };
    let step = now.as_second().div_euclid(STEP);
    Ok(used.hash == hash(serial, code) && (step - used.step).abs() <= WINDOW)
}

/// Remembers a code, before it is sent: a command that is killed while it waits for the answer has still used it.
pub fn remember(cache: &Cache, serial: &str, code: &SecretString, now: Timestamp) -> Result<(), CacheError> {
    let used = Used { step: now.as_second().div_euclid(STEP), hash: hash(serial, code) };
    let bytes = serde_json::to_vec(&used).unwrap_or_default();
    cache.folder.put(&name(serial), &bytes)
}

/// A code that was not used before. Waits for the device's next one if a person or program gives a used one.
///
/// The device's lock must be held. `again` says why this is not the first question.
pub async fn fresh(
    source: &CodeSource,
    cache: &Cache,
    serial: &str,
    operator: &dyn Operator,
    mut again: Option<String>,
) -> Result<SecretString, CodeError> {
    for _ in 0..3 {
        let code = match source {
            CodeSource::Given(code) => checked(code, serial)?,
            CodeSource::Program(command) => checked(&printed(command).await?, serial)?,
            CodeSource::Person => typed(operator, serial, again.as_deref())?,
        };
        let now = Timestamp::now();
        if !is_used(cache, serial, &code, now)? {
            remember(cache, serial, &code, now)?;
            return Ok(code);
        }
        let seconds = until_next(now);
        if matches!(source, CodeSource::Given(_)) {
            return Err(CodeError::Used { serial: serial.to_owned(), seconds });
        }
        next_step(operator, "this code was already used").await;
        again = None;
    }
    Err(CodeError::Used { serial: serial.to_owned(), seconds: until_next(Timestamp::now()) })
}

/// Waits until the device shows its next code, and says so.
pub async fn next_step(operator: &dyn Operator, reason: &str) {
    let seconds = until_next(Timestamp::now());
    operator.say(&format!("{reason}; waiting {seconds} s for the device's next code"));
    tokio::time::sleep(std::time::Duration::from_secs(seconds.unsigned_abs())).await;
}

/// Asks until six digits are typed, at most three times.
fn typed(operator: &dyn Operator, serial: &str, again: Option<&str>) -> Result<SecretString, CodeError> {
    if let Some(reason) = again {
        operator.say(reason);
    }
    let question = format!("MFA code of {serial}");
    let mut asked = 0;
    loop {
        asked += 1;
        let given = operator.ask(&question).map_err(CodeError::Unanswered)?;
        match checked(&given, serial) {
            Err(error) if asked < 3 => operator.say(&error.to_string()),
            result => return result,
        }
    }
}

/// Runs the program. It may ask for something itself (touch the key), so it keeps the operator's stdin and stderr.
async fn printed(command: &SecretString) -> Result<SecretString, CodeError> {
    let failed = |problem: String| CodeError::Program { problem };
    let output = tokio::process::Command::new("sh")
        .args(["-c", command.expose_secret()])
        .env_remove("KONTA_MFA_CODE")
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    let said = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(failed(format!("it ended with {}", output.status)));
    }
    let text = std::str::from_utf8(&said).map_err(|_| failed("it printed something that is not text".to_owned()))?;
    Ok(text.trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIAL: &str = "arn:aws:iam::123456789012:mfa/ada";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn only_six_digits_are_a_code_and_what_was_given_is_not_repeated() {
        assert!(checked(&" 012345\n".into(), SERIAL).is_ok());
        for wrong in ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "wJalrXUtnFEMI"] {
            let error = checked(&wrong.into(), "the device").unwrap_err();
            assert!(wrong.is_empty() || !format!("{error} {error:?}").contains(wrong), "{error:?}");
        }
    }

    #[test]
    fn a_code_is_known_again_within_its_time_and_not_long_after() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("sessions"));
        let code: SecretString = "123456".into();
        assert!(!is_used(&cache, SERIAL, &code, at(1000)).unwrap());
        remember(&cache, SERIAL, &code, at(1000)).unwrap();
        assert!(is_used(&cache, SERIAL, &code, at(1001)).unwrap());
        assert!(is_used(&cache, SERIAL, &code, at(1080)).unwrap());
        assert!(!is_used(&cache, SERIAL, &code, at(1000 + 30 * 5)).unwrap());
        assert!(!is_used(&cache, SERIAL, &"123457".into(), at(1001)).unwrap());
        assert!(!is_used(&cache, "arn:aws:iam::123456789012:mfa/bob", &code, at(1001)).unwrap());
    }

    #[test]
    fn the_next_code_comes_with_the_next_half_minute() {
        assert_eq!(until_next(at(0)), 30);
        assert_eq!(until_next(at(29)), 1);
        assert_eq!(until_next(at(30)), 30);
    }

    struct Nobody;

    impl Operator for Nobody {
        fn can_ask(&self) -> bool {
            false
        }
        fn ask(&self, _: &str) -> Result<SecretString, String> {
            Err("nobody is there".to_owned())
        }
        fn say(&self, _: &str) {}
    }

    #[tokio::test]
    async fn a_given_code_that_was_used_is_refused_with_the_time_of_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("sessions"));
        let source = CodeSource::Given("123456".into());
        fresh(&source, &cache, SERIAL, &Nobody, None).await.unwrap();
        let error = fresh(&source, &cache, SERIAL, &Nobody, None).await.unwrap_err();
        assert!(matches!(error, CodeError::Used { seconds: 1..=30, .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_program_s_code_is_what_it_prints_and_its_failure_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("sessions"));
        let source = CodeSource::Program("echo 654321".into());
        assert_eq!(fresh(&source, &cache, SERIAL, &Nobody, None).await.unwrap().expose_secret(), "654321");
        let source = CodeSource::Program("echo 111111; exit 3".into());
        let error = fresh(&source, &cache, SERIAL, &Nobody, None).await.unwrap_err();
        assert!(error.to_string().contains('3'), "{error}");
    }
}
