//! What can be wrong with the input of an estimate.

use miette::Diagnostic;
use thiserror::Error;

/// Why there is no estimate.
#[derive(Debug, Clone, PartialEq, Eq, Error, Diagnostic)]
pub enum CostError {
    /// A usage file has an impossible value.
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
    #[diagnostic(code(konta::cost::prices), help("use the columns of prices/prices.csv"))]
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
        /// The parameters that it declares.
        help: String,
    },
    /// The document is not a template.
    #[error("{name}: {problem}")]
    #[diagnostic(code(konta::cost::template), help("give it a section `Resources` with the resources by name"))]
    Template {
        /// The file.
        name: String,
        /// What is wrong.
        problem: String,
    },
}
