//! Why the local AWS does not run.

use miette::Diagnostic;
use thiserror::Error;

/// Why the local AWS does not run.
#[derive(Debug, Error, Diagnostic)]
pub enum SandboxError {
    /// There is no Python.
    #[error("the local AWS needs Python 3, but there is no `python3` on the PATH")]
    #[diagnostic(
        code(konta::sandbox::python_missing),
        help(
            "install Python 3.10 or newer (Debian, Ubuntu: `apt install python3 python3-venv`; macOS: `brew install python`)"
        )
    )]
    PythonMissing,
    /// `python3 -m venv` failed.
    #[error("`python3 -m venv` failed:\n{lines}")]
    #[diagnostic(
        code(konta::sandbox::venv_failed),
        help("on Debian and Ubuntu, the module is a separate package: run `apt install python3-venv`")
    )]
    VenvFailed {
        /// Its last lines.
        lines: String,
    },
    /// The packages could not be installed.
    #[error("the packages of the local AWS could not be installed:\n{lines}")]
    #[diagnostic(
        code(konta::sandbox::pip_failed),
        help(
            "the first start needs PyPI (or another index, `PIP_INDEX_URL`; a proxy, `HTTPS_PROXY`), about 150 MB, \
             and Python 3.10 or newer; run the same command again"
        )
    )]
    PipFailed {
        /// The last lines of pip.
        lines: String,
    },
    /// No Odoo is available here.
    #[error("there is no Odoo to run the tasks:\n{lines}")]
    #[diagnostic(
        code(konta::sandbox::no_odoo),
        help(
            "konta unpacks Debian's package into your cache folder (`KONTA_SANDBOX_ODOO` names another), which needs apt, \
             dpkg, a Debian mirror and PyPI, once; without `--with-odoo`, everything works except the tasks themselves"
        )
    )]
    NoOdoo {
        /// The last lines of the output.
        lines: String,
    },
    /// The process ended before it answered.
    #[error("the local AWS ended while it was starting:\n{lines}")]
    #[diagnostic(
        code(konta::sandbox::ended),
        help("its log is in `.konta/sandbox/log/`; to start from nothing, run `konta sandbox reset`")
    )]
    Ended {
        /// The last lines of its log.
        lines: String,
    },
    /// The process ended while a command used it.
    #[error("the sandbox stopped in the middle of this command")]
    #[diagnostic(
        code(konta::sandbox::stopped),
        help(
            "run the same command again: it starts the sandbox with what it held and continues. Its log is in \
             `.konta/sandbox/log/`; to start from nothing, run `konta sandbox reset`"
        )
    )]
    Stopped,
    /// The process did not answer in time.
    #[error("the local AWS did not answer within {seconds} seconds:\n{lines}")]
    #[diagnostic(
        code(konta::sandbox::not_ready),
        help("try again, or start from nothing with `konta sandbox reset`; its log is in `.konta/sandbox/log/`")
    )]
    NotReady {
        /// How long konta waited.
        seconds: u64,
        /// The last lines of its log.
        lines: String,
    },
    /// The running one plays another account.
    #[error("the local AWS of this workspace plays account {running}, not {wanted}")]
    #[diagnostic(
        code(konta::sandbox::other_account),
        help("stop it with `konta sandbox stop`; the next command starts it for account {wanted}")
    )]
    OtherAccount {
        /// The account of the running one.
        running: String,
        /// The requested account.
        wanted: String,
    },
    /// Another konta is starting or stopping it and does not finish.
    #[error("another konta has been busy with {what} for {minutes} minutes")]
    #[diagnostic(code(konta::sandbox::busy), help("end the other konta, then try again"))]
    Busy {
        /// With what.
        what: &'static str,
        /// How long konta waited.
        minutes: u64,
    },
    /// A process does not end.
    #[error("process {pid} of the local AWS does not end: {problem}")]
    #[diagnostic(
        code(konta::sandbox::does_not_end),
        help("if another user started it, that user can stop it with `konta sandbox stop`")
    )]
    DoesNotEnd {
        /// The process.
        pid: u32,
        /// Why.
        problem: String,
    },
    /// A file, folder or program of the sandbox could not be used.
    #[error("cannot {what}: {problem}")]
    #[diagnostic(
        code(konta::sandbox::system),
        help("the local AWS keeps its files in `.konta/sandbox` of the workspace, which must be a writable folder")
    )]
    System {
        /// What konta tried.
        what: String,
        /// The system's reason.
        problem: String,
    },
}

impl SandboxError {
    /// For `map_err`: what konta tried, with the system's reason.
    pub(super) fn system<E: std::fmt::Display>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |error| Self::System { what, problem: error.to_string() }
    }
}
