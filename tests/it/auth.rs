//! The profile files and the chain, held against botocore's own answers.

mod botocore;
mod growth;
mod profiles;
mod random;
