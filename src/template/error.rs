//! What can be wrong with a template, an override or an addon.

use miette::Diagnostic;
use thiserror::Error;

/// A template, override or addon that cannot be deployed as it is.
#[derive(Debug, Clone, PartialEq, Eq, Error, Diagnostic)]
pub enum TemplateError {
    /// The text is no YAML or JSON.
    #[error("{name}: {problem}")]
    #[diagnostic(
        code(konta::template::syntax),
        help("a template is CloudFormation in YAML or JSON; cfn-lint shows the place")
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
    /// An addon's template asks for something konta does not know.
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
    /// A limit of CloudFormation is passed.
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
    /// A rule of konta's own is broken, usually by an override.
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
    /// A file that belongs to nothing, and so would never be used.
    #[error("{name} {problem}")]
    #[diagnostic(code(konta::template::unknown_file), help("{help}"))]
    UnknownFile {
        /// The file.
        name: String,
        /// What is odd about it.
        problem: String,
        /// What was probably meant.
        help: String,
    },
    /// Several things are wrong.
    #[error("{} problems in templates, overrides and addons", errors.len())]
    #[diagnostic(code(konta::template::several))]
    Several {
        /// Each, never of this kind itself.
        #[related]
        errors: Vec<TemplateError>,
    },
    /// A template declares a parameter that konta has no value for.
    #[error("stack {stack}: nothing gives the parameter {parameter} a value")]
    #[diagnostic(
        code(konta::template::parameter),
        help("give it a Default, or use one of the names konta knows: {known}")
    )]
    Parameter {
        /// The stack.
        stack: String,
        /// The parameter.
        parameter: String,
        /// What konta knows.
        known: String,
    },
}

impl TemplateError {
    /// Everything that went wrong as one error: a single one as itself, none as success.
    pub fn gathered(errors: Vec<Self>) -> Result<(), Self> {
        let mut flat: Vec<Self> = errors.into_iter().flat_map(Self::each).collect();
        match flat.len() {
            0 => Ok(()),
            1 => Err(flat.remove(0)),
            _ => Err(Self::Several { errors: flat }),
        }
    }

    /// The errors this one stands for.
    #[must_use]
    pub fn each(self) -> Vec<Self> {
        match self {
            Self::Several { errors } => errors,
            one => vec![one],
        }
    }
}
