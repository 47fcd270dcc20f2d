//! AWS's program for sessions in tasks: checks whether it is installed, and recent enough.

use std::io::ErrorKind;
use std::process::Command;

use miette::Diagnostic;
use thiserror::Error;

use super::CommandError;

/// Why the plugin cannot take over a session.
#[derive(Debug, Error, Diagnostic)]
pub enum PluginError {
    /// It is not installed.
    #[error("session-manager-plugin is not installed, but a session in a task needs it")]
    #[diagnostic(
        code(konta::exec::no_plugin),
        help(
            "install AWS's program: https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html\n\
             macOS: brew install --cask session-manager-plugin; Debian and Ubuntu: the package session-manager-plugin.deb from that page\n\
             without it, `konta run NAME -- COMMAND` runs a command in a one-off task"
        )
    )]
    Missing,
    /// It would show the session's token to every user of this machine.
    #[error("session-manager-plugin {version} is too old")]
    #[diagnostic(
        code(konta::exec::old_plugin),
        help(
            "install 1.2.536.0 or newer: this version takes the session's token on its command line, where every user of this machine can read it"
        )
    )]
    Old {
        /// Its version.
        version: String,
    },
}

/// The last version that takes a session only on its command line. Source: the AWS CLI, `sessionmanager.py`.
const LAST_WITHOUT_VARIABLE: [u32; 4] = [1, 2, 497, 0];

pub(super) const PLUGIN: &str = "session-manager-plugin";

/// The variable in which the plugin takes a session. Source: session-manager-plugin, `session.go`.
pub(super) const VARIABLE: &str = "AWS_SSM_START_SESSION_RESPONSE";

/// Checks the plugin before a session is opened, because an unused session would stay open.
pub(super) fn check() -> Result<(), CommandError> {
    let said = match Command::new(PLUGIN).arg("--version").output() {
        Ok(said) => String::from_utf8_lossy(&said.stdout).trim().to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(PluginError::Missing.into()),
        Err(reason) => return Err(CommandError::Exec { program: PLUGIN.to_owned(), reason }),
    };
    if takes_variable(&said) { Ok(()) } else { Err(PluginError::Old { version: said }.into()) }
}

fn takes_variable(version: &str) -> bool {
    let numbers: Result<Vec<u32>, _> = version.split('.').map(str::parse).collect();
    numbers.is_ok_and(|numbers| numbers.as_slice() > LAST_WITHOUT_VARIABLE.as_slice())
}

#[cfg(test)]
mod tests {
    use super::takes_variable;

    #[test]
    fn only_a_plugin_that_keeps_the_token_to_itself_will_do() {
        assert!(takes_variable("1.2.536.0"));
        assert!(takes_variable("1.2.707.0"));
        assert!(takes_variable("2.0"));
        assert!(!takes_variable("1.2.497.0"));
        assert!(!takes_variable("1.2.54.0"));
        assert!(!takes_variable("unknown"));
    }
}
