//! The errors of commands, and the one place that maps them to exit codes.

use miette::Diagnostic;
use serde::Serialize;
use thiserror::Error;

use crate::auth::diagnosis::Diagnosis;
use crate::auth::mfa_code::CodeError;
use crate::auth::session::SessionError;
use crate::aws::AwsError;
use crate::cost::CostError;
use crate::manifest::Problems;
use crate::operation::OperationError;
use crate::report::PromptError;
use crate::report::cost::HtmlError;
use crate::sandbox::SandboxError;
use crate::stack::runtime::RuntimeError;
use crate::task::exec::ExecError;
use crate::template::TemplateError;

use super::exit_code::ExitCode;
use super::session_manager_plugin::PluginError;

/// Why a command did not succeed.
#[derive(Debug, Error, Diagnostic)]
pub enum CommandError {
    /// The manifests are wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Manifests(#[from] Problems),
    /// A template, override or addon is wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Template(#[from] TemplateError),
    /// There is no estimate of the cost.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Cost(#[from] CostError),
    /// Manifests are wrong, and templates, overrides or addons too.
    #[error("the workspace is wrong in several ways")]
    #[diagnostic(code(konta::workspace))]
    Workspace {
        /// Both.
        #[related]
        errors: Vec<CommandError>,
    },
    /// The page of a cost could not be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Page(#[from] HtmlError),
    /// A deployment failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Deploy(#[from] OperationError),
    /// Several stacks failed.
    #[error("{count} stacks failed")]
    #[diagnostic(code(konta::several_stacks))]
    Several {
        /// How many.
        count: usize,
        /// Each.
        #[related]
        errors: Vec<OperationError>,
    },
    /// Several tenants, or some of many.
    #[error("{count} tenants failed")]
    #[diagnostic(code(konta::tenants))]
    Tenants {
        /// How many.
        count: usize,
        /// Each.
        #[related]
        errors: Vec<CommandError>,
    },
    /// AWS refused or could not be reached.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Aws(#[from] AwsError),
    /// There is no session with AWS.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Session(#[from] SessionError),
    /// AWS refused the credentials, and why is known.
    #[error("{error}")]
    #[diagnostic(code(konta::credentials), help("{}", diagnosis.help()))]
    Diagnosed {
        /// What AWS refused.
        error: Box<CommandError>,
        /// Cause and fix.
        diagnosis: Box<Diagnosis>,
    },
    /// A program could not be started.
    #[error("cannot run {program}: {reason}")]
    #[diagnostic(code(konta::auth::exec))]
    Exec {
        /// The program.
        program: String,
        /// The system's reason.
        reason: std::io::Error,
    },
    /// It is not known where a tenant runs.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Place(#[from] RuntimeError),
    /// There is no session in a task.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Inside(ExecError),
    /// The program that takes a session over is not there, or too old.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Plugin(#[from] PluginError),
    /// A task for once did not run.
    #[error("the task {task} did not run: {reason}")]
    #[diagnostic(code(konta::task_not_run), help("{help}"))]
    NotRun {
        /// Its id.
        task: String,
        /// ECS's reason.
        reason: String,
        /// What to do.
        help: &'static str,
    },
    /// The sandbox.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Sandbox(#[from] SandboxError),
    /// A question could not be asked.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Prompt(#[from] PromptError),
    /// The operator said no.
    #[error("nothing was changed: {0}")]
    #[diagnostic(code(konta::declined))]
    Declined(String),
    /// No workspace.
    #[error("there is no konta.yml here or in any folder above")]
    #[diagnostic(
        code(konta::no_workspace),
        help("name the workspace with --workspace DIR, or make one with `konta init`")
    )]
    NoWorkspace,
    /// The folder named is no workspace.
    #[error("{folder} is no workspace: it has no konta.yml")]
    #[diagnostic(code(konta::no_workspace), help("name the folder that holds konta.yml; `konta init` makes one"))]
    NotAWorkspace {
        /// The folder.
        folder: String,
    },
    /// A name that the workspace does not have.
    #[error("{message}")]
    #[diagnostic(code(konta::unknown_name), help("{help}"))]
    Unknown {
        /// What is unknown.
        message: String,
        /// What there is.
        help: String,
    },
    /// The command line contradicts itself or the workspace.
    #[error("{message}")]
    #[diagnostic(code(konta::usage), help("{help}"))]
    Usage {
        /// What is wrong.
        message: String,
        /// What to write instead.
        help: String,
    },
    /// The workspace of a revision of git is wrong.
    #[error("the workspace at `{revision}` cannot be read")]
    #[diagnostic(code(konta::cost::revision), help("choose another --base"))]
    Revision {
        /// The revision.
        revision: String,
        /// What is wrong with it.
        #[related]
        related: Vec<CommandError>,
    },
    /// A file could not be written or read.
    #[error("{what}: {reason}")]
    #[diagnostic(code(konta::io))]
    Io {
        /// What was tried.
        what: String,
        /// The system's reason; told in the message, so it is no source to be told again.
        reason: std::io::Error,
    },
}

