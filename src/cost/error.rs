//! What can be wrong with what an estimate is made of.

use miette::Diagnostic;
use thiserror::Error;

use crate::template::TemplateError;

/// Why there is no estimate.
#[derive(Debug, Clone, PartialEq, Eq, Error, Diagnostic)]
pub enum CostError {
    /// A usage file says something that cannot be.
    #[error("{name}: {problem}")]
    #[diagnostic(code(konta::cost::usage), help("{help}"))]
    Usage {
        /// The file.
        name: String,
        /// What is wrong, with its place.
        problem: String,
        /// What to write instead.
        help: String,
    },
    /// A table of prices cannot be read.
    #[error("{name}: {problem}")]
    #[diagnostic(code(konta::cost::prices), help("a table has the columns of prices/prices.csv"))]
    Prices {
        /// The file.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A parameter that the template does not declare.
    #[error("the template declares no parameter `{parameter}`")]
    #[diagnostic(code(konta::cost::parameter), help("{help}"))]
    Parameter {
        /// The parameter.
        parameter: String,
        /// Those it declares.
        help: String,
    },
    /// A month that has no bill.
    #[error("--month {month}: {problem}")]
    #[diagnostic(code(konta::usage), help("write the month as 2026-10"))]
    Month {
        /// The month, as it was given.
        month: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A tenant such as many are cannot have a name of its own.
    #[error("no typical tenant can be named: {reason}")]
    #[diagnostic(code(konta::usage), help("shorten the tier's name or the environment's domain"))]
    TypicalTenant {
        /// What is wrong with the name.
        reason: String,
    },
    /// A design that is tried cannot be a tier.
    #[error("{problem}")]
    #[diagnostic(code(konta::usage), help("{help}"))]
    Design {
        /// What is wrong.
        problem: String,
        /// What to do.
        help: String,
    },
    /// A stack of the workspace cannot be composed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Stack(#[from] TemplateError),
    /// The document is no template.
    #[error("{name}: {problem}")]
    #[diagnostic(code(konta::cost::template), help("a template has a section `Resources` with the resources by name"))]
    Template {
        /// The file.
        name: String,
        /// What is wrong.
        problem: String,
    },
}
