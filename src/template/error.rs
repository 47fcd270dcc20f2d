//! What can be wrong with a template, an override or an addon.

use miette::Diagnostic;
use thiserror::Error;

/// A template, override or addon that cannot be deployed as it is.
#[derive(Debug, Clone, PartialEq, Eq, Error, Diagnostic)]
pub enum TemplateError {
    /// The text is neither YAML nor JSON.
    #[error("{name}: {problem}")]
    #[diagnostic(
        code(konta::template::syntax),
        help("write a CloudFormation template in YAML or JSON; `cfn-lint` shows the place")
    )]
    Syntax {
        /// The file, relative to the workspace, or the embedded template's name.
        name: String,
        /// What the parser said, with line and column.
        problem: String,
    },
    /// An RFC 6902 patch could not be read or applied.
    #[error("{name}: {problem}")]
    #[diagnostic(code(konta::template::override_failed), help("{help}"))]
    Override {
        /// The file.
        name: String,
        /// Which operation and why.
        problem: String,
        /// What to do.
        help: String,
    },
    /// An addon's name or output does not fit.
    #[error("{name}: {problem}")]
    #[diagnostic(code(konta::template::addon), help("{help}"))]
    Addon {
        /// The file.
        name: String,
        /// What is wrong.
        problem: String,
        /// What to do.
        help: String,
    },
    /// A limit of CloudFormation is exceeded.
    #[error("stack {stack}: {problem}")]
    #[diagnostic(code(konta::template::limit), help("{help}"))]
    Limit {
        /// The stack.
        stack: String,
        /// Which limit, with the figures.
        problem: String,
        /// What to do.
        help: String,
    },
    /// One of konta's own rules is broken, usually by an override.
    #[error("stack {stack}: {resource} {problem}")]
    #[diagnostic(code(konta::template::policy), help("{help}"))]
    Policy {
        /// The stack.
        stack: String,
        /// The logical id.
        resource: String,
        /// What is wrong.
        problem: String,
        /// What to do.
        help: String,
    },
    /// A file could not be read.
    #[error("cannot read {name}: {problem}")]
    #[diagnostic(code(konta::template::unreadable))]
    Unreadable {
        /// The file.
        name: String,
        /// The system's reason.
        problem: String,
    },
    /// A file that belongs to nothing and so would never be used.
    #[error("{name} {problem}")]
    #[diagnostic(code(konta::template::unknown_file), help("{help}"))]
    UnknownFile {
        /// The file.
        name: String,
        /// What is wrong with it.
        problem: String,
        /// What was probably meant.
        help: String,
    },
    /// Several things are wrong.
    #[error("{} problems in templates, overrides and addons", errors.len())]
    #[diagnostic(code(konta::template::several))]
    Several {
        /// The single errors, none of this kind.
        #[related]
        errors: Vec<TemplateError>,
    },
    /// A template declares a parameter that konta has no value for.
    #[error("stack {stack}: the parameter {parameter} has no value")]
    #[diagnostic(
        code(konta::template::parameter),
        help("give it a `Default`, or use a name for which konta has a value: {known}")
    )]
    Parameter {
        /// The stack.
        stack: String,
        /// The parameter.
        parameter: String,
        /// The names for which konta has values.
        known: String,
    },
}

impl TemplateError {
    /// Everything that went wrong as one error: a single error as itself, and success if there is none.
    pub fn gathered(errors: Vec<Self>) -> Result<(), Self> {
        let mut flat: Vec<Self> = errors.into_iter().flat_map(Self::each).collect();
        match flat.len() {
            0 => Ok(()),
            1 => Err(flat.remove(0)),
            _ => Err(Self::Several { errors: flat }),
        }
    }

    /// The single errors of which this one consists.
    #[must_use]
    pub fn each(self) -> Vec<Self> {
        match self {
            Self::Several { errors } => errors,
            one => vec![one],
        }
    }
}