impl From<ExecError> for CommandError {
    /// What AWS refuses is AWS's error, whoever asked.
    fn from(error: ExecError) -> Self {
        match error {
            ExecError::Aws(error) => Self::Aws(error),
            error => Self::Inside(error),
        }
    }
}

impl From<std::io::Error> for CommandError {
    fn from(source: std::io::Error) -> Self {
        Self::Io { what: "input or output failed".to_owned(), reason: source }
    }
}

impl From<Vec<OperationError>> for CommandError {
    /// One error as itself, several together.
    fn from(mut errors: Vec<OperationError>) -> Self {
        if errors.len() == 1 { errors.remove(0).into() } else { Self::Several { count: errors.len(), errors } }
    }
}

fn aws_code(error: &AwsError) -> ExitCode {
    if error.concerns_credentials() { ExitCode::Credentials } else { ExitCode::Aws }
}

fn deploy_code(error: &OperationError) -> ExitCode {
    match error {
        OperationError::Template(_) => ExitCode::Workspace,
        OperationError::Aws(error) => aws_code(error),
        OperationError::Unanswered { .. } => ExitCode::Aws,
        OperationError::OtherAccount { .. } => ExitCode::Credentials,
        OperationError::Cancelled { .. } => ExitCode::Interrupted,
        _ => ExitCode::Failed,
    }
}

fn cost_code(error: &CostError) -> ExitCode {
    match error {
        CostError::Usage { .. } | CostError::Prices { .. } | CostError::Stack(_) | CostError::Template { .. } => {
            ExitCode::Workspace
        }
        CostError::Parameter { .. }
        | CostError::Month { .. }
        | CostError::TypicalTenant { .. }
        | CostError::Design { .. } => ExitCode::Usage,
    }
}

/// An error for programs.
#[derive(Debug, Serialize)]
pub struct ErrorReport {
    event: &'static str,
    code: String,
    message: String,
    help: Option<String>,
    exit_code: u8,
    related: Vec<ErrorReport>,
}

impl CommandError {
    /// Whether a call got no answer.
    #[must_use]
    pub fn is_out_of_reach(&self) -> bool {
        let unanswered = |error: &AwsError| matches!(error.code.as_str(), "Unreachable" | "Timeout");
        let of = |error: &OperationError| match error {
            OperationError::Aws(error) => unanswered(error),
            OperationError::Unanswered { .. } => true,
            _ => false,
        };
        match self {
            Self::Aws(error) => unanswered(error),
            Self::Deploy(error) => of(error),
            Self::Several { errors, .. } => errors.iter().any(of),
            _ => false,
        }
    }

