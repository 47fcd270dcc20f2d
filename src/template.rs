//! From the model to CloudFormation documents: the embedded templates, varied by parameters and a structural merge,
//! then patched by the operator.

pub mod addon;
pub mod compose;
pub mod condition;
pub mod container;
pub mod document;
pub mod error;
mod folder;
pub mod intrinsic;
pub mod limits;
pub mod overrides;
pub mod policy;
pub mod source;

pub use document::Document;
pub use error::TemplateError;