    /// The exit code; `konta help exit-codes` lists them.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.exit().code()
    }

    fn exit(&self) -> ExitCode {
        match self {
            Self::Manifests(_)
            | Self::Template(_)
            | Self::Workspace { .. }
            | Self::Revision { .. }
            | Self::NoWorkspace
            | Self::NotAWorkspace { .. } => ExitCode::Workspace,
            Self::Cost(error) => cost_code(error),
            Self::Aws(error) => aws_code(error),
            Self::Deploy(error) => deploy_code(error),
            // What all have in common; a mixture is a failed deployment.
            Self::Several { errors, .. } => {
                let mut codes = errors.iter().map(deploy_code);
                let first = codes.next().unwrap_or(ExitCode::Failed);
                if codes.all(|code| code == first) { first } else { ExitCode::Failed }
            }
            Self::Session(error) => of_session(error),
            Self::Diagnosed { error, .. } => error.exit(),
            // As a shell has it.
            Self::Exec { reason, .. } if reason.kind() == std::io::ErrorKind::NotFound => ExitCode::NotInstalled,
            Self::Plugin(_) => ExitCode::NotInstalled,
            Self::Exec { .. } => ExitCode::CannotRun,
            Self::Tenants { .. }
            | Self::Unknown { .. }
            | Self::Place(_)
            | Self::Inside(_)
            | Self::NotRun { .. }
            | Self::Io { .. }
            | Self::Page(_) => ExitCode::Failed,
            Self::Sandbox(_) => ExitCode::Sandbox,
            Self::Prompt(PromptError::Cancelled) => ExitCode::Interrupted,
            Self::Prompt(_) => ExitCode::NoTerminal,
            Self::Declined(_) => ExitCode::Declined,
            Self::Usage { .. } => ExitCode::Usage,
        }
    }

    /// The error for programs.
    #[must_use]
    pub fn as_json(&self) -> ErrorReport {
        match self {
            // What was refused keeps its code; the help is what is new.
            Self::Diagnosed { error, diagnosis } => ErrorReport { help: Some(diagnosis.help()), ..error.as_json() },
            _ => report(self, self.exit_code()),
        }
    }
}

/// Whatever AWS answers on the way to a session is about credentials.
fn of_session(error: &SessionError) -> ExitCode {
    let of_aws = |error: &AwsError| if error.is_an_answer() { ExitCode::Credentials } else { ExitCode::Aws };
    match error {
        SessionError::CodeNeeded { .. } => ExitCode::CodeNeeded,
        SessionError::Code(CodeError::Unanswered(_)) | SessionError::Interrupted => ExitCode::Interrupted,
        SessionError::Aws(error) => of_aws(error),
        SessionError::Unavailable { error, .. } => of_aws(error),
        _ => ExitCode::Credentials,
    }
}

fn report(error: &dyn Diagnostic, exit_code: u8) -> ErrorReport {
    ErrorReport {
        event: "error",
        code: error.code().map(|code| code.to_string()).unwrap_or_default(),
        message: error.to_string(),
        help: error.help().map(|help| help.to_string()),
        exit_code,
        related: error.related().into_iter().flatten().map(|inner| report(inner, exit_code)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_refuses_ends_with_4_unless_the_credentials_are_refused() {
        let code = |code: &str| {
            let error =
                AwsError { operation: "ce GetCostAndUsage", code: code.into(), message: "no".into(), help: None };
            (CommandError::from(error.clone()).exit_code(), CommandError::from(OperationError::from(error)).exit_code())
        };
        assert_eq!(code("AccessDeniedException"), (4, 4));
        assert_eq!(code("Unreachable"), (4, 4));
        assert_eq!(code("ExpiredToken"), (5, 5));
    }

    #[test]
    fn several_errors_end_with_the_code_that_all_have() {
        let cancelled = || OperationError::Cancelled { what: "a stack".into() };
        let refused = || OperationError::ChangeRefused { stack: "a".into(), reason: "no".into() };
        assert_eq!(CommandError::from(vec![cancelled(), cancelled()]).exit_code(), 130);
        assert_eq!(CommandError::from(vec![cancelled(), refused()]).exit_code(), 1);
    }
}
